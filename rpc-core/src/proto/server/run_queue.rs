//! Layer 2: the calls that wait to run, and the names under which they are handed out.
//!
//! Each session has a lane of its own, and the sessions whose lanes are not empty take turns, one call at a time: a session
//! with a thousand calls delays another session's call by one call, and not by a thousand.
//!
//! ```text
//!            admit: the lane gets a place          its turn: its client does not read, or its calls hold too much
//!   Empty ----------------------------------> Listed ---------------------------------------> Paused
//!     ^                                        |  ^                                             |
//!     '------ its turn: the lane is empty -----'  '--- bytes were written, a call has ended, ----'
//!                                                      or the connection is another one or none
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::call_table::CallData;
use super::keys::{CallKey, SessionKey};
use super::told::Told;
use crate::contract::Entry;
use crate::ids::{CallId, Slot, Time};
use crate::limits::ServerLimits;
use crate::proto::peer::Peer;

/// A place in a lane.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The slot. Its call runs if the record says `Queued` when its turn is there.
    pub(super) slot: Slot,
    /// The data of a duplicate that runs because the filter is off: it runs beside its slot, without a record.
    pub(super) duplicate: Option<Box<CallData>>,
}

/// The state of a lane, as the run queue sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// The lane has no place taken.
    #[default]
    Empty,
    /// The session is in the list of sessions that take turns.
    Listed,
    /// The session's client does not read its replies, or its calls that run hold too much, or may: no other call begins until then.
    Paused,
}

/// The calls of one session that wait to run, in the order in which they arrived.
///
/// Many clients make one call at a time: the place of a single call is here, and what takes several calls is apart.
///
/// Invariants: each slot has one place at most, and it has one if its record says `in_lane`. `calls` is the number of
/// queued calls and `bytes` the sum of their arguments; both count a call until it begins or is refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// The slot of the oldest place; `None` if that is in `several`, or there is none.
    single: Option<Slot>,
    /// The part of a session that has, or has had, several calls at a time.
    several: Option<Box<Several>>,
    /// The number of calls that wait.
    pub(super) calls: u32, // the queue has a bound below that
    /// The bytes of their arguments.
    pub(super) bytes: usize,
    /// The bytes that its connection had brought when the first of the calls that wait came, modulo 2^32.
    pub(super) read_at: u32,
    /// The state of the lane.
    pub(super) turn: Turn,
}

/// The part of a lane whose session has several calls at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Several {
    /// The places behind the single one, oldest first.
    places: VecDeque<Place>,
    /// The time at which the last of its calls got a thread of its own.
    pub(super) beside_since: Time,
    /// True while a timer is set for the begin of its next call.
    pub(super) has_timer: bool,
}

impl Lane {
    /// Adds a place behind all others.
    #[inline(always)] // once for each call
    fn push(&mut self, place: Place) {
        if place.duplicate.is_none() && self.is_empty() {
            self.single = Some(place.slot);
        } else {
            self.several.get_or_insert_default().places.push_back(place);
        }
    }

    /// Takes the oldest place.
    #[inline] // once for each call
    pub(super) fn pop(&mut self) -> Option<Place> {
        match self.single.take() {
            Some(slot) => Some(Place { slot, duplicate: None }),
            None => self.several.as_mut()?.places.pop_front(),
        }
    }

    /// Returns the slot of the oldest place.
    pub(super) fn first(&self) -> Option<Slot> {
        self.single.or_else(|| Some(self.several.as_ref()?.places.front()?.slot))
    }

    /// Returns true if it has no place.
    #[inline] // once for each call
    fn is_empty(&self) -> bool {
        self.single.is_none() && self.several.as_ref().is_none_or(|several| several.places.is_empty())
    }

    /// Returns the part for several calls at a time, made on first use.
    pub(super) fn several(&mut self) -> &mut Several {
        self.several.get_or_insert_default()
    }

    /// Returns the time at which the last of its calls got a thread of its own; long ago if none has.
    pub(super) fn beside_since(&self) -> Time {
        self.several.as_ref().map_or(Time::default(), |several| several.beside_since)
    }

    /// Returns the places, oldest first: the slot of each, and the data of a duplicate.
    #[cfg(feature = "__inspection")]
    pub(super) fn places(&self) -> impl Iterator<Item = (Slot, Option<&CallData>)> {
        let others = self.several.iter().flat_map(|several| &several.places);
        let others = others.map(|place| (place.slot, place.duplicate.as_deref()));
        self.single.iter().map(|slot| (*slot, None)).chain(others)
    }
}

/// A call to be run now.
#[derive(Debug)]
pub struct ReadyCall {
    /// Names the call when it is finished.
    pub key: CallKey,
    /// The call's name on the wire.
    pub call: CallId,
    /// The method.
    pub entry: Entry,
    /// Tells it from another call with the same number.
    pub fingerprint: u64,
    /// The arguments.
    pub body: Bytes,
    /// True if metadata is behind the arguments in `body`.
    pub has_metadata: bool,
    /// The time at which the caller stops waiting.
    pub deadline: Time,
    /// The address of the caller.
    pub peer: Option<Peer>,
    /// Set when the caller cancels. Present only for methods that take a context.
    pub cancelled: Option<Arc<Told>>,
}

/// The sessions with calls that wait, in the order of their turns.
///
/// Invariants: a session is in `turns` once if its lane is `Listed`, and not at all otherwise. V10: `calls` is at most
/// `ServerLimits::queue`, and `bytes` at most `ServerLimits::queue_bytes`; both are the sums over all lanes.
#[derive(Clone, Debug, Default)]
pub(super) struct RunQueue {
    /// The sessions that take turns.
    pub(super) turns: VecDeque<SessionKey>,
    /// The number of calls that wait, of all sessions.
    pub(super) calls: usize,
    /// The bytes of their arguments.
    pub(super) bytes: usize,
    /// The number of sessions with a call that waits.
    pub(super) sessions: usize,
    /// The number of sessions whose lane is `Paused`.
    pub(super) paused: usize,
}

impl RunQueue {
    /// Returns true if a call with `bytes` of arguments fits.
    ///
    /// Half of the queue is for all sessions alike. A session that would use the other half gets an equal share of it, so
    /// that there is always room for a session that has none (V19).
    #[inline(always)] // once for each call
    pub(super) fn has_room(&self, lane: &Lane, bytes: usize, limits: &ServerLimits) -> bool {
        if self.calls >= limits.queue || self.bytes.saturating_add(bytes) > limits.queue_bytes {
            return false;
        }
        // Its connection is held as a rule, and this is not reached. While the lane is paused it is read on, and at times between
        // that and its next turn: each write lets the lane take turns again, so its state alone would let one call in with each.
        if lane.bytes >= limits.queue_pause {
            return false;
        }
        let (calls, bytes) = (self.calls + 1, self.bytes + bytes);
        let (half_of_calls, half_of_bytes) = (limits.queue.div_ceil(2), limits.queue_bytes.div_ceil(2));
        let is_new = usize::from(lane.calls == 0);
        let sharers = (self.sessions + is_new).max(1);
        let calls_fit = calls <= half_of_calls || (lane.calls as usize) < (half_of_calls / sharers).max(1);
        let bytes_fit = bytes <= half_of_bytes || is_new == 1 || lane.bytes < half_of_bytes / sharers;
        calls_fit && bytes_fit
    }

    /// Appends a call to its session's lane. The caller has checked that there is room.
    #[inline(always)] // once for each call
    pub(super) fn push(&mut self, session: SessionKey, lane: &mut Lane, place: Option<Place>, bytes: usize) {
        self.sessions += usize::from(lane.calls == 0);
        lane.calls += 1;
        lane.bytes += bytes;
        self.calls += 1;
        self.bytes += bytes;
        if let Some(place) = place {
            lane.push(place);
        }
        if lane.turn == Turn::Empty {
            lane.turn = Turn::Listed;
            self.turns.push_back(session);
        }
    }

    /// Notes that calls of a session wait no longer: one that begins or is refused, or all of a session that ends.
    #[inline(always)] // once for each call
    pub(super) fn leave(&mut self, lane: &mut Lane, calls: u32, bytes: usize) {
        debug_assert!(calls <= lane.calls && bytes <= lane.bytes, "V10: the sums cover each call");
        self.sessions -= usize::from(lane.calls > 0 && lane.calls == calls);
        lane.calls -= calls;
        lane.bytes -= bytes;
        self.calls -= calls as usize;
        self.bytes -= bytes;
    }

    /// Lets a session that was paused take turns again.
    pub(super) fn resume(&mut self, session: SessionKey, lane: &mut Lane) {
        if lane.turn == Turn::Paused {
            self.paused -= 1;
            lane.turn = Turn::Listed;
            self.turns.push_back(session);
        }
    }

    /// Returns the session whose turn it is. It stays the first of the list until its turn ends, or it is paused.
    pub(super) fn turn(&self) -> Option<SessionKey> {
        self.turns.front().copied()
    }

    /// Takes the session whose turn it is out of the list, until it is resumed.
    pub(super) fn pause(&mut self, lane: &mut Lane) {
        self.turns.pop_front();
        lane.turn = Turn::Paused;
        self.paused += 1;
    }

    /// Ends the turn of a session: its next one is behind those of all others, or there is none, if its lane is empty.
    #[inline] // once for each call
    pub(super) fn end_turn(&mut self, session: SessionKey, lane: &mut Lane) {
        if lane.is_empty() {
            lane.turn = Turn::Empty;
            self.turns.pop_front();
        } else if self.turns.len() > 1 {
            self.turns.pop_front();
            self.turns.push_back(session);
        }
    }
}
