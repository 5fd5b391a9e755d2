//! One mode's run: the network, the store, the appends, and the count of what the store holds at the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::DurableFilter;
use rpc_sim::{Faults, FaultsSeen, Network, WorldConfig};

use rpc_store::MemoryBackend;

use crate::callers::{Appender, Kv, KvServer, Told};
use crate::story::Watched;
use crate::{Mode, Options};

/// Number of keys that share the appends.
const KEYS: u32 = 4;
/// Time after the last call in which every frame on its way arrives or is lost.
const SETTLE: Duration = Duration::from_secs(120);

/// Number of steps of the simulated world in a call: the server dies before, between or after them.
const STEPS: u32 = 7;

/// The result of a mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gave {
    /// In the store once.
    pub(crate) exact: u32,
    /// Not in the store.
    pub(crate) lost: u32,
    /// In the store twice or more often.
    pub(crate) doubled: u32,
    /// The caller was told 'unknown';
    pub(crate) unknown: u32,
    /// of these, the number that is in the store.
    pub(crate) unknown_but_ran: u32,
    /// The caller was told that it did not run, and did not call again.
    pub(crate) given_up: u32,
    /// The caller was told the opposite of what the store shows.
    pub(crate) lies: u32,
    /// Retransmissions.
    pub(crate) copies: u64,
    /// The faults of the network.
    pub(crate) faults: FaultsSeen,
}

/// Returns the network of every mode: TCP at its worst. Whole frames are lost with a process that buffered them, frames
/// are late, and connections break; but no frame is delivered twice, unless `--copies` says so.
pub(crate) fn faults(options: &Options) -> Faults {
    Faults::none().drop(0.04).stall(0.04).late(Duration::from_secs(3)).cut(0.02).duplicate(options.copies)
}

/// A service whose store outlives the server's process, as a database does.
trait Contents {
    /// Returns the value of a key.
    fn value(&self, key: &str) -> String;
}

/// The store of all modes but the last: the process of a server may die between an append and its record.
#[derive(Debug, Default)]
struct Store(Mutex<HashMap<String, String>>);

impl Store {
    /// A handler that panics changes the map in one step or not at all, so the map is valid.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kv for Store {
    fn append(&self, key: &str, value: &str) {
        self.lock().entry(key.to_owned()).or_default().push_str(value);
    }
}

impl Contents for Store {
    fn value(&self, key: &str) -> String {
        self.lock().get(key).cloned().unwrap_or_default()
    }
}

/// The store of the last mode: an append and its record are one transaction.
#[derive(Debug, Default)]
struct Durable {
    /// The disk.
    disk: MemoryBackend,
    /// The store as the server's present process has opened it.
    store: Mutex<Option<rpc_store::Store>>,
}

impl Durable {
    /// Opens the store, as a process does that starts. What an earlier one has not committed is gone.
    fn open(&self) -> rpc_store::Store {
        let store = rpc_store::Store::with_backend(self.disk.clone()).expect("a disk in memory can be read");
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        store
    }
}

impl Kv for Durable {
    fn append(&self, key: &str, value: &str) {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let store = store.expect("the server opens it before it serves");
        let mut tx = store.transaction();
        let mut whole = tx.get(key.as_bytes()).unwrap_or_default();
        whole.extend_from_slice(value.as_bytes());
        tx.put(key.as_bytes(), &whole);
    }
}

impl Contents for Durable {
    fn value(&self, key: &str) -> String {
        String::from_utf8_lossy(&self.disk.data(key.as_bytes()).unwrap_or_default()).into_owned()
    }
}

/// Returns the service of a mode, on a server in this network.
fn serve(mode: Mode, network: &Network) -> Arc<dyn Contents> {
    if mode != Mode::ExactlyOnce {
        let store = Arc::new(Store::default()); // outlives the server processes, as a database would
        network.serve(KvServer::shared(Arc::clone(&store)));
        return store;
    }
    let durable = Arc::new(Durable::default());
    let opens = Arc::clone(&durable);
    network.durable(move || Arc::new(opens.open()) as Arc<dyn DurableFilter>);
    network.serve(KvServer::shared(Arc::clone(&durable)));
    durable
}

/// The story of one append.
#[derive(Debug)]
pub(crate) struct Story {
    /// The append.
    pub(crate) number: u32,
    /// The number of times that the store has it.
    pub(crate) times: usize,
    /// The events, line by line.
    pub(crate) lines: Vec<String>,
}

/// Runs the workload in a mode.
pub(crate) fn run(mode: Mode, options: &Options) -> Gave {
    play(mode, options, None).gave
}

/// Runs the workload in a mode again, and returns the story of this append, or of the first one that is worth telling: lost,
/// doubled or unknown, or else sent again. `None`: there is none.
pub(crate) fn tell(mode: Mode, options: &Options, number: Option<u32>) -> Option<Story> {
    let number = number.or_else(|| play(mode, options, None).interesting)?;
    let played = play(mode, options, Some(number));
    let lines = played.watched.map(|watched| watched.lines()).unwrap_or_default();
    Some(Story { number, times: played.times, lines })
}

/// A run of the workload.
struct Played {
    gave: Gave,
    /// The first append that was not simply sent and answered.
    interesting: Option<u32>,
    /// The story of the append that was asked for,
    watched: Option<Watched>,
    /// and the number of times that the store has it.
    times: usize,
}

fn play(mode: Mode, options: &Options, watch: Option<u32>) -> Played {
    let config = WorldConfig {
        at_most_once: matches!(mode, Mode::AtMostOnce | Mode::ExactlyOnce),
        ..WorldConfig::new(options.seed, faults(options))
    };
    let network = Network::with_config(config);
    let store = serve(mode, &network);
    let mut watched = watch.map(|number| Watched::new(number, token(number)));
    if watched.is_some() {
        network.with_world(|world| world.observe());
    }
    let mut appender = Appender::new(mode, &network);
    let (mut told, mut copied) = (Vec::new(), None);
    for number in 0..options.appends {
        if restarts_at(number, options) {
            appender.server_dies_in(number % STEPS);
        }
        let copies = appender.copies();
        told.push(appender.append(&key_of(number), &token(number)));
        copied = copied.or((appender.copies() > copies).then_some(number));
        if let Some(watched) = &mut watched {
            watched.take(number, network.with_world(|world| world.take_observed()));
        }
    }
    network.set_faults(Faults::none());
    network.run_for(SETTLE);
    if let Some(watched) = &mut watched {
        watched.take(options.appends, network.with_world(|world| world.take_observed()));
    }
    let mut gave = count(&*store, &told);
    gave.copies = appender.copies();
    gave.faults = network.faults_seen();
    let odd = (0..).zip(&told).find(|(number, told)| **told != Told::Done || times_of(&*store, *number) != 1);
    Played {
        gave,
        interesting: odd.map(|(number, _)| number).or(copied),
        watched,
        times: watch.map_or(0, |number| times_of(&*store, number)),
    }
}

/// Restarts are spread evenly over the run.
fn restarts_at(number: u32, options: &Options) -> bool {
    let part = options.appends / (options.restarts + 1);
    part > 0 && number > 0 && number % part == 0 && number / part <= options.restarts
}

fn key_of(number: u32) -> String {
    format!("key{}", number % KEYS)
}

/// Returns the appended text: no token is a part of another.
fn token(number: u32) -> String {
    format!("<{number}>")
}

/// Returns the number of times that the store has an append.
fn times_of(store: &dyn Contents, number: u32) -> usize {
    store.value(&key_of(number)).matches(&token(number)).count()
}

/// Compares what the callers were told with the store.
fn count(store: &dyn Contents, told: &[Told]) -> Gave {
    let mut gave = Gave::default();
    for (number, told) in (0..).zip(told) {
        let times = times_of(store, number);
        match times {
            0 => gave.lost += 1,
            1 => gave.exact += 1,
            _ => gave.doubled += 1,
        }
        match told {
            Told::Unknown => {
                gave.unknown += 1;
                gave.unknown_but_ran += u32::from(times > 0);
            }
            Told::NotDone => {
                gave.given_up += 1;
                gave.lies += u32::from(times > 0);
            }
            Told::Done => gave.lies += u32::from(times == 0),
        }
    }
    gave
}
