//! A network that plays a recorded connection again, from its first byte: what ran does not run again.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};
use rpc_core::{Connector, Server, rpc};

use crate::raw_client::PATIENCE;
use crate::test_service::test_limits;

/// A service that counts its executions.
#[rpc]
pub(crate) trait Count {
    fn up(&self) -> u64;
}

#[derive(Clone, Default)]
struct Counter(Arc<Mutex<u64>>);

impl Count for Counter {
    fn up(&self) -> u64 {
        let mut count = self.0.lock().expect("not poisoned");
        *count += 1;
        *count
    }
}

/// A relay that keeps what the client of its first connection sends.
#[derive(Clone, Default)]
struct Recorder {
    sent: Arc<Mutex<Vec<u8>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Recorder {
    /// Relays connections to a server until the process ends. Returns the address to connect to.
    fn start(&self, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let recorder = self.clone();
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let client = client.expect("a connection");
                let upstream = TcpStream::connect(server).expect("the server listens");
                let handle = |stream: &TcpStream| stream.try_clone().expect("a handle");
                recorder.connections.lock().expect("not poisoned").push(handle(&client));
                let (mut up, mut down) = ((handle(&client), handle(&upstream)), (upstream, client));
                let kept = recorder.sent.clone();
                std::thread::spawn(move || relay(&mut up.0, &mut up.1, (number == 0).then_some(kept)));
                std::thread::spawn(move || relay(&mut down.0, &mut down.1, None));
            }
        });
        address
    }

    /// Returns what the first connection has carried to the server so far.
    fn sent(&self) -> Vec<u8> {
        self.sent.lock().expect("not poisoned").clone()
    }

    /// Cuts all connections.
    fn cut(&self) {
        for connection in self.connections.lock().expect("not poisoned").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Passes bytes on until either side ends, and keeps them if asked to.
fn relay(from: &mut TcpStream, to: &mut TcpStream, kept: Option<Arc<Mutex<Vec<u8>>>>) {
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if let Some(kept) = &kept {
            kept.lock().expect("not poisoned").extend_from_slice(&chunk[..count]);
        }
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Plays a connection again, and waits until the server has read and answered all of it: it answers a PING last.
fn play(server: SocketAddr, sent: &[u8]) {
    let mut connection = TcpStream::connect(server).expect("the server listens");
    connection.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut bytes = sent.to_vec();
    append(&mut bytes, &Header::new(Kind::Ping), &[], true);
    let _ = connection.write_all(&bytes);
    let mut decoder = FrameDecoder::default();
    decoder.agree(1 << 20, false, true);
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = connection.read(&mut chunk) {
        decoder.push(Bytes::copy_from_slice(&chunk[..count]));
        while let Some(frame) = decoder.next_frame().expect("the server's frames are sound") {
            if frame.header.kind == Kind::Pong {
                return;
            }
        }
    }
}

#[test]
fn v1_a_recorded_connection_that_is_played_again_runs_nothing_while_it_is_open_after_it_was_cut_and_after_bye()
 {
    for loops in [1, 3] {
        let (counter, recorder) = (Counter::default(), Recorder::default());
        let builder = Server::builder().limits(test_limits()).loops(loops);
        let server = builder.service(CountServer::new(counter.clone())).bind("127.0.0.1:0");
        let server = server.and_then(Server::spawn).expect("a free port");
        let address = server.local_addr();
        let executions = || *counter.0.lock().expect("not poisoned");
        let client: CountClient =
            Connector::new().slots(2).connect(recorder.start(address)).expect("a session");
        for _ in 0..20 {
            client.up().expect("it is answered");
        }
        let opened = recorder.sent();
        let play_thrice = |when: &str, runs: u64| {
            for _ in 0..3 {
                play(address, &opened);
            }
            assert_eq!(executions(), runs, "{loops} loops, {when}");
        };
        play_thrice("while it is open", 20);
        assert_eq!(client.up().expect("its client resumes"), 21);
        recorder.cut();
        play_thrice("after it was cut", 21);
        assert_eq!(client.up().expect("its client resumes"), 22);
        drop(client);
        while server.counters().sessions > 0 {
            std::thread::yield_now(); // until BYE has arrived
        }
        play_thrice("after BYE", 22);
        assert_eq!(server.counters().opened, 1, "{loops} loops");
        server.stop().expect("it drains");
    }
}
