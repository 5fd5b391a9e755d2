//! Sessions that end: by closing, by a second session, by a fork, by a defect, or by a connection that is cut.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rpc_core::CallError;
use rpc_core::limits::{ClientLimits, ServerLimits};

use super::Scenario;
use super::probe::{Ledger, connect, millis, pair, run, serve, stop, stop_by_force, until, within};
use crate::net::os::{background_waits, cut_all};
use crate::net::sync::thread;
use crate::world;

pub(super) const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "second session",
        about: "every slot waits for a lost answer: another session takes the calls, and the first one resolves itself",
        run: second_session,
    },
    Scenario {
        name: "dropped call",
        about: "a call that is dropped in a session that only resolves itself: its answer meets no later call",
        run: dropped_call,
    },
    Scenario {
        name: "busy server",
        about: "a call that a busy server refused, and that nothing waits for: it moves to the second session, and runs",
        run: busy_server,
    },
    Scenario {
        name: "close",
        about: "a client that is closed while others drive it, wait and await: all are told, and the server at once",
        run: close,
    },
    Scenario {
        name: "fork",
        about: "a child of a process whose background thread drove: it opens a session of its own",
        run: fork,
    },
    Scenario {
        name: "defect",
        about: "a thread that panics while it drives: the others go on with another session",
        run: defect,
    },
    Scenario {
        name: "cuts",
        about: "connections that are cut under callers, with two loops that hand sessions over",
        run: cuts,
    },
];

/// Milliseconds for which the handler holds the only slot.
const HELD: u64 = 14_000;

fn second_session() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits { slots: 1, ..ClientLimits::default() });
    let short = client.call.with_deadline(millis(500));
    let verdict = within("a call with a deadline of 500 ms", millis(500), || short.slow(0, HELD));
    ledger.check(0, &verdict);
    let long = client.call.with_deadline(millis(60_000));
    let mut threads: Vec<_> = (1..4)
        .map(|call| {
            let (long, ledger) = (long.clone(), ledger.clone());
            run(move || {
                if call == 1 {
                    ledger.answered(9, &long.slow(9, HELD)); // drives the second session while the first is resolved
                }
                let verdict = match call {
                    1 => long.quick(call),
                    2 => shuttle::future::block_on(long.start.steps(call)),
                    _ => long.start.quick(call).wait(),
                };
                ledger.answered(call, &verdict);
            })
        })
        .collect();
    // A started call whose deadline passes in the session that is left, and whose ticket is used again.
    drop(client.call.with_deadline(millis(2_000)).start.quick(4));
    if let Err(CallError::Unknown(unknown)) = verdict {
        let unknown = Arc::new(unknown);
        for _ in 0..2 {
            let (unknown, ledger) = (Arc::clone(&unknown), ledger.clone());
            threads.push(run(move || {
                let resolution = within("the resolution", millis(HELD), || unknown.resolve(millis(60_000)));
                ledger.resolved(0, &resolution);
            }));
        }
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    if world::is_calm() {
        assert_eq!(client.call.counters().orphaned_slots, 0, "V15");
    }
    client.call.close();
    drop((client, short, long));
    until("both sessions are ended by their client", millis(100), || server.counters().sessions == 0);
    until("the handler ends", millis(HELD), || server.oldest_running().is_zero());
    stop(server);
}

fn dropped_call() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 1);
    let client = connect(&server, ClientLimits { slots: 1, ..ClientLimits::default() });
    let begun = world::elapsed();
    let lost = client.call.with_deadline(millis(500)).start.slow(0, HELD);
    let long = client.call.with_deadline(millis(60_000));
    ledger.answered(1, &long.quick(1)); // over the second session
    if world::with(|world| world.random.bool()) {
        client.call.close();
        until("the server hears of both ends", millis(100), || server.counters().sessions == 0);
        drop(lost);
        until("the handler ends", millis(HELD), || server.oldest_running().is_zero());
        return stop_by_force(server);
    }
    match world::with(|world| world.random.bool()) {
        true => drop(lost),
        false => drop(lost.wait()), // 'unknown': the call is forgotten with its verdict
    }
    let left = millis(HELD).saturating_sub(world::elapsed() - begun).as_millis() as u64;
    let threads = [2, 3].map(|call| {
        let (long, ledger) = (long.clone(), ledger.clone());
        run(move || {
            let verdict = match call {
                2 => long.slow(call, left), // ends when the answer to the dropped call comes
                _ => long.start.slow(call, left).wait(),
            };
            ledger.answered(call, &verdict);
        })
    });
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    client.call.close();
    drop((client, long));
    stop_by_force(server);
}

/// The pause in milliseconds that a busy server suggests: longer than it takes until the session counts as stuck.
const SUGGESTED: u64 = 12_000;

fn busy_server() {
    let ledger = Ledger::default();
    let limits = ServerLimits { threads: 2, retry_after: millis(SUGGESTED), ..ServerLimits::default() };
    let server = serve(&ledger, limits, 1);
    let client = connect(&server, ClientLimits { slots: 2, ..ClientLimits::default() });
    // The length of its reply is known from here on: else the next two calls would not run side by side.
    ledger.answered(3, &client.slow(3, 1));
    let short = client.call.with_deadline(millis(500));
    let lost = [short.slow(0, HELD), {
        let refused = client.call.with_deadline(millis(100_000)).start.slow(1, 5);
        until("the call is refused", millis(100), || server.counters().refused == 1);
        let lost = short.nap(2, HELD); // holds the last thread, and with it the loop
        until("the refused call runs", millis(80_000), || ledger.runs(1) == 1);
        ledger.answered(1, &refused.wait());
        lost
    }];
    for (call, verdict) in [0, 2].into_iter().zip(&lost) {
        ledger.check(call, verdict);
    }
    drop(lost);
    client.call.close();
    drop((client, short));
    stop_by_force(server); // it has sessions of connections that were given up while its loop was held
}

fn close() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let threads: Vec<_> = (0..4)
        .map(|call| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || {
                let verdict = match call {
                    0 => client.slow(call, 20),
                    1 => client.start.slow(call, 20).wait(),
                    2 => shuttle::future::block_on(client.start.slow(call, 20)),
                    _ => client.quick(call),
                };
                ledger.check(call, &verdict);
            })
        })
        .collect();
    if world::with(|world| world.random.bool()) {
        thread::sleep(millis(1));
    }
    client.call.close();
    within("the waiting calls have their verdicts", millis(10), || {
        threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    });
    until("the server hears of it", millis(10), || server.counters().sessions == 0);
    until("the handlers end", millis(100), || {
        server.oldest_running().is_zero() && server.counters().running == 0
    });
    stop(server);
}

fn fork() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    ledger.answered(0, &client.quick(0));
    let mut parents = client.start.slow(1, 40);
    let early = parents.poll_now(); // no thread waits for it: the background thread drives
    let mut steps = 0;
    while !background_waits() && steps < 100 {
        thread::sleep(millis(1));
        steps += 1;
    }
    if background_waits() {
        world::fork();
    }
    let threads: Vec<_> = (2..5)
        .map(|call| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || {
                let verdict = match call {
                    2 => client.quick(call),
                    3 => shuttle::future::block_on(client.start.steps(call)),
                    _ => client.start.quick(call).wait(),
                };
                ledger.answered(call, &verdict);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    if early.is_none() {
        ledger.check(1, &within("the parent's call has a verdict", millis(5_000), || parents.wait()));
    }
    client.call.close();
    until("the handlers end", millis(100), || {
        server.oldest_running().is_zero() && server.counters().running == 0
    });
    drop(client);
    stop_by_force(server); // the parent's session is left alone
}

fn defect() {
    let ledger = Ledger::default();
    let (server, client) = pair(&ledger);
    let who = if world::with(|world| world.random.bool()) { "caller" } else { "rpc-background" };
    let threads: Vec<_> = (0..4)
        .map(|call| {
            let (client, ledger) = (client.call.with_deadline(millis(3_000)), ledger.clone());
            run(move || {
                let called = catch_unwind(AssertUnwindSafe(|| match call {
                    0 => client.steps(call),
                    1 => shuttle::future::block_on(client.start.steps(call)),
                    2 => client.start.quick(call).wait(),
                    _ => client.quick(call),
                }));
                if let Ok(verdict) = called {
                    ledger.check(call, &verdict);
                }
            })
        })
        .collect();
    world::with(|world| world.defect = Some(who));
    within("all have a verdict", millis(3_000), || {
        threads.into_iter().for_each(|thread| thread.join().expect("only the call panics"));
    });
    world::with(|world| world.defect = None);
    ledger.answered(9, &client.quick(9));
    client.call.close();
    stop_by_force(server); // the session of the thread that panicked is left alone
}

fn cuts() {
    let ledger = Ledger::default();
    let server = serve(&ledger, ServerLimits::default(), 2);
    let client = connect(&server, ClientLimits::default());
    let threads: Vec<_> = (0..4)
        .map(|call| {
            let (client, ledger) = (client.clone(), ledger.clone());
            run(move || {
                let verdict = match call {
                    0 => client.slow(call, 5),
                    1 => shuttle::future::block_on(client.start.steps(call)),
                    2 => client.start.steps(call).wait(),
                    _ => client.quick(call),
                };
                ledger.answered(call, &verdict);
            })
        })
        .collect();
    for _ in 0..2 {
        cut_all();
        thread::sleep(millis(3));
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a caller does not panic"));
    client.call.close();
    until("the server hears of it", millis(4_000), || server.counters().sessions == 0);
    stop_by_force(server);
}
