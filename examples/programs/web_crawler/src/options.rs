//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use url::Url;

use crate::forms::Form;
use crate::print::Format;

/// Crawls a site in one of five forms: each page once, and each form with its own way to know that it is finished
#[derive(Clone, Debug, Parser)]
#[command(name = "crawl", group(ArgGroup::new("what").required(true).args(["start", "fake", "docs", "worker_of"])))]
#[command(after_help = "\
Examples:
  crawl --fake --form mutex               the lecture's site: five lines
  crawl --docs --limit 3000               the toolchain's HTML documentation, from a server of our own
  crawl --docs --workers 1,2,4,8 --latency 20   where do more workers stop helping?
  crawl --form rpc --kill-after 500 --docs      a worker process is killed; its page goes to another
  crawl https://example.org/ --format json --output pages.json

Exit status: 0 all links are good, 1 there are dead links, 2 a mistake in the command (or a start outside the scope),
3 the start cannot be reached, 5 the crawler itself failed (cannot write, cannot start workers).")]
pub struct Options {
    /// A URL, or a directory, which is served on 127.0.0.1 and then crawled like any site
    pub start: Option<String>,
    /// Crawl the lecture's site instead: five pages, one missing
    #[arg(long)]
    pub fake: bool,
    /// Crawl the HTML documentation of the installed Rust toolchain instead
    #[arg(long)]
    pub docs: bool,
    /// The form of the crawl
    #[arg(long, value_enum, default_value = "pool")]
    pub form: Form,
    /// Threads (or processes) that fetch at once; several numbers with commas compare them
    #[arg(long, value_delimiter = ',', default_value = "8", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub workers: Vec<u32>,
    /// Maximum number of pages
    #[arg(long, default_value_t = 100_000, value_parser = at_least_one)]
    pub limit: usize,
    /// Stay in this folder instead of the folder of the start
    #[arg(long, value_name = "URL")]
    pub scope: Option<Url>,
    /// Milliseconds between the starts of two fetches; by default 200 (or as robots.txt asks), and 0 on this machine
    #[arg(long, value_name = "MS")]
    pub delay: Option<u64>,
    /// Time limit for one page, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub time_out: Duration,
    /// Maximum size of one page, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub max_bytes: u64,
    /// Also fetch pages that robots.txt excludes: for your own sites
    #[arg(long)]
    pub ignore_robots: bool,
    /// Delay of each page of the fake site or of the server for a directory, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Print the pages into a file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Form rpc: seconds after which a worker that does not renew its lease loses its page
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub lease: Duration,
    /// Form rpc: kill a worker when this many pages are recorded
    #[arg(long, value_name = "PAGES")]
    pub kill_after: Option<usize>,
    #[arg(long, hide = true, value_name = "ADDRESS")]
    pub(crate) worker_of: Option<String>,
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) worker_number: u32,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= 86_400.0 => Ok(duration),
        _ => Err("more than 0, and at most a day".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "a number of pages, at least 1".to_owned())
}
