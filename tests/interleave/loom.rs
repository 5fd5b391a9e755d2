//! The command queue of a loop under every schedule that there is: no command lies beside a loop that sleeps.

#[allow(dead_code, reason = "nothing closes the queue here, and no connection goes through it")]
#[path = "../../rpc-core/src/net/server/commands/queue.rs"]
mod commands;

mod net {
    pub(crate) mod os {
        //! A waker that can be waited for.

        use std::io;
        use std::sync::Arc;

        /// Wakes the loop.
        #[derive(Clone, Debug)]
        pub(crate) struct Waker(pub(crate) Arc<loom::sync::Notify>);

        impl Waker {
            pub(crate) fn wake(&self) -> io::Result<()> {
                self.0.notify();
                Ok(())
            }
        }

        /// No connection goes through the queue here.
        #[derive(Debug)]
        pub(crate) struct Stream;
    }

    pub(crate) mod sync {
        //! The locks that loom watches.

        pub(crate) use loom::sync::{Mutex, MutexGuard};
        pub(crate) use std::sync::{PoisonError, mpsc};
    }
}

use std::sync::Arc;
use std::time::Duration;

use commands::{Command, CommandQueue};
use rpc_core::{log, proto, wire};

/// Two threads put in one command each, and the loop sleeps whenever it may until it has both.
fn the_loop_takes_both_commands() {
    let notify = Arc::new(loom::sync::Notify::new());
    let queue = Arc::new(CommandQueue::new(net::os::Waker(Arc::clone(&notify))));
    let senders = [0, 1].map(|_| {
        let queue = Arc::clone(&queue);
        loom::thread::spawn(move || queue.push(Command::Drain(Duration::ZERO)))
    });
    let (mut taken, mut commands) = (0, Vec::new());
    while taken < senders.len() {
        if queue.may_sleep() {
            notify.wait(); // without end, if a command lies there
        }
        queue.drain(&mut commands);
        taken += commands.len();
        commands.clear();
    }
    senders.into_iter().for_each(|sender| sender.join().expect("it does not panic"));
}

#[test]
fn no_command_lies_beside_a_loop_that_sleeps() {
    loom::model(the_loop_takes_both_commands);
}
