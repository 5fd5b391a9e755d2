//! Many pairs, many calls under way at once, through whatever the network does meanwhile.
//!
//! Every pair ends as loaded, or the program says which line did not and why. What makes that simple is that a `put`
//! of the same key and value may be repeated: done twice it leaves what done once leaves. (The framework does not
//! repeat it by itself, since it cannot know whether somebody else put another value in between.) There are two things
//! to beware of. An older `put` of a key must not run after a newer one: two lines of one key are never under way
//! together. And what was loaded is gone if the server is restarted: so we ask whether it still has the same store.

use std::collections::{HashSet, VecDeque};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::CallError;
use rpc_core::call::{Resolution, Unknown};
use rpc_core::stub::{Fallible, Pending};
use rpc_examples::status::Failure;

use crate::api::{KvClient, KvError};
use crate::arguments::LoadOptions;
use crate::stats::stats_of;

/// How long the oldest call under way is waited for before the next one is looked at: a call whose frame was lost takes
/// a second or more, and must not hold up the thousands behind it.
const LATE: Duration = Duration::from_millis(5);
/// Pause before the pairs that the network or the server has refused are put again, all of them together.
const PAUSE: Duration = Duration::from_millis(50);

/// Why loading ends before the file does.
#[derive(Debug)]
pub(super) enum Stop {
    /// A pair or the server is at fault, as it says.
    Failed(Failure),
    /// The server has another store than at the beginning, which was noticed at this line.
    ServerLost { line: u64 },
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// A pair and the line that it stands in.
pub(super) struct Pair {
    pub(super) line: u64,
    pub(super) key: String,
    pub(super) value: String,
}

struct Flight {
    pair: Pair,
    call: Pending<Fallible<(), KvError>>,
}

/// A pair that is to be put again, and why.
struct Doubt {
    pair: Pair,
    error: CallError<KvError>,
}

/// What became of one try.
enum Fate {
    Loaded,
    PutAgain,
}

/// Puts pairs in the order in which they come.
pub(super) struct Loader {
    kv: KvClient,
    store: Option<String>,     // the server's at the beginning, once it has said so
    sessions: u64,             // opened when the store was last looked at: another one asks for another look
    flights: VecDeque<Flight>, // in the order of the file
    late: VecDeque<Flight>,    // those that were overtaken
    doubts: Vec<Doubt>,        // those that have failed
    keys: HashSet<String>,     // of all three
    most: usize,
    most_late: usize,
    patience: Duration,
    last_success: Instant, // or when something was begun after nothing was under way
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
            doubts: Vec::new(),
            keys: HashSet::new(),
            most: 2 * usize::from(options.in_flight), // as many wait for a slot as have one: no slot is ever idle
            most_late: usize::from(options.in_flight) * 3 / 4, // they keep their slots; the others need some
            patience: options.patience,
            last_success: Instant::now(),
            line: 0,
            loaded: 0,
            again: 0,
        }
    }

    /// Begins to put a pair.
    pub(super) fn put(&mut self, pair: Pair) -> Result<(), Stop> {
        if self.store.is_none() {
            self.check_store()?; // before anything is in it
        }
        if self.keys.contains(&pair.key) {
            self.settle(0)?;
        }
        if self.flights.len() >= self.most {
            self.settle(self.most / 2)?; // half at a time: many calls leave in one write
        }
        if self.keys.is_empty() {
            self.last_success = Instant::now(); // nothing was asked meanwhile: the file came slowly
        }
        self.line = pair.line;
        self.keys.insert(pair.key.clone());
        self.start(pair);
        Ok(())
    }

    /// Waits until all pairs are in the store; then all of them are, or this fails.
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

    /// Waits until at most `left` are under way besides the late ones and those that are put again; with 0, for these
    /// as well.
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
            if self.kv.call.stats().sessions != self.sessions {
                self.check_store()?;
            }
            let settled = self.doubts.is_empty();
            self.put_doubtful_again()?;
            if settled || left > 0 {
                return Ok(());
            }
        }
    }

    /// Waits for a call for so long; if it has no answer then, it is late.
    fn land(&mut self, mut flight: Flight, limit: Duration) -> Result<(), Stop> {
        match flight.call.wait_for(limit) {
            None => self.late.push_back(flight),
            Some(Ok(())) => self.is_loaded(&flight.pair),
            Some(Err(error)) if is_final(&error) => return Err(self.give_up(&flight.pair, error)),
            Some(Err(error)) => self.doubts.push(Doubt { pair: flight.pair, error }),
        }
        Ok(())
    }

    fn is_loaded(&mut self, pair: &Pair) {
        self.keys.remove(&pair.key);
        self.loaded += 1;
        self.last_success = Instant::now();
    }

    /// Starts all pairs anew that have failed, after one pause for all of them; those that turn out to have run are
    /// loaded.
    fn put_doubtful_again(&mut self) -> Result<(), Stop> {
        if self.doubts.is_empty() {
            return Ok(());
        }
        thread::sleep(PAUSE);
        for Doubt { pair, error } in std::mem::take(&mut self.doubts) {
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

    /// Looks whether the server still has the store that the first pair went to. A session that was lost is only a
    /// reason to look: it ends also when the network was away for long, and then everything is still there.
    fn check_store(&mut self) -> Result<(), Stop> {
        let store = loop {
            self.sessions = self.kv.call.stats().sessions; // before the question: one that comes behind it is seen
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
            _ => String::new(), // the error says what to do, if there is something
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

/// Whether trying again would only be told the same.
fn is_final<E>(error: &CallError<E>) -> bool {
    match error {
        CallError::Service(_) | CallError::Panicked(_) => true,
        CallError::NotExecuted(refusal) => !refusal.reason.may_pass(),
        CallError::ReplyLost(_) | CallError::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rpc_core::limits::ServerLimits;
    use rpc_core::sim::Faults;
    use rpc_core::{Connector, FaultProxy, Server};

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

    /// The network is away for longer than the server remembers a client: calls are in doubt for ever, but nothing that
    /// was loaded is gone.
    #[test]
    fn a_session_that_is_lost_is_no_lost_store() {
        let store = Arc::new(Store::default());
        let server = Server::builder()
            .limits(ServerLimits { lease: Duration::from_millis(10), ..ServerLimits::default() })
            .service(KvServer::shared(Arc::clone(&store)))
            .service(KvStatsServer::new(Figures::of(Arc::clone(&store))))
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
        assert_eq!(loader.kv.call.stats().sessions, 2);
    }
}
