//! Layer 3: a started call: wait for it, poll it, await it, or drop it, which cancels it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::channel::{Channel, Ticket};
use super::error::{CallError, Never};
use super::reply::Reader;
use crate::contract::Method;
use crate::limits::Nesting;
use crate::proto::Outcome;

/// A call that was started and whose reply was not taken yet.
///
/// A method that returns `Result<T, E>` starts a `Pending<T, E>`, one that returns `T` a `Pending<T>`. It is also a
/// [`Future`]. Dropping it cancels the call: if the call has not begun to run, it does not begin; if it has, its reply
/// is dropped.
///
/// ```no_run
/// use std::collections::VecDeque;
/// use rpc_core::{CallError, Pending, rpc};
///
/// #[rpc]
/// pub trait Kv {
///     fn put(&self, key: &str, value: &str) -> Result<(), String>;
/// }
///
/// /// Puts many pairs, with at most eight calls under way.
/// fn put_all(kv: &KvClient, pairs: &[(String, String)]) -> Result<(), CallError<String>> {
///     let mut started: VecDeque<Pending<(), String>> = VecDeque::new();
///     for (key, value) in pairs {
///         started.push_back(kv.start.put(key, value));
///         if started.len() == 8 {
///             started.pop_front().map_or(Ok(()), Pending::wait)?;
///         }
///     }
///     started.into_iter().try_for_each(Pending::wait)
/// }
/// ```
///
/// In async code, under any runtime or none:
///
/// ```
/// use rpc_core::{CallError, rpc};
///
/// #[rpc]
/// pub trait Counter {
///     fn add(&self, n: u64) -> u64;
/// }
///
/// /// Adds to both, at the same time.
/// async fn add_to_both(one: &CounterClient, other: &CounterClient) -> Result<u64, CallError> {
///     let (first, second) = (one.start.add(1), other.start.add(1)); // both are under way
///     Ok(first.await? + second.await?)
/// }
/// ```
#[must_use = "a started call that is dropped is cancelled: wait for it, or put it into a Race"]
pub struct Pending<T, E = Never> {
    /// The progress of the call.
    state: State,
    /// The method that was called, for messages.
    method: &'static Method,
    /// The channel that carries the call.
    channel: Arc<dyn Channel>,
    /// Turns the outcome into a value or an error. A function, so that the type says what the caller gets and not how
    /// it was encoded.
    read: Reader<T, E>,
    /// The nesting that the client allows.
    nesting: Nesting,
}

enum State {
    /// The channel has the call.
    Started(Ticket),
    /// The outcome was known without sending anything.
    Finished(Outcome),
    /// The reply was returned to the caller.
    Taken,
}

impl<T, E> Pending<T, E> {
    pub(super) fn new(
        started: Result<Ticket, Outcome>,
        method: &'static Method,
        channel: Arc<dyn Channel>,
        (read, nesting): (Reader<T, E>, Nesting),
    ) -> Self {
        let state = match started {
            Ok(ticket) => State::Started(ticket),
            Err(outcome) => State::Finished(outcome),
        };
        Pending { state, method, channel, read, nesting }
    }

    /// Waits for the reply; the call's deadline bounds the wait.
    ///
    /// # Errors
    /// As the client's method that waits: [`CallError`] tells if the call ran.
    pub fn wait(mut self) -> Result<T, CallError<E>> {
        loop {
            if let Some(reply) = self.take(|channel, ticket| channel.wait(ticket, None)) {
                return reply;
            }
        }
    }

    /// Waits for the reply for at most `limit`. Returns `None` if it has not arrived; the call goes on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rpc_core::{CallError, Pending};
    ///
    /// /// Waits for a reply, and shows that it still waits.
    /// fn wait_and_show(mut call: Pending<u64>) -> Result<u64, CallError> {
    ///     loop {
    ///         match call.wait_for(Duration::from_secs(1)) {
    ///             Some(reply) => return reply,
    ///             None => println!("no reply yet"),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Panics
    /// Panics if the reply was already taken, as a future does that is polled after it was ready.
    pub fn wait_for(&mut self, limit: Duration) -> Option<Result<T, CallError<E>>> {
        self.take(|channel, ticket| channel.wait(ticket, Some(limit)))
    }

    /// Returns the reply if it has arrived, without waiting. The library keeps the connection going meanwhile.
    ///
    /// # Panics
    /// Panics if the reply was already taken.
    pub fn poll_now(&mut self) -> Option<Result<T, CallError<E>>> {
        self.poll_with(Waker::noop())
    }

    pub(super) fn poll_with(&mut self, waker: &Waker) -> Option<Result<T, CallError<E>>> {
        self.take(|channel, ticket| channel.poll(ticket, waker))
    }

    pub(super) fn channel(&self) -> &Arc<dyn Channel> {
        &self.channel
    }

    /// Takes the reply, if `ask` returns an outcome.
    fn take(
        &mut self,
        ask: impl FnOnce(&dyn Channel, Ticket) -> Option<Outcome>,
    ) -> Option<Result<T, CallError<E>>> {
        let (outcome, ticket) = match std::mem::replace(&mut self.state, State::Taken) {
            State::Finished(outcome) => (outcome, None),
            State::Started(ticket) => match ask(&*self.channel, ticket) {
                Some(outcome) => (outcome, Some(ticket)),
                None => {
                    self.state = State::Started(ticket);
                    return None;
                }
            },
            State::Taken => panic!("the reply of {} was already taken", self.method.name),
        };
        Some((self.read)(outcome, self.method, &self.channel, ticket, self.nesting))
    }
}

impl<T, E> Drop for Pending<T, E> {
    fn drop(&mut self) {
        if let State::Started(ticket) = self.state {
            self.channel.abandon(ticket);
        }
    }
}

impl<T, E> Future for Pending<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.poll_with(context.waker()) {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        }
    }
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Started(ticket) => format!("started, {ticket:?}"),
            State::Finished(_) => "finished".to_owned(),
            State::Taken => "taken".to_owned(),
        };
        write!(f, "Pending({}, {state})", self.method.name)
    }
}
