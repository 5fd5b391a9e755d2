//! The calls of the client's fuzz target, and the verdicts on them that are true.

use rpc_core::error::Reason;
use rpc_core::ids::{Seq, Slot, Time};
use rpc_core::proto::Outcome;
use rpc_core::proto::client::{Event, Tag};

/// The state of a call for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// No verdict yet.
    Open,
    /// Unknown by deadline: a reply may still arrive.
    Asked,
    /// Nothing more may come.
    Ended,
}

#[derive(Debug)]
struct Known {
    stands: Stands,
    deadline: Time,
    sent: bool,
}

/// All calls of a run.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    calls: Vec<Known>, // by tag
    /// Session, slot and number of each call that left: few, so that a list is quicker than a map.
    numbers: Vec<(u64, Slot, Seq, Tag)>,
    /// A reply that says 'done' was delivered, or bytes that might be one.
    pub(super) may_be_done: bool,
    /// A reply that refuses was delivered, or bytes that might be one.
    pub(super) may_be_refused: bool,
}

impl Verdicts {
    /// The tag of the next call.
    pub(super) fn next_tag(&self) -> Tag {
        self.calls.len() as Tag
    }

    /// Notes a call that was taken (`accepted`) or refused at once.
    pub(super) fn started(&mut self, deadline: Time, accepted: bool) {
        let stands = if accepted { Stands::Open } else { Stands::Ended };
        self.calls.push(Known { stands, deadline, sent: false });
    }

    /// Its caller wants no verdict any more.
    pub(super) fn abandoned(&mut self, tag: Tag) {
        self.calls[tag as usize].stands = Stands::Ended;
    }

    /// Its caller has no interest in a late reply any more; one that has no verdict still gets it.
    pub(super) fn forgotten(&mut self, tag: Tag) {
        let call = &mut self.calls[tag as usize];
        if call.stands == Stands::Asked {
            call.stands = Stands::Ended;
        }
    }

    /// A CALL frame left in the session of this number.
    pub(super) fn sent(&mut self, session: u64, slot: Slot, seq: Seq, tag: Tag, now: Time) {
        let number = (session, slot, seq);
        match self.numbers.iter().find(|(session, slot, seq, _)| (*session, *slot, *seq) == number) {
            Some((.., used_by)) => assert_eq!(*used_by, tag, "one number in a slot names two calls"),
            None => self.numbers.push((session, slot, seq, tag)),
        }
        let call = self.calls.get_mut(tag as usize).expect("a call that was started");
        assert!(
            call.stands == Stands::Open && call.deadline > now,
            "call {tag} leaves after its end: {call:?}"
        );
        call.sent = true;
    }

    /// Takes an event.
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Finished(tag, outcome) => {
                self.is_true(tag, &outcome);
                let call = &mut self.calls[tag as usize];
                assert_eq!(call.stands, Stands::Open, "V11: a second verdict for call {tag}: {outcome:?}");
                let asked = outcome.may_be_resolved();
                call.stands = if asked { Stands::Asked } else { Stands::Ended };
            }
            Event::Resolved(tag, outcome) => {
                self.is_true(tag, &outcome);
                let call = &mut self.calls[tag as usize];
                assert_eq!(
                    call.stands,
                    Stands::Asked,
                    "a reply for call {tag}, which asks for none: {outcome:?}"
                );
                assert!(!outcome.may_be_resolved(), "a late reply that says nothing");
                call.stands = Stands::Ended;
            }
        }
    }

    /// The verdict does not contradict what was sent and delivered.
    fn is_true(&self, tag: Tag, outcome: &Outcome) {
        let sent = self.calls[tag as usize].sent;
        let possible = match outcome {
            Outcome::Done(_) => sent && self.may_be_done,
            Outcome::NotExecuted(Reason::Cancelled, _) => self.may_be_refused,
            Outcome::NotExecuted(..) => !sent || self.may_be_refused,
            Outcome::Unknown(_)
            | Outcome::Failed(_)
            | Outcome::Panicked(_)
            | Outcome::GivenUp(_)
            | Outcome::ReplyLost(_) => sent,
        };
        assert!(possible, "V6, V7: {outcome:?} for call {tag}, sent: {sent}");
    }

    /// Every call whose deadline has passed has its verdict (V11).
    pub(super) fn none_is_late(&self, now: Time) {
        let late = self.calls.iter().position(|call| call.stands == Stands::Open && call.deadline <= now);
        assert_eq!(late, None, "V11: a call has no verdict at its deadline");
    }

    /// Every call has its verdict, and no late reply is expected.
    pub(super) fn all_ended(&self) {
        let open = self.calls.iter().position(|call| call.stands != Stands::Ended);
        assert_eq!(open, None, "V11: a call has no verdict when its client is closed");
    }

    /// Calls without a verdict.
    pub(super) fn open(&self) -> usize {
        self.calls.iter().filter(|call| call.stands == Stands::Open).count()
    }
}
