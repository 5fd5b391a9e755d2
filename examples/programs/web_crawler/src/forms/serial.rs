//! One page after the other: the base line.
//!
//! When is it finished? The lecture's version calls itself for each link, and is finished when the first call returns.
//! This one keeps the links of those calls in a `Vec`, and is finished when it is empty: at the same moment, and in the
//! same order. The reason is that a chain of 40,000 pages would be 40,000 calls deep; a goroutine's stack grows with it,
//! the stack of a Rust thread does not.

use crate::task::Task;

pub(super) fn crawl(task: &Task) {
    let mut seen = task.nothing_seen();
    let mut links = vec![task.first_link()];
    while let Some(link) = links.pop() {
        if let Some(url) = seen.claim(&link) {
            links.extend(task.visit(&url).into_iter().rev()); // the first link on top: it is the next call
        }
    }
}
