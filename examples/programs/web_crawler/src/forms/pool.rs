//! A fixed number of workers that take pages from one channel and answer on another: the notes' thread pool.
//!
//! When is it finished? The coordinator counts the pages that it sent and has no answer to. At zero it drops its
//! sender, which closes the workers' channel, and a closed channel tells each worker to end. No thread is
//! stopped from outside.
//!
//! Both channels are unbounded on purpose. With two bounded ones the coordinator can wait for space for a job while every
//! worker waits for space for an answer: a deadlock. The set bounds both, since each page is in them once.

use std::thread::{self, Builder};

use url::Url;

use crate::failure::Failure;
use crate::task::{Link, Task};

pub(super) fn crawl(task: &Task) -> Result<(), Failure> {
    let (jobs, job_queue) = crossbeam_channel::unbounded::<Url>();
    let (answer, answers) = crossbeam_channel::unbounded::<Vec<Link>>();
    thread::scope(|scope| {
        let jobs = jobs; // owned in here, so that a return of any kind closes the channel before the scope waits
        for number in 0..task.workers {
            let (job_queue, answer) = (job_queue.clone(), answer.clone());
            let worker = move || job_queue.into_iter().try_for_each(|url| answer.send(task.visit(&url)));
            match Builder::new().spawn_scoped(scope, worker) {
                Ok(_) => {}
                Err(error) if number == 0 => return Err(Failure::own("start a thread")(error)),
                Err(_) => break, // fewer workers than asked for crawl the same pages
            }
        }
        let mut seen = task.nothing_seen();
        let mut unanswered = 0_usize;
        let mut found = vec![task.first_link()];
        loop {
            for link in found {
                let Some(url) = seen.claim(&link) else { continue };
                if jobs.send(url).is_ok() {
                    unanswered += 1;
                }
            }
            if unanswered == 0 {
                return Ok(());
            }
            found = answers.recv().map_err(Failure::own("receive from the workers"))?;
            unanswered -= 1;
        }
    })
}
