//! The frames on their way in one direction, in the order in which they arrive; those that are held; and what a caller decides
//! for one of them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::ids::Time;

use super::Delivery;

/// The time by which a copy arrives after its original, and by which a frame that nothing follows is late.
const LATER: Duration = Duration::from_millis(20);

/// One frame, or the end, on its way.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its name in this direction.
    pub(crate) number: u64,
    /// The time at which it was written.
    pub(crate) sent: Time,
    /// The bytes, or the end.
    pub(crate) delivery: Delivery,
}

/// A change of what is on its way, for an observer.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// It was put on its way. The number is that of the original, if it is a copy.
    Sent(Entry, Option<u64>),
    /// It has arrived.
    Arrived(Entry),
    /// The network has swallowed it.
    Dropped(Entry),
}

/// The fate that a caller decides for one frame.
///
/// ```
/// use std::time::Duration;
/// use rpc_sim::{Fate, Faults, Network};
///
/// # #[rpc_core::rpc]
/// # pub trait Echo { fn echo(&self, n: u32) -> u32; }
/// # struct Plain;
/// # impl Echo for Plain { fn echo(&self, n: u32) -> u32 { n } }
/// # fn main() -> Result<(), rpc_core::CallError> {
/// let network = Network::new(1, Faults::none());
/// network.serve(EchoServer::new(Plain));
/// let client: EchoClient = network.client();
/// network.run_for(Duration::from_secs(1)); // the client connects
///
/// let pending = client.start.echo(7);
/// let frame = network.with_world(|world| world.in_flight()[0].id);
/// assert!(network.with_world(|world| world.decide(frame, Fate::Drop)));
/// assert_eq!(pending.wait()?, 7);
/// assert_eq!(client.call.counters().resent, 1); // the client has sent the call again
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Double,
    /// It stands still until [`Fate::Release`]. Frames behind it overtake it.
    Hold,
    /// A frame that was held goes on.
    Release,
    /// The frame behind it overtakes it.
    Reorder,
    /// One byte of it changes.
    Change {
        /// The place of the byte in the frame.
        at: usize,
        /// Its new value.
        to: u8,
    },
    /// The connection is cut: all that is on its way on it is lost.
    Cut,
}

/// The frames on their way in one direction.
///
/// Invariant: each number is in one of the two maps at most.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// By the time of arrival; what arrives at one time keeps its order.
    due: BTreeMap<(Time, u64), Entry>,
    /// Those that stand still, with the time that they still take.
    held: BTreeMap<u64, (Duration, Entry)>,
    /// The last number, and the last place in the order.
    next: u64,
    /// The changes that were not looked at; none are kept unless they are asked for.
    news: Option<Vec<News>>,
}

impl Queue {
    /// Keeps the changes from now on.
    pub(crate) fn observe(&mut self) {
        self.news.get_or_insert_default();
    }

    /// Takes the changes since the last time.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Puts something on its way, and returns its number.
    pub(crate) fn put(&mut self, at: Time, sent: Time, delivery: Delivery, copy_of: Option<u64>) -> u64 {
        self.next += 1;
        let entry = Entry { number: self.next, sent, delivery };
        self.tell(|| News::Sent(entry.clone(), copy_of));
        self.due.insert((at, self.next), entry);
        self.next
    }

    /// Tells of a frame that the network has swallowed before it was on its way.
    pub(crate) fn swallowed(&mut self, sent: Time, delivery: &Delivery) {
        self.next += u64::from(self.news.is_some());
        let number = self.next;
        self.tell(|| News::Dropped(Entry { number, sent, delivery: delivery.clone() }));
    }

    /// Takes the first that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Delivery> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?.remove();
        self.tell(|| News::Arrived(entry.clone()));
        Some(entry.delivery)
    }

    /// Returns the time of the first arrival, and what arrives.
    pub(crate) fn first(&self) -> Option<(Time, &Delivery)> {
        self.due.first_key_value().map(|((at, _), entry)| (*at, &entry.delivery))
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        let held = std::mem::take(&mut self.held).into_values().map(|(_, entry)| entry);
        for entry in std::mem::take(&mut self.due).into_values().chain(held) {
            self.tell(|| News::Dropped(entry.clone()));
        }
    }

    /// Returns all that is on its way, with the time of its arrival, which is `None` for what is held, and the time that it still takes.
    pub(crate) fn iter(&self, now: Time) -> impl Iterator<Item = (Option<Time>, Duration, &Entry)> {
        let due = self.due.iter().map(move |((at, _), entry)| (Some(*at), at.since(now), entry));
        due.chain(self.held.values().map(|(rest, entry)| (None, *rest, entry)))
    }

    /// Does with one frame what was decided. Returns by how many bytes there is more on its way; `None` if there is no such frame, or
    /// the fate is not for it: the end of a connection is not dropped, doubled or changed, and [`Fate::Cut`] is for the whole.
    pub(crate) fn decide(&mut self, number: u64, fate: Fate, now: Time) -> Option<isize> {
        if fate == Fate::Release {
            let (rest, entry) = self.held.remove(&number)?;
            self.next += 1;
            self.due.insert((now.plus(rest), self.next), entry);
            return Some(0);
        }
        let key = *self.due.iter().find(|(_, entry)| entry.number == number)?.0;
        match fate {
            Fate::Hold => {
                let entry = self.due.remove(&key)?;
                self.held.insert(number, (key.0.since(now), entry));
                Some(0)
            }
            Fate::Reorder => {
                let behind = self.due.range(key..).nth(1).map(|((at, _), _)| *at);
                let entry = self.due.remove(&key)?;
                self.next += 1;
                self.due.insert((behind.unwrap_or(key.0.plus(LATER)), self.next), entry);
                Some(0)
            }
            Fate::Drop | Fate::Double | Fate::Change { .. } => self.decide_bytes(key, fate, now),
            Fate::Release | Fate::Cut => None,
        }
    }

    /// Does with the bytes of a frame what was decided.
    fn decide_bytes(&mut self, key: (Time, u64), fate: Fate, now: Time) -> Option<isize> {
        let entry = self.due.get_mut(&key)?;
        let Delivery::Bytes(bytes) = &entry.delivery else { return None };
        let length = bytes.len() as isize; // below LONGEST
        match fate {
            Fate::Double => {
                let (copy, number) = (entry.delivery.clone(), entry.number);
                self.put(key.0.plus(LATER), now, copy, Some(number));
                Some(length)
            }
            Fate::Change { at, to } => {
                let mut changed = bytes.to_vec();
                *changed.get_mut(at)? = to;
                entry.delivery = Delivery::Bytes(Bytes::from(changed));
                Some(0)
            }
            _ => {
                let entry = self.due.remove(&key)?;
                self.tell(|| News::Dropped(entry.clone()));
                Some(-length)
            }
        }
    }

    fn tell(&mut self, news: impl FnOnce() -> News) {
        if let Some(list) = &mut self.news {
            list.push(news());
        }
    }
}
