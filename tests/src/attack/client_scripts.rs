//! The scripts of the hostile servers: each is one connection of one case.

use std::time::Duration;

use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::{Agreement, REPLY_NOT_KEPT, Table, Welcome};

use super::attacker::{bare, claim, encoded, framed, method};
use super::hostile_server::Talk;

/// Bytes of a WELCOME for one service, and of a REPLY with one character: 36 + 83, and 36 + 9.
pub(super) const WELCOME_AND_REPLY: usize = 164;

const FORGED: &[u8] = b"\x1b[2J\x1b[31mFAKE\nkv: all is well\r\x07\x1b]0;title\x07";
const DONE: u8 = 0;
const PANICKED: u8 = 2;
const LOST: u8 = 3;
const BUSY: u8 = 18;
const BAD_ARGUMENTS: u8 = 21;

pub(super) fn silence(talk: &mut Talk, _: u64) -> Option<()> {
    talk.greet()?;
    talk.silence()
}

/// Answers every call in the same way.
fn always(talk: &mut Talk, code: u8, millis: u32, body: &[u8]) -> Option<()> {
    talk.greet()?;
    loop {
        let call = talk.call()?;
        talk.reply(&call, code, millis, body)?;
    }
}

fn honest(talk: &mut Talk) -> Option<()> {
    always(talk, DONE, 0, &encoded(&"x"))
}

pub(super) fn reply_lost(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, LOST, 1, REPLY_NOT_KEPT.as_bytes())
}

pub(super) fn busy_now(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, BUSY, 0, &[])
}

pub(super) fn busy_long(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, BUSY, u32::MAX, &[])
}

pub(super) fn panic_text(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, PANICKED, 0, FORGED)
}

pub(super) fn refusal_text(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, BAD_ARGUMENTS, 0, FORGED)
}

pub(super) fn status(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, 99, 0, &[])
}

pub(super) fn unreadable(talk: &mut Talk, _: u64) -> Option<()> {
    always(talk, DONE, 0, &(1_u64 << 63).to_le_bytes())
}

pub(super) fn reject_text(talk: &mut Talk, _: u64) -> Option<()> {
    talk.hello()?;
    let mut text = FORGED.to_vec();
    text.resize(3_000, b'A');
    talk.say(Kind::Reject, &text)?;
    talk.pause(Duration::from_millis(100))
}

pub(super) fn table_text(talk: &mut Talk, _: u64) -> Option<()> {
    differs(talk)?;
    let signature = String::from_utf8_lossy(FORGED).into_owned();
    let named = |name: &str| (method(name), format!("Target.{name}"), signature.clone());
    let mut echo = named("echo");
    echo.0.0 ^= 1; // another signature: the call is refused, and the error shows it
    let table = Table { service: "Target".to_owned(), methods: vec![echo, named("big")], ..Table::default() };
    talk.say(Kind::Table, &table.encode(0))?;
    talk.silence()
}

/// Greets with a contract that differs.
fn differs(talk: &mut Talk) -> Option<()> {
    talk.hello()?;
    let welcome = talk.welcome();
    let agreements = vec![Agreement::Differs; welcome.agreements.len()];
    talk.say(Kind::Welcome, &Welcome { agreements, ..welcome }.encode())
}

pub(super) fn table_never(talk: &mut Talk, _: u64) -> Option<()> {
    differs(talk)?;
    talk.silence()
}

pub(super) fn long_reply(talk: &mut Talk, _: u64) -> Option<()> {
    let call = talk.greet_and_take()?;
    talk.reply(&call, DONE, 0, &vec![1; 16 << 20])?;
    talk.silence()
}

pub(super) fn claimed_reply(talk: &mut Talk, number: u64) -> Option<()> {
    let call = talk.greet_and_take()?;
    let mut frame = bare(Kind::Reply, call.slot, call.seq);
    claim(&mut frame, if number % 2 == 1 { 32 + (64 << 20) + 1 } else { u32::MAX });
    talk.send(&frame)?;
    talk.silence()
}

/// Answers the first connection's call with one bit flipped, and all others honestly.
fn flipped(talk: &mut Talk, number: u64, at: usize) -> Option<()> {
    if number > 1 {
        return honest(talk);
    }
    let call = talk.greet_and_take()?;
    let mut frame = framed(&Header::for_call(Kind::Reply, call.slot, call.seq), &encoded(&"x"));
    frame[at] ^= 1 << 3;
    // More bytes follow, as they would from a busy server: a length that has become larger is seen in them.
    frame.extend(bare(Kind::Pong, 0, 0).repeat(200));
    talk.send(&frame)?;
    talk.silence()
}

pub(super) fn flipped_length(talk: &mut Talk, number: u64) -> Option<()> {
    flipped(talk, number, 1)
}

pub(super) fn flipped_body(talk: &mut Talk, number: u64) -> Option<()> {
    flipped(talk, number, 44)
}

pub(super) fn goaway(talk: &mut Talk, _: u64) -> Option<()> {
    talk.greet_and_take()?;
    talk.flood(&bare(Kind::GoAway, 0, 0))
}

pub(super) fn pong(talk: &mut Talk, _: u64) -> Option<()> {
    talk.greet_and_take()?;
    talk.flood(&bare(Kind::Pong, 0, 0))
}

pub(super) fn welcomes(talk: &mut Talk, _: u64) -> Option<()> {
    talk.greet_and_take()?;
    let welcome = framed(&Header::new(Kind::Welcome), &talk.welcome().encode());
    talk.flood(&welcome)
}

pub(super) fn features(talk: &mut Talk, _: u64) -> Option<()> {
    talk.hello()?;
    let welcome = Welcome { features: u32::MAX, ..talk.welcome() };
    talk.say(Kind::Welcome, &welcome.encode())?;
    let call = talk.call()?;
    talk.reply(&call, DONE, 0, &encoded(&"x"))?;
    talk.silence()
}

pub(super) fn wrong_slot(talk: &mut Talk, _: u64) -> Option<()> {
    let call = talk.greet_and_take()?;
    talk.reply(&Header { slot: 9, ..call }, DONE, 0, &encoded(&"x"))?;
    talk.silence()
}

pub(super) fn future(talk: &mut Talk, _: u64) -> Option<()> {
    let call = talk.greet_and_take()?;
    talk.reply(&Header { seq: call.seq + 5, ..call }, DONE, 0, &encoded(&"x"))?;
    talk.silence()
}

pub(super) fn twice(talk: &mut Talk, _: u64) -> Option<()> {
    let call = talk.greet_and_take()?;
    talk.reply(&call, DONE, 0, &encoded(&"x"))?;
    talk.reply(&call, BAD_ARGUMENTS, 0, &[])?;
    talk.silence()
}

pub(super) fn cut(talk: &mut Talk, _: u64) -> Option<()> {
    talk.greet_and_take()?;
    None // the connection is closed when the script ends
}

pub(super) fn other_session(talk: &mut Talk, number: u64) -> Option<()> {
    talk.hello()?;
    let mut welcome = talk.welcome();
    welcome.session.0 = u128::from(number) << 8;
    talk.say(Kind::Welcome, &welcome.encode())?;
    talk.call()?;
    None
}

pub(super) fn lost(talk: &mut Talk, number: u64) -> Option<()> {
    if number == 1 {
        talk.greet_and_take()?;
        return None;
    }
    talk.hello()?;
    talk.say(Kind::SessionLost, &1_u128.to_le_bytes())?;
    talk.pause(Duration::from_millis(20))
}

pub(super) fn muted(talk: &mut Talk, number: u64) -> Option<()> {
    match number {
        1 => {
            let call = talk.greet_and_take()?;
            talk.reply(&call, DONE, 0, &encoded(&"x"))?;
            None
        }
        2 => {
            talk.hello()?;
            talk.say(Kind::SessionLost, &1_u128.to_le_bytes())?;
            talk.pause(Duration::from_millis(100))
        }
        3 => {
            talk.hello()?;
            talk.send(&framed(&Header { millis: u32::MAX, ..Header::new(Kind::Busy) }, &[]))?;
            talk.pause(Duration::from_millis(100))
        }
        _ => honest(talk),
    }
}

pub(super) fn many_slots(talk: &mut Talk, _: u64) -> Option<()> {
    talk.hello()?;
    let welcome = Welcome { slots: 1024, ..talk.welcome() };
    talk.say(Kind::Welcome, &welcome.encode())?;
    talk.silence()
}

/// Closes after this many bytes of an honest conversation.
pub(super) fn end_at(talk: &mut Talk, _: u64) -> Option<()> {
    talk.hello()?;
    let welcome = framed(&Header::new(Kind::Welcome), &talk.welcome().encode());
    let at = talk.at;
    if at <= welcome.len() {
        talk.send(&welcome[..at])?;
        return talk.pause(Duration::from_millis(20));
    }
    talk.send(&welcome)?;
    let call = talk.call()?;
    let reply = framed(&Header::for_call(Kind::Reply, call.slot, call.seq), &encoded(&"x"));
    talk.send(&reply[..(at - welcome.len()).min(reply.len())])
}
