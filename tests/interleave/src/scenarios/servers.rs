//! The loop that goes from thread to thread: slow handlers, threads that run out, counters, drains and failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpc_core::limits::{ClientLimits, SPARE_IDLE, SPARES_KEPT, ServerLimits};
use rpc_core::proto::server::ServerCounters;

use super::Scenario;
use super::probe::{Ledger, connect, millis, pair, run, serve, stop, until, within};
use crate::net::ServerHandle;
use crate::net::sync::thread;
use crate::world;

pub(super) const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "slow handlers",
        about: "handlers that are slow, known and unknown: the loop goes on, and its threads come back",
        run: slow_handlers,
    },
    Scenario {
        name: "last thread",
        about: "more slow calls than threads: the last one keeps the loop, and room comes back with each that ends",
        run: last_thread,
    },
    Scenario {
        name: "shares",
        about: "one session sends more slow calls than there are threads: it gets half, and another session's call runs",
        run: shares,
    },
    Scenario {
        name: "no threads",
        about: "threads that cannot be started: the loop stays where it is, and its calls end",
        run: no_threads,
    },
    Scenario {
        name: "counters",
        about: "counters that are asked for while a server works and ends: they never go back",
        run: counters,
    },
    Scenario {
        name: "left behind",
        about: "a handler that does not return: the server ends without it after its grace time",
        run: left_behind,
    },
    Scenario {
        name: "gone",
        about: "a server shuts down while its client calls, and nothing follows it: each caller is told in time",
        run: gone,
    },
    Scenario {
        name: "failed loop",
        about: "a loop whose own code panics: the server ends and says so",
        run: failed_loop,
    },
];

fn slow_handlers() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || {
                for call in [10 * n, 10 * n + 1] {
                    let verdict = match n {
                        0 => within("a slow call", millis(40), || client.slow(call, 20)),
                        1 => client.nap(call, 15),
                        2 => client.steps(call),
                        _ => within("a call beside slow ones", millis(20), || client.quick(call)),
                    };
                    ledger.answered(call, &verdict);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    let kept = SPARES_KEPT + 2; // one drives, one watches
    let enough = 3 * SPARE_IDLE;
    until("threads that wait for nothing end", enough, || world::live("rpc-loop") <= kept);
    client.call.close();
    stop(server);
}

fn last_thread() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits { threads: 2, ..ServerLimits::default() }, 1);
    let client = connect(&server, ClientLimits::default());
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || {
                for call in [10 * n, 10 * n + 1, 10 * n + 2] {
                    let verdict = match n {
                        0 | 1 => client.slow(call, 6),
                        2 => client.nap(call, 7),
                        _ => {
                            thread::sleep(millis(3));
                            client.quick(call)
                        }
                    };
                    ledger.answered(call, &verdict);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    assert!(ledger.most_at_once() <= 2, "more handlers at once than threads");
    ledger.answered(99, &within("a slow call alone", millis(10), || client.slow(99, 6)));
    client.call.close();
    stop(server);
}

fn shares() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits { threads: 8, ..ServerLimits::default() }, 1);
    let (greedy, other) =
        (connect(&server, ClientLimits::default()), connect(&server, ClientLimits::default()));
    let patient = greedy.call.with_deadline(millis(20_000));
    let calls: Vec<_> = (0..9).map(|call| patient.start.slow(call, 300)).collect();
    until("a session has its share", millis(200), || ledger.most_at_once() == 4);
    until("each call beyond it is refused", millis(200), || server.counters().refused >= 5);
    assert!(ledger.most_at_once() <= 4, "a session took more than half of the threads");
    ledger.answered(99, &within("another session's slow call", millis(20), || other.slow(99, 1)));
    for (call, pending) in (0..).zip(calls) {
        ledger.check(call, &pending.wait()); // one that is refused is tried again while its client's budget lasts
    }
    ledger
        .answered(50, &within("a call of a session that had its share", millis(20), || patient.slow(50, 1)));
    drop(patient);
    greedy.call.close();
    other.call.close();
    stop(server);
}

fn no_threads() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    world::with(|world| world.spawns_fail = 2);
    let callers = [0, 1].map(|n| {
        let (client, ledger) = (client.clone(), ledger.clone());
        let work = move || {
            for call in [10 * n, 10 * n + 1, 10 * n + 2] {
                let verdict = match n {
                    0 => client.slow(call, 6),
                    _ => client.nap(call, 12),
                };
                ledger.check(call, &verdict);
            }
        };
        shuttle::thread::spawn(work)
    });
    callers.into_iter().for_each(|caller| caller.join().expect("a caller does not panic"));
    world::with(|world| world.spawns_fail = 0);
    ledger.answered(99, &client.quick(99));
    client.call.close();
    stop(server);
}

/// Asks for the counters until `over`, and once more.
///
/// Its pauses double: a drain may take its whole grace time, and looks a millisecond apart would use up the steps of an execution
/// in which a loop's thread is forgotten until its client has left.
fn watches(handle: &ServerHandle, over: &AtomicBool) {
    let mut last = ServerCounters::default();
    let mut last_look = false;
    let mut pause = millis(1);
    loop {
        let now = handle.counters();
        let pairs = [
            (last.calls, now.calls),
            (last.executions, now.executions),
            (last.opened, now.opened),
            (last.acks, now.acks),
        ];
        assert!(pairs.iter().all(|(before, after)| before <= after), "counters go back: {pairs:?}");
        last = now;
        if last_look {
            return;
        }
        last_look = over.load(Ordering::Relaxed);
        if world::with(|world| world.random.bool()) {
            thread::sleep(pause);
            pause *= 2;
        }
    }
}

fn counters() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits::default());
    let over = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (handle, over) = (server.handle(), Arc::clone(&over));
        run(move || watches(&handle, &over))
    };
    ledger.answered(0, &client.quick(0));
    let (caller, slow) = (client.clone(), ledger.clone());
    let caller = run(move || slow.check(1, &caller.slow(1, 3)));
    if world::with(|world| world.random.bool()) {
        thread::sleep(millis(1));
    }
    client.call.close();
    caller.join().expect("a caller does not panic");
    stop_at_once(server);
    over.store(true, Ordering::Relaxed);
    watcher.join().expect("the counters do not go back");
}

/// Drains without a look at what still runs.
fn stop_at_once(server: crate::net::RunningServer) {
    let handle = server.handle();
    server.stop().expect("the server drains");
    until("its threads end", millis(1), || world::live("rpc-loop") == 0);
    assert!(handle.counters().running == 0 || !world::is_calm(), "V12"); // else a drain may end by force
}

fn left_behind() {
    let ledger = Ledger::default();
    let limits = ServerLimits { threads: 2, grace: millis(50), ..ServerLimits::default() };
    let server = serve(&ledger, limits, 1);
    let client = connect(&server, ClientLimits::default());
    let callers = [0, 1].map(|call| {
        let (client, ledger) = (client.call.with_deadline(millis(2_000)), ledger.clone());
        run(move || {
            let verdict = match call {
                0 => within("a call that is left behind", millis(2_000), || client.slow(call, 10_000)),
                _ => within("a call that is left behind", millis(2_000), || client.nap(call, 10_000)),
            };
            ledger.check(call, &verdict);
        })
    });
    thread::sleep(millis(5));
    within("the end by force", millis(2_000), || {
        assert!(server.stop().is_ok());
    });
    callers.into_iter().for_each(|caller| caller.join().expect("a caller does not panic"));
    client.call.close();
    until("what was left behind ends", millis(20_000), || world::live("rpc-loop") == 0);
}

/// Milliseconds in which the caller of a server that has gone is told: more than the longest pause between attempts.
const TOLD: u64 = 4_000;
/// The deadline in milliseconds of these calls. A machine that forgets the loop for the whole grace time ends it by force, without
/// GOAWAY: then a caller waits for another server until its deadline, since the server may be started again.
const PATIENT: u64 = 100_000;

fn gone() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let patient = client.call.with_deadline(millis(PATIENT));
    ledger.answered(0, &patient.quick(0));
    let callers = [1, 2].map(|n| {
        let (client, ledger) = (patient.clone(), ledger.clone());
        run(move || {
            for call in 10 * n..10 * n + 3 {
                let verdict = within("a call of a server that stops", millis(TOLD), || client.quick(call));
                ledger.check(call, &verdict);
            }
        })
    });
    let pending = patient.start.steps(50);
    stop_at_once(server);
    callers.into_iter().for_each(|caller| caller.join().expect("a caller does not panic"));
    ledger.check(50, &within("a started call of a server that has stopped", millis(TOLD), || pending.wait()));
    let verdict = within("a call of a server that has gone", millis(TOLD), || patient.quick(99));
    ledger.check(99, &verdict);
    assert!(verdict.is_err_and(|error| error.ran() == Some(false)) || !world::is_calm(), "nothing listens");
    drop(patient);
    client.call.close();
}

fn failed_loop() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 2);
    let client = connect(&server, ClientLimits::default());
    let callers = [0, 1, 2].map(|call| {
        let (client, ledger) = (client.call.with_deadline(millis(2_000)), ledger.clone());
        run(move || {
            let verdict = match call {
                0 => client.slow(call, 3),
                1 => client.nap(call, 9),
                _ => client.quick(call),
            };
            ledger.check(call, &verdict);
        })
    });
    world::with(|world| world.defect = Some("rpc-loop"));
    callers.into_iter().for_each(|caller| caller.join().expect("a caller does not panic"));
    let failed = world::with(|world| world.defect.take().is_none());
    client.call.close();
    let ended = within("the end", millis(40_000), || server.stop());
    assert_eq!(ended.is_err(), failed, "{ended:?}");
    until("its threads end", millis(10), || world::live("rpc-loop") == 0);
}
