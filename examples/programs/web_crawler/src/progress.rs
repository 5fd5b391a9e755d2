//! The progress of a crawl: the lecture's lines, a progress bar, and the number of pages in flight.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::tell;
use crate::page::{Outcome, Page};
use crate::task::lock;

/// The output for the lines `found: URL` as pages arrive.
pub type Lines = Box<dyn Write + Send>;

/// The lecture's lines. They are held back until there is a page: if the start is missing or redirects to nowhere, the
/// crawl fails, and no page was found.
struct Printer {
    to: Lines,
    held: Vec<String>,
    has_begun: bool,
}

impl Printer {
    fn print(&mut self, page: &Page) -> std::io::Result<()> {
        let word = if page.why_dead().is_none() { "found" } else { "missing" };
        self.held.push(format!("{word}: {}", page.url));
        self.has_begun |= matches!(page.outcome, Outcome::Answered(status) if status < 400);
        if self.has_begun { self.write_held() } else { Ok(()) }
    }

    fn write_held(&mut self) -> std::io::Result<()> {
        self.held.drain(..).try_for_each(|line| writeln!(self.to, "{line}"))
    }

    fn release(&mut self) -> std::io::Result<()> {
        self.write_held()?;
        self.to.flush()
    }
}

/// The visible progress of a crawl. The default shows nothing and counts.
#[derive(Default)]
pub struct Watch {
    lines: Option<Mutex<Printer>>,
    bar: Option<ProgressBar>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    cut_short: AtomicBool,
    stopped: Mutex<bool>,
    stopping: Condvar,
    /// The exit status of a crawl that a signal has stopped; 0 for none.
    interrupted: AtomicU8,
    unwritable: Mutex<Option<std::io::Error>>,
}

impl Watch {
    /// Writes a line for each page as it arrives.
    #[must_use]
    pub fn with_lines(mut self, lines: Option<Lines>) -> Self {
        self.lines = lines.map(|to| Mutex::new(Printer { to, held: Vec::new(), has_begun: false }));
        self
    }

    /// Shows a bar on standard error: pages recorded of pages known so far.
    #[must_use]
    pub fn with_bar(mut self, bar: bool) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len} known pages  {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar = bar.then(|| ProgressBar::new(1).with_style(style));
        self
    }

    /// A fetch begins.
    pub fn started(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
    }

    /// A fetch has ended, well or not.
    pub fn ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sets the number of known pages.
    pub fn claimed(&self, known: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(known as u64);
        }
    }

    /// A page was left out because of the limit on pages.
    pub fn limit_reached(&self) {
        self.cut_short.store(true, Ordering::Relaxed);
    }

    /// A page is there.
    pub fn recorded(&self, page: &Page) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(page.url.to_string());
        }
        if let Some(lines) = &self.lines {
            if let Err(error) = lock(lines).print(page) {
                lock(&self.unwritable).get_or_insert(error);
                self.stop(); // the reader has closed the pipe: `crawl .. | head`
            }
        }
    }

    /// Asks the crawl to end: pages that are being fetched are recorded, waiting pages are not.
    pub fn stop(&self) {
        *lock(&self.stopped) = true;
        self.stopping.notify_all();
    }

    /// The same because of a signal, with the exit status for that signal.
    pub fn interrupt(&self, status: u8) {
        self.interrupted.store(status, Ordering::Relaxed);
        self.stop();
    }

    /// Returns the exit status, if a signal has stopped the crawl.
    pub fn interrupted(&self) -> Option<u8> {
        Some(self.interrupted.load(Ordering::Relaxed)).filter(|&status| status != 0)
    }

    /// Sleeps, but wakes when the crawl is to end.
    pub fn pause(&self, length: Duration) {
        let stopped = lock(&self.stopped);
        drop(self.stopping.wait_timeout_while(stopped, length, |stopped| !*stopped));
    }

    /// Returns true if the crawl was asked to end. A thread cannot be stopped from outside; it must check here.
    pub fn is_stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Writes the buffered output, without the lines that are held back, and removes the bar.
    ///
    /// # Errors
    /// Returns an error if a line could not be written, now or before.
    pub fn finish(&self) -> std::io::Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if let Some(error) = lock(&self.unwritable).take() {
            return Err(error);
        }
        self.lines.as_ref().map_or(Ok(()), |lines| lock(lines).to.flush())
    }

    /// Writes the lines that were held back: the crawl has a result, although it found no page.
    ///
    /// # Errors
    /// Returns an error if they cannot be written.
    pub fn release(&self) -> std::io::Result<()> {
        self.lines.as_ref().map_or(Ok(()), |lines| lock(lines).release())
    }

    /// Writes a message for people without damaging the bar.
    pub fn say(&self, sentence: impl fmt::Display) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(format_args!("{sentence}\n"))),
            None => tell(format_args!("{sentence}\n")),
        }
    }

    /// Returns the largest number of pages that were being fetched at once.
    pub fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::Relaxed)
    }

    /// Returns the number of pages that are being fetched now: 0 before and after a crawl.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Returns true if pages were left out because of the limit.
    pub fn was_cut_short(&self) -> bool {
        self.cut_short.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({} in flight)", self.in_flight())
    }
}
