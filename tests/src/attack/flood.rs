//! A flood: a few connections that send frames of one kind as fast as they are taken, and come again when they are cut.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpc_core::ids::MethodId;
use rpc_core::wire::frame::{FrameDecoder, Header, Kind};
use rpc_core::wire::message::encode_name;

use super::attacker::{Attacker, bare, call, call_raw, framed, hello};

/// The flooding connections of one thread.
pub(super) const CONNECTIONS: usize = 4;
/// Bytes of frames that are made at once.
const BATCH: usize = 64 << 10;
/// A connection that was cut comes again after this time: the flood is judged, not a storm of handshakes.
const PAUSE: Duration = Duration::from_millis(100);
/// Slots of a flooding session.
const SLOTS: u16 = 1024;

/// The frames of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// ACK of a number that was never used.
    Ack,
    /// PING; the PONGs are read.
    Ping,
    /// The same HELLO again.
    Hello,
    /// CANCEL of the same number.
    Cancel,
    /// CANCEL of a new number each time.
    CancelNew,
    /// CALL with a number that its slot has left behind.
    Stale,
    /// METHODS; the TABLEs are read.
    Methods,
    /// CALL of a method that does not exist.
    Unknown,
    /// CALL and its CANCEL at once, in a new number each time.
    Reset,
    /// CALL with a body over the limit, which is skipped.
    Skipped,
    /// Calls of `echo` in every slot, each of which is made again as soon as it was answered: much, and honest.
    Calls,
    /// Calls of `big` for 256 KiB in every slot, and all replies are read: much, and honest.
    Replies,
}

impl Frames {
    /// Returns true if no honest client sends this, so that its sender must be cut.
    pub(super) fn is_useless(self) -> bool {
        !matches!(self, Frames::Calls | Frames::Replies)
    }

    /// Returns true if a slot is used again only when its last call was answered, as the protocol demands (W22).
    fn is_orderly(self) -> bool {
        matches!(self, Frames::Reset | Frames::Calls | Frames::Replies)
    }
}

/// The counts of a flood.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Bytes that the server took.
    pub(super) bytes: AtomicU64,
    /// Replies that came.
    pub(super) replies: AtomicU64,
    /// Connections that the server has cut or refused.
    pub(super) cuts: AtomicU64,
}

/// A running flood.
#[derive(Debug)]
pub(super) struct Flood {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Begins a flood.
    pub(super) fn start(to: SocketAddr, frames: Frames) -> Self {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
        let (over, counted) = (Arc::clone(&stop), Arc::clone(&counts));
        let thread = std::thread::spawn(move || {
            let mut lines = Vec::new();
            for number in 0..CONNECTIONS {
                lines.push(Line::new(to, number, frames));
            }
            while !over.load(Ordering::Relaxed) {
                let mut moved = false;
                for line in &mut lines {
                    moved |= line.turn(&counted);
                }
                if !moved {
                    std::thread::sleep(Duration::from_micros(200)); // the server takes and sends nothing now
                }
            }
        });
        Flood { stop, counts, thread: Some(thread) }
    }

    /// The counts so far.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Ends it.
    pub(super) fn end(mut self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or("ended twice")?;
        thread.join().map_err(|_| "the flood panicked".to_owned())
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One flooding connection.
struct Line {
    to: SocketAddr,
    number: usize,
    frames: Frames,
    open: Option<Attacker>,
    again: Instant,
    decoder: FrameDecoder,
    out: Vec<u8>,
    written: usize,
    seq: u64,
    last: Vec<u64>,
    batch: Vec<u8>,
    input: Vec<u8>,
}

impl Line {
    fn new(to: SocketAddr, number: usize, frames: Frames) -> Self {
        Line {
            to,
            number,
            frames,
            open: None,
            again: Instant::now(),
            decoder: FrameDecoder::default(),
            out: Vec::new(),
            written: 0,
            seq: 0,
            last: Vec::new(),
            batch: fixed(frames),
            input: vec![0; 256 << 10],
        }
    }

    fn connect(&mut self) -> Result<(), String> {
        let mut attacker = Attacker::greeted(self.to, self.number, SLOTS)?;
        (self.out, self.written, self.seq) = (Vec::new(), 0, 1);
        if self.frames == Frames::Stale {
            let _ = attacker.ask("echo", 0, 9, &("x",)); // the slot is at number 9, and the flood at 1
        }
        if self.frames.is_orderly() {
            self.last = vec![1; usize::from(attacker.slots())];
            self.out = (0..attacker.slots()).flat_map(|slot| self.orderly(slot, 1)).collect();
        }
        self.decoder = FrameDecoder::default();
        self.decoder.agree(8 << 20, false, true);
        attacker.stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        self.open = Some(attacker);
        Ok(())
    }

    fn orderly(&self, slot: u16, seq: u64) -> Vec<u8> {
        match self.frames {
            Frames::Reset => [call("echo", slot, seq, &("x",)), bare(Kind::Cancel, slot, seq)].concat(),
            Frames::Replies => call("big", slot, seq, &(256_u64 << 10,)),
            _ => call("echo", slot, seq, &("0123456789abcdef",)),
        }
    }

    /// Comes again, if its pause is over and the server lets it.
    fn is_back(&mut self, counts: &Counts) -> bool {
        if Instant::now() < self.again {
            return false;
        }
        self.again = Instant::now() + PAUSE;
        let opened = self.connect().is_ok();
        // A sender that is kept out is cut as well: a server may remember it.
        counts.cuts.fetch_add(u64::from(!opened), Ordering::Relaxed);
        opened
    }

    /// Writes and reads what is possible now; returns true if something moved.
    fn turn(&mut self, counts: &Counts) -> bool {
        if self.open.is_none() && !self.is_back(counts) {
            return false;
        }
        if self.out.len() == self.written {
            self.refill();
        }
        let (wrote, cut) = self.write(counts);
        let (read, gone) = self.read(counts);
        if cut || gone {
            counts.cuts.fetch_add(1, Ordering::Relaxed);
            self.open = None;
            self.again = Instant::now() + PAUSE;
        }
        wrote || read
    }

    fn write(&mut self, counts: &Counts) -> (bool, bool) {
        let Some(open) = &mut self.open else { return (false, false) };
        if self.out.len() == self.written {
            return (false, false);
        }
        match open.stream.write(&self.out[self.written..]) {
            Ok(count) => {
                self.written += count;
                counts.bytes.fetch_add(count as u64, Ordering::Relaxed);
                (count > 0, false)
            }
            Err(error) => (false, !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)),
        }
    }

    fn read(&mut self, counts: &Counts) -> (bool, bool) {
        let Some(open) = &mut self.open else { return (false, false) };
        match open.stream.read(&mut self.input) {
            Ok(0) => return (false, true),
            Ok(count) if !self.frames.is_orderly() => {
                let _ = count; // what comes back is thrown away
                return (true, false);
            }
            Ok(count) => self.decoder.push(Bytes::copy_from_slice(&self.input[..count])),
            Err(error) => {
                let quiet = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
                return (false, !quiet);
            }
        }
        while let Ok(Some(frame)) = self.decoder.next_frame() {
            let (slot, seq) = frame.header.call();
            let Some(last) = self.last.get_mut(usize::from(slot)) else { continue };
            if frame.header.kind == Kind::Reply && *last == seq {
                *last += 1;
                counts.replies.fetch_add(1, Ordering::Relaxed);
                let next = self.orderly(slot, seq + 1);
                self.out.extend(next);
            }
        }
        (true, false)
    }

    /// Makes the next frames.
    fn refill(&mut self) {
        self.written = 0;
        if !self.batch.is_empty() {
            self.out.clone_from(&self.batch);
            return;
        }
        self.out.clear();
        while !self.frames.is_orderly() && self.out.len() < BATCH {
            self.seq += 1;
            let slot = (self.seq % u64::from(SLOTS)) as u16; // below SLOTS
            match self.frames {
                Frames::Unknown => {
                    let header = Header::for_call(Kind::Call, slot, self.seq);
                    self.out.extend(framed(&Header { method: MethodId(1), millis: 1000, ..header }, &[]));
                }
                _ => self.out.extend(bare(Kind::Cancel, slot, self.seq)),
            }
        }
    }
}

/// Returns a batch of a flood whose frames are all equal; nothing for the others.
fn fixed(frames: Frames) -> Vec<u8> {
    let frame = match frames {
        Frames::Ack => bare(Kind::Ack, 0, 7),
        Frames::Ping => bare(Kind::Ping, 0, 0),
        Frames::Hello => hello(SLOTS),
        Frames::Cancel => bare(Kind::Cancel, 0, 1),
        Frames::Stale => call("echo", 0, 1, &("x",)),
        Frames::Methods => framed(&Header::new(Kind::Methods), &encode_name("Target")),
        Frames::Skipped => return call_raw("borrow", 0, 1, &vec![0; 5 << 20]),
        Frames::CancelNew | Frames::Reset | Frames::Unknown | Frames::Calls | Frames::Replies => {
            return Vec::new();
        }
    };
    frame.repeat((BATCH / frame.len()).max(1))
}
