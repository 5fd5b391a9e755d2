//! `kv load`: many pairs, many calls under way at once, through whatever the network does meanwhile.
//!
//! Every pair ends as loaded, or the program says which line did not and why. What makes that simple is that a `put`
//! of the same key and value may be repeated: done twice it leaves what done once leaves. (The framework does not
//! repeat it by itself, since it cannot know whether somebody else put another value in between.) The one thing to
//! beware of is an older `put` of a key that runs after a newer one: two lines of one key are never under way together.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rpc_core::call::Resolution;
use rpc_core::error::Reason;
use rpc_core::stub::{Fallible, Pending};
use rpc_core::{CallError, call::Unknown};
use rpc_examples::status::{Failure, Status};

use crate::api::{KvClient, KvError};
use crate::arguments::{ClientOptions, LoadOptions};
use crate::commands::connect;
use crate::pairs;

/// How long the oldest call under way is waited for before the next one is looked at: a call whose frame was lost takes
/// a second or more, and must not hold up the thousands behind it.
const LATE: Duration = Duration::from_millis(5);
/// Pause before a pair that the network or the server has refused is put again.
const PAUSE: Duration = Duration::from_millis(50);

/// Loads the file.
pub(crate) fn load(client: &ClientOptions, options: &LoadOptions) -> Result<(), Failure> {
    let name = options.file.display();
    let (mut input, size) = open(&options.file)?;
    let mut loader = Loader::new(connect(client, options.patience, options.in_flight)?, options);
    let progress = bar(size);
    let begun = Instant::now();
    let (mut number, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let bytes = input.read_until(b'\n', &mut line).map_err(|e| cannot_read(&options.file, &e))?;
        if bytes == 0 {
            break;
        }
        number += 1;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        match pairs::parse(text, options.raw) {
            Ok((key, value)) => loader.put(Pair { line: number, key, value })?,
            Err(error) => {
                loader.settle(0)?; // the lines before it count
                let text = format!("{name}: line {number}: {error}; all that stands before it is loaded");
                return Err(Failure::new(Status::Usage, text));
            }
        }
        progress.inc(bytes as u64);
    }
    loader.settle(0)?;
    progress.finish_and_clear();
    let (pairs, seconds) = (loader.loaded, begun.elapsed().as_secs_f64());
    let again = loader.again;
    eprintln!(
        "loaded {pairs} pairs in {seconds:.1} s ({:.0}/s); {again} were put again",
        pairs as f64 / seconds
    );
    loader.kv.call.close();
    Ok(())
}

fn open(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    let size = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
    Ok((Box::new(BufReader::with_capacity(1 << 16, file)), size))
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Status::Usage, format!("cannot read {}: {error}", path.display()))
}

/// A bar on standard error if that is a terminal; else nothing is drawn.
fn bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

struct Pair {
    line: u64,
    key: String,
    value: String,
}

struct Flight {
    pair: Pair,
    call: Pending<Fallible<(), KvError>>,
}

/// What became of one try.
enum Fate {
    Loaded,
    PutAgain,
}

struct Loader {
    kv: KvClient,
    flights: VecDeque<Flight>, // in the order of the file
    late: VecDeque<Flight>,    // those that were overtaken
    keys: HashSet<String>,     // of both
    most: usize,
    most_late: usize,
    patience: Duration,
    last_success: Instant,
    loaded: u64,
    again: u64,
}

impl Loader {
    fn new(kv: KvClient, options: &LoadOptions) -> Self {
        Loader {
            kv,
            flights: VecDeque::new(),
            late: VecDeque::new(),
            keys: HashSet::new(),
            most: 2 * usize::from(options.in_flight), // as many wait for a slot as have one: no slot is ever idle
            most_late: usize::from(options.in_flight) * 3 / 4, // they keep their slots; the others need some
            patience: options.patience,
            last_success: Instant::now(),
            loaded: 0,
            again: 0,
        }
    }

    fn put(&mut self, pair: Pair) -> Result<(), Failure> {
        if self.keys.contains(&pair.key) {
            self.settle(0)?;
        }
        if self.flights.len() >= self.most {
            self.settle(self.most / 2)?; // half at a time: many calls leave in one write
        }
        self.keys.insert(pair.key.clone());
        let call = self.kv.start.put(&pair.key, &pair.value);
        self.flights.push_back(Flight { pair, call });
        Ok(())
    }

    /// Waits until at most `left` are under way besides the late ones; with 0, for these as well.
    fn settle(&mut self, left: usize) -> Result<(), Failure> {
        for _ in 0..self.late.len() {
            let Some(flight) = self.late.pop_front() else { break };
            self.land(flight, Duration::ZERO)?;
        }
        while self.flights.len() > left {
            let Some(flight) = self.flights.pop_front() else { break };
            self.land(flight, LATE)?;
        }
        let most_late = if left == 0 { 0 } else { self.most_late };
        while self.late.len() > most_late {
            let Some(flight) = self.late.pop_front() else { break };
            self.land(flight, Duration::MAX)?;
        }
        Ok(())
    }

    /// Waits for a call for so long; if it has no answer then, it is late.
    fn land(&mut self, mut flight: Flight, limit: Duration) -> Result<(), Failure> {
        match flight.call.wait_for(limit) {
            None => self.late.push_back(flight),
            Some(result) => {
                if let Err(error) = result {
                    self.insist(&flight.pair, error)?;
                }
                self.keys.remove(&flight.pair.key);
                self.loaded += 1;
                self.last_success = Instant::now();
            }
        }
        Ok(())
    }

    /// Puts the pair again and again, until it is loaded, refused for good, or patience has run out.
    fn insist(&mut self, pair: &Pair, mut error: CallError<KvError>) -> Result<(), Failure> {
        loop {
            if let Fate::Loaded = self.fate(&error) {
                return Ok(());
            }
            if is_final(&error) || self.last_success.elapsed() >= self.patience {
                return Err(self.give_up(pair, error));
            }
            thread::sleep(PAUSE);
            self.again += 1;
            match self.kv.put(&pair.key, &pair.value) {
                Ok(()) => return Ok(()),
                Err(next) => error = next,
            }
        }
    }

    fn fate(&self, error: &CallError<KvError>) -> Fate {
        match error {
            CallError::ReplyLost(_) => Fate::Loaded, // it ran, and its reply says nothing that we need
            CallError::Unknown(unknown) => self.resolve(unknown),
            _ => Fate::PutAgain,
        }
    }

    /// The framework goes on asking the server about a call whose deadline has passed. As long as the answer is open
    /// the old `put` could still run, after a later one of the same key: so we wait for it. After a lost session the
    /// answer never comes, but that call cannot begin any more either, and to put the same value again is harmless.
    fn resolve(&self, unknown: &Unknown) -> Fate {
        while self.last_success.elapsed() < self.patience {
            match unknown.resolve(Duration::from_secs(1)) {
                Resolution::Executed(reply) if !reply.is_service_error() => return Fate::Loaded,
                Resolution::ReplyLost => return Fate::Loaded,
                Resolution::Open => {}
                _ => return Fate::PutAgain,
            }
        }
        Fate::PutAgain // only to find that patience has run out
    }

    fn give_up(&self, pair: &Pair, error: CallError<KvError>) -> Failure {
        let waited = self.last_success.elapsed();
        let next = if is_final(&error) {
            "correct it and load again".to_owned()
        } else {
            format!(
                "nothing got through for {:.0} s; load again when the server answers",
                waited.as_secs_f64()
            )
        };
        let (line, loaded) = (pair.line, self.loaded);
        let failure = Failure::from(error).during(format!("line {line}"));
        let text =
            format!("{failure}; {next} ({loaded} pairs are loaded, and loading them twice is harmless)");
        Failure::new(failure.status, text)
    }
}

/// Whether trying again would only be told the same.
fn is_final(error: &CallError<KvError>) -> bool {
    match error {
        CallError::Service(_) | CallError::Panicked(_) => true,
        CallError::NotExecuted(refusal) => matches!(
            refusal.reason,
            Reason::NoSuchMethod
                | Reason::Contract
                | Reason::BadArguments
                | Reason::TooLarge
                | Reason::Encode
                | Reason::Closed
        ),
        CallError::ReplyLost(_) | CallError::Unknown(_) => false,
    }
}
