//! A request to stop a thread. A thread cannot be ended from outside, so it must check for the request. Broken: a flag that
//! it would check after its next message, which never comes. Fixed: drop the sender, so that its receive fails.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Mutex, awkward_moment, mpsc, thread};

pub(crate) fn broken(steps: &Steps) {
    let stop = Arc::new(Mutex::new(false));
    let (jobs, worker) = start_worker(steps, &stop);
    let _ = jobs.send("job 1"); // the worker receives until it is told to stop
    awkward_moment(); // the worker waits for the next job
    *stop.lock().expect("no thread panics") = true;
    steps.say("main", "sets `stop`, and waits for the worker");
    worker.join().expect("it does not panic");
    drop(jobs); // too late
    steps.say("main", ENDS);
}

pub(crate) fn fixed(steps: &Steps) {
    let (jobs, worker) = start_worker(steps, &Arc::new(Mutex::new(false)));
    let _ = jobs.send("job 1");
    drop(jobs); // the worker's next `recv` fails
    steps.say("main", "drops the sender, and waits for the worker");
    worker.join().expect("it does not panic");
    steps.say("main", ENDS);
}

fn start_worker(
    steps: &Steps,
    stop: &Arc<Mutex<bool>>,
) -> (mpsc::Sender<&'static str>, thread::JoinHandle<()>) {
    let (jobs, inbox) = mpsc::channel();
    let (stop, steps) = (Arc::clone(stop), steps.clone());
    let worker = thread::spawn(move || {
        while !*stop.lock().expect("no thread panics") {
            steps.say("worker", "waits for a job");
            let Ok(job) = inbox.recv() else { break };
            steps.say("worker", format!("does {job}"));
        }
        steps.say("worker", ENDS);
    });
    (jobs, worker)
}
