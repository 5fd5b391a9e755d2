//! Rules of the table of waiting calls, without threads and sockets: which verdict stands, which thread is asked to drive, what is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::call::Ticket;
use crate::error::Reason;
use crate::ids::{Incarnation, SessionId, Time, Token};
use crate::limits::ClientLimits;
use crate::net::client::driver::Driver;
use crate::net::client::special_cases::{leave_if_blocked, restart};
use crate::net::client::state::{ClientState, PendingWakeups, Sleeper};
use crate::net::client::transport::Transport;
use crate::proto::UnknownCause;
use crate::proto::client::{ClientConfig, ClientCore};
use crate::wire::frame::{Header, Kind, append};
use crate::wire::message::{Agreement, Status, Welcome};

/// Counts how often it was woken.
#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client's shared state without a connection, with one slot, driven by the test.
struct Table {
    state: ClientState,
    now: Time,
}

impl Table {
    fn new() -> Self {
        let (driver, waker) = Driver::open(&ClientLimits::default()).expect("a poll");
        let mut table = Table { state: ClientState::new(core(1), driver, waker), now: Time(0) };
        greet(&mut table.state.core, table.now);
        table
    }

    fn start(&mut self, within: Duration) -> Ticket {
        let ticket = self.state.waiters.register();
        let request = Request { retry: true, ..request(within) };
        self.state.core.start(ticket.0, request, self.now).expect("started");
        ticket
    }

    fn send(&mut self, within: Duration) -> Ticket {
        let ticket = self.start(within);
        self.transmit();
        ticket
    }

    fn transmit(&mut self) {
        self.state.core.poll_transmit(&mut Vec::new(), self.now);
        self.state.core.handle_flushed(self.now);
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.state.core.handle_timeout(self.now);
    }

    fn reply(&mut self, seq: u64, status: Status, millis: u32) {
        let header = Header { code: status.code(), millis, ..Header::for_call(Kind::Reply, 0, seq) };
        hear(&mut self.state.core, &header, b"r", self.now);
    }

    fn deliver(&mut self) -> bool {
        let mut wakes = PendingWakeups::default();
        let delivered = self.state.deliver(&mut wakes);
        wakes.send();
        delivered
    }
}

pub(super) fn core(seed: u64) -> ClientCore {
    let limits = ClientLimits { slots: 1, ..ClientLimits::default() };
    ClientCore::new(ClientConfig { limits, contracts: vec![&CONTRACT], features: 0, seed })
}

/// Lets a core connect, say HELLO, and hear a WELCOME.
pub(super) fn greet(core: &mut ClientCore, now: Time) {
    assert!(core.poll_connect(now));
    core.handle_connected(now);
    core.poll_transmit(&mut Vec::new(), now);
    let welcome = Welcome {
        version: 1,
        features: 0,
        incarnation: Incarnation(1),
        session: SessionId(5),
        token: Token([1; 32]),
        slots: 1,
        max_frame: 4096,
        lease_ms: 1000,
        resumed: false,
        agreements: vec![Agreement::Same],
    };
    hear(core, &Header::new(Kind::Welcome), &welcome.encode(), now);
    assert!(core.is_ready());
}

fn hear(core: &mut ClientCore, header: &Header, body: &[u8], now: Time) {
    let mut bytes = Vec::new();
    append(&mut bytes, header, body, true);
    core.handle_input(bytes.into(), now);
}

fn done() -> Outcome {
    Outcome::Done(bytes::Bytes::from_static(b"r"))
}

const SHORT: Duration = Duration::from_millis(10);

#[test]
fn v11_an_answer_that_comes_before_its_verdict_of_unknown_was_taken_is_not_the_verdict_but_what_resolve_finds()
 {
    let mut table = Table::new();
    let ticket = table.send(SHORT);
    table.pass(SHORT);
    table.deliver(); // unknown by deadline, and no thread has looked yet
    assert!(table.state.waiters.has_outcome(ticket));
    table.reply(1, Status::Done, 0);
    table.deliver();
    assert!(table.state.waiters.has_outcome(ticket), "the thread that waits for it must not wait for ever");
    assert_eq!(table.state.waiters.take(ticket), Some(Outcome::Unknown(UnknownCause::Deadline)));
    assert_eq!(table.state.waiters.take(ticket), None);
    assert_eq!(table.state.waiters.resolution(ticket), Some(done()));
}

#[test]
fn v11_both_events_in_one_look_give_the_verdict_first() {
    let mut table = Table::new();
    let ticket = table.send(SHORT);
    table.pass(SHORT);
    table.reply(1, Status::Done, 0);
    assert!(table.deliver());
    assert_eq!(table.state.waiters.take(ticket), Some(Outcome::Unknown(UnknownCause::Deadline)));
    assert_eq!(table.state.waiters.resolution(ticket), Some(done()));
}

#[test]
fn an_unknown_call_keeps_its_place_until_it_is_resolved_and_the_answer_may_be_read_again() {
    let mut table = Table::new();
    let ticket = table.send(SHORT);
    table.pass(SHORT);
    table.deliver();
    assert_eq!(table.state.waiters.take(ticket), Some(Outcome::Unknown(UnknownCause::Deadline)));
    assert!(!table.state.waiters.has_outcome(ticket) && table.state.waiters.resolution(ticket).is_none());
    table.reply(1, Status::Done, 0);
    table.deliver();
    assert_eq!(table.state.waiters.resolution(ticket), Some(done()));
    assert_eq!(table.state.waiters.resolution(ticket), Some(done()));
    assert!(table.state.waiters.remove(ticket).is_none());
    assert!(table.state.waiters.resolution(ticket).is_none());
}

#[test]
fn an_answer_for_a_place_that_was_given_up_goes_nowhere() {
    let mut table = Table::new();
    let ticket = table.send(SHORT);
    table.state.core.abandon(ticket.0, table.now);
    assert!(table.state.waiters.remove(ticket).is_none());
    let next = table.start(Duration::from_secs(9));
    assert_eq!(next.0, ticket.0, "places are used again");
    table.reply(1, Status::Done, 0);
    table.deliver();
    assert!(!table.state.waiters.has_outcome(next), "V6: another call's bytes are not its answer");
}

#[test]
fn a_thread_that_leaves_asks_for_a_driver_once_while_anything_is_owed_also_a_call_that_pauses() {
    let mut table = Table::new();
    let mut wakes = PendingWakeups::default();
    assert!(!table.state.pass_role(&mut wakes), "nothing is owed");
    table.send(Duration::from_secs(9));
    table.reply(1, Status::Refused(Reason::Busy), 1000); // it waits its pause
    assert!(table.state.pass_role(&mut wakes), "V16: a call that pauses has a driver");
    assert!(table.state.background_asked && !table.state.pass_role(&mut wakes), "asked for already");
    table.state.background_asked = false;
    assert!(table.state.pass_role(&mut wakes));
}

#[test]
fn a_thread_that_leaves_wakes_a_sleeper_rather_than_ask_for_the_background() {
    let mut table = Table::new();
    let ticket = table.send(Duration::from_secs(9));
    let thread = Sleeper(std::thread::current());
    table.state.waiters.sleep(ticket, thread.clone());
    let mut wakes = PendingWakeups::default();
    assert!(!table.state.pass_role(&mut wakes) && !table.state.background_asked);
    wakes.send();
    std::thread::park(); // returns at once: it was woken
    table.state.waiters.awake(ticket, &thread);
    assert!(table.state.pass_role(&mut PendingWakeups::default()), "no thread sleeps any more");
}

#[test]
fn one_thread_drives_at_a_time_and_is_not_asked_again() {
    let mut table = Table::new();
    table.send(Duration::from_secs(9));
    let driver = table.state.take_driver(Driving::Caller).expect("no thread drives");
    assert!(table.state.take_driver(Driving::Background).is_none());
    assert!(!table.state.pass_role(&mut PendingWakeups::default()), "a thread drives");
    table.state.driving = Driving::Idle(driver);
    assert!(table.state.take_driver(Driving::Background).is_some());
}

#[test]
fn a_waker_is_woken_once_by_its_answer_and_the_same_one_is_left_once() {
    let mut table = Table::new();
    let ticket = table.send(SHORT);
    let (waker, other) = (Arc::new(CountingWaker::default()), Arc::new(CountingWaker::default()));
    assert!(table.state.waiters.set_waker(ticket, &Arc::clone(&other).into()).is_none());
    assert!(
        table.state.waiters.set_waker(ticket, &Arc::clone(&waker).into()).is_some(),
        "the earlier one is given back"
    );
    assert!(table.state.waiters.set_waker(ticket, &Arc::clone(&waker).into()).is_none());
    assert!(!table.deliver());
    table.reply(1, Status::Done, 0);
    assert!(table.deliver());
    assert_eq!((waker.0.load(Ordering::Relaxed), other.0.load(Ordering::Relaxed)), (1, 0));
}

#[test]
fn a_must_wake_driver_for_bytes_to_send_and_for_a_timer_before_its_own() {
    let mut table = Table::new();
    table.state.sleeps_until = table.now.plus(Duration::from_secs(3600));
    table.state.core.handle_timeout(table.now);
    assert!(!table.state.must_wake_driver());
    table.start(Duration::from_secs(9));
    assert!(table.state.must_wake_driver(), "bytes wait");
    table.transmit();
    assert!(table.state.must_wake_driver(), "its retransmission is due in a second");
    table.state.sleeps_until = table.now;
    assert!(!table.state.must_wake_driver());
}

#[test]
fn a_stuck_session_retires_once_its_waiting_calls_move_and_its_answers_still_arrive() {
    let mut table = Table::new();
    let unknown = table.send(SHORT);
    table.pass(SHORT);
    table.deliver();
    table.state.waiters.take(unknown);
    let waits = table.start(Duration::from_secs(60));
    let mut transport = Transport::default();
    assert!(leave_if_blocked(&mut table.state, &mut transport, table.now, || core(2)).is_none(), "not yet");
    table.pass(Duration::from_secs(10));
    assert!(leave_if_blocked(&mut table.state, &mut transport, table.now, || core(2)).is_some());
    assert!(
        leave_if_blocked(&mut table.state, &mut transport, table.now, || core(3)).is_none(),
        "one at a time"
    );
    assert_eq!(table.state.core.in_flight(), 1, "the call that waited has moved");
    greet(&mut table.state.core, table.now);
    table.transmit();
    table.reply(1, Status::Done, 0);
    let header = Header { code: Status::Done.code(), ..Header::for_call(Kind::Reply, 0, 1) };
    let now = table.now;
    hear(table.state.left.draining().expect("retired"), &header, b"old", now);
    table.deliver();
    assert_eq!(table.state.waiters.take(waits), Some(done()));
    assert_eq!(
        table.state.waiters.resolution(unknown),
        Some(Outcome::Done(bytes::Bytes::from_static(b"old")))
    );
}

/// A session that would drain beside another one has nowhere to go: if it replaced the first one, the replies that the first
/// one waits for would be lost.
#[test]
fn while_one_session_drains_the_next_one_stays_although_it_is_stuck_too() {
    let (mut table, mut transport) = (Table::new(), Transport::default());
    let mut unknown = Vec::new();
    for is_first in [true, false] {
        let ticket = table.send(SHORT);
        table.pass(SHORT);
        table.deliver();
        table.state.waiters.take(ticket);
        unknown.push(ticket);
        table.pass(Duration::from_secs(10));
        assert!(table.state.core.is_stuck(table.now));
        let left = leave_if_blocked(&mut table.state, &mut transport, table.now, || core(2));
        assert_eq!(left.is_some(), is_first, "one session drains at a time");
        if is_first {
            greet(&mut table.state.core, table.now);
        }
    }
    let header = Header { code: Status::Done.code(), ..Header::for_call(Kind::Reply, 0, 1) };
    let now = table.now;
    hear(table.state.left.draining().expect("it drains"), &header, b"r", now);
    table.deliver();
    assert_eq!(table.state.waiters.resolution(unknown[0]), Some(done()), "V15: the first one still hears");
    assert_eq!(table.state.waiters.resolution(unknown[1]), None);
}

#[test]
fn beginning_anew_gives_each_call_of_both_sessions_its_verdict_and_asks_for_a_driver_again() {
    let mut table = Table::new();
    let unknown = table.send(SHORT);
    table.pass(SHORT);
    table.deliver();
    table.state.waiters.take(unknown);
    table.pass(Duration::from_secs(10));
    leave_if_blocked(&mut table.state, &mut Transport::default(), table.now, || core(2));
    greet(&mut table.state.core, table.now);
    let sent = table.send(Duration::from_secs(60));
    let unsent = table.start(Duration::from_secs(60));
    (table.state.background_asked, table.state.polling, table.state.urgent) = (true, true, true);
    let (driver, waker) = Driver::open(&ClientLimits::default()).expect("a poll");
    let mut wakes = PendingWakeups::default();
    restart(&mut table.state, driver, waker, table.now, &mut wakes);
    assert_eq!(table.state.waiters.take(sent), Some(Outcome::Unknown(UnknownCause::SessionLost)));
    assert_eq!(table.state.waiters.resolution(unknown), Some(Outcome::Unknown(UnknownCause::SessionLost)));
    assert!(!table.state.waiters.has_outcome(unsent) && table.state.core.owes());
    assert!(!table.state.left.is_draining() && !table.state.polling && !table.state.urgent);
    assert!(table.state.pass_role(&mut wakes), "V16: it is not taken for asked already");
}

#[test]
fn counters_never_go_back_when_a_session_is_left_and_when_it_ends() {
    let mut table = Table::new();
    let _unknown = table.send(SHORT);
    table.pass(SHORT);
    table.deliver();
    table.pass(Duration::from_secs(10));
    let before = table.state.counters();
    assert_eq!((before.calls, before.sessions, before.connections, before.orphaned_slots), (1, 1, 1, 1));
    assert!(leave_if_blocked(&mut table.state, &mut Transport::default(), table.now, || core(2)).is_some());
    assert_eq!(table.state.counters(), before, "the first session still counts");
    greet(&mut table.state.core, table.now);
    table.send(SHORT);
    let during = table.state.counters();
    assert_eq!((during.calls, during.sessions, during.connections, during.orphaned_slots), (2, 2, 2, 1));
    table.state.left.end();
    let after = table.state.counters();
    assert_eq!((after.calls, after.sessions, after.connections), (2, 2, 2));
    assert_eq!(after.orphaned_slots, 0, "a session that has ended has no slots");
}

/// Its ticket may be that of a later call by then.
#[test]
fn a_verdict_that_was_forgotten_is_not_resolved_by_the_session_that_drains() {
    for forgotten in [false, true] {
        let mut table = Table::new();
        let ticket = table.send(SHORT);
        table.pass(SHORT);
        table.deliver();
        table.pass(Duration::from_secs(10));
        let left =
            leave_if_blocked(&mut table.state, &mut Transport::default(), table.now, || core(2)).is_some();
        assert!(left, "its only slot is orphaned");
        if forgotten {
            table.state.left.forget(ticket.0);
        }
        let header = Header { code: Status::Done.code(), ..Header::for_call(Kind::Reply, 0, 1) };
        let draining = table.state.left.draining().expect("it was left");
        hear(draining, &header, b"r", table.now);
        assert_eq!(table.state.left.poll_event().is_none(), forgotten);
    }
}
