//! Two locks taken in two orders: each thread holds one and waits for the other. Fixed: one order for all threads.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Mutex, awkward_moment, thread};

pub(crate) fn broken(steps: &Steps) {
    transfers(steps, ["account B", "account A"]); // the second thread takes them in the opposite order
}

pub(crate) fn fixed(steps: &Steps) {
    transfers(steps, ["account A", "account B"]);
}

fn transfers(steps: &Steps, order_of_second: [&'static str; 2]) {
    let accounts = [("account A", Arc::new(Mutex::new(100))), ("account B", Arc::new(Mutex::new(100)))];
    let of = |name| accounts.iter().find(|(other, _)| *other == name).map(|(_, account)| Arc::clone(account));
    let mut threads = Vec::new();
    for (name, order) in [("thread 1", ["account A", "account B"]), ("thread 2", order_of_second)] {
        let locks = order.map(|name| (name, of(name).expect("both names are in the list")));
        let steps = steps.clone();
        threads.push(thread::spawn(move || transfer(&steps, name, &locks)));
    }
    for thread in threads {
        thread.join().expect("it does not panic");
    }
}

fn transfer(steps: &Steps, name: &'static str, locks: &[(&'static str, Arc<Mutex<i32>>); 2]) {
    let [(first, from), (second, to)] = locks;
    let mut from = from.lock().expect("no thread panics");
    steps.say(name, format!("holds {first}"));
    awkward_moment();
    steps.say(name, format!("holds {first}, wants {second}"));
    let mut to = to.lock().expect("no thread panics");
    *from -= 10;
    *to += 10;
    steps.say(name, ENDS);
}
