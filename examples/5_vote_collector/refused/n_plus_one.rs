//! The notes' `n = n + 1`, in two threads at once. It does not compile.

use std::thread;

fn main() {
    let mut n = 0;
    thread::scope(|scope| {
        scope.spawn(|| n = n + 1);
        scope.spawn(|| n = n + 1);
    });
    println!("{n}");
}
