//! `rpc bench`: a load of one method, and how long its calls take.
//!
//! Each connection has a thread, which keeps so many calls in flight: when one has ended, the next one begins. The time of a call is
//! from its start to when its reply was taken.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rpc_core::Race;
use rpc_json::{Encoded, JsonClient, JsonMethod};
use serde_json::{Map, Value, json};

use crate::arguments::{BenchOptions, Format};
use crate::connection::{connect, service_of};
use crate::ping::shown;
use crate::status::{Failure, Status, status_of};
use crate::words;

/// The longest time that is told from longer ones, in nanoseconds: an hour.
const LONGEST: u64 = 3_600_000_000_000;
/// The percentiles that are printed.
const PERCENTILES: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 100.0];

/// The ends of all calls of a thread, or of all threads.
struct Ends {
    times: Histogram<u64>,
    done: u64,
    /// Calls that ended with the service's own error.
    negative: u64,
    /// Calls that ended otherwise, and the first of them.
    failed: u64,
    first: Option<(Status, String)>,
}

/// The end of a run: after a time, or after a number of calls.
struct Until {
    /// Calls that may still begin, of all threads together.
    calls: AtomicU64,
    time: Option<Duration>,
}

/// Makes the load, and writes what it was.
pub(crate) fn bench(options: &BenchOptions) -> Result<(), Failure> {
    let service = service_of(&options.method)?;
    let first = connect(&options.server, &[service], options.in_flight)?;
    let method = first.method(&options.method)?;
    let arguments = Arc::new(Encoded(words::arguments(&method, &options.words)?));
    let mut clients = vec![first];
    for _ in 1..options.connections {
        clients.push(connect(&options.server, &[service], options.in_flight)?);
    }
    let time = options.calls.is_none().then(|| Duration::from_secs_f64(options.seconds));
    let until = Until { calls: AtomicU64::new(options.calls.unwrap_or(u64::MAX)), time };
    let (until, begin) = (Arc::new(until), Arc::new(Barrier::new(clients.len() + 1)));
    let mut threads = Vec::new();
    for client in clients {
        let (method, arguments) = (Arc::clone(&method), Arc::clone(&arguments));
        let (until, begin) = (Arc::clone(&until), Arc::clone(&begin));
        let in_flight = usize::from(options.in_flight);
        threads.push(thread::spawn(move || {
            begin.wait();
            let ends = load(&client, &method, &arguments, &until, in_flight);
            client.close();
            ends
        }));
    }
    begin.wait();
    let begun = Instant::now();
    let mut all = Ends::new()?;
    for thread in threads {
        let ends =
            thread.join().map_err(|_| Failure::new(Status::Server, "a thread of the load panicked"))??;
        all.add(&ends)?;
    }
    write(options, &all, begun.elapsed())?;
    match all.first {
        Some((status, text)) => {
            Err(Failure::new(status, text).during(format_args!("{} calls failed, the first", all.failed)))
        }
        None => Ok(()),
    }
}

/// Keeps calls in flight until the end.
fn load(
    client: &JsonClient,
    method: &Arc<JsonMethod>,
    arguments: &Encoded,
    until: &Until,
    in_flight: usize,
) -> Result<Ends, Failure> {
    let mut ends = Ends::new()?;
    let begun = Instant::now();
    let may_begin = || {
        let in_time = until.time.is_none_or(|time| begun.elapsed() < time);
        in_time
            && until
                .calls
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
    };
    let mut race: Race<Instant, Encoded, Encoded> = Race::new();
    loop {
        while race.left() < in_flight && may_begin() {
            race.add(Instant::now(), client.start_encoded(Arc::clone(method), arguments).into_pending());
        }
        let Some((began, ended)) = race.next() else { return Ok(ends) };
        ends.note(began.elapsed(), ended);
    }
}

impl Ends {
    fn new() -> Result<Ends, Failure> {
        let times = Histogram::new_with_bounds(1, LONGEST, 3).map_err(Failure::usage)?;
        Ok(Ends { times, done: 0, negative: 0, failed: 0, first: None })
    }

    fn note(&mut self, time: Duration, ended: Result<Encoded, rpc_core::CallError<Encoded>>) {
        self.times.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        match ended {
            Ok(_) => self.done += 1,
            Err(rpc_core::CallError::Service(_)) => self.negative += 1,
            Err(error) => {
                self.failed += 1;
                self.first.get_or_insert_with(|| (status_of(&error), error.to_string()));
            }
        }
    }

    fn add(&mut self, other: &Ends) -> Result<(), Failure> {
        self.times.add(&other.times).map_err(Failure::usage)?;
        self.done += other.done;
        self.negative += other.negative;
        self.failed += other.failed;
        self.first = self.first.take().or_else(|| other.first.clone());
        Ok(())
    }
}

fn write(options: &BenchOptions, ends: &Ends, time: Duration) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let calls = ends.done + ends.negative + ends.failed;
    let rate = calls as f64 / time.as_secs_f64().max(1e-9);
    let at = |percentile: f64| Duration::from_nanos(ends.times.value_at_percentile(percentile));
    if options.format.format == Format::Json {
        let micros: Map<String, Value> = PERCENTILES
            .iter()
            .map(|percentile| (percentile.to_string(), json!(at(*percentile).as_secs_f64() * 1e6)))
            .collect();
        let object = json!({
            "method": options.method, "connections": options.connections, "in_flight": options.in_flight,
            "seconds": time.as_secs_f64(), "calls": calls, "done": ends.done, "errors": ends.negative,
            "failed": ends.failed, "calls_per_second": rate, "percentiles_us": micros,
        });
        return Ok(crate::output::one_line(&mut out, &object)?);
    }
    let connections = if options.connections == 1 {
        "1 connection"
    } else {
        &format!("{} connections", options.connections)
    };
    writeln!(out, "{}: {connections}, {} in flight on each", options.method, options.in_flight)?;
    writeln!(out, "{calls} calls in {:.2} s: {rate:.0} calls/s", time.as_secs_f64())?;
    if ends.negative > 0 {
        writeln!(out, "{} of them ended with the service's own error", ends.negative)?;
    }
    for percentile in PERCENTILES {
        writeln!(out, "{percentile:>6} %  {:>10}", shown(at(percentile)))?;
    }
    Ok(())
}
