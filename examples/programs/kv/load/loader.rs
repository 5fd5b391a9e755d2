//! Loads many pairs with many calls in flight at once, and keeps going through network faults.
//!
//! Every pair is loaded at the end, or the program names the line that is not, and the reason. This is simple because a
//! `put` of the same key and value may be repeated: two runs leave the same value as one. (The framework does not repeat
//! it by itself, because another client could put another value in between.) There are two dangers. An older `put` of a
//! key must not run after a newer one, so two lines with one key are never in flight together. And a server that is
//! restarted loses its pairs, so the loader asks whether the server still has the same store.

use std::collections::{HashSet, VecDeque};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::Unknown;
use rpc_core::{CallError, Pending};
use rpc_examples::status::Failure;

use crate::api::{KvClient, KvError};
use crate::arguments::LoadOptions;
use crate::stats::stats_of;

/// Time to wait for the oldest call in flight before the next one is checked: a call whose frame was lost takes a
/// second or more, and must not hold up the thousands after it.
const LATE: Duration = Duration::from_millis(5);
/// Pause before all pairs that the network or the server refused are put again.
const PAUSE: Duration = Duration::from_millis(50);

/// The reason why loading ends before the end of the file.
#[derive(Debug)]
pub(super) enum Stop {
    /// A pair or the server is at fault; the failure says which.
    Failed(Failure),
    /// The server has another store than at the beginning. The loader noticed it at this line.
    ServerLost { line: u64 },
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// A pair and the number of its line.
pub(super) struct Pair {
    pub(super) line: u64,
    pub(super) key: String,
    pub(super) value: String,
}

struct Flight {
    pair: Pair,
    call: Pending<(), KvError>,
}

/// A pair that is put again, and the error of its last attempt.
struct Unsettled {
    pair: Pair,
    error: CallError<KvError>,
}

/// The result of one attempt.
enum Fate {
    Loaded,
    PutAgain,
}

/// Puts pairs in the order of the file.
pub(super) struct Loader {
    kv: KvClient,
    store: Option<String>, // its name at the beginning; `None` until the server has told it
    sessions: u64,         // opened at the last check of the store; another session needs another check
    flights: VecDeque<Flight>, // in the order of the file
    late: VecDeque<Flight>, // those that were overtaken
    unsettled: Vec<Unsettled>, // those that have failed
    keys: HashSet<String>, // of all three
    most: usize,
    most_late: usize,
    patience: Duration,
    last_success: Instant, // or the start of a call when none was in flight
    line: u64,
    pub(super) loaded: u64,
    pub(super) again: u64,
}

impl Loader {
    pub(super) fn new(kv: KvClient, options: &LoadOptions) -> Self {
        Loader {
            kv,
            store: None,
            sessions: 0,
            flights: VecDeque::new(),
            late: VecDeque::new(),
            unsettled: Vec::new(),
            keys: HashSet::new(),
            most: 2 * usize::from(options.in_flight), // one call waits for each slot, so that no slot is idle
            most_late: usize::from(options.in_flight) * 3 / 4, // late calls keep their slots; the other calls need some
            patience: options.patience,
            last_success: Instant::now(),
            line: 0,
            loaded: 0,
            again: 0,
        }
    }

    /// Starts to put a pair.
    pub(super) fn put(&mut self, pair: Pair) -> Result<(), Stop> {
        if self.store.is_none() {
            self.check_store()?; // before it has any of our pairs
        }
        if self.keys.contains(&pair.key) {
            self.settle(0)?;
        }
        if self.flights.len() >= self.most {
            self.settle(self.most / 2)?; // half at a time, so that many calls leave in one write
        }
        if self.keys.is_empty() {
            self.last_success = Instant::now(); // no call was in flight: the file arrives slowly
        }
        self.line = pair.line;
        self.keys.insert(pair.key.clone());
        self.start(pair);
        Ok(())
    }

    /// Waits until all pairs are in the store. Returns an error if one of them cannot be loaded.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.settle(0)?;
        self.check_store()
    }

    pub(super) fn close(&self) {
        self.kv.call.close();
    }

    fn start(&mut self, pair: Pair) {
        let call = self.kv.start.put(&pair.key, &pair.value);
        self.flights.push_back(Flight { pair, call });
    }

    /// Waits until at most `left` calls are in flight, without the late calls and the repeated ones. With 0, waits for
    /// these as well.
    fn settle(&mut self, left: usize) -> Result<(), Stop> {
        loop {
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
            if self.kv.call.counters().sessions != self.sessions {
                self.check_store()?;
            }
            let settled = self.unsettled.is_empty();
            self.put_doubtful_again()?;
            if settled || left > 0 {
                return Ok(());
            }
        }
    }

    /// Waits for a call up to `limit`. A call without a reply after that counts as late.
    fn land(&mut self, mut flight: Flight, limit: Duration) -> Result<(), Stop> {
        match flight.call.wait_for(limit) {
            None => self.late.push_back(flight),
            Some(Ok(())) => self.is_loaded(&flight.pair),
            Some(Err(error)) if is_final(&error) => return Err(self.give_up(&flight.pair, error)),
            Some(Err(error)) => self.unsettled.push(Unsettled { pair: flight.pair, error }),
        }
        Ok(())
    }

    fn is_loaded(&mut self, pair: &Pair) {
        self.keys.remove(&pair.key);
        self.loaded += 1;
        self.last_success = Instant::now();
    }

    /// Starts all failed pairs again, after one pause for all of them. A pair whose call turns out to have run is
    /// loaded.
    fn put_doubtful_again(&mut self) -> Result<(), Stop> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        thread::sleep(PAUSE);
        for Unsettled { pair, error } in std::mem::take(&mut self.unsettled) {
            if let Fate::Loaded = self.fate(&error) {
                self.is_loaded(&pair);
                continue;
            }
            if self.last_success.elapsed() >= self.patience {
                return Err(self.give_up(&pair, error));
            }
            self.again += 1;
            self.start(pair);
        }
        Ok(())
    }

    fn fate(&self, error: &CallError<KvError>) -> Fate {
        match error {
            CallError::ReplyLost(_) => Fate::Loaded, // it ran, and its reply has no value that is needed
            CallError::Unknown(unknown) => self.resolve(unknown),
            _ => Fate::PutAgain,
        }
    }

    /// Asks what became of a call whose deadline has passed. Until the answer is known, the old `put` could still run
    /// after a later one of the same key, so the loader waits. After a lost session the answer never comes, but then that
    /// call cannot begin any more, and to put the same value again is harmless.
    fn resolve(&self, unknown: &Unknown<KvError>) -> Fate {
        while self.last_success.elapsed() < self.patience {
            match unknown.resolve::<()>(Duration::from_secs(1)) {
                Ok(()) | Err(CallError::ReplyLost(_)) => return Fate::Loaded,
                Err(CallError::Unknown(again)) if again.is_open() => {}
                Err(_) => return Fate::PutAgain,
            }
        }
        Fate::PutAgain // the caller then finds that the time is over
    }

    /// Checks whether the server still has the store of the first pair. A lost session is only a reason to check: a
    /// session also ends after a long network outage, and then all pairs are still there.
    fn check_store(&mut self) -> Result<(), Stop> {
        let store = loop {
            self.sessions = self.kv.call.counters().sessions; // read before the call, so that a later session is noticed
            match stats_of(&self.kv).stats() {
                Ok(stats) => break stats.store,
                Err(error) => {
                    if is_final(&error) || self.last_success.elapsed() >= self.patience {
                        let text = format!("line {}: asking the server what it holds", self.line);
                        return Err(Failure::from(error).during(text).into());
                    }
                    thread::sleep(PAUSE);
                }
            }
        };
        if *self.store.get_or_insert_with(|| store.clone()) == store {
            return Ok(());
        }
        Err(Stop::ServerLost { line: self.line })
    }

    fn give_up(&self, pair: &Pair, error: CallError<KvError>) -> Stop {
        let waited = self.last_success.elapsed().as_secs_f64();
        let next = match &error {
            error if !is_final(error) => {
                format!("nothing got through for {waited:.0} s; load again when the server answers")
            }
            CallError::Service(_) => "correct it and load again".to_owned(),
            _ => String::new(), // the error itself gives the advice
        };
        let is_said = next.is_empty() || matches!(error, CallError::Unknown(_));
        let mut failure = Failure::of_call(error, &next).during(format!("line {}", pair.line));
        if !is_said {
            failure.text += &format!("; {next}");
        }
        failure.text += &format!(" ({} pairs are loaded, and loading them twice is harmless)", self.loaded);
        failure.into()
    }
}

/// Returns true if another attempt would get the same error.
fn is_final<E>(error: &CallError<E>) -> bool {
    match error {
        CallError::Service(_) | CallError::Panicked(_) | CallError::GivenUp(_) => true,
        CallError::NotExecuted(refusal) => !refusal.reason.may_pass(),
        CallError::ReplyLost(_) | CallError::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rpc_core::ServerLimits;
    use rpc_core::{Connector, Server};
    use rpc_sim::{FaultProxy, Faults};

    use super::*;
    use crate::api::KvServer;
    use crate::stats::{Figures, KvStatsServer};
    use crate::store::Store;

    fn options() -> LoadOptions {
        LoadOptions { file: "-".into(), patience: Duration::from_secs(60), in_flight: 256, raw: false }
    }

    fn pair(line: u64) -> Pair {
        Pair { line, key: format!("key/{line}"), value: line.to_string() }
    }

    /// The network is away for longer than the server remembers a client: the calls stay unknown for ever, but nothing
    /// that was loaded is lost.
    #[test]
    fn a_session_that_is_lost_is_no_lost_store() {
        let store = Arc::new(Store::default());
        let server = Server::builder()
            .limits(ServerLimits { lease: Duration::from_millis(10), ..ServerLimits::default() })
            .service(KvServer::shared(Arc::clone(&store)))
            .service(KvStatsServer::new(Figures::of({
                let store = Arc::clone(&store);
                move || store.lock().len() as u64
            })))
            .bind("127.0.0.1:0")
            .and_then(Server::spawn)
            .expect("a free port");
        let any = ([127, 0, 0, 1], 0).into();
        let network = FaultProxy::start(any, server.local_addr(), Faults::none(), 1).expect("a free port");
        let kv = Connector::new().slots(256).connect(network.addr()).expect("it listens");
        let mut loader = Loader::new(kv, &options());
        (1..=100).for_each(|line| loader.put(pair(line)).expect("nothing is amiss"));
        loader.settle(0).expect("nothing is amiss");

        network.partition(Duration::from_secs(3600));
        (101..=200).for_each(|line| loader.put(pair(line)).expect("it only begins"));
        network.cut_all();
        let until = Instant::now() + Duration::from_secs(30);
        while server.counters().sessions > 0 {
            assert!(Instant::now() < until, "the server forgets a client that is away");
            thread::yield_now();
        }
        network.heal();
        loader.finish().expect("the store is the same");
        assert_eq!((loader.loaded, store.lock().len()), (200, 200));
        assert!(loader.again >= 1, "what had left was in doubt");
        assert_eq!(loader.kv.call.counters().sessions, 2);
    }
}
