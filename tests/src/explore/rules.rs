//! The rules that are looked at in every state: what callers were told against what really ran.
//!
//! Rules about one machine alone stand with it: V2, V3, V5, V10, V12 and V14 in `server`, V11 and V14 in `client`.

use rpc_core::wire::frame::Kind;

use super::bounds::LINKS;
use super::client::Verdict;
use super::frames::{FrameInfo, call_name};
use super::state::{Call, State, client_of_call, client_of_link};

/// A rule that a test breaks on purpose, so that the way from a finding to its diagram is known to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// None.
    #[default]
    Nothing,
    /// No call may run once its client's first connection was replaced.
    NoRunAfterResume,
}

impl Planted {
    /// Looks at the state in which a call has begun.
    ///
    /// # Errors
    /// The planted rule.
    pub fn at_begin(self, state: &State, tag: u8) -> Result<(), String> {
        let second = client_of_call(tag) * LINKS + 1;
        match self {
            Planted::NoRunAfterResume if state.links[second].made => {
                Err(format!("planted: call {} ran after its connection was replaced", call_name(tag)))
            }
            _ => Ok(()),
        }
    }
}

/// Notes that a handler was entered. `is_new`: this name of a call has not begun before.
///
/// # Errors
/// V1, V4.
pub fn begins(state: &mut State, tag: u8, is_new: bool, repeats: bool) -> Result<(), String> {
    let Some(call) = state.calls.get_mut(usize::from(tag)).filter(|call| call.started) else {
        return Err("V4: a call began that no client has started".to_owned());
    };
    call.runs = call.runs.saturating_add(1);
    if !is_new || (call.runs > 1 && !repeats) {
        return Err(format!("V1: call {} began twice", call_name(tag)));
    }
    Ok(())
}

/// Notes what a caller is told.
///
/// # Errors
/// V11 if it was told before; and a verdict for which there is no cause.
pub fn told(state: &mut State, tag: u8, verdict: Verdict, late: bool) -> Result<(), String> {
    let (lost, closed) = (state.may_lose_session(), state.spent.closed & 1 << client_of_call(tag) != 0);
    let name = call_name(tag);
    let Some(call) = state.calls.get_mut(usize::from(tag)).filter(|call| call.started) else {
        return Err("V11: a verdict on a call that was never started".to_owned());
    };
    if call.abandoned {
        return Err(format!("V11: call {name} was given up and is told {verdict:?}"));
    }
    if late {
        if call.verdict != Some(Verdict::Late) || call.resolved.is_some() {
            return Err(format!("V11: call {name} is resolved out of turn: {verdict:?}"));
        }
        call.resolved = Some(verdict);
    } else if call.verdict.replace(verdict).is_some() {
        return Err(format!("V11: call {name} has two verdicts"));
    }
    match verdict {
        Verdict::SessionLost if !lost => Err(format!("call {name}: its session is lost without a cause")),
        Verdict::Closed if !closed => Err(format!("call {name}: closed without a cause")),
        Verdict::Broken => Err(format!("V14: call {name}: an honest server is called broken")),
        _ => Ok(()),
    }
}

/// Looks at a frame that the server has written.
///
/// # Errors
/// V8: it is another client's reply.
pub fn sent_by_server(link: u8, frame: &FrameInfo) -> Result<(), String> {
    match frame.tag.filter(|_| frame.kind == Some(Kind::Reply)) {
        Some(tag) if client_of_call(tag) != client_of_link(link) => {
            Err(format!("V8: the reply to call {} goes to another client", call_name(tag)))
        }
        _ => Ok(()),
    }
}

/// Compares each verdict with what really ran, as often as anything runs: V6, V7, now and later.
///
/// # Errors
/// V6, V7.
pub fn verdicts_are_true(state: &State, repeats: bool) -> Result<(), String> {
    for (tag, call) in (0..).zip(&state.calls).filter(|(_, call)| call.started) {
        for verdict in call.verdict.iter().chain(&call.resolved) {
            verdict_is_true(*verdict, call, repeats).map_err(|rule| {
                format!(
                    "{rule}: call {} ran {} times, its caller was told {verdict:?}",
                    call_name(tag),
                    call.runs
                )
            })?;
        }
    }
    Ok(())
}

fn verdict_is_true(verdict: Verdict, call: &Call, repeats: bool) -> Result<(), &'static str> {
    let ran = if repeats { call.runs >= 1 } else { call.runs == 1 };
    match verdict {
        Verdict::Done | Verdict::Panicked | Verdict::ReplyLost if !ran => Err("V6"),
        Verdict::Wrong => Err("V6"),
        Verdict::NotExecuted if call.runs > 0 => Err("V7"),
        _ => Ok(()),
    }
}
