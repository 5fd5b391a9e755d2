//! What a worker asks of the coordinator: the trait that both share.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::rpc;
use serde::{Deserialize, Serialize};
use url::Url;

use super::leases::Leases;
use crate::page::Page;
use crate::site::Settings;

/// The coordinator, as workers see it.
#[rpc]
pub(super) trait Frontier {
    /// How to fetch, and how often to renew a lease.
    #[rpc(idempotent)]
    fn settings(&self) -> (Settings, Duration);
    /// A page to fetch, as soon as there is one. Not idempotent: each run leases another page.
    #[rpc(slow)]
    fn take(&self, worker: u32) -> Assignment;
    /// A sign of life. `false`: the lease has run out, and the page may be somebody else's by now.
    #[rpc(idempotent)]
    fn renew(&self, lease: u64) -> bool;
    /// Some of a page's links, ahead of its report: a page may have more than one frame holds.
    fn add_links(&self, lease: u64, links: &[Url]) -> bool;
    /// The page itself, with the rest of its links. `false`: too late, it is dropped.
    fn report(&self, lease: u64, page: Page) -> bool;
}

/// What a worker is to do next.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Assignment {
    /// Fetch this, after a pause, and report it under this lease.
    Fetch { lease: u64, url: Url, pause: Duration },
    /// Nothing to do yet, but there may be: ask again.
    AskAgain,
    /// All done.
    Finished,
}

pub(super) struct Coordinator {
    pub(super) leases: Arc<Leases>,
    pub(super) settings: Settings,
}

impl Frontier for Coordinator {
    fn settings(&self) -> (Settings, Duration) {
        (self.settings.clone(), self.leases.renewal())
    }

    fn take(&self, worker: u32) -> Assignment {
        self.leases.take(worker)
    }

    fn renew(&self, lease: u64) -> bool {
        self.leases.renew(lease)
    }

    fn add_links(&self, lease: u64, links: &[Url]) -> bool {
        self.leases.add_links(lease, links)
    }

    fn report(&self, lease: u64, page: Page) -> bool {
        self.leases.report(lease, page)
    }
}
