//! A blocking client that speaks the protocol frame by frame, so that a test can say what no honest client would.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::CallError;
use rpc_core::call::Unknown;
use rpc_core::contract::{Contract, Method};
use rpc_core::wire::codec;
use rpc_core::wire::frame::{self, Frame, FrameDecoder, Header, Kind};
use rpc_core::wire::message::{Hello, Status, Welcome};

/// Longest wait for anything: a test that hangs fails. So long that no machine, however busy, is taken for broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a call whose deadline is to pass while it is under way. A machine may be so slow that the deadline is over
/// before the call has left: then it was not executed, and is made again with twice the time.
pub(crate) fn too_late<T, E>(
    mut call: impl FnMut(Duration) -> Result<T, CallError<E>>,
) -> Result<T, CallError<E>> {
    let deadlines = (0..10).map(|doublings| Duration::from_millis(50 << doublings));
    let sent = deadlines.map(&mut call).find(|verdict| !matches!(verdict, Err(CallError::NotExecuted(_))));
    sent.expect("it leaves within half a minute")
}

/// The same for a call that the test's own handler holds up, until one such call has come to the handler: a slow server
/// may refuse it as too late.
pub(crate) fn too_late_in_its_handler<T, E>(
    mut call: impl FnMut(Duration) -> Result<T, CallError<E>>,
    arrivals: impl Fn() -> u64,
) -> Unknown<E> {
    loop {
        let Err(CallError::Unknown(unknown)) = too_late(&mut call) else {
            panic!("its handler does not reply, and it was sent")
        };
        while arrivals() == 0 {
            if unknown.ran(Duration::from_millis(5)).is_some() {
                break;
            }
        }
        if arrivals() > 0 {
            return unknown;
        }
    }
}

/// A connection.
pub(crate) struct RawClient {
    pub stream: TcpStream,
    decoder: FrameDecoder,
    outgoing: Vec<u8>,
    input: Vec<u8>,
    polite: bool,
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub slot: u16,
    pub seq: u64,
    pub status: Status,
    pub body: Bytes,
}

impl Reply {
    /// The value, of a call that is done.
    pub(crate) fn value<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, Status::Done, "{}", self.text());
        codec::decode(&self.body).expect("the type of the method")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl RawClient {
    /// Connects and says nothing.
    pub(crate) fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.set_write_timeout(Some(PATIENCE)).expect("an option");
        stream.set_nodelay(true).expect("an option");
        let mut decoder = FrameDecoder::default();
        decoder.agree(8 << 20, false, true);
        RawClient { stream, decoder, outgoing: Vec::new(), input: vec![0; 64 << 10], polite: true }
    }

    /// Connects and opens a session.
    pub(crate) fn connect(address: SocketAddr, contract: &Contract, slots: u16) -> (Self, Welcome) {
        let mut client = Self::silent(address);
        let welcome = client.greet(contract, slots);
        (client, welcome)
    }

    /// Opens a session.
    pub(crate) fn greet(&mut self, contract: &Contract, slots: u16) -> Welcome {
        self.queue(&Header::new(Kind::Hello), &Hello::new(slots, 0, &[contract]).encode());
        self.welcome()
    }

    /// Connects and resumes a session.
    pub(crate) fn resume(
        address: SocketAddr,
        contract: &Contract,
        slots: u16,
        of: &Welcome,
    ) -> (Self, Welcome) {
        let mut client = Self::silent(address);
        let hello = Hello { resume: Some((of.session, of.token.0)), ..Hello::new(slots, 0, &[contract]) };
        client.queue(&Header::new(Kind::Hello), &hello.encode());
        let welcome = client.welcome();
        assert_eq!(welcome.session, of.session);
        (client, welcome)
    }

    fn welcome(&mut self) -> Welcome {
        self.flush();
        let frame = self.frame().expect("a frame for HELLO");
        assert_eq!(frame.header.kind, Kind::Welcome);
        Welcome::decode(&frame.body).expect("a WELCOME")
    }

    /// Queues a frame.
    pub(crate) fn queue(&mut self, header: &Header, body: &[u8]) {
        frame::append(&mut self.outgoing, header, body, true);
    }

    /// Queues a call with a minute left.
    pub(crate) fn queue_call<A: serde::Serialize>(
        &mut self,
        method: &Method,
        slot: u16,
        seq: u64,
        arguments: &A,
    ) {
        let mut body = Vec::new();
        codec::encode(arguments, &mut body, usize::MAX).expect("arguments");
        let header = Header { method: method.id, millis: 60_000, ..Header::for_call(Kind::Call, slot, seq) };
        self.queue(&header, &body);
    }

    /// Sends what was queued, in one write if the kernel takes it.
    pub(crate) fn flush(&mut self) {
        self.stream.write_all(&self.outgoing).expect("the server reads");
        self.outgoing.clear();
    }

    /// Sends one call and waits for its reply.
    pub(crate) fn call<A: serde::Serialize>(
        &mut self,
        method: &Method,
        slot: u16,
        seq: u64,
        arguments: &A,
    ) -> Reply {
        self.queue_call(method, slot, seq, arguments);
        self.flush();
        let reply = self.reply();
        assert_eq!((reply.slot, reply.seq), (slot, seq));
        reply
    }

    /// The next REPLY; GOAWAY is passed over.
    pub(crate) fn reply(&mut self) -> Reply {
        loop {
            let frame = self.frame().expect("a reply before the end");
            match frame.header.kind {
                Kind::GoAway => {}
                Kind::Reply => {
                    let Header { slot, seq, code, .. } = frame.header;
                    let status = Status::from_code(code).expect("a status");
                    return Reply { slot, seq, status, body: frame.body };
                }
                other => panic!("{} instead of a REPLY", other.name()),
            }
        }
    }

    /// The next frame; `None` when the server has closed.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().expect("the server's frames are whole") {
                return Some(frame);
            }
            match self.stream.read(&mut self.input) {
                Ok(0) => return None,
                Ok(count) => self.decoder.push(Bytes::copy_from_slice(&self.input[..count])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {} // this process was stopped for a while
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// Expects the server to say at most a REJECT, and to close.
    pub(crate) fn expect_closed(&mut self) -> Option<String> {
        let mut reason = None;
        while let Some(frame) = self.frame() {
            assert_eq!(frame.header.kind, Kind::Reject);
            reason = Some(String::from_utf8_lossy(&frame.body).into_owned());
        }
        reason
    }

    /// Sends bytes that are no frames; the server may close meanwhile.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn close_sending_side(&self) {
        self.stream.shutdown(Shutdown::Write).expect("connected");
    }

    /// Goes without a word, as a client does whose network fails.
    pub(crate) fn vanish(mut self) {
        self.polite = false;
    }
}

impl Drop for RawClient {
    fn drop(&mut self) {
        if self.polite {
            let mut bye = Vec::new();
            frame::append(&mut bye, &Header::new(Kind::Bye), &[], true);
            let _ = self.stream.write(&bye); // a server that drains does not wait for this session
        }
    }
}
