//! Layer 4: one connected socket, on either side: it reads, it writes, and it remembers its readiness. It never blocks.
//!
//! A socket is registered once, for both directions, edge-triggered: the kernel reports when the socket *becomes* ready, and
//! the two states below remember it until a read or a write would block. So no system call is spent on a change of
//! interest, and none on an attempt that is known to fail.
//!
//! ```text
//!  reading:   DRAINED --- event: bytes ---> READY --- event: the peer has ended ---> ENDING
//!                ^------- would block --------'-------- would block, or the end -------'
//!
//!  writing:   OPEN --- would block ---> FULL --- event: room ---> OPEN
//!                 '--- set_broken --> BROKEN (for good)
//! ```
//! The two sides add their own state: `client/transport.rs` the connection attempt and the unwritten bytes,
//! `server/loop_socket.rs` the mark that a socket is listed to be read.

use std::io::{self, ErrorKind, Read, Write};

use super::os::{Event, Interest, Registry, Stream, Token};

/// True if a read that did not fill its buffer has emptied the socket. Where readiness is emulated, only a read that would
/// block shows it.
const SHORT_READ_IS_LAST: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A stream that is registered with one poll, and its readiness.
#[derive(Debug)]
pub(super) struct Socket {
    /// The stream of the operating system.
    stream: Stream,
    /// The readiness to be read, as far as it is known.
    reading: Reading,
    /// The readiness to be written, as far as it is known.
    writing: Writing,
}

/// The readiness of a socket to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A read would block: an event follows when bytes arrive.
    Drained,
    /// There may be bytes. No further event announces them.
    Ready,
    /// The peer has closed its side, or the connection has failed: also after a short read the next one may find the end.
    Ending,
}

/// The readiness of a socket to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// The kernel may take bytes.
    Open,
    /// The kernel's buffer is full: an event follows when it has room again.
    Full,
    /// A write has failed: nothing is written any more.
    Broken,
}

/// The result of a read or a write.
#[derive(Debug)]
pub(super) enum Progress {
    /// This many bytes were moved.
    Bytes(usize),
    /// It would block; an event follows.
    Blocked,
    /// The peer has closed its sending side, and all its bytes were read.
    Ended,
    /// The connection has failed.
    Failed(io::Error),
}

impl Socket {
    /// Registers a stream with a poll. Its first events tell its readiness.
    pub(super) fn register(stream: Stream, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut socket = Socket { stream, reading: Reading::Drained, writing: Writing::Open };
        socket.register_again(registry, token)?;
        Ok(socket)
    }

    /// Registers the socket with another poll, which reports its readiness again.
    pub(super) fn register_again(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes the socket out of a poll.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.stream)
    }

    /// Returns the stream, for questions to the operating system.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Returns the stream, which belongs to no poll any more.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Notes an event of the kernel.
    #[inline]
    pub(super) fn note(&mut self, event: &Event) {
        if event.is_read_closed() || event.is_error() {
            self.reading = Reading::Ending;
        } else if event.is_readable() && self.reading == Reading::Drained {
            self.reading = Reading::Ready;
        }
        // Also after an error, which the next write then finds.
        if self.writing == Writing::Full
            && (event.is_writable() || event.is_write_closed() || event.is_error())
        {
            self.writing = Writing::Open;
        }
    }

    /// Assumes that there may be bytes or an end that no event has announced: the next reads find out.
    pub(super) fn suspect_end(&mut self) {
        self.reading = Reading::Ending;
    }

    /// Notes a failed write. Nothing is written any more, but the last bytes of the peer may still be unread.
    pub(super) fn set_broken(&mut self) {
        (self.writing, self.reading) = (Writing::Broken, Reading::Ending);
    }

    /// Returns true if there may be bytes to read. No event follows for them.
    #[inline]
    pub(super) fn may_read(&self) -> bool {
        self.reading != Reading::Drained
    }

    /// Returns true if the kernel may take bytes.
    #[inline]
    pub(super) fn may_write(&self) -> bool {
        self.writing == Writing::Open
    }

    /// Returns true if a write has failed: then reads only empty the socket.
    pub(super) fn is_broken(&self) -> bool {
        self.writing == Writing::Broken
    }

    /// Reads into `into`, which must not be empty, and takes what was read from `budget`: the share of one turn, so that a
    /// peer that never stops sending cannot keep the thread.
    #[inline]
    pub(super) fn read(&mut self, into: &mut [u8], budget: &mut usize) -> Progress {
        debug_assert!(!into.is_empty(), "a read of nothing looks like the end of the stream");
        let found = retried(|| self.stream.read(into));
        self.note_read(found, into.len(), budget)
    }

    /// Reads as much as `into` has room for behind its bytes, which must not be nothing; the rest as [`Socket::read`].
    pub(super) fn read_more(&mut self, into: &mut Vec<u8>, budget: &mut usize) -> Progress {
        let room = into.capacity() - into.len();
        debug_assert!(room > 0, "a read of nothing looks like the end of the stream");
        let found = retried(|| self.stream.read_more(into));
        self.note_read(found, room, budget)
    }

    /// Notes the result of a read into so much room.
    #[inline]
    fn note_read(&mut self, found: Progress, room: usize, budget: &mut usize) -> Progress {
        match found {
            Progress::Bytes(0) => {
                self.reading = Reading::Drained;
                Progress::Ended
            }
            Progress::Bytes(count) => {
                *budget = budget.saturating_sub(count);
                if self.reading == Reading::Ready && SHORT_READ_IS_LAST && count < room {
                    self.reading = Reading::Drained;
                }
                found
            }
            Progress::Blocked | Progress::Ended | Progress::Failed(_) => {
                self.reading = Reading::Drained;
                found
            }
        }
    }

    /// Writes from `from`, which must not be empty.
    #[inline]
    pub(super) fn write(&mut self, from: &[u8]) -> Progress {
        debug_assert!(self.may_write(), "a socket that is full or broken is not written");
        let found = retried(|| self.stream.write(from));
        if matches!(found, Progress::Blocked) {
            self.writing = Writing::Full;
        }
        found
    }
}

/// Runs a system call again after interrupts, and translates its result.
#[inline]
fn retried(mut operation: impl FnMut() -> io::Result<usize>) -> Progress {
    loop {
        match operation() {
            Ok(count) => return Progress::Bytes(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Blocked,
            Err(error) => return Progress::Failed(error),
        }
    }
}
