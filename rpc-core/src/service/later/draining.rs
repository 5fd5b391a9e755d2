//! Layer 3: the holder of a call learns that its server drains, so that calls which only wait do not hold the drain up.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{CallState, Inner, Notice, Responder, Shared};

/// The wishes of a holder for the begin of a drain.
#[derive(Default)]
pub(super) struct DrainWatch {
    /// Woken then.
    waker: Option<Waker>,
    /// Run then.
    callback: Option<Notice>,
    /// True once the signal of the server has a listener for this call.
    is_listening: bool,
    /// The number of that listener.
    number: Option<u64>,
}

impl<T: Send + 'static> Responder<T> {
    /// Returns true if the server of the call drains; false until the method has returned: it asks
    /// [`CallContext::is_draining`](crate::CallContext::is_draining). A held call holds the drain up until it ends.
    pub fn is_draining(&self) -> bool {
        self.shared.lock().is_draining()
    }

    /// Runs `callback` when the server begins to drain, once: on the thread of the server that is there for such functions, one
    /// after the other; or at once, on this thread, if the method has returned and the server drains now. A second one replaces the
    /// first. It does not run if the call has ended before.
    #[doc = include_str!("on_drain.md")]
    pub fn on_drain(&self, callback: impl FnOnce() + Send + 'static) {
        let mut inner = self.shared.lock();
        if inner.is_draining() {
            drop(inner);
            return callback();
        }
        let before = inner.watch().callback.replace(Box::new(callback));
        drop(inner);
        drop(before); // user code, so not under the lock
        self.shared.listen_for_drain();
    }

    /// Returns `Ready` if the server drains, as [`Responder::is_draining`]; else the task is woken when that is so.
    pub fn poll_draining(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.shared.lock();
        if inner.is_draining() {
            return Poll::Ready(());
        }
        let before = inner.watch().waker.replace(cx.waker().clone());
        drop(inner);
        drop(before);
        self.shared.listen_for_drain();
        Poll::Pending
    }

    /// Waits until the server drains, for code of any async runtime.
    pub async fn draining(&self) {
        poll_fn(|cx| self.poll_draining(cx)).await;
    }
}

impl<T> Inner<T> {
    fn is_draining(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.holder.draining().is_set())
    }

    fn watch(&mut self) -> &mut DrainWatch {
        self.drain.get_or_insert_default()
    }

    /// Returns what is left of the watch of a call that ends: drop it without the lock.
    pub(super) fn end_watch(&mut self) -> Option<Unwatched> {
        let watch = self.drain.take()?;
        Some(Unwatched { watch, holder: self.call.as_ref().map(|call| Arc::clone(&call.holder)) })
    }
}

/// The watch of a call that has ended.
pub(super) struct Unwatched {
    /// The watch.
    watch: Box<DrainWatch>,
    /// The driver of the server, whose signal has the listener.
    holder: Option<Arc<dyn super::Holder>>,
}

impl Drop for Unwatched {
    fn drop(&mut self) {
        if let (Some(number), Some(holder)) = (self.watch.number, &self.holder) {
            holder.draining().forget(number);
        }
    }
}

impl<T: Send + 'static> Shared<T> {
    /// Listens for the drain, if the holder asked for it and the call is known.
    pub(super) fn listen_for_drain(self: &Arc<Self>) {
        let mut inner = self.lock();
        let Inner { call: Some(CallState { holder, .. }), drain: Some(watch), .. } = &mut *inner else {
            return;
        };
        if std::mem::replace(&mut watch.is_listening, true) {
            return;
        }
        let holder = Arc::clone(holder);
        drop(inner);
        let shared = Arc::downgrade(self);
        let heard = move || shared.upgrade().into_iter().for_each(|shared| shared.tell_of_drain());
        let Some(number) = holder.draining().listen(heard) else { return };
        let mut inner = self.lock();
        match &mut inner.drain {
            Some(watch) => watch.number = Some(number),
            None => {
                drop(inner);
                holder.draining().forget(number); // the call has ended meanwhile
            }
        }
    }

    /// Passes the word on.
    fn tell_of_drain(&self) {
        let mut inner = self.lock();
        let Inner { call: Some(CallState { holder, .. }), drain: Some(watch), .. } = &mut *inner else {
            return;
        };
        let (waker, callback, holder) = (watch.waker.take(), watch.callback.take(), Arc::clone(holder));
        drop(inner);
        holder.notify(Box::new(move || {
            waker.into_iter().for_each(Waker::wake);
            callback.into_iter().for_each(|callback| callback());
        }));
    }
}
