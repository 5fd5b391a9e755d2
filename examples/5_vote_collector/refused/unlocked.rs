//! The lecture's first vote program, line by line: two counts, ten threads, no lock. It does not compile.

use std::thread;
use std::time::Duration;

fn request_vote() -> bool {
    thread::sleep(Duration::from_millis(20));
    true
}

fn main() {
    let mut count = 0;
    let mut finished = 0;

    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let vote = request_vote();
                if vote {
                    count += 1;
                }
                finished += 1;
            });
        }

        while count < 5 && finished != 10 {
            // wait
        }
        if count >= 5 {
            println!("received 5+ votes!");
        } else {
            println!("lost");
        }
    });
}
