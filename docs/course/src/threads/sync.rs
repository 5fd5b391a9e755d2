//! A lock, a condition variable, and a channel as Go's, for threads whose schedule is a list.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::{Object, block, is_spurious, name, object, point, wake, wake_one};
use crate::story::tell;

/// A value and its lock, as `std::sync::Mutex`, but that `lock` returns no error.
pub struct Mutex<T> {
    object: Object,
    is_locked: AtomicBool,
    value: std::sync::Mutex<T>,
}

/// The right to use the value, until it is dropped.
pub struct Guard<'a, T> {
    mutex: &'a Mutex<T>,
    value: Option<std::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    /// Returns a lock around a value.
    pub fn new(value: T) -> Self {
        Mutex { object: object(), is_locked: AtomicBool::new(false), value: std::sync::Mutex::new(value) }
    }

    /// Waits until no thread has the lock, and takes it.
    pub fn lock(&self) -> Guard<'_, T> {
        point();
        self.lock_now()
    }

    fn lock_now(&self) -> Guard<'_, T> {
        while self.is_locked.swap(true, Ordering::SeqCst) {
            block(self.object, "for the lock");
        }
        Guard { mutex: self, value: Some(self.value.lock().unwrap_or_else(PoisonError::into_inner)) }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect("it is taken by `drop` only")
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect("it is taken by `drop` only")
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.mutex.is_locked.store(false, Ordering::SeqCst);
        wake(self.mutex.object);
    }
}

/// A condition variable, as `std::sync::Condvar`. A thread may wake up without a signal, as the standard library allows.
pub struct Condvar(Object);

impl Default for Condvar {
    fn default() -> Self {
        Condvar(object())
    }
}

impl Condvar {
    /// Releases the lock, waits for a signal, and takes the lock again.
    pub fn wait<'a, T>(&self, guard: Guard<'a, T>) -> Guard<'a, T> {
        let mutex = guard.mutex;
        drop(guard);
        if is_spurious() {
            tell(format!("{} wakes up without a signal, which may happen", name()));
            point();
        } else {
            block(self.0, "for a signal");
        }
        mutex.lock_now()
    }

    /// Wakes one thread that waits, if there is one.
    pub fn notify_one(&self) {
        tell(format!("{} signals to one thread", name()));
        wake_one(self.0);
        point();
    }

    /// Wakes all threads that wait.
    pub fn notify_all(&self) {
        tell(format!("{} signals to all threads", name()));
        wake(self.0);
        point();
    }
}

struct Queue<T> {
    values: VecDeque<T>,
    sent: usize,
    taken: usize,
}

struct Shared<T> {
    capacity: usize,
    has_room: Object,
    has_value: Object,
    queue: std::sync::Mutex<Queue<T>>,
}

impl<T> Shared<T> {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a channel that sends.
pub struct Sender<T>(Arc<Shared<T>>);

/// The end of a channel that receives.
pub struct Receiver<T>(Arc<Shared<T>>);

/// Returns a channel as Go's `make(chan T, capacity)`: a sender waits while it is full. With the capacity 0 it waits until its value is
/// received. As in Go, a sender does not notice that no thread will ever receive.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let queue = std::sync::Mutex::new(Queue { values: VecDeque::new(), sent: 0, taken: 0 });
    let shared = Arc::new(Shared { capacity, has_room: object(), has_value: object(), queue });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender(Arc::clone(&self.0))
    }
}

impl<T> Sender<T> {
    /// Sends a value.
    pub fn send(&self, value: T) {
        point();
        let Shared { capacity, has_room, has_value, .. } = &*self.0;
        while self.0.queue().values.len() >= (*capacity).max(1) {
            block(*has_room, "to send: the channel is full");
        }
        let number = {
            let mut queue = self.0.queue();
            queue.values.push_back(value);
            queue.sent += 1;
            queue.sent
        };
        wake(*has_value);
        while *capacity == 0 && self.0.queue().taken < number {
            block(*has_room, "to send: no thread receives");
        }
    }
}

impl<T> Receiver<T> {
    /// Waits for a value.
    pub fn receive(&self) -> T {
        point();
        loop {
            let value = self.0.queue().values.pop_front();
            if let Some(value) = value {
                self.0.queue().taken += 1;
                wake(self.0.has_room);
                return value;
            }
            block(self.0.has_value, "to receive");
        }
    }
}
