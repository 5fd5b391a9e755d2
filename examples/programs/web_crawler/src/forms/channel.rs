//! A thread per page. The set belongs to one coordinator, and needs no lock because no other thread can reach it.
//!
//! When is it finished? When the coordinator has as many answers as it started workers: it counts. The channel itself
//! never closes, because the coordinator keeps a sender for the next worker; if it waited for the closing, it would
//! wait for itself.
//!
//! The lecture must send the first address from a separate goroutine, because its unbuffered channel otherwise has a sender
//! and no receiver yet, and the program stops. Here the coordinator begins with the address in its list instead.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread::{self, Builder};

use crate::task::Task;

pub(super) fn crawl(task: &Task) {
    let (to_coordinator, answers) = mpsc::channel();
    thread::scope(|scope| {
        let mut seen = task.nothing_seen();
        let mut waiting: VecDeque<_> = seen.claim(&task.first_link()).into_iter().collect();
        let mut workers = 0;
        loop {
            while workers < task.workers {
                let Some(url) = waiting.pop_front() else { break };
                workers += 1;
                let answer = to_coordinator.clone();
                let on_thread = url.clone();
                let worker = move || {
                    let _ = answer.send(task.visit(&on_thread)); // the coordinator stays until it has this answer
                };
                if Builder::new().spawn_scoped(scope, worker).is_err() {
                    let _ = to_coordinator.send(task.visit(&url)); // the system gives no more threads: do it here
                }
            }
            if workers == 0 {
                break;
            }
            let Ok(links) = answers.recv() else { break };
            workers -= 1;
            waiting.extend(links.iter().filter_map(|link| seen.claim(link)));
        }
    });
}
