//! Attacks on sessions: too many of them, other clients' sessions, and the room for kept replies.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rpc_core::ids::{SessionId, Token};
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::Welcome;

use super::attacker::{Attacker, Heard, bare, call, framed, hello, hello_with_nonce};
use super::case::{Case, Scene, Trial, millis};
use super::process::Limits;

const FAMILY: &str = "sessions";
const WAIT: Duration = Duration::from_secs(5);

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "every session is taken",
        sent: "one address opens more sessions than there are, each with one CANCEL, and closes them (F5, B4 18)",
        answer: "a client from another address gets a session within 2 s; live sessions go on and can be resumed",
        quick: true,
        alone: false,
        run: lockout,
    },
    Case {
        family: FAMILY,
        name: "the whole room for kept replies",
        sent: "four sessions of one address fill a budget of 32 MiB with replies that they do not acknowledge (F9)",
        answer: "another client's reply is kept, and replayed when it asks again",
        quick: true,
        alone: false,
        run: budget,
    },
    Case {
        family: FAMILY,
        name: "guessed tokens",
        sent: "2,000 resumes of a live session with a wrong token, half of them right but for one bit (B4 11)",
        answer: "SESSION_LOST each time; the owner stays attached",
        quick: true,
        alone: false,
        run: guesses,
    },
    Case {
        family: FAMILY,
        name: "two attachments with one token",
        sent: "two connections resume the same session in turn, 200 times, and repeat the same calls",
        answer: "each call runs once",
        quick: true,
        alone: false,
        run: race,
    },
    Case {
        family: FAMILY,
        name: "an opening that is played twice",
        sent: "the bytes of one HELLO with a nonce and one CALL, on two connections, as a network may play them",
        answer: "one session, and the call runs once; without a nonce, another session (wire.md, Security)",
        quick: true,
        alone: false,
        run: twice,
    },
    Case {
        family: FAMILY,
        name: "handshakes and nothing else",
        sent: "sessions are opened and left, 20,000 times; 200,000 in the full run",
        answer: "all are greeted or told to wait; at most 64 MiB are pinned",
        quick: true,
        alone: false,
        run: handshakes,
    },
];

fn lockout(trial: &mut Trial) -> Result<(), String> {
    let sessions = trial.size(2_048, 65_536);
    let words = trial.size(vec!["sessions=2048"], Vec::new());
    let scene = Scene::start(&Limits { words, ..Limits::default() })?;
    let to = scene.server.address;
    let mut live = Attacker::greeted(to, 9, 4)?;
    let welcome = live.welcome.clone().ok_or("no session")?;
    let began = Instant::now();
    let mut opened = 0;
    let mut opening = hello(64);
    opening.extend(bare(Kind::Cancel, 63, 1));
    for _ in 0..sessions + 464 {
        let mut attacker = Attacker::silent(to, 0, false)?;
        attacker.send(&opening);
        let greeted = attacker.hear(WAIT).kind() == Some(Kind::Welcome);
        opened += u64::from(greeted);
        if greeted {
            let _ = attacker.hear(WAIT); // the answer to CANCEL: the session counts as used
        }
    }
    trial.fact(format!("{opened} opened from one address in {:.1} s", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    let served = loop {
        if Attacker::greeted(to, 1, 4).is_ok() {
            break true;
        }
        if began.elapsed() > Duration::from_secs(2) {
            break false;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    trial.holds("a client from another address gets a session within 2 s", served, served);
    let answer = live.ask("echo", 0, 1, &("x",));
    trial.holds("a live session goes on", answer == "Done", answer);
    let again = Attacker::resumed(to, 9, &welcome);
    trial.holds("a live session can be resumed", again.is_ok(), again.err().unwrap_or_default());
    scene.finish(trial)
}

fn budget(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::start(&Limits { words: vec!["reply_budget=33554432"], ..Limits::default() })?;
    let to = scene.server.address;
    let mut attackers = Vec::new();
    let mut done = 0;
    // Three sessions with long replies, and one whose short ones fill what is left.
    for bytes in [16_300_u64, 16_300, 16_300, 1_000] {
        let mut attacker = Attacker::greeted(to, 0, 1024)?;
        for slot in 0..attacker.slots() {
            done += u64::from(attacker.ask("keep", slot, 1, &(bytes,)) == "Done");
        }
        attackers.push(attacker);
    }
    trial.fact(format!("{done} replies were kept or sent"));
    let mut stranger = Attacker::greeted(to, 1, 64)?;
    let first = stranger.ask("keep", 0, 1, &(1_000_u64,));
    let again = stranger.ask("keep", 0, 1, &(1_000_u64,));
    trial.holds("another client's call runs", first == "Done", first);
    trial.holds("its reply is replayed", again == "Done", again);
    drop(attackers);
    scene.finish(trial)
}

fn guesses(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let to = scene.server.address;
    let mut owner = Attacker::greeted(to, 9, 4)?;
    let welcome = owner.welcome.clone().ok_or("no session")?;
    let mut answers = [0_u64; 2];
    for number in 0..2_000_usize {
        let mut token = welcome.token.0;
        if number % 2 == 0 {
            token[number / 2 % 32] ^= 1;
        } else {
            fastrand::fill(&mut token);
        }
        let wrong = Welcome { token: Token(token), ..welcome.clone() };
        let answer = Attacker::resumed(to, 0, &wrong).err().unwrap_or_else(|| "WELCOME".to_owned());
        answers[usize::from(answer.starts_with("SESSION_LOST"))] += 1;
    }
    trial.at_most("answers that are not SESSION_LOST", answers[0], 0);
    let unknown = Welcome { session: SessionId(7 << 8), ..welcome };
    let answer = Attacker::resumed(to, 0, &unknown).err().unwrap_or_default();
    trial.holds("an unknown session is answered alike", answer.starts_with("SESSION_LOST"), &answer);
    let answer = owner.ask("echo", 0, 1, &("x",));
    trial.holds("the owner is attached", answer == "Done", answer);
    scene.finish(trial)
}

fn race(trial: &mut Trial) -> Result<(), String> {
    const TIMES: u64 = 200;
    let scene = Scene::plain()?;
    let to = scene.server.address;
    let first = Attacker::greeted(to, 0, 4)?;
    let welcome = first.welcome.clone().ok_or("no session")?;
    let mut attached = vec![first];
    for seq in 1..=TIMES {
        // Both send the same call; the older attachment may be cut while its copy is under way.
        let mut newer = Attacker::resumed(to, (seq % 2) as usize, &welcome)?;
        if let Some(mut older) = attached.pop() {
            older.send(&call("keep", 0, seq, &(8_u64,)));
        }
        newer.send(&call("keep", 0, seq, &(8_u64,)));
        let answer = newer.hear(WAIT).text();
        if answer != "Done" {
            trial.holds(format!("call {seq} is answered"), false, answer);
            break;
        }
        attached.push(newer);
    }
    let runs = runs(&scene)?;
    trial.at_most("runs of 200 calls", runs, TIMES);
    trial.at_least("runs of 200 calls", runs, TIMES);
    scene.finish(trial)
}

fn twice(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let (with_nonce, _first) = play_twice(trial, &scene, &hello_with_nonce(4))?;
    trial.at_most("runs of one call", runs(&scene)?, 1);
    trial.at_most("sessions that were opened", with_nonce, 1);
    // The page promises no more to a client that sends no nonce. Here too the answers of the two are not mixed up.
    let (without, _second) = play_twice(trial, &scene, &hello(4))?;
    trial.at_least("sessions that were opened without a nonce", without, 2);
    trial.at_most("runs of both calls", runs(&scene)?, 3);
    scene.finish(trial)
}

/// Plays the bytes of an opening and of one call on two connections. Returns the number of sessions that answered, and the
/// connections, which stay open.
fn play_twice(trial: &mut Trial, scene: &Scene, opening: &[u8]) -> Result<(u64, Vec<Attacker>), String> {
    let request = call("keep", 0, 1, &(8_u64,));
    let (mut played, mut sessions) = (Vec::new(), HashSet::new());
    for _ in 0..2 {
        let mut attacker = Attacker::silent(scene.server.address, 0, false)?.greet(opening.to_vec())?;
        sessions.extend(attacker.welcome.as_ref().map(|welcome| welcome.session));
        attacker.send(&request);
        let answer = attacker.hear(WAIT).text();
        trial.holds("the call is answered with its value", answer == "Done", answer);
        played.push(attacker);
    }
    Ok((sessions.len() as u64, played))
}

/// Returns the number of times that `keep` and `big` ran.
pub(super) fn runs(scene: &Scene) -> Result<u64, String> {
    let mut judge = Attacker::greeted(scene.server.address, 99, 1)?;
    judge.send(&call("runs", 0, 1, &()));
    match judge.hear(WAIT) {
        Heard::Frame(frame) => {
            Ok(u64::from_le_bytes(frame.body[..].try_into().map_err(|_| "no number".to_owned())?))
        }
        other => Err(other.text()),
    }
}

fn handshakes(trial: &mut Trial) -> Result<(), String> {
    let count = trial.size(20_000, 200_000);
    let mut scene = Scene::plain()?;
    let (mut greeted, mut other) = (0_u64, 0_u64);
    let began = Instant::now();
    for number in 0..count {
        let mut attacker = Attacker::silent(scene.server.address, number % 64, false)?;
        attacker.send(&hello(64));
        match attacker.hear(WAIT).kind() {
            Some(Kind::Welcome | Kind::Busy | Kind::Reject) => greeted += 1,
            _ => other += 1,
        }
    }
    trial.fact(format!("{greeted} in {:.0} ms", millis(began.elapsed())));
    trial.at_most("handshakes without an answer", other, 0);
    let peak = scene.watch(Duration::from_millis(300));
    trial.memory("pinned by all", peak, 64 << 20);
    let mut bye = Attacker::greeted(scene.server.address, 3, 1)?;
    bye.send(&framed(&Header::new(Kind::Bye), &[]));
    let (_, closed) = bye.hear_to_the_end(WAIT);
    trial.holds("BYE ends a session", closed, closed);
    scene.finish(trial)
}
