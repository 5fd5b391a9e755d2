//! The lecture's smallest deadlock: one thread sends on a channel that only the same thread could read. Go's runtime says
//! "all goroutines are asleep"; Rust's says nothing. Fixed: another thread sends, as in the lecture's crawler.

use crate::steps::{ENDS, Steps};
use crate::sync::{mpsc, thread};

pub(crate) fn broken(steps: &Steps) {
    let (ch, values) = mpsc::sync_channel(0);
    steps.say("main", "sends, and only then would receive");
    let _ = ch.send(1); // never returns: no other thread can receive
    let _ = values.recv();
    steps.say("main", ENDS);
}

pub(crate) fn fixed(steps: &Steps) {
    let (ch, values) = mpsc::sync_channel(0);
    let sender = thread::spawn(move || ch.send(1));
    let value = values.recv();
    steps.say("main", format!("receives {value:?}"));
    let _ = sender.join().expect("it does not panic");
    steps.say("main", ENDS);
}
