//! A server that speaks the protocol frame by frame and runs nothing, so that a test can say what no honest server would.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use bytes::Bytes;
use rpc_core::ids::{Incarnation, SessionId, Token};
use rpc_core::wire::frame::{self, Frame, FrameDecoder, Header, Kind};
use rpc_core::wire::message::{Agreement, Hello, VERSION, Welcome};

use crate::raw_client::PATIENCE;

/// A port to listen on.
pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// One client's connection.
pub(crate) struct Conversation {
    pub stream: TcpStream,
    decoder: FrameDecoder,
}

impl Conversation {
    /// Accepts a connection and reads its HELLO.
    pub(crate) fn accept(listener: &TcpListener) -> (Self, Hello) {
        Self::begin(listener.accept().expect("a client comes").0).expect("a HELLO")
    }

    /// Reads the HELLO of a connection; `None` if the client leaves without one.
    pub(crate) fn begin(stream: TcpStream) -> Option<(Self, Hello)> {
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let mut decoder = FrameDecoder::default();
        decoder.agree(8 << 20, false, true);
        let mut conversation = Conversation { stream, decoder };
        let frame = conversation.frame()?;
        assert_eq!(frame.header.kind, Kind::Hello);
        Some((conversation, Hello::decode(&frame.body).expect("a HELLO")))
    }

    /// Greets with a session of so many slots, resumed if the client asks for that.
    pub(crate) fn welcome(&mut self, hello: &Hello, slots: u16, agreement: Agreement) {
        let welcome = Welcome {
            version: VERSION,
            features: 0,
            incarnation: Incarnation(1),
            session: hello.resume.map_or(SessionId(7), |(id, _)| id),
            token: Token([7; 32]),
            slots,
            max_frame: 4 << 20,
            lease_ms: 60_000,
            resumed: hello.resume.is_some(),
            agreements: vec![agreement; hello.services.len()],
        };
        self.say(&Header::new(Kind::Welcome), &welcome.encode());
    }

    /// Sends a frame.
    pub(crate) fn say(&mut self, header: &Header, body: &[u8]) {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, header, body, true);
        self.stream.write_all(&bytes).expect("the client reads");
    }

    /// The next frame; `None` when the client has gone.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().expect("the client's frames are whole") {
                return Some(frame);
            }
            let mut chunk = vec![0; 64 << 10];
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {} // this process was stopped for a while
                Ok(0) | Err(_) => return None,
                Ok(count) => self.decoder.push(Bytes::from(chunk).slice(..count)),
            }
        }
    }

    /// The next frame of this kind; others are passed over.
    pub(crate) fn expect(&mut self, kind: Kind) -> Frame {
        loop {
            let frame = self.frame().unwrap_or_else(|| panic!("the client left before {}", kind.name()));
            if frame.header.kind == kind {
                return frame;
            }
        }
    }
}
