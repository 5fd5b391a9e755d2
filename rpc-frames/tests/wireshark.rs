//! The dissector for Wireshark, run by tshark: it sees the same frames as the annotator, in captures that are split and joined anywhere.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use rpc_core::Server;
use rpc_core::wire::frame::{Header, Kind, append};
use rpc_frames::{Dialogue, MOST_KEPT, Methods, Way};

use crate::bodies::{Kv, KvClient, KvError, KvServer};
use crate::page::{text, vectors};
use crate::pcap::{Connection, write};

/// The port whose connections tshark is told to be of this protocol.
const TOLD: u16 = 4000;
/// Ports whose connections it must find out by their HELLO. (4002 belongs to another dissector.)
const FOUND: [u16; 2] = [4001, 4003];

struct Store;

impl Kv for Store {
    fn get(&self, key: &str) -> Result<String, KvError> {
        match key {
            "missing" => Err(KvError::NotFound),
            "panic" => panic!("a panic that is wanted"),
            key => Ok(key.repeat(100)),
        }
    }
}

/// Carries one connection to a server, and keeps its bytes as they pass.
fn record(server: std::net::SocketAddr, calls: impl FnOnce(std::net::SocketAddr)) -> Vec<(Way, Vec<u8>)> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let kept = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&kept);
    let carrier = thread::spawn(move || {
        let (client, _) = listener.accept().expect("the client connects");
        let server = TcpStream::connect(server).expect("the server listens");
        let ends = [
            (Way::ToServer, client.try_clone().expect("a handle"), server.try_clone().expect("a handle")),
            (Way::ToClient, server, client),
        ];
        let ways = ends.map(|(way, mut from, mut to)| {
            let kept = Arc::clone(&all);
            thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut chunk) {
                    kept.lock().expect("no thread panics").push((way, chunk[..count].to_vec()));
                    let _ = to.write_all(&chunk[..count]); // the last frame may find its reader gone
                }
                let _ = to.shutdown(Shutdown::Write);
            })
        });
        ways.into_iter().for_each(|way| way.join().expect("it carries to the end"));
    });
    calls(address);
    carrier.join().expect("both directions end");
    Arc::try_unwrap(kept).expect("no thread has it").into_inner().expect("no thread panics")
}

/// Returns what a client and a server said to each other.
fn a_real_exchange() -> Vec<(Way, Vec<u8>)> {
    let server = Server::builder().service(KvServer::new(Store)).bind("127.0.0.1:0").expect("a port");
    let server = server.spawn().expect("a thread");
    let bytes = record(server.local_addr(), |address| {
        let kv = KvClient::connect(address).expect("the carrier passes it on");
        for at in 0..50 {
            assert_eq!(kv.get(&format!("key{at}")).expect("a value").len() % 100, 0);
        }
        let started: Vec<_> = (0..20).map(|at| kv.start.get(&at.to_string())).collect();
        started.into_iter().for_each(|call| drop(call.wait().expect("a value")));
        assert!(kv.get("missing").is_err() && kv.get("panic").is_err());
        kv.call.close();
    });
    server.stop().expect("it has served");
    bytes
}

/// Returns a connection with every status and every reason, and at the end of both directions bytes that are wrong.
fn all_that_there_is() -> Vec<(Way, Vec<u8>)> {
    let vectors = vectors(&text());
    let of_page = |name: &str| {
        let found = vectors.iter().find(|(found, _)| found == name);
        found.unwrap_or_else(|| panic!("the page has no {name}")).1.clone()
    };
    let mut to_client = Vec::new();
    for (seq, code) in (1..).zip((0..=4).chain(16..=23).chain([9])) {
        append(&mut to_client, &Header { code, ..Header::for_call(Kind::Reply, 3, seq) }, b"text", true);
    }
    for code in 0..=18 {
        append(&mut to_client, &Header { code, ..Header::new(Kind::Reject) }, b"why", true);
    }
    let to_server = [
        "CALL",
        "CALL metadata",
        "CALL no arguments",
        "CANCEL",
        "ACK",
        "PING",
        "METHODS",
        "METHODS services",
        "BYE",
    ];
    let control = ["PONG", "GOAWAY", "SESSION_LOST", "BUSY", "TABLE", "TABLE services"];
    vec![
        (Way::ToServer, of_page("HELLO nonce")),
        (Way::ToClient, of_page("WELCOME")),
        (Way::ToServer, to_server.map(of_page).concat()),
        (Way::ToClient, control.map(of_page).concat()),
        (Way::ToClient, to_client),
        (
            Way::ToServer,
            [of_page("mistake body checksum"), of_page("mistake header checksum"), vec![7; 99]].concat(),
        ),
    ]
}

/// A frame as both sides see it: its name, slot, seq and code, and if it is right.
type Seen = (String, u64, u64, u64, bool);

/// Returns the frames of both directions as the annotator sees them.
fn annotated(bytes: &[(Way, Vec<u8>)]) -> [Vec<Seen>; 2] {
    let (mut seen, mut dialogue) = ([Vec::new(), Vec::new()], Dialogue::new(Methods::default(), MOST_KEPT));
    for (way, bytes) in bytes {
        dialogue.push(*way, bytes, &mut |frame| {
            let number = |name: &str| {
                let field = frame.fields.iter().find(|field| field.name == name).expect("a header has it");
                let bytes = &frame.bytes[field.from..field.to];
                bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
            };
            let name = format!("{} {}", frame.kind.replace('?', "no frame"), frame.status);
            let list = &mut seen[usize::from(*way == Way::ToClient)];
            list.push((
                name.trim().to_owned(),
                number("slot"),
                number("seq"),
                number("code"),
                frame.wrong.is_empty(),
            ));
        });
    }
    seen
}

/// Returns the frames of both directions of each connection as tshark sees them, by the port of its server.
fn dissected(capture: &Path, port: u16) -> [Vec<Seen>; 2] {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wireshark/rpc.lua");
    let mut tshark = Command::new("tshark");
    tshark.arg("-X").arg(format!("lua_script:{}", script.display())).arg("-r").arg(capture);
    tshark.args([
        "-d",
        &format!("tcp.port=={TOLD},rpc_core"),
        "-Y",
        &format!("tcp.port == {port} && rpc_core"),
    ]);
    tshark.args(["-T", "fields", "-E", "aggregator=|", "-e", "tcp.dstport"]);
    for name in ["name", "slot", "seq", "code", "right"] {
        tshark.args(["-e", &format!("rpc_core.{name}")]);
    }
    let ended = tshark.output().expect("tshark is installed: apt-get install tshark");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && !errors.contains("Lua"), "{errors}");
    let mut seen = [Vec::new(), Vec::new()];
    for line in String::from_utf8(ended.stdout).expect("text").lines() {
        let columns: Vec<Vec<&str>> = line.split('\t').map(|column| column.split('|').collect()).collect();
        let [to, names, slots, seqs, codes, right] = &columns[..] else { panic!("{line}") };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let list = &mut seen[usize::from(to[0] != port.to_string())];
        for (at, name) in names.iter().enumerate() {
            let is_right = matches!(right[at], "1" | "True");
            list.push(((*name).to_owned(), number(slots[at]), number(seqs[at]), number(codes[at]), is_right));
        }
    }
    seen
}

#[test]
#[ignore = "needs tshark, which .ci/run installs"]
fn tshark_sees_the_frames_that_the_annotator_sees_however_they_are_split_and_joined() {
    let connections = [
        Connection { port: TOLD, bytes: a_real_exchange() },
        Connection { port: FOUND[0], bytes: a_real_exchange() },
        Connection { port: FOUND[1], bytes: all_that_there_is() },
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 1..=3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let file = folder.path().join(format!("{seed}.pcap"));
        let mut out = std::fs::File::create(&file).expect("a file");
        // Where tshark is not told, the first segment must have the beginning of a HELLO.
        let packets =
            write(&mut out, &connections, |port| random.usize(if port == TOLD { 1..200 } else { 90..3000 }));
        assert!(packets.expect("it is written") > 50);
        for connection in &connections {
            let (ours, theirs) = (annotated(&connection.bytes), dissected(&file, connection.port));
            assert_eq!(theirs, ours, "seed {seed}, port {}", connection.port);
        }
    }
    let kinds = |seen: &[Vec<Seen>; 2]| {
        seen.iter().flatten().map(|seen| seen.0.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(kinds(&annotated(&connections[0].bytes)).contains("REPLY Panicked"));
    assert_eq!(
        kinds(&annotated(&connections[2].bytes)).len(),
        13 + 14 + 19 + 1,
        "all kinds, statuses and reasons"
    );
}
