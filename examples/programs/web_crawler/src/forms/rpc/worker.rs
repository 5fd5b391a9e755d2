//! A worker process: takes a page, fetches it, reports it, until the coordinator says that all is done.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::CallError;
use url::Url;

use super::service::{Assignment, FrontierClient};
use crate::failure::Failure;
use crate::page::Page;
use crate::signals::leave_interrupts_to_the_coordinator;
use crate::site::Fetch;
use crate::task::fetch_safely;

/// Bytes of links in one call: far below the 4 MiB of a frame.
const LINKS_AT_ONCE: usize = 1 << 20;

/// Works for the coordinator at `address` until it has nothing left.
///
/// # Errors
/// Returns an error if the coordinator cannot be reached, or has ended.
pub fn work(address: &str, number: u32) -> Result<(), Failure> {
    leave_interrupts_to_the_coordinator().map_err(Failure::own("listen for signals"))?;
    let coordinator = FrontierClient::connect(address).map_err(Failure::own("work"))?;
    let (settings, renewal) = coordinator.settings().map_err(gone)?;
    let site = settings.open();
    loop {
        match coordinator.take(number).map_err(gone)? {
            Assignment::Finished => return Ok(()),
            Assignment::AskAgain => {}
            Assignment::Fetch { lease, url, pause } => {
                if !pause_and_renew(pause, renewal, || coordinator.renew(lease)).map_err(gone)? {
                    continue; // another worker has the page, or the crawl is to end
                }
                let page =
                    fetch_and_renew(&*site, &url, || coordinator.renew(lease).unwrap_or(false), renewal);
                report(&coordinator, lease, page).map_err(gone)?;
            }
        }
    }
}

/// Pauses before a fetch, for hours if the site asks for that, and notices in time when the page is no longer needed.
fn pause_and_renew(
    pause: Duration,
    every: Duration,
    renew: impl Fn() -> Result<bool, CallError>,
) -> Result<bool, CallError> {
    let end = Instant::now() + pause;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        thread::sleep(left.min(every));
        if left <= every {
            return Ok(true);
        }
        if !renew()? {
            return Ok(false);
        }
    }
}

/// Fetches on this thread while another thread renews the lease: the lecture's third reason for threads, repeated work.
fn fetch_and_renew(site: &dyn Fetch, url: &Url, renew: impl Fn() -> bool + Send, every: Duration) -> Page {
    let (fetched, over) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || while over.recv_timeout(every) == Err(RecvTimeoutError::Timeout) && renew() {});
        let page = fetch_safely(site, url);
        drop(fetched); // closes the channel: the other thread ends at once, and not at its next renewal
        page
    })
}

/// A late report is no error: another worker has the page then, or has recorded it.
fn report(coordinator: &FrontierClient, lease: u64, mut page: Page) -> Result<(), CallError> {
    let mut links = std::mem::take(&mut page.links);
    while links.iter().map(|link| link.as_str().len() + 8).sum::<usize>() > LINKS_AT_ONCE {
        let rest = links.split_off(how_many_fit(&links));
        if !coordinator.add_links(lease, &links)? {
            return Ok(());
        }
        links = rest;
    }
    page.links = links;
    coordinator.report(lease, page)?;
    Ok(())
}

/// At least one.
fn how_many_fit(links: &[Url]) -> usize {
    let mut room = LINKS_AT_ONCE;
    let fits = |link: &&Url| {
        room = room.saturating_sub(link.as_str().len() + 8);
        room > 0
    };
    links.iter().take_while(fits).count().max(1)
}

fn gone(error: CallError) -> Failure {
    Failure::Own(format!("the coordinator is gone: {error}"))
}
