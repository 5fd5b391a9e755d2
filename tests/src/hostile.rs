//! A client that does what it likes: any frame, any number, any bytes, other clients' sessions.

use std::net::SocketAddr;
use std::time::Duration;

use rpc_core::ids::{MethodId, SessionId, Time};
use rpc_core::proto::server::ServerCore;
use rpc_core::wire::codec;
use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{Hello, Welcome, encode_name};
use rpc_sim::{LinkId, World};

use crate::ledger::{ALL, HOSTILE_TAGS, served};

/// A connection of the hostile client.
#[derive(Debug)]
struct Line {
    link: LinkId,
    decoder: FrameDecoder,
    /// It tried to resume a session that is not its own.
    thief: bool,
    hello: Vec<u8>,
}

/// The hostile client: several connections, and the sessions that it was given.
#[derive(Debug, Default)]
pub struct Hostile {
    lines: Vec<Line>,
    own: Vec<(SessionId, [u8; 32])>,
    tag: u64,
}

impl Hostile {
    /// Does something hostile.
    ///
    /// # Errors
    /// The invariant that its server broke.
    pub fn act(&mut self, world: &mut World, random: &mut fastrand::Rng) -> Result<(), String> {
        self.read_all(world)?;
        if self.lines.is_empty() || random.u8(0..6) == 0 {
            self.connect(world, random);
        }
        for _ in 0..random.usize(1..8) {
            if self.lines.is_empty() {
                return Ok(());
            }
            let at = random.usize(0..self.lines.len());
            let bytes = self.something(at, random);
            if !world.raw_send(self.lines[at].link, &bytes) || random.u8(0..40) == 0 {
                world.raw_close(self.lines[at].link);
                self.lines.swap_remove(at);
            }
        }
        Ok(())
    }

    /// Closes all its connections.
    pub fn leave(&mut self, world: &mut World) {
        for line in self.lines.drain(..) {
            world.raw_close(line.link);
        }
    }

    fn connect(&mut self, world: &mut World, random: &mut fastrand::Rng) {
        let Some(link) = world.raw_connect(None) else { return };
        let mut hello = Hello::new(random.u16(0..6), random.u32(0..4), &[served()]);
        let mut thief = false;
        let mut token = [0; 32];
        random.fill(&mut token);
        match random.u8(0..6) {
            0 => {
                // Another client's session, or none, with a token that it cannot know.
                if let Some(id) = world.server().and_then(|server| some_session(server, &self.own, random)) {
                    thief = true;
                    hello.resume = Some((id, token));
                }
            }
            1 => hello.resume = Some((SessionId(random.u128(..) >> 8), token)),
            2 | 3 if !self.own.is_empty() => {
                hello.resume = Some(self.own[random.usize(0..self.own.len())]);
                hello.slots = random.u16(..);
            }
            4 => hello.version_min = random.u16(0..3),
            _ => {}
        }
        let mut body = hello.encode();
        if random.u8(0..12) == 0 {
            body.truncate(random.usize(0..body.len()));
        }
        let mut bytes = Vec::new();
        append(&mut bytes, &Header::new(Kind::Hello), &body, true);
        world.raw_send(link, &bytes);
        let mut decoder = FrameDecoder::default();
        decoder.agree(1 << 20, false, false);
        self.lines.push(Line { link, decoder, thief, hello: bytes });
    }

    /// Some bytes: mostly frames that look right, with small numbers, so that they meet each other.
    fn something(&mut self, line: usize, random: &mut fastrand::Rng) -> Vec<u8> {
        let slot = if random.u8(0..30) == 0 { random.u16(..) } else { random.u16(0..3) };
        let seq = match random.u8(0..40) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => (1 << 63) - 1,
            _ => random.u64(1..9),
        };
        let mut bytes = Vec::new();
        match random.u8(0..24) {
            0..11 => self.call(slot, seq, random, &mut bytes),
            11..14 => append(&mut bytes, &Header::for_call(Kind::Cancel, slot, seq), &[], true),
            14..17 => {
                let body: &[u8] = if random.u8(0..8) == 0 { &[1; 3] } else { &[] }; // W7: it has none
                append(&mut bytes, &Header::for_call(Kind::Ack, slot, seq), body, true);
            }
            17 => append(&mut bytes, &Header::new(Kind::Ping), &[], true),
            18 => append(&mut bytes, &Header::new(Kind::Methods), &encode_name("Work"), true),
            19 => bytes.clone_from(&self.lines[line].hello),
            20 if random.u8(0..4) == 0 => append(&mut bytes, &Header::new(Kind::Bye), &[], true),
            21 if random.u8(0..4) == 0 => append(&mut bytes, &Header::new(Kind::Welcome), &[0; 99], true),
            22 if random.u8(0..4) == 0 => {
                bytes.resize(random.usize(1..200), 0);
                random.fill(&mut bytes);
            }
            _ => self.call(slot, seq, random, &mut bytes),
        }
        if random.u8(0..60) == 0 {
            let at = random.usize(0..bytes.len());
            bytes[at] ^= 1 << random.u32(0..8);
        }
        if random.u8(0..60) == 0 {
            bytes.truncate(random.usize(0..bytes.len()));
        }
        bytes
    }

    fn call(&mut self, slot: u16, seq: u64, random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
        let does = ALL[random.usize(0..ALL.len())];
        // A few bodies only, so that two calls of one number are often duplicates and often not.
        let tag = HOSTILE_TAGS + u64::from(random.u8(0..3));
        self.tag = tag;
        let pad = match random.u8(0..20) {
            0 => 9_000,
            1 => 300_000,
            _ => random.usize(0..3),
        };
        let mut body = Vec::new();
        codec::encode(&(tag, random.u32(0..2) * 900, vec![0u8; pad]), &mut body, usize::MAX).expect("plain");
        if random.u8(0..10) == 0 {
            body.truncate(random.usize(0..body.len()));
        }
        let method = if random.u8(0..20) == 0 { MethodId(random.u64(..)) } else { does.method().id };
        let millis = if random.u8(0..8) == 0 { 0 } else { random.u32(1..3000) };
        let header = Header { method, millis, ..Header::for_call(Kind::Call, slot, seq) };
        append(bytes, &header, &body, true);
    }

    /// Reads what has come, and looks whether it may have it.
    fn read_all(&mut self, world: &mut World) -> Result<(), String> {
        for line in &mut self.lines {
            line.decoder.push(world.raw_received(line.link).into());
            while let Ok(Some(frame)) = line.decoder.next_frame() {
                if frame.header.kind == Kind::Welcome {
                    if line.thief {
                        return Err("V8: a session was given to a client without its token".to_owned());
                    }
                    let welcome = Welcome::decode(&frame.body).map_err(|error| error.to_string())?;
                    let pair = (welcome.session, welcome.token.0);
                    if !self.own.contains(&pair) {
                        if self.own.iter().any(|(id, _)| *id == welcome.session) {
                            return Err("V9: a session id was given twice".to_owned());
                        }
                        self.own.push(pair);
                    }
                }
                if frame.header.kind == Kind::Reply && frame.header.code == 0 && frame.body.len() >= 24 {
                    let tag = u64::from_le_bytes(frame.body[8..16].try_into().expect("8 bytes"));
                    if tag < HOSTILE_TAGS {
                        return Err(format!("V8: the reply to call {tag} went to another client"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A session that is not in `own`.
fn some_session(
    server: &ServerCore,
    own: &[(SessionId, [u8; 32])],
    random: &mut fastrand::Rng,
) -> Option<SessionId> {
    let mut others = Vec::new();
    let _ = server.audit(|call, _| {
        if !own.iter().any(|(id, _)| *id == call.session) {
            others.push(call.session);
        }
    });
    (!others.is_empty()).then(|| others[random.usize(0..others.len())])
}

/// A client that says HELLO, makes no call, and goes: its session may be evicted.
#[derive(Debug)]
pub struct Stranger {
    link: LinkId,
    until: Time,
}

impl Stranger {
    /// It comes, if there is a server.
    pub fn comes(world: &mut World, peer: SocketAddr, stays: Duration) -> Option<Stranger> {
        let link = world.raw_connect(Some(peer))?;
        let mut bytes = Vec::new();
        append(&mut bytes, &Header::new(Kind::Hello), &Hello::new(1, 0, &[served()]).encode(), true);
        world.raw_send(link, &bytes);
        Some(Stranger { link, until: world.now().plus(stays) })
    }

    /// The network plays the connection with which a client opened its session again, if there is one.
    pub fn replays(world: &mut World, client: usize, stays: Duration) -> Option<Stranger> {
        let link = world.replay(client)?;
        Some(Stranger { link, until: world.now().plus(stays) })
    }

    /// Goes if its time is over; returns true if it has gone.
    pub fn leaves(&self, world: &mut World) -> bool {
        let over = self.until <= world.now();
        if over {
            world.raw_close(self.link);
        }
        over
    }

    /// Goes now.
    pub fn leave(self, world: &mut World) {
        world.raw_close(self.link);
    }
}
