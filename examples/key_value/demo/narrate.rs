//! `kv demo --narrate`: the story of one call whose reply is lost, told by the frames as they pass.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::limits::ClientLimits;
use rpc_core::wire::frame::{Frame, FrameDecoder, Kind};
use rpc_core::{Connector, Server};
use rpc_examples::status::{Failure, Status};

use crate::api::{KvClient, KvServer};
use crate::store::Store;

/// After this long without an answer the client sends its call again.
const RESEND: Duration = Duration::from_millis(300);

/// Tells it twice: with the duplicate filter and without.
pub(crate) fn narrate() -> Result<(), Failure> {
    println!(
        "A client appends \"!\" to a key that holds \"hello\". Between client and server stands a network that\n\
         swallows the first reply. These are the frames, as they pass."
    );
    println!("\n== With the duplicate filter\n");
    let with = tell(true)?;
    println!("\n== The same, with the filter switched off\n");
    let without = tell(false)?;
    println!("\nOne append was asked for. With the filter the key holds {with:?}, without it {without:?}.");
    match (with.as_str(), without.as_str()) {
        ("hello!", "hello!!") => Ok(()),
        _ => Err(Failure::new(Status::Server, "the story did not go as it should have")),
    }
}

/// The story, and what the key holds at its end.
fn tell(filter: bool) -> Result<String, Failure> {
    let (store, _) = Store::new();
    let server = Server::builder()
        .service(KvServer::new(store))
        .at_most_once(filter)
        .bind("127.0.0.1:0")
        .map_err(|error| Failure::new(Status::Server, error))?;
    let (addr, handle) = (server.local_addr(), server.handle());
    thread::scope(|scope| {
        let serving = scope.spawn(|| server.run());
        let told = append_once(addr, filter);
        let seen = handle.counters();
        handle.drain();
        let ended = serving.join().expect("the server's thread does not panic");
        ended.map_err(|error| Failure::new(Status::Server, error))?;
        let value = told?;
        let (runs, copies) = (seen.executions - 2, seen.duplicates()); // less our own put and get
        println!("          the handler ran {runs} times; copies kept from running: {copies}; the key holds {value:?}");
        Ok(value)
    })
}

fn append_once(addr: SocketAddr, filter: bool) -> Result<String, Failure> {
    let direct = KvClient::connect(addr)?;
    direct.put("key", "hello")?;
    let network = Arc::new(Network { begun: Instant::now(), thirsty: AtomicBool::new(true), filter });
    let limits = ClientLimits { resend_first: RESEND, ..ClientLimits::default() };
    let kv: KvClient = Connector::new().limits(limits).connect(stand_between(addr, &network)?)?;
    let length = kv.append("key", "!")?;
    network.remark(&format!("the caller gets Ok({length})"));
    kv.call.close();
    let value = direct.get("key")?;
    direct.call.close();
    Ok(value)
}

/// Passes frames on, tells of each, and swallows the first REPLY.
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
        let mut calls = 0;
        let mut replies = 0;
        loop {
            let mut bytes = vec![0; 4];
            if from.read_exact(&mut bytes).is_err() {
                return to.shutdown(std::net::Shutdown::Write); // the sender has closed: so do we
            }
            // A frame begins with the number of bytes that follow; ours are all small.
            let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
            bytes.resize(4 + length, 0);
            from.read_exact(&mut bytes[4..])?;
            let mut decoder = FrameDecoder::default();
            decoder.push(bytes.clone().into());
            let Ok(Some(frame)) = decoder.next_frame() else {
                return Err(io::Error::other("not a frame"));
            };
            let lost = frame.header.kind == Kind::Reply && self.thirsty.swap(false, Ordering::Relaxed);
            self.say(way, &frame, lost);
            match frame.header.kind {
                Kind::Call => calls += 1,
                Kind::Reply => replies += 1,
                _ => {}
            }
            self.explain(frame.header.kind, calls.max(replies), lost);
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
        println!("{}  {way}  {:<8} {what}{fate}", self.at(), header.kind.name());
    }

    fn explain(&self, kind: Kind, count: u32, lost: bool) {
        match (kind, count) {
            (Kind::Call, 1) => self.remark("the client has taken a slot; the number makes this call different from all others"),
            (Kind::Reply, _) if lost => {
                self.remark("the call has run, but the client cannot know: a lost call would look the same to it");
            }
            (Kind::Call, 2) => self.remark("no answer came: the client sends the same call again, same slot, same number"),
            (Kind::Reply, 2) if self.filter => {
                self.remark("slot and number are known: the kept reply again, and the handler does not run");
            }
            (Kind::Reply, 2) => self.remark("nobody has compared the numbers: the handler ran a second time"),
            _ => {}
        }
    }

    fn remark(&self, text: &str) {
        println!("          {text}");
    }

    fn at(&self) -> String {
        format!("{:>6.1} ms", self.begun.elapsed().as_secs_f64() * 1000.0)
    }
}
