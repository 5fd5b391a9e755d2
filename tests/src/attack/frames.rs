//! Attacks with frames that break the protocol: lengths, kinds, numbers, order, and bytes of other protocols.

use std::net::Shutdown;
use std::time::Duration;

use rpc_core::wire::frame::{Header, Kind};

use super::attacker::{Attacker, bare, call, call_raw, claim, framed, hello};
use super::case::{Case, Scene, Trial, bound};

const FAMILY: &str = "frames";
/// The time within which a connection that broke the protocol is closed.
const SOON: Duration = Duration::from_secs(3);

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "lengths",
        sent: "a length of 0, 31, 64 MiB + 1 and 2^32 - 1, before and after WELCOME (B4 1, 2)",
        answer: "closed at once, with at most a REJECT; at most 8 MiB are pinned",
        quick: true,
        alone: false,
        run: lengths,
    },
    Case {
        family: FAMILY,
        name: "other protocols",
        sent: "HTTP, a TLS handshake, another magic, versions that are not spoken (B4 9)",
        answer: "one REJECT, then closed",
        quick: true,
        alone: false,
        run: foreign,
    },
    Case {
        family: FAMILY,
        name: "frames in the wrong order or of the wrong side",
        sent: "CALL and PING before HELLO, a second HELLO that differs, frames of a server, kinds 0 and 99 (B4 10)",
        answer: "closed, with at most a REJECT",
        quick: true,
        alone: false,
        run: order,
    },
    Case {
        family: FAMILY,
        name: "numbers",
        sent: "seq 0, 2^63 and 2^64 - 1, slot 64 of 64 and 65,535, the same number with other arguments (B4 13, 14)",
        answer: "closed, and nothing ran",
        quick: true,
        alone: false,
        run: numbers,
    },
    Case {
        family: FAMILY,
        name: "flipped bits",
        sent: "a CALL with one bit flipped, in each of its bytes in turn (B4 23)",
        answer: "closed; or, within the body's own bytes and length, never run",
        quick: true,
        alone: false,
        run: flipped,
    },
    Case {
        family: FAMILY,
        name: "half a frame, then a reset or a half-close",
        sent: "half of a CALL and a reset; a whole CALL and a closed sending side (B4 27)",
        answer: "the session can be resumed, and goes on; the reply to the whole call can be had",
        quick: true,
        alone: false,
        run: half,
    },
];

/// Judges that a connection is closed soon, and that it heard at most a REJECT before.
fn closed(trial: &mut Trial, attacker: &mut Attacker, what: &str) {
    let (last, closed) = attacker.hear_to_the_end(SOON);
    let kind = last.as_ref().map(|frame| frame.header.kind);
    let ok = closed && kind.is_none_or(|kind| kind == Kind::Reject);
    trial.holds(format!("{what}: closed"), ok, format!("{kind:?}, closed {closed}"));
}

fn lengths(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::plain()?;
    let to = scene.server.address;
    for (number, length) in [0_u32, 31, (64 << 20) + 33, u32::MAX].into_iter().enumerate() {
        let mut early = Attacker::silent(to, number, false)?;
        let mut frame = hello(4);
        claim(&mut frame, length);
        early.send(&frame);
        closed(trial, &mut early, &format!("a length of {length} before WELCOME"));
        let mut late = Attacker::greeted(to, number, 4)?;
        let mut frame = call("echo", 0, 1, &("x",));
        claim(&mut frame, length);
        late.send(&frame);
        closed(trial, &mut late, &format!("a length of {length} after WELCOME"));
    }
    let peak = scene.watch(Duration::from_millis(50));
    trial.memory("pinned", peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn foreign(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let to = scene.server.address;
    let mut magic = hello(4)[36..].to_vec();
    magic[0] = b'X';
    let mut version = hello(4)[36..].to_vec();
    version[4..8].copy_from_slice(&[2, 0, 9, 0]);
    let openings: [(&str, Vec<u8>); 4] = [
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a-browser\r\nAccept: */*\r\n\r\n".to_vec(),
        ),
        ("TLS", [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 64]].concat()),
        ("another magic", framed(&Header::new(Kind::Hello), &magic)),
        ("versions 2 to 9", framed(&Header::new(Kind::Hello), &version)),
    ];
    for (number, (what, bytes)) in openings.iter().enumerate() {
        let mut attacker = Attacker::silent(to, number, false)?;
        attacker.send(bytes);
        let (last, closed) = attacker.hear_to_the_end(SOON);
        let kind = last.map(|frame| frame.header.kind);
        trial.holds(
            format!("{what}: REJECT, closed"),
            closed && kind == Some(Kind::Reject),
            format!("{kind:?}"),
        );
    }
    scene.finish(trial)
}

fn order(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let to = scene.server.address;
    let mut unknown = [bare(Kind::Ping, 0, 0), bare(Kind::Ping, 0, 0)];
    for (frame, kind) in unknown.iter_mut().zip([0, 99]) {
        frame[4] = kind;
        claim(frame, 32);
    }
    let [zero, ninety_nine] = unknown;
    let early =
        [("CALL before HELLO", call("echo", 0, 1, &("x",))), ("PING before HELLO", bare(Kind::Ping, 0, 0))];
    for (number, (what, frame)) in early.iter().enumerate() {
        let mut attacker = Attacker::silent(to, number, false)?;
        attacker.send(frame);
        closed(trial, &mut attacker, what);
    }
    let late = [
        ("a second HELLO that differs", hello(5)),
        ("WELCOME from a client", framed(&Header::new(Kind::Welcome), &[0; 83])),
        ("REPLY from a client", bare(Kind::Reply, 0, 1)),
        ("kind 0", zero),
        ("kind 99", ninety_nine),
        ("PING with a body", framed(&Header::new(Kind::Ping), &[1])),
    ];
    for (number, (what, frame)) in late.iter().enumerate() {
        let mut attacker = Attacker::greeted(to, number, 4)?;
        attacker.send(frame);
        closed(trial, &mut attacker, what);
    }
    scene.finish(trial)
}

fn numbers(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let to = scene.server.address;
    for (number, (slot, seq)) in
        [(0, 0), (0, 1 << 63), (0, u64::MAX), (64, 1), (65_535, 1)].into_iter().enumerate()
    {
        let mut attacker = Attacker::greeted(to, number, 64)?;
        attacker.send(&call("keep", slot, seq, &(8_u64,)));
        closed(trial, &mut attacker, &format!("slot {slot}, seq {seq}"));
    }
    let mut attacker = Attacker::greeted(to, 9, 4)?;
    let first = attacker.ask("keep", 0, 1, &(8_u64,));
    trial.holds("a call runs", first == "Done", first);
    attacker.send(&call("keep", 0, 1, &(9_u64,)));
    closed(trial, &mut attacker, "the same number with other arguments");
    let runs = super::sessions::runs(&scene)?;
    trial.at_most("runs", runs, 1);
    scene.finish(trial)
}

fn flipped(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let frame = call("keep", 0, 1, &(8_u64,));
    let mut wrong = 0_u64;
    for at in 0..frame.len() {
        let mut attacker = Attacker::greeted(scene.server.address, at, 4)?;
        let mut frame = frame.clone();
        frame[at] ^= 1 << 6;
        attacker.send(&frame);
        let (last, closed) =
            attacker.hear_to_the_end(Duration::from_millis(if at < 4 { 300 } else { 3_000 }));
        let kind = last.map(|frame| frame.header.kind);
        // A length that is larger now may wait for more bytes, until the frame's own deadline.
        wrong += u64::from(!(kind == Some(Kind::Reject) || closed || (at < 4 && kind.is_none())));
    }
    trial.at_most("flipped frames that were taken", wrong, 0);
    let runs = super::sessions::runs(&scene)?;
    trial.at_most("runs", runs, 0);
    scene.finish(trial)
}

fn half(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let to = scene.server.address;
    let mut attacker = Attacker::greeted(to, 0, 4)?;
    let welcome = attacker.welcome.clone().ok_or("no session")?;
    let frame = call_raw("borrow", 0, 1, &[0; 100]);
    attacker.send(&frame[..70]);
    drop(attacker); // a reset: its linger time is 0
    let mut again = Attacker::resumed(to, 0, &welcome)?;
    let answer = again.ask("keep", 0, 1, &(8_u64,));
    trial.holds("the session goes on after a reset in a frame", answer == "Done", answer);
    let slow = call("nap_slow", 1, 1, &(100_u64,));
    again.send(&slow);
    again.stream.shutdown(Shutdown::Write).map_err(|error| error.to_string())?;
    let answer = again.hear(SOON).text();
    trial.fact(format!("on the half-closed connection: {answer}"));
    let mut last = Attacker::resumed(to, 0, &welcome)?;
    last.send(&slow);
    let answer = last.hear(SOON).text();
    trial.holds("the call before a half-close has its reply", answer == "Done", answer);
    scene.finish(trial)
}
