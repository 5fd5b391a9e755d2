//! Asking a thread to stop. Nobody can end it from outside, so it must hear of it. Broken: a flag that it would look at
//! after its next message, which never comes. Mended: the request comes the same way as the messages: hang up.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Mutex, awkward_moment, mpsc, thread};

pub(crate) fn broken(steps: &Steps) {
    let stop = Arc::new(Mutex::new(false));
    let (jobs, worker) = start_worker(steps, &stop);
    let _ = jobs.send("job 1"); // the worker listens until it is told to stop
    awkward_moment(); // the worker is back at its inbox
    *stop.lock().expect("nobody panics") = true;
    steps.say("main", "sets `stop`, and waits for the worker");
    worker.join().expect("it does not panic");
    drop(jobs); // too late
    steps.say("main", ENDS);
}

pub(crate) fn mended(steps: &Steps) {
    let (jobs, worker) = start_worker(steps, &Arc::new(Mutex::new(false)));
    let _ = jobs.send("job 1");
    drop(jobs); // the worker's `recv` fails now, wherever it is
    steps.say("main", "hangs up, and waits for the worker");
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
        while !*stop.lock().expect("nobody panics") {
            steps.say("worker", "waits for a job");
            let Ok(job) = inbox.recv() else { break };
            steps.say("worker", format!("does {job}"));
        }
        steps.say("worker", ENDS);
    });
    (jobs, worker)
}
