//! One client process of the demonstration: puts its share of the file, appends its tokens, and reports the result of
//! each call. It never repeats an append whose outcome is unknown.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rpc_core::ClientLimits;
use rpc_core::Unknown;
use rpc_core::{CallError, Connector};
use rpc_examples::children::end_with_parent;
use rpc_examples::status::{Failure, Status};
use serde::{Deserialize, Serialize};

use super::options::DemoClientOptions;
use super::plan::{self, Token};
use super::resumed::Resumed;
use crate::api::{KvClient, KvError};
use crate::arguments::ClientOptions;

/// Threads that share the one connection of this process.
const THREADS: usize = 8;
/// Deadline of a patient call: longer than the network is ever silent.
const PATIENT: Duration = Duration::from_secs(20);
/// Deadline of an impatient one: shorter than the time after which a call is sent again.
const IMPATIENT: Duration = Duration::from_millis(60);
/// After this long without an answer a call is sent again; the default, 1 s, would make the demonstration long.
const RESEND: Duration = Duration::from_millis(100);
/// Time limit for asking the server about an unknown call.
const RESOLVE: Duration = Duration::from_secs(15);
/// Pause before a call that was not executed is made again.
const PAUSE: Duration = Duration::from_millis(20);

/// The final result of one append for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// It ran, and its reply is the length of the value after it.
    Ran(u64),
    /// It ran, and the reply is lost.
    RanReplyLost,
    /// It did not run and never will.
    NotExecuted,
    /// It may have run or not.
    Unknown,
}

/// The report of a client process: one line on standard output.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) client: u32,
    pub(crate) verdicts: BTreeMap<u32, Verdict>,
    /// Appends that were unknown at first.
    pub(crate) doubts: u64,
    /// Calls of the process before this one, to which it has taken the answers.
    pub(crate) recovered: u64,
    /// Pairs that could not be put, with the reason of the first.
    pub(crate) failed_puts: u64,
    pub(crate) failure: Option<String>,
    pub(crate) calls: u64,
    pub(crate) resent: u64,
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) orphaned_slots: u64,
    /// Latencies in microseconds, each with its number of calls.
    pub(crate) latencies: Vec<(u64, u64)>,
}

/// A latency histogram from a microsecond to a minute, exact to two digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 2).expect("1 < 60,000,000 and 2 digits are bounds it accepts")
}

enum Work {
    Put(String, String),
    Append(Token),
}

/// Makes the calls of this client, and reports.
pub(crate) fn run(client: &ClientOptions, options: &DemoClientOptions) -> Result<(), Failure> {
    end_with_parent()?;
    let limits = ClientLimits { resend_first: RESEND, resend_cap: 4 * RESEND, ..ClientLimits::default() };
    let mut connector = Connector::new().limits(limits).deadline(PATIENT).connect_timeout(PATIENT);
    let resumed = options.data.as_deref().map(|folder| Resumed::open(folder, options.index)).transpose()?;
    if let Some(resumed) = &resumed {
        connector = connector.journal(resumed.journal.clone());
    }
    let kv: KvClient = connector.connect(client.addr.as_str())?;
    let recovered = resumed.as_ref().map_or(Ok(0), |resumed| resumed.take_answers(&kv))?;
    let work = work_of(options);
    let report = Mutex::new(Report { client: options.index, recovered, ..Report::default() });
    let next = AtomicUsize::new(0);
    let latencies = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| do_work(&kv, resumed.as_ref(), &work, &next, &report)))
            .collect();
        let mut all = histogram();
        for thread in threads {
            let one = thread.join().expect("a thread of the client does not panic");
            all.add(one).expect("both have the same bounds");
        }
        all
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    let stats = kv.call.counters();
    if let Some(resumed) = &resumed {
        report.verdicts = resumed.verdicts();
    }
    report.calls = stats.calls;
    report.resent = stats.resent;
    report.connections = stats.connections;
    report.sessions = stats.sessions;
    report.orphaned_slots = stats.orphaned_slots;
    report.latencies =
        latencies.iter_recorded().map(|at| (at.value_iterated_to(), at.count_at_value())).collect();
    let line = serde_json::to_string(&report).map_err(|error| Failure::new(Status::Server, error))?;
    writeln!(io::stdout(), "{line}")?;
    kv.call.close();
    Ok(())
}

/// Mixes puts and appends, so that both meet every fault.
fn work_of(options: &DemoClientOptions) -> Vec<Work> {
    let every = options.clients as usize;
    let mut puts = plan::pairs().into_iter().skip(options.index as usize).step_by(every.max(1));
    let mut appends = (0..options.appends).map(|number| Token { client: options.index, number });
    let mut work = Vec::new();
    loop {
        let (put, append) = (puts.next(), appends.next());
        if put.is_none() && append.is_none() {
            return work;
        }
        work.extend(put.map(|(key, value)| Work::Put(key, value)));
        work.extend(append.map(Work::Append));
    }
}

fn do_work(
    kv: &KvClient,
    resumed: Option<&Resumed>,
    work: &[Work],
    next: &AtomicUsize,
    report: &Mutex<Report>,
) -> Histogram<u64> {
    let mut latencies = histogram();
    let failed = |error: String| {
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.failed_puts += 1;
        report.failure.get_or_insert(error);
    };
    while let Some(item) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
        let begun = Instant::now();
        match item {
            Work::Put(key, _) if resumed.is_some_and(|resumed| resumed.has_put(key)) => {}
            Work::Append(token) if resumed.is_some_and(|resumed| resumed.knows(*token)) => {}
            Work::Put(key, value) => {
                let result = put(kv, key, value);
                let took = begun.elapsed();
                latencies.saturating_record(took.as_micros() as u64);
                let noted = resumed.map_or(Ok(()), |resumed| resumed.note_put(key));
                if let Some(text) = result.err().map(|e| e.to_string()).or(noted.err().map(|e| e.to_string()))
                {
                    failed(text);
                }
            }
            Work::Append(token) => {
                let keyed = resumed.map(|resumed| resumed.keyed(kv, *token));
                let (verdict, took, doubted) = append(keyed.as_ref().unwrap_or(kv), *token);
                latencies.saturating_record(took.as_micros() as u64);
                if let Some(Err(error)) = resumed.map(|resumed| resumed.note(token.number, verdict)) {
                    failed(error.to_string());
                }
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.doubts += u64::from(doubted);
                report.verdicts.insert(token.number, verdict);
            }
        }
    }
    latencies
}

/// Puts a pair. The same put may be repeated, so after any failure it is simply called again, for a limited time.
fn put(kv: &KvClient, key: &str, value: &str) -> Result<(), CallError<KvError>> {
    let begun = Instant::now();
    loop {
        match kv.put(key, value) {
            Err(CallError::NotExecuted(_) | CallError::Unknown(_)) if begun.elapsed() < PATIENT => {
                thread::sleep(PAUSE);
            }
            Err(CallError::ReplyLost(_)) => return Ok(()),
            other => return other,
        }
    }
}

/// Appends a token. It is called again only when it is certain that it did not run. Returns the verdict, the time of
/// the call that gave it, and true if the outcome was unknown at first.
fn append(kv: &KvClient, token: Token) -> (Verdict, Duration, bool) {
    let kv = if token.is_impatient() { &kv.call.with_deadline(IMPATIENT) } else { kv };
    let (key, text) = (token.key(), token.text());
    let first = Instant::now();
    let mut doubted = false;
    loop {
        let begun = Instant::now();
        let error = match kv.append(&key, &text) {
            Ok(length) => return (Verdict::Ran(length), begun.elapsed(), doubted),
            Err(error) => error,
        };
        let took = begun.elapsed();
        doubted |= matches!(error, CallError::Unknown(_));
        let verdict = verdict(&error, resolve);
        if verdict != Verdict::NotExecuted || first.elapsed() > PATIENT {
            return (verdict, took, doubted);
        }
        thread::sleep(PAUSE); // it did not run and never will: safe to call again
    }
}

/// Returns the verdict of an error.
pub(super) fn verdict(error: &CallError<KvError>, resolve: fn(&Unknown<KvError>) -> Verdict) -> Verdict {
    match error {
        CallError::NotExecuted(_) => Verdict::NotExecuted,
        CallError::Unknown(unknown) => resolve(unknown),
        CallError::Service(_) | CallError::Panicked(_) | CallError::GivenUp(_) | CallError::ReplyLost(_) => {
            Verdict::RanReplyLost
        }
    }
}

/// Asks the server what became of a call whose deadline has passed.
pub(super) fn resolve(unknown: &Unknown<KvError>) -> Verdict {
    match unknown.resolve(RESOLVE) {
        Ok(length) => Verdict::Ran(length),
        Err(CallError::NotExecuted(_)) => Verdict::NotExecuted,
        Err(CallError::Unknown(_)) => Verdict::Unknown,
        Err(_) => Verdict::RanReplyLost,
    }
}
