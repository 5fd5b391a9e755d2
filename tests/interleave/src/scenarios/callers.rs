//! Callers that block, wait with a limit, await or give up: each call gets a verdict, and no wake-up is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use rpc_core::CallError;
use rpc_core::call::Pending;
use rpc_core::limits::{ClientLimits, IDLE_AFTER, ServerLimits};

use super::Scenario;
use super::probe::{
    Ledger, connect, millis, nothing_waited_longer_than, pair, run, serve, stop, until, within,
};
use crate::net::sync::thread::{self, Thread};

pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "callers",
        about: "two callers that block and one that started its call: the driver's role goes from one to the other",
        run: callers,
    },
    Scenario {
        name: "futures",
        about: "calls that are awaited, beside callers that come and go: the background thread takes the role up",
        run: futures,
    },
    Scenario {
        name: "started",
        about: "calls that are started and left alone: they leave although nothing waits for them",
        run: started,
    },
    Scenario {
        name: "deadlines",
        about: "deadlines and limits that pass while answers come: each verdict in time, each question resolved",
        run: deadlines,
    },
    Scenario {
        name: "abandoned",
        about: "calls that are given up while others wait for their slots: no answer meets another call",
        run: abandoned,
    },
    Scenario {
        name: "wakers",
        about: "wakers that own calls of their client, and wakers that panic: nothing is locked, and no thread ends",
        run: wakers,
    },
];

fn callers() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let threads: Vec<_> = (0..3)
        .map(|call| {
            let client = client.clone();
            run(move || match call {
                0 => client.start.steps(call).wait(),
                _ => client.quick(call),
            })
        })
        .collect();
    for (call, thread) in (0..).zip(threads) {
        ledger.answered(call, &thread.join().expect("a caller does not panic"));
    }
    nothing_waited_longer_than(millis(200));
    client.call.close();
    stop(server);
}

fn futures() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let threads: Vec<_> = (0..4)
        .map(|call| {
            let client = client.clone();
            run(move || match call {
                0 | 1 => shuttle::future::block_on(client.start.steps(call)),
                _ => client.quick(call),
            })
        })
        .collect();
    for (call, thread) in (0..).zip(threads) {
        ledger.answered(call, &thread.join().expect("a caller does not panic"));
    }
    ledger.answered(4, &shuttle::future::block_on(client.start.quick(4)));
    nothing_waited_longer_than(millis(LEAVES));
    client.call.close();
    stop(server);
}

/// Milliseconds in which a started call leaves: well below the time after which the worker looks after an idle client anyway.
const LEAVES: u64 = IDLE_AFTER.as_millis() as u64 - 10;

/// Starts two calls, sees that both run, waits for one, and then the same again.
fn starts_and_looks_on(client: &super::probe::ProbeClient, ledger: &Ledger, from: u64) {
    for first in [from, from + 2] {
        let pending = [client.start.quick(first), client.start.steps(first + 1)];
        until("a started call leaves by itself", millis(LEAVES), || {
            ledger.runs(first) + ledger.runs(first + 1) == 2
        });
        for (call, pending) in (first..).zip(pending) {
            ledger.answered(call, &pending.wait());
        }
    }
}

fn started() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let threads: Vec<_> = (0..2)
        .map(|n| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || starts_and_looks_on(&client, &ledger, 10 * n))
        })
        .collect();
    ledger.answered(100, &client.quick(100));
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    client.call.close();
    stop(server);
}

/// A call with a deadline that its handler oversleeps: unknown in time, then resolved as executed.
fn oversleeps(client: &super::probe::ProbeClient, ledger: &Ledger, call: u64) {
    let short = client.call.with_deadline(millis(4));
    let verdict = within("a call with a deadline of 4 ms", millis(4), || short.nap(call, 8));
    ledger.check(call, &verdict);
    let Err(CallError::Unknown(unknown)) = verdict else { return };
    let resolution = within("the resolution", millis(50), || unknown.resolve(millis(60_000)));
    ledger.resolved(call, &resolution);
}

/// A call that waits for the only slot until its deadline, while another one drives and sleeps for longer.
fn waits_for_a_slot(server: &crate::net::RunningServer, ledger: &Ledger) {
    let client = connect(server, ClientLimits { slots: 1, ..ClientLimits::default() });
    let holder = {
        let (client, ledger) = (client.clone(), ledger.clone());
        run(move || ledger.answered(10, &client.slow(10, 40)))
    };
    thread::sleep(millis(5));
    let short = client.call.with_deadline(millis(10));
    ledger.check(11, &within("a call that waits for a slot", millis(10), || short.quick(11)));
    holder.join().expect("a caller does not panic");
    client.call.close();
}

fn deadlines() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits { slots: 2, ..ClientLimits::default() });
    let threads: Vec<_> = (0..5)
        .map(|call| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || match call {
                0 | 1 => oversleeps(&client, &ledger, call),
                2 => {
                    let mut pending = client.start.steps(call);
                    loop {
                        if let Some(verdict) =
                            within("a limit of 2 ms", millis(2), || pending.wait_for(millis(2)))
                        {
                            return ledger.answered(call, &verdict);
                        }
                    }
                }
                3 => {
                    let short = client.call.with_deadline(millis(6));
                    let verdict = within("a deadline of 6 ms", millis(6), || short.quick(call));
                    ledger.check(call, &verdict);
                }
                _ => {
                    let short = client.call.with_deadline(millis(3));
                    let verdict = within("a deadline of 3 ms", millis(3), || {
                        shuttle::future::block_on(short.start.quick(call))
                    });
                    ledger.check(call, &verdict);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    waits_for_a_slot(&server, &ledger);
    client.call.close();
    stop(server);
}

fn abandoned() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits { slots: 2, ..ClientLimits::default() });
    let threads: Vec<_> = (0..3)
        .map(|n| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || {
                let dropped = client.start.steps(10 * n);
                let kept = client.start.steps(10 * n + 1);
                drop(dropped);
                let late = client.call.with_deadline(millis(2)).start.nap(10 * n + 2, 3);
                ledger.answered(10 * n + 1, &kept.wait());
                drop(late);
                ledger.answered(10 * n + 3, &client.quick(10 * n + 3));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    until("V15: every slot is free again", millis(1500), || client.call.counters().orphaned_slots == 0);
    client.call.close();
    stop(server);
}

/// A waker that does more than to wake: it drops a call of the same client, or panics.
struct Mischief {
    thread: Thread,
    owned: Mutex<Option<Pending<u64>>>,
    panics: bool,
}

impl Wake for Mischief {
    fn wake(self: Arc<Self>) {
        self.thread.unpark();
        drop(self.owned.lock().unwrap_or_else(PoisonError::into_inner).take());
        assert!(!self.panics, "a waker that panics, as the scenario wants");
    }
}

fn waits_by_mischief(client: &super::probe::ProbeClient, ledger: &Ledger, call: u64, panics: bool) {
    let owned = Mutex::new(Some(client.start.steps(call + 50)));
    let waker = Waker::from(Arc::new(Mischief { thread: thread::current(), owned, panics }));
    let mut pending = client.start.steps(call);
    let verdict = loop {
        match Pin::new(&mut pending).poll(&mut Context::from_waker(&waker)) {
            std::task::Poll::Ready(verdict) => break verdict,
            std::task::Poll::Pending => thread::park(),
        }
    };
    ledger.answered(call, &verdict);
    let last = catch_unwind(AssertUnwindSafe(|| drop(waker)));
    assert!(last.is_ok());
}

/// Gives a call up whose wakers own other calls: the second waker replaces the first, and is dropped with the call.
fn drops_its_wakers(client: &super::probe::ProbeClient, call: u64) {
    let mut dropped = client.start.steps(call);
    for other in [call + 10, call + 20] {
        let owned = Mutex::new(Some(client.start.steps(other)));
        let waker = Waker::from(Arc::new(Mischief { thread: thread::current(), owned, panics: false }));
        if Pin::new(&mut dropped).poll(&mut Context::from_waker(&waker)).is_ready() {
            return; // it was answered before it was given up
        }
    }
}

fn wakers() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let threads: Vec<_> = (0..4)
        .map(|call| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || match call {
                0 | 1 => waits_by_mischief(&client, &ledger, call, call == 1),
                3 => drops_its_wakers(&client, 3),
                _ => ledger.answered(call, &client.quick(call)),
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    nothing_waited_longer_than(millis(200));
    client.call.close();
    stop(server);
}
