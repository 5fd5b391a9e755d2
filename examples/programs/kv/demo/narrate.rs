//! `kv demo --narrate`: shows the frames of one call whose reply is lost, with a remark for each.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::ClientLimits;
use rpc_core::wire::frame::{Frame, FrameDecoder, Kind};
use rpc_core::{Connector, Server};
use rpc_examples::status::{Failure, Status};

use crate::api::{KvClient, KvServer};
use crate::store::Store;

/// After this long without an answer the client sends its call again.
const RESEND: Duration = Duration::from_millis(300);

/// Shows it twice: with the duplicate filter and without.
pub(crate) fn narrate() -> Result<(), Failure> {
    line("A client appends \"!\" to a key that holds \"hello\". Between client and server is a network that");
    line("loses the first reply. These are the frames, as they pass.");
    line("\n== With the duplicate filter\n");
    let with = tell(true)?;
    line("\n== The same, with the filter switched off\n");
    let without = tell(false)?;
    line(format!(
        "\nOne append was asked for. With the filter the key holds {with:?}, without it {without:?}."
    ));
    match (with.as_str(), without.as_str()) {
        ("hello!", "hello!!") => Ok(()),
        _ => Err(Failure::new(Status::Server, "the call did not end as it should have")),
    }
}

/// Runs the call, and returns the value of the key at its end.
fn tell(filter: bool) -> Result<String, Failure> {
    let server = Server::builder()
        .service(KvServer::new(Store::default()))
        .at_most_once(filter)
        .bind("127.0.0.1:0")
        .and_then(Server::spawn)
        .map_err(|error| Failure::new(Status::Server, error))?;
    let value = append_once(server.local_addr(), filter)?;
    let seen = server.counters();
    server.stop().map_err(|error| Failure::new(Status::Server, error))?;
    let (runs, duplicates) = (seen.executions - 2, seen.duplicates()); // without the put and the get of this function
    remark(&format!(
        "handler runs: {runs}; duplicates that did not run: {duplicates}; the key holds {value:?}"
    ));
    Ok(value)
}

fn append_once(addr: SocketAddr, filter: bool) -> Result<String, Failure> {
    let direct = KvClient::connect(addr)?;
    direct.put("key", "hello")?;
    let network = Arc::new(Network { begun: Instant::now(), thirsty: AtomicBool::new(true), filter });
    let limits = ClientLimits { resend_first: RESEND, ..ClientLimits::default() };
    let kv: KvClient = Connector::new().limits(limits).connect(stand_between(addr, &network)?)?;
    let length = kv.append("key", "!")?;
    remark(&format!("the caller gets Ok({length})"));
    kv.call.close();
    let value = direct.get("key")?;
    direct.call.close();
    Ok(value)
}

/// Passes frames on, prints each, and loses the first REPLY. It also loses every CALL after the second: on a busy
/// machine there would be more of them, and the output would be another one.
struct Network {
    begun: Instant,
    thirsty: AtomicBool,
    filter: bool,
}

/// Accepts one connection, and passes it on to `server`.
fn stand_between(server: SocketAddr, network: &Arc<Network>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let network = Arc::clone(network);
    thread::spawn(move || -> io::Result<()> {
        let (client, _) = listener.accept()?;
        let server = TcpStream::connect(server)?;
        let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
        let back = Arc::clone(&network);
        thread::spawn(move || back.pass(from_server, to_client, "client <- server"));
        network.pass(client, server, "client -> server")
    });
    Ok(addr)
}

impl Network {
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, way: &str) -> io::Result<()> {
        let mut count = 0; // of CALLs one way, of REPLYs the other
        loop {
            let mut bytes = vec![0; 4];
            if from.read_exact(&mut bytes).is_err() {
                return to.shutdown(std::net::Shutdown::Write); // the sender has closed
            }
            // A frame begins with the number of bytes that follow; all frames here are small.
            let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
            bytes.resize(4 + length, 0);
            from.read_exact(&mut bytes[4..])?;
            let mut decoder = FrameDecoder::default();
            decoder.push(bytes.clone().into());
            let Ok(Some(frame)) = decoder.next_frame() else {
                return Err(io::Error::other("not a frame"));
            };
            count += u32::from(matches!(frame.header.kind, Kind::Call | Kind::Reply));
            let lost = match frame.header.kind {
                Kind::Reply => self.thirsty.swap(false, Ordering::Relaxed),
                Kind::Call => count > 2,
                _ => false,
            };
            self.say(way, &frame, lost);
            self.explain(frame.header.kind, count, lost);
            if !lost {
                to.write_all(&bytes)?;
            }
        }
    }

    fn say(&self, way: &str, frame: &Frame, lost: bool) {
        let header = frame.header;
        let call = format!("slot {}, number {}", header.slot, header.seq);
        let (size, left) = (frame.body.len(), header.millis);
        let what = match header.kind {
            Kind::Call => format!("{call}: {size} bytes of arguments, {left} ms left"),
            Kind::Reply => format!("{call}: status {}, {size} bytes", header.code),
            Kind::Cancel | Kind::Ack => call,
            _ => format!("{size} bytes"),
        };
        let fate = if lost { "   <-- LOST" } else { "" };
        let at = self.begun.elapsed().as_secs_f64() * 1000.0;
        line(format!("{at:>6.1} ms  {way}  {:<8} {what}{fate}", header.kind.name()));
    }

    /// Prints the meaning of the frame. `count` is the number of frames of its kind so far.
    fn explain(&self, kind: Kind, count: u32, lost: bool) {
        let text = match (kind, count) {
            (Kind::Call, 1) => {
                "the client has taken a slot; slot and number make this call different from all others"
            }
            (Kind::Call, 2) => {
                "no answer came: the client sends the same call again, with the same slot and number"
            }
            (Kind::Reply, _) if lost => {
                "the call has run, but to the client it looks as if it had never arrived"
            }
            (Kind::Reply, 2) if self.filter => {
                "slot and number are known: the kept reply again; the handler does not run"
            }
            (Kind::Reply, 2) => "slot and number were not compared: the handler ran a second time",
            _ => return,
        };
        remark(text);
    }
}

fn remark(text: &str) {
    line(format!("           {text}"));
}

/// Prints a line. If the reader has closed the pipe, the line is dropped.
fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
