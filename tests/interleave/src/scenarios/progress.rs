//! Things that must happen at their time although no thread asks for them: copies, turns, sessions that end, readers that stall.

use std::io::{Read, Write};

use rpc_core::CallError;
use rpc_core::call::Client;
use rpc_core::limits::{ClientLimits, HEADER, ServerLimits};
use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::Hello;

use super::Scenario;
use super::probe::{
    Ledger, ProbeClient, connect, eventually, millis, pair, serve, stop, stop_by_force, within,
};
use crate::net::os::Stream;
use crate::net::sync::thread;
use crate::world;

pub(super) const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "quiet caller",
        about: "a call whose handler takes longer than the pause until its copy: the copy leaves at its time",
        run: quiet_caller,
    },
    Scenario {
        name: "third session",
        about: "a session that drained is forgotten, so that a later one whose slots are all orphaned is replaced too",
        run: third_session,
    },
    Scenario {
        name: "long turn",
        about: "a turn with many calls: its first replies are sent before its last call runs",
        run: long_turn,
    },
    Scenario {
        name: "full buffer",
        about: "a client that reads nothing, and whose buffer is exactly full: its connection is cut at its time",
        run: full_buffer,
    },
];

/// The pause until the copy of a call, in milliseconds.
const PAUSE: u64 = 100;

fn quiet_caller() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits { resend_first: millis(PAUSE), ..ClientLimits::default() });
    ledger.answered(0, &client.slow(0, PAUSE + 5)); // nothing else wakes the thread that drives
    if world::is_calm() {
        let copies = server.counters().duplicates_under_way;
        assert_eq!(copies, 1, "V20: the pause until a copy begins when the call leaves");
    }
    client.call.close();
    stop(server);
}

/// Milliseconds for which a handler holds the only slot: longer than it takes until the session counts as blocked.
const HELD: u64 = 14_000;

fn third_session() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits { slots: 1, ..ClientLimits::default() });
    let short = client.call.with_deadline(millis(500));
    let long = client.call.with_deadline(millis(60_000));
    for call in [0, 10] {
        let verdict = short.slow(call, HELD);
        ledger.check(call, &verdict);
        let next = within("a call beside a blocked slot", millis(11_000), || long.quick(call + 1));
        ledger.answered(call + 1, &next); // over the next session
        if let Err(CallError::Unknown(unknown)) = verdict {
            let resolution = within("the resolution", millis(HELD), || unknown.resolve(millis(60_000)));
            ledger.resolved(call, &resolution); // the session that drained has ended
        }
    }
    client.call.close();
    drop((client, short, long));
    stop_by_force(server);
}

/// Calls of one turn, each of a millisecond: many times as long as the watcher waits.
const CALLS: u64 = 40;

fn long_turn() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let long = client.call.with_deadline(millis(60_000));
    let calls: Vec<_> = (0..CALLS).map(|call| long.start.nap(call, 1)).collect();
    for (call, pending) in (0..).zip(calls) {
        ledger.answered(call, &pending.wait());
        if call == 1 && world::is_calm() {
            let last = ledger.runs(CALLS - 1);
            assert_eq!(last, 0, "V20: a reply waits for all calls that arrived with its own");
        }
    }
    client.call.close();
    stop(server);
}

/// A client without a protocol: it writes frames, and reads when it is told to.
struct Raw(Stream);

impl Raw {
    fn write(&mut self, kind: Kind, body: &[u8]) {
        let mut bytes = Vec::new();
        append(&mut bytes, &Header::new(kind), body, true);
        self.0.write_all(&bytes).expect("there is room");
    }

    /// Opens a session.
    fn greet(&mut self) {
        self.write(Kind::Hello, &Hello::new(1, 0, &[<ProbeClient as Client>::CONTRACT]).encode());
        let (mut decoder, mut bytes) = (FrameDecoder::default(), [0; 512]);
        loop {
            if let Ok(count) = self.0.read(&mut bytes) {
                decoder.push(bytes[..count].to_vec().into());
            }
            if decoder.next_frame().expect("well formed").is_some() {
                return;
            }
            thread::sleep(millis(1));
        }
    }
}

/// PONGs that fill the buffer of the client.
const PONGS: usize = 3;

fn full_buffer() {
    let ledger = Ledger::default();
    let stall = millis(500);
    let server = serve(&ledger, ServerLimits { unsent_stall: stall, ..ServerLimits::default() }, 1);
    let mut client = Raw(Stream::connect(&server.local_addr().into()).expect("it listens"));
    client.greet();
    world::with(|world| world.capacity = PONGS * HEADER);
    for _ in 0..PONGS {
        client.write(Kind::Ping, &[]);
    }
    thread::sleep(millis(5)); // the buffer is exactly full, and the server has nothing to send
    client.write(Kind::Ping, &[]);
    eventually("V20: the connection is cut", stall + millis(5), || server.counters().stalled == 1);
    drop(client);
    stop_by_force(server);
}
