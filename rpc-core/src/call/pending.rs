//! Floor 3: a started call: wait for it, look whether it is there, await it, or drop it, which cancels it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::channel::{Channel, Ticket};
use super::error::Place;
use super::reply::Reply;
use crate::contract::Method;
use crate::proto::Outcome;

/// A call that was started and not yet waited for. Dropping it cancels the call: it does not begin if it has not,
/// and its reply is dropped if it has.
#[must_use = "a started call that is dropped is cancelled: wait for it, or put it into a Race"]
pub struct Pending<R: Reply> {
    state: State,
    method: &'static Method,
    channel: Arc<dyn Channel>,
    reply: PhantomData<fn() -> R>,
}

enum State {
    Started(Ticket),
    Finished(Outcome),
    Taken,
}

impl<R: Reply> Pending<R> {
    pub(crate) fn new(
        started: Result<Ticket, Outcome>,
        method: &'static Method,
        channel: Arc<dyn Channel>,
    ) -> Self {
        let state = match started {
            Ok(ticket) => State::Started(ticket),
            Err(outcome) => State::Finished(outcome),
        };
        Pending { state, method, channel, reply: PhantomData }
    }

    /// Waits for the reply; the call's deadline bounds the wait.
    pub fn wait(mut self) -> R::Output {
        loop {
            if let Some(output) = self.take(|channel, ticket| channel.wait(ticket, None)) {
                return output;
            }
        }
    }

    /// Waits for the reply at most `limit`. `None`: not yet, and the call goes on.
    ///
    /// # Panics
    /// When the reply was taken before, as a future does that is polled after it was ready.
    pub fn wait_for(&mut self, limit: Duration) -> Option<R::Output> {
        self.take(|channel, ticket| channel.wait(ticket, Some(limit)))
    }

    /// The reply if it is there, without waiting. Somebody drives the connection meanwhile.
    ///
    /// # Panics
    /// When the reply was taken before.
    pub fn poll_now(&mut self) -> Option<R::Output> {
        self.poll_with(Waker::noop())
    }

    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Option<R::Output> {
        self.take(|channel, ticket| channel.poll(ticket, waker))
    }

    pub(crate) fn channel(&self) -> &Arc<dyn Channel> {
        &self.channel
    }

    fn take(&mut self, ask: impl FnOnce(&dyn Channel, Ticket) -> Option<Outcome>) -> Option<R::Output> {
        let (outcome, ticket) = match std::mem::replace(&mut self.state, State::Taken) {
            State::Finished(outcome) => (outcome, None),
            State::Started(ticket) => match ask(&*self.channel, ticket) {
                Some(outcome) => (outcome, Some(ticket)),
                None => {
                    self.state = State::Started(ticket);
                    return None;
                }
            },
            State::Taken => panic!("the reply of {} was taken before", self.method.name),
        };
        Some(R::output(outcome, || Place::new(self.method, &self.channel, ticket)))
    }
}

impl<R: Reply> Drop for Pending<R> {
    fn drop(&mut self) {
        if let State::Started(ticket) = self.state {
            self.channel.abandon(ticket);
        }
    }
}

impl<R: Reply> Future for Pending<R> {
    type Output = R::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R::Output> {
        match self.poll_with(context.waker()) {
            Some(output) => Poll::Ready(output),
            None => Poll::Pending,
        }
    }
}

impl<R: Reply> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Started(ticket) => format!("started, {ticket:?}"),
            State::Finished(_) => "finished".to_owned(),
            State::Taken => "taken".to_owned(),
        };
        write!(f, "Pending({}, {state})", self.method.name)
    }
}
