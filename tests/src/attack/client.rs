//! Attacks on the client: a server that says what no honest server would, and what the caller is told.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rpc_core::{CallError, ConnectError, Connector};

use super::case::{Case, Trial};
use super::client_scripts as scripts;
use super::hostile_server::{HostileServer, Script};
use super::process::{Limits, ServerProcess};
use super::service::TargetClient;

const FAMILY: &str = "client";
/// The deadline of calls and of connecting.
const DEADLINE: Duration = Duration::from_secs(1);
/// A verdict that comes later than this after its deadline is late; much of it is for a busy machine.
const LATE: Duration = Duration::from_millis(1_500);
/// The longest text of an error, in characters: 1,024 bytes of a peer's text, and our own sentence around them.
const TEXT: usize = 2_048;

/// The verdicts that a caller was told.
#[derive(Debug)]
pub(super) struct Told {
    /// The verdict in one word.
    pub(super) verdict: &'static str,
    /// The error's text; empty if there is none.
    pub(super) text: String,
    /// The time that it took.
    pub(super) took: Duration,
    /// CALL frames that the server has seen.
    pub(super) calls: u64,
}

macro_rules! hostile {
    ($name:literal, $sent:literal, $answer:literal, $call:ident, $script:expr, $wanted:expr) => {
        Case {
            family: FAMILY,
            name: $name,
            sent: $sent,
            answer: $answer,
            quick: true,
            alone: false,
            run: |trial| {
                let told = told($script, Call::$call)?;
                usual(trial, &told);
                let wanted: &[&str] = &$wanted;
                trial.holds(
                    format!("the verdict is one of {wanted:?}"),
                    wanted.contains(&told.verdict),
                    told.verdict,
                );
                Ok(())
            },
        }
    };
}

/// The cases that are a script and a set of verdicts.
#[rustfmt::skip] // one case a paragraph
pub(super) const CASES: &[Case] = &[
    hostile!("silence after WELCOME", "the call is taken, and never answered", "unknown by the deadline",
        Echo, scripts::silence, ["unknown"]),
    hostile!("a repeated loss of the reply", "every copy of an idempotent call is answered with ReplyLost",
        "the loss, or unknown by the deadline", Big, scripts::reply_lost, ["reply lost", "unknown"]),
    hostile!("escape sequences in REJECT", "a text of 3,000 bytes that clears terminals, before WELCOME",
        "an error with the text escaped and bounded", Echo, scripts::reject_text, ["no connection", "not executed"]),
    hostile!("escape sequences in TABLE", "signatures that clear terminals and set titles",
        "an error with the text escaped", Echo, scripts::table_text, ["not executed", "no connection"]),
    hostile!("escape sequences in a panic", "the reply says Panicked, with a text that forges lines",
        "the panic, its text escaped", Echo, scripts::panic_text, ["panicked"]),
    hostile!("escape sequences in a refusal", "the reply says BadArguments, with a text that forges lines",
        "not executed, its text escaped", Echo, scripts::refusal_text, ["not executed"]),
    hostile!("a reply that is too long", "a REPLY of 16 MiB, whose length is honest",
        "the loss of the reply: it ran", Echo, scripts::long_reply, ["reply lost", "unknown"]),
    hostile!("a reply that claims too much", "a REPLY whose length is 64 MiB + 1 and more",
        "unknown by the deadline", Echo, scripts::claimed_reply, ["unknown"]),
    hostile!("a flipped bit in a length", "bit 3 of a REPLY's second byte; then the server is honest",
        "the connection is made again, the session resumed, the call done", Echo, scripts::flipped_length, ["done"]),
    hostile!("a flipped bit in a body", "bit 3 of a REPLY's body; then the server is honest",
        "the connection is made again, the session resumed, the call done", Echo, scripts::flipped_body, ["done"]),
    hostile!("a flood of GOAWAY", "GOAWAY without end after the call", "unknown by the deadline",
        Echo, scripts::goaway, ["unknown"]),
    hostile!("a flood of PONG", "PONG without end after the call", "unknown by the deadline",
        Echo, scripts::pong, ["unknown"]),
    hostile!("a flood of WELCOME", "WELCOME without end after the call", "unknown by the deadline",
        Echo, scripts::welcomes, ["unknown"]),
    hostile!("features that were not asked for", "WELCOME with every feature bit (W10)",
        "the server is broken: no call is sent to it", Echo, scripts::features, ["no connection", "not executed"]),
    hostile!("a reply in another slot", "a REPLY in slot 9 of a session with 2 (W25)", "unknown at once",
        Echo, scripts::wrong_slot, ["unknown"]),
    hostile!("a reply from the future", "a REPLY with a seq that was never used (W25)", "unknown at once",
        Echo, scripts::future, ["unknown"]),
    hostile!("two replies", "a REPLY, and another one with another verdict", "the first one counts",
        Echo, scripts::twice, ["done"]),
    hostile!("a status that does not exist", "a REPLY with status 99", "unknown", Echo, scripts::status, ["unknown"]),
    hostile!("a reply that cannot be read", "a string that claims 2^63 bytes", "the loss of the reply: it ran",
        Echo, scripts::unreadable, ["reply lost"]),
    hostile!("a connection that is cut after each call", "every CALL is taken, and the connection closed",
        "unknown by the deadline", Echo, scripts::cut, ["unknown"]),
    hostile!("another session on resuming", "WELCOME with another session's id", "unknown",
        Echo, scripts::other_session, ["unknown"]),
    hostile!("sessions that are lost", "the call is taken; then SESSION_LOST for ever", "unknown at once",
        Echo, scripts::lost, ["unknown"]),
];

/// The cases that judge more than a verdict.
pub(super) const MORE: &[Case] = &[
    Case {
        family: FAMILY,
        name: "repeats are bounded",
        sent: "ReplyLost, not kept, to every copy of an idempotent call, for 2 s (F6)",
        answer: "at most 130 copies: the budget that Busy has",
        quick: true,
        alone: false,
        run: repeats,
    },
    Case {
        family: FAMILY,
        name: "an honest server and a reply over the limit",
        sent: "the real client calls an idempotent method whose reply has 5 MiB, of a real server (F6)",
        answer: "the loss of the reply; the method ran once",
        quick: true,
        alone: false,
        run: over_limit,
    },
    Case {
        family: FAMILY,
        name: "a busy server that is never free",
        sent: "Busy with a pause of 0, and one of 2^32 - 1 ms, to every copy",
        answer: "a verdict by the deadline, and at most 130 copies",
        quick: true,
        alone: false,
        run: busy,
    },
    Case {
        family: FAMILY,
        name: "connecting keeps its deadline",
        sent: "WELCOME says that the contract differs, and TABLE never comes (F11)",
        answer: "an error within the time to connect, 2 s, and a margin of 1.5 s",
        quick: true,
        alone: false,
        run: table_never,
    },
    Case {
        family: FAMILY,
        name: "one BUSY frame",
        sent: "the session is lost, a new one is refused with BUSY of 2^32 - 1 ms; then the server is honest (F7)",
        answer: "the client is back within 35 s",
        quick: false,
        alone: false,
        run: muted,
    },
    Case {
        family: FAMILY,
        name: "more slots than were wanted",
        sent: "WELCOME grants 1,024 slots to a client that asked for 2 (W10)",
        answer: "no slot above the second is used",
        quick: true,
        alone: false,
        run: slots,
    },
    Case {
        family: FAMILY,
        name: "the end after each byte",
        sent: "the server closes after each byte of WELCOME and of a REPLY (B4 27)",
        answer: "never `not executed` for a call that was taken, and always a verdict by the deadline",
        quick: true,
        alone: false,
        run: each_byte,
    },
];

#[derive(Clone, Copy)]
enum Call {
    Echo,
    Big,
}

/// Makes one call of a hostile server.
fn told(script: Script, call: Call) -> Result<Told, String> {
    let server = HostileServer::start(script, 0)?;
    Ok(ask(&server, call, DEADLINE))
}

fn ask(server: &HostileServer, call: Call, deadline: Duration) -> Told {
    let began = Instant::now();
    let connector = Connector::new().slots(2).deadline(deadline);
    let client: Result<TargetClient, ConnectError> = connector.connect(server.address);
    // Connecting has a time of its own; the deadline counts from the call.
    let (verdict, text, took) = match client {
        Err(error) => ("no connection", error.to_string(), began.elapsed().saturating_sub(2 * DEADLINE)),
        Ok(client) => {
            let began = Instant::now();
            let (verdict, text) = match call {
                Call::Echo => told_of(client.echo("x").map(drop)),
                Call::Big => told_of(client.big(8).map(drop)),
            };
            (verdict, text, began.elapsed())
        }
    };
    Told { verdict, text, took, calls: server.seen.calls.load(Ordering::SeqCst) }
}

fn told_of<E: std::error::Error + 'static>(verdict: Result<(), CallError<E>>) -> (&'static str, String) {
    let Err(error) = verdict else { return ("done", String::new()) };
    let word = match &error {
        CallError::Service(_) => "service error",
        CallError::Panicked(_) => "panicked",
        CallError::GivenUp(_) => "given up",
        CallError::NotExecuted(_) => "not executed",
        CallError::ReplyLost(_) => "reply lost",
        CallError::Unknown(_) => "unknown",
    };
    (word, error.to_string())
}

/// Judges what holds against any server.
fn usual(trial: &mut Trial, told: &Told) {
    let late = told.took.saturating_sub(DEADLINE + LATE);
    let seen = format!("{:.2} s", told.took.as_secs_f64());
    trial.holds("a verdict by the deadline of 1 s, and a margin of 1.5 s", late.is_zero(), seen);
    let control = told.text.chars().filter(|c| c.is_control()).count();
    trial.at_most("control characters in the error's text", control as u64, 0);
    trial.at_most("characters of the error's text", told.text.chars().count() as u64, TEXT as u64);
    trial.fact(format!(
        "{}: {}",
        told.verdict,
        told.text.escape_debug().to_string().chars().take(120).collect::<String>()
    ));
}

fn repeats(trial: &mut Trial) -> Result<(), String> {
    let server = HostileServer::start(scripts::reply_lost, 0)?;
    let told = ask(&server, Call::Big, 2 * DEADLINE);
    trial.at_most("copies of the call", told.calls, 130);
    Ok(())
}

fn over_limit(trial: &mut Trial) -> Result<(), String> {
    let server = ServerProcess::start(&Limits::default())?;
    let client: TargetClient =
        Connector::new().deadline(3 * DEADLINE).connect(server.address).map_err(|error| error.to_string())?;
    let (verdict, text) = told_of(client.big(5 << 20).map(drop));
    trial.holds("the verdict is the loss of the reply", verdict == "reply lost", verdict);
    trial.fact(text);
    trial.at_most("runs", client.runs().map_err(|error| error.to_string())?, 1);
    Ok(())
}

fn busy(trial: &mut Trial) -> Result<(), String> {
    for (script, what) in
        [(scripts::busy_now as Script, "a pause of 0"), (scripts::busy_long, "the longest pause")]
    {
        let told = told(script, Call::Big)?;
        usual(trial, &told);
        trial.at_most(format!("copies of the call with {what}"), told.calls, 130);
    }
    Ok(())
}

fn table_never(trial: &mut Trial) -> Result<(), String> {
    let server = HostileServer::start(scripts::table_never, 0)?;
    let began = Instant::now();
    let client: Result<TargetClient, _> = Connector::new().deadline(DEADLINE).connect(server.address);
    let took = began.elapsed();
    let in_time = took <= 2 * DEADLINE + LATE;
    trial.holds("connecting ends in time", in_time, format!("{:.2} s", took.as_secs_f64()));
    trial.fact(client.err().map_or_else(|| "it connected".to_owned(), |error| error.to_string()));
    Ok(())
}

fn muted(trial: &mut Trial) -> Result<(), String> {
    let server = HostileServer::start(scripts::muted, 0)?;
    let client: TargetClient =
        Connector::new().deadline(DEADLINE).connect(server.address).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let mut refused = 0;
    let back = loop {
        if refused > 0 && client.echo("x").is_ok() {
            break true;
        }
        refused += 1;
        if began.elapsed() > Duration::from_secs(35) {
            break false;
        }
        let _ = client.echo("x"); // the first of them loses the session
    };
    trial.holds("the client is back within 35 s", back, format!("{:.0} s", began.elapsed().as_secs_f64()));
    trial.at_least("connections", server.seen.connections.load(Ordering::SeqCst), 4);
    Ok(())
}

fn slots(trial: &mut Trial) -> Result<(), String> {
    let server = HostileServer::start(scripts::many_slots, 0)?;
    let client: Result<TargetClient, _> =
        Connector::new().slots(2).deadline(DEADLINE).connect(server.address);
    if let Ok(client) = client {
        let pending: Vec<_> = (0..8).map(|_| client.start.echo("x")).collect();
        for call in pending {
            let _ = call.wait(); // it does not matter what they are told
        }
    }
    trial.at_most("the highest slot", server.seen.highest_slot.load(Ordering::SeqCst), 1);
    Ok(())
}

fn each_byte(trial: &mut Trial) -> Result<(), String> {
    const AT_ONCE: usize = 16;
    let places: Vec<usize> = (0..=scripts::WELCOME_AND_REPLY).collect();
    let (mut wrong, mut late) = (Vec::new(), Vec::new());
    for batch in places.chunks(AT_ONCE) {
        let threads: Vec<_> = batch
            .iter()
            .map(|at| {
                let at = *at;
                std::thread::spawn(move || {
                    let server = HostileServer::start(scripts::end_at, at)?;
                    Ok::<_, String>((at, ask(&server, Call::Echo, DEADLINE / 4)))
                })
            })
            .collect();
        for thread in threads {
            let (at, told) = thread.join().map_err(|_| "a caller panicked".to_owned())??;
            if told.verdict == "not executed" && told.calls > 0 {
                wrong.push(at);
            }
            if told.took > DEADLINE / 4 + LATE {
                late.push(at);
            }
        }
    }
    trial.holds("never a wrong `not executed`", wrong.is_empty(), format!("{wrong:?}"));
    trial.holds("always in time", late.is_empty(), format!("{late:?}"));
    Ok(())
}
