//! Simulated polls: the events of what is registered, and the thread that waits for them.

use std::io;
use std::ops::BitOr;
use std::sync::{Arc, Mutex};
use std::task;
use std::time::Duration;

use super::lock;
use crate::net::sync::thread;
use crate::world;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) usize);

/// The directions that a socket is registered for; here always both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interest;

impl Interest {
    pub(crate) const READABLE: Interest = Interest;
    pub(crate) const WRITABLE: Interest = Interest;
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, _: Interest) -> Interest {
        Interest
    }
}

/// The kernel's news about one socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(super) token: Token,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) closed: bool,
    pub(super) failed: bool,
}

impl Event {
    pub(crate) fn token(&self) -> Token {
        self.token
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    pub(crate) fn is_read_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn is_write_closed(&self) -> bool {
        self.failed
    }

    pub(crate) fn is_error(&self) -> bool {
        self.failed
    }
}

#[derive(Debug)]
pub(crate) struct Events(Vec<Event>);

impl Events {
    pub(crate) fn with_capacity(_: usize) -> Self {
        Events(Vec::new())
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Event> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = std::slice::Iter<'a, Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The events that wait in a poll, and the thread that waits for them.
#[derive(Debug, Default)]
pub(crate) struct PollState(Mutex<(Vec<Event>, Option<task::Waker>)>);

impl PollState {
    pub(super) fn push(&self, event: Event) {
        let mut state = lock(&self.0);
        match state.0.iter_mut().find(|known| known.token == event.token) {
            Some(known) => {
                known.readable |= event.readable;
                known.writable |= event.writable;
                known.closed |= event.closed;
                known.failed |= event.failed;
            }
            None => state.0.push(event),
        }
        drop(state);
        self.wake_waiter();
    }

    /// Wakes the thread that waits; it looks again.
    pub(crate) fn wake_waiter(&self) {
        let waker = lock(&self.0).1.take();
        waker.into_iter().for_each(task::Waker::wake);
    }

    pub(crate) fn leave_waker(&self, waker: &task::Waker) {
        lock(&self.0).1 = Some(waker.clone());
    }
}

/// A poll's table of sockets.
#[derive(Clone, Debug)]
pub(crate) struct Registry(Arc<PollState>);

impl Registry {
    pub(crate) fn try_clone(&self) -> io::Result<Registry> {
        Ok(self.clone())
    }

    pub(crate) fn register<S: Source>(&self, source: &mut S, token: Token, _: Interest) -> io::Result<()> {
        source.set_registration(Some(Registration { poll: Arc::clone(&self.0), token }));
        Ok(())
    }

    pub(crate) fn deregister<S: Source>(&self, source: &mut S) -> io::Result<()> {
        source.set_registration(None);
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(super) poll: Arc<PollState>,
    pub(super) token: Token,
}

pub(crate) trait Source {
    fn set_registration(&mut self, registration: Option<Registration>);
}

#[derive(Debug)]
pub(crate) struct Poll(Registry);

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        let state = Arc::new(PollState::default());
        world::with(|world| world.polls.push(Arc::downgrade(&state)));
        Ok(Poll(Registry(state)))
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0
    }

    /// Waits for events. A thread that has no end of its own unwinds here when the execution is over.
    pub(crate) fn poll(&mut self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
        world::switch();
        let state = &self.0.0;
        let until = limit.map(world::after);
        let me = thread::number();
        let ends_here = || {
            world::with(|world| {
                world.gone.contains(&me)
                    || (world.threads.get(&me).is_some_and(|name| name == BACKGROUND) && world.is_over())
            })
        };
        events.0.clear();
        world::with(|world| world.polling.insert(me));
        world::wait(until, |waker| {
            let mut found = lock(&state.0);
            events.0.append(&mut found.0);
            found.1 = Some(waker.clone());
            drop(found);
            (!events.0.is_empty() || ends_here()).then_some(())
        });
        world::with(|world| world.polling.remove(&me));
        world::note(|| match events.0.len() {
            0 => format!("polled until {until:?} and saw nothing"),
            _ => format!("polled until {until:?} and saw {:?}", events.0),
        });
        if ends_here() {
            world::vanish(state);
        }
        Ok(())
    }
}

/// The one thread that never ends by itself.
pub(crate) const BACKGROUND: &str = "rpc-background";

#[derive(Debug)]
pub(crate) struct Waker(Registration);

impl Waker {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Waker(Registration { poll: Arc::clone(&registry.0), token }))
    }

    pub(crate) fn wake(&self) -> io::Result<()> {
        let Registration { poll, token } = &self.0;
        poll.push(Event { token: *token, readable: true, writable: false, closed: false, failed: false });
        world::switch();
        Ok(())
    }
}

/// Returns true if the background thread waits for the kernel, and has nothing to do.
pub(crate) fn background_waits() -> bool {
    world::with(|world| {
        world.threads.iter().any(|(number, name)| name == BACKGROUND && world.polling.contains(number))
    })
}
