//! Starts the voters as the electorate says, and connects to them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::ClientLimits;
use rpc_core::{ConnectError, Connector, RunningServer};
use rpc_examples::children::{Children, Worker};
use rpc_examples::status::{Failure, Status};
use rpc_sim::{FaultProxy, Faults};

use crate::arguments::VoteOptions;
use crate::ballot::VoterClient;
use crate::electorate::{Plan, Trouble, electorate};

/// Time limit for a voter's process to start, and for a greeting to pass a bad network.
const START: Duration = Duration::from_secs(60);
/// A call without a reply is sent again after this time.
const RESEND: Duration = Duration::from_millis(100);

/// A voter with its client, or the reason why it cannot be reached.
#[derive(Debug)]
pub(crate) struct Booth {
    pub(crate) name: String,
    pub(crate) client: Result<VoterClient, String>,
    pub(crate) trouble: Trouble,
    // Fields are dropped in this order: the client, the network, the voter.
    _proxy: Option<FaultProxy>,
    home: Mutex<Home>, // a process's output has one reader; booths are looked at by many threads
}

/// The place in which a voter runs.
#[derive(Debug)]
enum Home {
    Process(Worker),
    Thread(#[allow(dead_code, reason = "drained when dropped")] RunningServer),
    Nowhere,
}

impl Booth {
    /// Returns true if the voter's process has ended. A voter on a thread ends with this process.
    pub(crate) fn has_died(&self) -> bool {
        match &*self.home() {
            Home::Process(voter) => voter.has_ended(),
            Home::Thread(_) | Home::Nowhere => false,
        }
    }

    /// Returns the process of the voter, if it is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &*self.home() {
            Home::Process(voter) => Some(voter.pid()),
            Home::Thread(_) | Home::Nowhere => None,
        }
    }

    fn home(&self) -> MutexGuard<'_, Home> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner) // it is not changed any more
    }
}

/// Opens all booths. Voters that are down are booths too: the collector asks them like the others.
pub(crate) fn open(options: &VoteOptions, children: &Children) -> Result<Vec<Booth>, Failure> {
    let plans = electorate(options);
    let mut homes = Vec::new();
    for plan in &plans {
        homes.push(match options.in_process {
            true => Home::Thread(plan.voter.spawn()?),
            false => Home::Process(children.start(&plan.name, plan.voter.arguments())?),
        });
    }
    let until = Instant::now() + START;
    let mut booths = Vec::new();
    for ((plan, mut home), number) in plans.into_iter().zip(homes).zip(0..) {
        let mut addr = match &home {
            Home::Process(worker) => {
                worker.next_line(until)?.rsplit(' ').next().unwrap_or_default().to_owned()
            }
            Home::Thread(server) => server.local_addr().to_string(),
            Home::Nowhere => String::new(),
        };
        let mut proxy = None;
        match plan.trouble {
            Trouble::Down => home = Home::Nowhere, // which ends it
            Trouble::BadNetwork => {
                let started = bad_network(&addr, options.seed + number)?;
                addr = started.addr().to_string();
                proxy = Some(started);
            }
            Trouble::None | Trouble::Slow => {}
        }
        booths.push((plan, addr, proxy, home));
    }
    connect(booths)
}

/// Frames are lost, doubled, late and out of order, and every call gets through all the same.
fn bad_network(addr: &str, seed: u64) -> Result<FaultProxy, Failure> {
    let faults = Faults::none().drop(0.1).delay(Duration::from_millis(1), Duration::from_millis(15));
    let upstream = addr.parse().map_err(|error| Failure::new(Status::Server, error).during(addr))?;
    let here = "127.0.0.1:0".parse().expect("it is an address");
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15); // neighbouring seeds must not give similar networks
    Ok(FaultProxy::start(here, upstream, faults, seed)?)
}

/// Connects to all voters at the same time: one that is down must not hold up the others.
fn connect(opened: Vec<(Plan, String, Option<FaultProxy>, Home)>) -> Result<Vec<Booth>, Failure> {
    let attempts: Vec<_> = thread::scope(|scope| {
        let attempts: Vec<_> = opened
            .iter()
            .map(|(plan, addr, ..)| {
                let patience = if plan.trouble == Trouble::BadNetwork { START } else { Duration::ZERO };
                // A lost frame is sent again early, so that the seed decides which voters vote, not the network.
                let limits = ClientLimits { slots: 2, resend_first: RESEND, ..ClientLimits::default() };
                scope.spawn(move || {
                    Connector::new().limits(limits).connect_timeout(patience).connect(addr.as_str())
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("connecting does not panic")).collect()
    });
    let mut booths = Vec::new();
    for ((plan, _, proxy, home), attempt) in opened.into_iter().zip(attempts) {
        let client = match attempt {
            Ok(client) => Ok(client),
            Err(error @ ConnectError::Unreachable { .. }) => Err(error.to_string()),
            Err(error) => return Err(Failure::from(error).during(&plan.name)),
        };
        booths.push(Booth {
            name: plan.name,
            client,
            trouble: plan.trouble,
            _proxy: proxy,
            home: Mutex::new(home),
        });
    }
    Ok(booths)
}
