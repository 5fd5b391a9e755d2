//! Rules of the journal: what is durable before bytes leave, and what the next process takes up.

use std::sync::{Arc, Mutex};

use super::*;
use crate::ids::MethodId;
use crate::proto::client::{
    ClientJournal, JournalEntry, JournalError, Recorded, RecordedSession, RestoredUse,
};
use crate::proto::tests::secs;

/// A journal that writes down what it is told; and fails from some commit on.
#[derive(Debug, Default)]
struct Log(Mutex<(Vec<String>, Option<RecordedSession>, Option<usize>)>);

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("not poisoned").0)
    }

    fn fail_after(&self, commits: usize) {
        self.0.lock().expect("not poisoned").2 = Some(commits);
    }

    fn session(&self) -> RecordedSession {
        self.0.lock().expect("not poisoned").1.clone().expect("a session was noted")
    }
}

impl ClientJournal for Log {
    fn load(&self) -> Result<Recorded, JournalError> {
        Err(JournalError("not asked for".into()))
    }

    fn note(&self, entry: JournalEntry<'_>) {
        let mut log = self.0.lock().expect("not poisoned");
        let text = match entry {
            JournalEntry::Session(session) => {
                log.1 = Some(session.clone());
                "session".to_owned()
            }
            JournalEntry::Call { slot, seq, method, .. } => {
                assert_ne!(method.id, MethodId(0));
                format!("call {slot} {seq}")
            }
            JournalEntry::GivenUp(slot) => format!("given up {slot}"),
            JournalEntry::Ended { slot, replied, outcome } => {
                format!("ended {slot} {replied} {}", outcome.is_some())
            }
            JournalEntry::Over => "over".to_owned(),
        };
        log.0.push(text);
    }

    fn commit(&self) -> Result<(), JournalError> {
        let mut log = self.0.lock().expect("not poisoned");
        match &mut log.2 {
            Some(0) => return Err(JournalError("the disk is full".into())),
            Some(left) => *left -= 1,
            None => {}
        }
        log.0.push("commit".to_owned());
        Ok(())
    }
}

/// A client with a journal whose session stands.
fn with_journal(slots: u16) -> (Bench, Arc<Log>) {
    let log = Arc::new(Log::default());
    let mut bench = Bench::new(quiet(slots));
    bench.core.keep_journal(log.clone(), Arc::new(()));
    bench.connect();
    bench.welcome(false);
    (bench, log)
}

#[test]
fn v13_a_call_is_durable_in_the_journal_before_a_byte_of_it_leaves() {
    let (mut bench, log) = with_journal(2);
    bench.start(1, LONG);
    bench.start(2, LONG);
    assert_eq!(log.take(), [""; 0], "nothing is to leave yet");
    assert_eq!(bench.transmitted().len(), 2);
    assert_eq!(log.take(), ["session", "call 0 1", "call 1 1", "commit"], "one commit for both");
    bench.done(0, 1);
    bench.start(3, LONG);
    assert_eq!(bench.written().len(), 1);
    assert_eq!(
        log.take(),
        ["ended 0 true true", "call 0 2", "commit"],
        "the answer before the slot's next call"
    );
}

#[test]
fn v13_without_a_commit_no_byte_leaves_and_the_call_is_unknown() {
    let (mut bench, log) = with_journal(1);
    bench.send(1, LONG);
    bench.done(0, 1);
    assert_eq!(bench.verdict(), (1, done()));
    log.fail_after(0);
    bench.start(2, LONG);
    bench.start(3, LONG);
    assert!(bench.transmitted().is_empty(), "what the journal does not have must not be sent");
    let events = bench.events();
    assert_eq!(events[0], (2, false, unknown(UnknownCause::Closed)), "it may be in the journal");
    let Outcome::NotExecuted(Reason::Closed, text) = &events[1].2 else { panic!("{events:?}") };
    assert!(text.contains("the disk is full"), "{text}");
    assert!(bench.core.is_closed() && bench.core.start(4, request(PLAIN, b"", LONG), bench.now).is_err());
}

#[test]
fn v7_a_refusal_is_durable_before_its_caller_is_told() {
    for fails in [false, true] {
        let (mut bench, log) = with_journal(1);
        bench.send(1, LONG);
        log.take();
        if fails {
            log.fail_after(0);
        }
        bench.reply(0, 1, Status::Refused(Reason::Cancelled), b"");
        let (_, outcome) = bench.verdict();
        match fails {
            false => {
                assert_eq!(reason(&outcome), Some(Reason::Cancelled));
                assert_eq!(log.take(), ["ended 0 true false", "commit"]);
            }
            true => assert_eq!(outcome, unknown(UnknownCause::Closed), "the next process would send it"),
        }
    }
}

#[test]
fn a_client_that_is_dropped_leaves_its_session_and_one_that_is_closed_ends_it() {
    for closes in [false, true] {
        let (mut bench, log) = with_journal(1);
        bench.send(1, LONG);
        log.take();
        let now = bench.now;
        if closes {
            bench.core.close(now)
        } else {
            bench.core.leave(now)
        }
        assert_eq!(bench.verdict(), (1, unknown(UnknownCause::Closed)));
        let written = kinds(&bench.transmitted());
        match closes {
            true => {
                assert_eq!((written, log.take()), (vec![Kind::Bye], vec!["over".into(), "commit".into()]))
            }
            false => assert_eq!((written, log.take()), (vec![], vec![])),
        }
    }
}

#[test]
fn v13_the_next_process_asks_for_its_calls_under_their_numbers_and_goes_on_behind_them() {
    let (mut bench, log) = with_journal(4);
    for tag in 1..=3 {
        bench.start(tag, LONG);
    }
    bench.written();
    bench.done(1, 1);
    let session = log.session();

    let mut next = Bench::new(quiet(4));
    next.core.keep_journal(log.clone(), Arc::new(()));
    assert!(next.core.can_restore(&session));
    let slots = vec![
        (0, 1, RestoredUse::UnderWay(11, request(PLAIN, b"arguments", LONG))),
        (1, 1, RestoredUse::Ended(true)),
        (2, 1, RestoredUse::GivenUp),
    ];
    next.core.restore(&session, slots, START);
    next.check();
    next.connect();
    next.welcome(true);
    assert_eq!(names(&next.written()), [(Kind::Call, 0, 1), (Kind::Ack, 1, 1), (Kind::Cancel, 2, 1)]);
    next.start(12, LONG);
    next.start(13, LONG);
    assert_eq!(names(&next.written()), [(Kind::Call, 1, 2), (Kind::Call, 3, 1)], "no number twice");
    next.done(0, 1);
    assert_eq!(next.verdict(), (11, done()));
}

#[test]
fn a_recorded_session_that_is_lost_leaves_its_calls_unknown() {
    let (mut bench, log) = with_journal(1);
    bench.send(1, LONG);
    let session = log.session();
    let mut next = Bench::new(quiet(1));
    next.core.keep_journal(log.clone(), Arc::new(()));
    let call = RestoredUse::UnderWay(11, request(PLAIN, b"arguments", secs(9)));
    next.core.restore(&session, vec![(0, 1, call)], START);
    next.connect();
    log.take();
    next.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert_eq!(next.verdict(), (11, unknown(UnknownCause::SessionLost)));
    assert_eq!(log.take(), ["over"]);
}

#[test]
fn a_client_with_other_services_or_slots_does_not_resume_a_recorded_session() {
    let (mut bench, log) = with_journal(2);
    bench.send(1, LONG);
    let session = log.session();
    assert!(!Bench::new(quiet(3)).core.can_restore(&session));
    assert!(!Bench::of(quiet(2), 1, vec![]).core.can_restore(&session));
    assert!(Bench::new(quiet(2)).core.can_restore(&session));
}

#[test]
fn a_call_that_its_caller_has_given_up_is_cancelled_by_the_next_process_too() {
    let (mut bench, log) = with_journal(1);
    bench.send(1, LONG);
    log.take();
    let now = bench.now;
    bench.core.abandon(1, now);
    assert_eq!(kinds(&bench.written()), [Kind::Cancel]);
    assert_eq!(log.take(), ["given up 0", "commit"]);
}
