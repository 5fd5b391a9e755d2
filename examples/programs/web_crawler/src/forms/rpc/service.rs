//! The calls of a worker to the coordinator: the trait that both share.

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
    /// Returns the settings for fetching, and the time between two renewals of a lease.
    #[rpc(idempotent)]
    fn settings(&self) -> (Settings, Duration);
    /// Returns a page to fetch, as soon as there is one. Not idempotent: each run leases another page.
    #[rpc(slow)]
    fn take(&self, worker: u32) -> Assignment;
    /// Renews a lease. Returns false if the lease has ended: another worker may have the page.
    #[rpc(idempotent)]
    fn renew(&self, lease: u64) -> bool;
    /// Sends some of a page's links before its report, because a page may have more links than a frame can carry.
    fn add_links(&self, lease: u64, links: &[Url]) -> bool;
    /// Sends the page itself, with the rest of its links. Returns false if it is too late: then it is dropped.
    fn report(&self, lease: u64, page: Page) -> bool;
}

/// The next step of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Assignment {
    /// Fetch this, after a pause, and report it under this lease.
    Fetch { lease: u64, url: Url, pause: Duration },
    /// There is no page now, but there may be later: ask again.
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
