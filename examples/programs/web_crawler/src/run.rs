//! Runs a command line: the rules of the crawl, the crawl, and its exit status.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use crate::failure::{Failure, tell};
use crate::forms::Form;
use crate::forms::rpc::{Processes, work};
use crate::local_server::LocalServer;
use crate::options::Options;
use crate::output::open;
use crate::page::Outcome;
use crate::print::{Format, print};
use crate::progress::{Lines, Watch};
use crate::report::Report;
use crate::scope::Scope;
use crate::signals::stop_on_signal;
use crate::site::{Fake, POLITE_DELAY, Settings, delay_of, is_local, robots_of};
use crate::sweep::sweep;
use crate::task::Task;

/// Runs the command line, and returns the exit status.
///
/// # Errors
/// Returns an error with a sentence and a status if there is no result.
pub fn run(options: &Options) -> Result<u8, Failure> {
    if let Some(coordinator) = &options.worker_of {
        return work(coordinator, options.worker_number).map(|()| 0);
    }
    check_options(options)?;
    let mut output = open(options.output.as_deref())?; // before the crawl, which may take hours
    let plan = Plan::new(options)?;
    if options.workers.len() > 1 {
        return sweep(options, &plan, &mut *output);
    }
    let streams = options.format == Format::Text;
    let (lines, mut output) = if streams { (Some(output), None) } else { (None, Some(output)) };
    let task = Arc::new(plan.task(options, options.workers[0], lines)?);
    stop_on_signal(Arc::clone(&task.watch)).map_err(Failure::own("listen for signals"))?;
    let report = crawl(options, &plan, &task)?;
    if let Some(output) = &mut output {
        print(&report, &task.start, options.format, output).map_err(Failure::output)?;
    }
    task.watch.release().map_err(Failure::output)?;
    tell(&report);
    Ok(report.status())
}

/// Runs one crawl and measures its time.
///
/// # Errors
/// Returns an error if the crawler could not do its part, or the start is no page.
pub fn crawl(options: &Options, plan: &Plan, task: &Arc<Task>) -> Result<Report, Failure> {
    let begin = Instant::now();
    let outcome = options.form.crawl(task, &plan.processes);
    let took = begin.elapsed();
    task.watch.finish().map_err(Failure::output)?;
    outcome?;
    let report = Report::of(task, took);
    check_start(&report, task)?;
    Ok(report)
}

/// The settings that are the same for each crawl of one command.
#[derive(Debug)]
pub struct Plan {
    start: Url,
    processes: Processes,
    _server: Option<LocalServer>, // serves until the plan is dropped
}

impl Plan {
    /// Finds the start, and serves it if it is a directory.
    ///
    /// # Errors
    /// Returns an error if it cannot be crawled.
    pub fn new(options: &Options) -> Result<Self, Failure> {
        let most_workers = options.workers.iter().max().copied().unwrap_or(1) as usize;
        let latency = Duration::from_millis(options.latency);
        let settings = Settings {
            fake: options.fake,
            time_out: options.time_out,
            max_bytes: options.max_bytes,
            latency,
            connections: most_workers,
        };
        let program = std::env::current_exe().map_err(Failure::own("find this program"))?;
        let processes = Processes { program, settings, lease: options.lease, kill_after: options.kill_after };
        let (start, server) = match start_of(options)? {
            Start::At(url) => (url, None),
            Start::In(directory) => {
                let server = LocalServer::of_directory(&directory, latency)?;
                (server.url().clone(), Some(server))
            }
        };
        Ok(Plan { start, processes, _server: server })
    }

    /// Returns a crawl by this number of workers.
    ///
    /// # Errors
    /// Returns an error if the start is outside the scope, or robots.txt excludes it.
    pub fn task(&self, options: &Options, workers: u32, lines: Option<Lines>) -> Result<Task, Failure> {
        let settings = &self.processes.settings;
        let robot = if settings.fake || options.ignore_robots {
            None
        } else {
            robots_of(&self.start, settings).map_err(Failure::Unreachable)?
        };
        let asked = robot.as_ref().map_or(Duration::ZERO, delay_of);
        let polite = if settings.fake || is_local(&self.start) { asked } else { POLITE_DELAY.max(asked) };
        if asked > POLITE_DELAY && options.delay.is_none() {
            tell(format_args!(
                "the site's robots.txt asks for a pause of {} s between pages; --delay sets another\n",
                asked.as_secs_f32()
            ));
        }
        let scope = Scope::below(options.scope.as_ref().unwrap_or(&self.start)).obeying(robot);
        check_scope(&self.start, &scope)?;
        let bar = io::stderr().is_terminal()
            && !(lines.is_some() && options.output.is_none() && io::stdout().is_terminal());
        let mut task = Task::new(self.start.clone(), settings.open());
        task.workers = workers as usize;
        task.limit = options.limit;
        task.scope = scope;
        task.delay = options.delay.map_or(polite, Duration::from_millis);
        task.watch = Arc::new(Watch::default().with_lines(lines).with_bar(bar));
        Ok(task)
    }
}

enum Start {
    At(Url),
    In(PathBuf),
}

fn start_of(options: &Options) -> Result<Start, Failure> {
    if options.fake {
        return Ok(Start::At(Fake::start()));
    }
    let Some(start) = &options.start else { return toolchain_documentation().map(Start::In) };
    match start.parse::<Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            let mut url = url;
            url.set_fragment(None);
            if !url.username().is_empty() || url.password().is_some() {
                return Err(Failure::Usage(
                    "the start names a user; this crawler logs in nowhere: leave out what is before the @"
                        .to_owned(),
                ));
            }
            Ok(Start::At(url))
        }
        _ if Path::new(start).exists() => Ok(Start::In(PathBuf::from(start))),
        Ok(url) if url.has_host() => {
            Err(Failure::Usage(format!("{url} is neither http nor https; only these can be crawled")))
        }
        _ => Err(Failure::Usage(format!(
            "{start} is neither a URL nor a directory that is there; a URL begins with http:// or https://"
        ))),
    }
}

fn toolchain_documentation() -> Result<PathBuf, Failure> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = rustc.map_err(Failure::own("ask rustc where its documentation is"))?.stdout;
    let directory = Path::new(String::from_utf8_lossy(&sysroot).trim()).join("share/doc/rust/html");
    if directory.is_dir() {
        return Ok(directory);
    }
    Err(Failure::Unreachable(format!(
        "the toolchain's documentation is not installed in {}; run `cargo doc` and crawl target/doc",
        directory.display()
    )))
}

fn check_options(options: &Options) -> Result<(), Failure> {
    let others = options.form == Form::Rpc && options.workers.iter().all(|&workers| workers > 1);
    if options.kill_after.is_some() && !others {
        return Err(Failure::Usage(
            "--kill-after kills a worker process, and its page goes to another: it needs --form rpc and at least 2 workers"
                .to_owned(),
        ));
    }
    Ok(())
}

fn check_scope(start: &Url, scope: &Scope) -> Result<(), Failure> {
    if !scope.contains(start) {
        let prefix = scope.prefix();
        return Err(Failure::Usage(format!(
            "the start {start} is outside the scope {prefix}; nothing would be crawled"
        )));
    }
    if !scope.allows(start) {
        return Err(Failure::Usage(format!(
            "the site's robots.txt asks crawlers to stay away from {start}; for a site of your own use --ignore-robots"
        )));
    }
    Ok(())
}

/// Fails if the first page of a crawl is no page or leads to none: then there is no result.
fn check_start(report: &Report, task: &Task) -> Result<(), Failure> {
    let start = &task.start;
    let Some(mut page) = report.pages.get(start) else { return Ok(()) };
    if let Some(why) = report.dead.get(start) {
        return Err(Failure::Unreachable(format!("cannot crawl {start}: {why}")));
    }
    while let Some(target) = page.target() {
        match report.pages.get(target) {
            Some(next) => page = next, // no loop: that would be dead
            None if !task.scope.follows(target) => {
                return Err(Failure::Usage(format!(
                    "{start} redirects to {target}, which is outside the scope {}; start there instead",
                    task.scope.prefix()
                )));
            }
            None => return Ok(()), // left out by the limit
        }
    }
    if let Some(why) = report.dead.get(&page.url) {
        return Err(Failure::Unreachable(format!(
            "cannot crawl {start}: it redirects to {}: {why}",
            page.url
        )));
    }
    if let Outcome::TooLarge(_) = page.outcome {
        return Err(Failure::Unreachable(format!(
            "cannot crawl {start}: it is longer than --max-bytes allows"
        )));
    }
    Ok(())
}
