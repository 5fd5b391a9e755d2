//! Layer 4: the order in which the addresses of a server are tried, and the lookups that renew it.
//!
//! ```text
//!  [ the last good one | as the resolver sorted them, the two families in turn ]
//!          ^--- prefer: a server has answered there        ^--- learn: a lookup after connecting has failed
//! ```
//! The order and the pause between attempts are those of RFC 8305 (*Happy Eyeballs Version 2*), sections 4 and 5.

use std::io;

use super::addresses::Addresses;
use crate::ids::Time;
use crate::limits::{MAX_ADDRESSES, RESOLVE_EVERY};
use crate::log;
use crate::net::Address;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};

/// The addresses of one server, and their order.
///
/// Its lock is held for a few steps only, and no other lock is taken under it.
#[derive(Debug)]
pub(super) struct AddressBook {
    /// The source of the addresses.
    source: Addresses,
    /// The addresses of the first lookup, for a forked child, which must not take the lock of its parent.
    first: Vec<Address>,
    /// The addresses that are known now.
    known: Mutex<Known>,
}

/// A refusal of a client for good.
#[derive(Clone, Debug)]
pub(super) struct Rejection {
    /// The address of the server that has refused the client.
    pub(super) address: Address,
    /// The reason that the server gave.
    pub(super) why: String,
    /// True if the server speaks another version.
    pub(super) other_version: bool,
}

/// The addresses that are known now.
#[derive(Debug)]
struct Known {
    /// The addresses, in the order in which they are tried. Never empty, and without duplicates.
    order: Vec<Address>,
    /// The refusals for good since a server has last answered: the last one of each address.
    rejections: Vec<Rejection>,
    /// True while a thread looks the name up.
    resolving: bool,
    /// The time at which the next lookup may begin.
    resolve_at: Time,
    /// True if a lookup has ended since a server has last answered.
    is_fresh: bool,
}

impl AddressBook {
    /// Returns a book with the addresses of a first lookup.
    ///
    /// # Errors
    /// There are none.
    pub(super) fn new(source: Addresses, first: Vec<Address>) -> io::Result<Self> {
        let order = arrange(&first, None);
        if order.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "there is none: the list is empty, or the name has no address",
            ));
        }
        let known = Known {
            order,
            rejections: Vec::new(),
            resolving: false,
            resolve_at: Time::default(),
            is_fresh: false,
        };
        Ok(AddressBook { source, first, known: Mutex::new(known) })
    }

    /// Returns the book of a forked child.
    pub(super) fn for_child(&self) -> io::Result<Self> {
        AddressBook::new(self.source.clone(), self.first.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of addresses.
    pub(super) fn len(&self) -> usize {
        self.lock().order.len()
    }

    /// Returns the first address that is not in `tried`.
    pub(super) fn untried(&self, tried: &[Address]) -> Option<Address> {
        self.lock().order.iter().find(|address| !tried.contains(address)).cloned()
    }

    /// Notes that a server has answered at this address: it is the first one from now on.
    pub(super) fn prefer(&self, address: &Address) {
        let mut known = self.lock();
        known.rejections.clear();
        known.is_fresh = false;
        let order = &mut known.order;
        if let Some(at) = order.iter().position(|known| known == address) {
            order[..=at].rotate_right(1);
        }
    }

    /// Notes that the server at this address has refused the client for good.
    pub(super) fn note_rejection(&self, rejection: Rejection) {
        let mut known = self.lock();
        let Known { order, rejections, .. } = &mut *known;
        // One for each address at most: a name may get others.
        rejections.retain(|other| other.address != rejection.address && order.contains(&other.address));
        rejections.push(rejection);
    }

    /// Returns true if the servers at all addresses have refused the client for good.
    pub(super) fn all_reject(&self) -> bool {
        let known = self.lock();
        let rejects = |address: &Address| known.rejections.iter().any(|of| of.address == *address);
        known.order.iter().all(rejects)
    }

    /// Returns true if the servers at all addresses speak other versions.
    pub(super) fn all_reject_version(&self) -> bool {
        self.all_reject() && self.lock().rejections.iter().all(|rejection| rejection.other_version)
    }

    /// Returns the last refusal for good.
    pub(super) fn rejection(&self) -> Option<Rejection> {
        self.lock().rejections.last().cloned()
    }

    /// Returns true if a lookup may still find a server that has moved since a server has last answered.
    pub(super) fn may_find_another(&self) -> bool {
        self.source.may_change() && !self.lock().is_fresh
    }

    /// Returns the source if a lookup is to begin now. The caller must give its result to [`AddressBook::learn`].
    ///
    /// There is one lookup at a time, and one in each [`RESOLVE_EVERY`].
    pub(super) fn begin_lookup(&self, now: Time) -> Option<Addresses> {
        let mut known = self.lock();
        if !self.source.may_change() || known.resolving || now < known.resolve_at {
            return None;
        }
        (known.resolving, known.resolve_at) = (true, now.plus(RESOLVE_EVERY));
        Some(self.source.clone())
    }

    /// Notes the result of a lookup. The last good address stays the first one if it is still an address of the server. A
    /// lookup that failed changes nothing: the name server may be as unreachable as the server is.
    pub(super) fn learn(&self, found: io::Result<Vec<Address>>) {
        let mut known = self.lock();
        (known.resolving, known.is_fresh) = (false, true);
        let order = match found {
            Ok(found) => arrange(&found, known.order.first()),
            Err(error) => return log::warn!(%error, "cannot look the address of the server up again"),
        };
        if !order.is_empty() {
            known.order = order;
        }
    }
}

/// Returns the addresses in the order in which they are tried: `good` first if it is one of them, and the two families in
/// turn, beginning with the one that the resolver has put first (RFC 8305, section 4).
fn arrange(found: &[Address], good: Option<&Address>) -> Vec<Address> {
    let of_first = |address: &&Address| found.first().is_some_and(|first| first.is_same_family(address));
    let (one, other): (Vec<_>, Vec<_>) = found.iter().partition(of_first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let pairs = std::iter::from_fn(|| {
        let pair = [one.next(), other.next()];
        pair.iter().any(Option::is_some).then_some(pair)
    });
    let mut order: Vec<Address> = Vec::new();
    for address in good.filter(|good| found.contains(good)).into_iter().chain(pairs.flatten().flatten()) {
        if !order.contains(address) {
            order.push(address.clone());
        }
    }
    if order.len() > MAX_ADDRESSES {
        log::warn!(
            addresses = order.len(),
            "the name has more than {MAX_ADDRESSES} addresses; the rest are not used"
        );
        order.truncate(MAX_ADDRESSES);
    }
    order
}
