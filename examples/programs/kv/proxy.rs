//! `kv proxy`: a bad network in front of a server, for trying the other commands over it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::Args;
use rpc_examples::children::end_with_parent;
use rpc_examples::messages::say;
use rpc_examples::signals::wait_for_signal;
use rpc_examples::status::{Failure, Status};
use rpc_sim::{FaultProxy, Faults};

use crate::arguments::{ClientOptions, duration};
use crate::demo::faults;
use crate::output::listening;

/// Probabilities of the faults of a frame. The defaults are those of the demonstration.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProxyOptions {
    /// Address for clients; port 0 picks one and prints it
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: String,
    /// Decides every fault
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Probability that a frame is lost, from 0 to 1 like all of these
    #[arg(long, default_value_t = 0.03, value_parser = probability, value_name = "SHARE")]
    drop: f64,
    /// Probability that a frame is delivered twice
    #[arg(long, default_value_t = 0.03, value_parser = probability, value_name = "SHARE")]
    duplicate: f64,
    /// Probability that later frames overtake a frame
    #[arg(long, default_value_t = 0.03, value_parser = probability, value_name = "SHARE")]
    reorder: f64,
    /// Probability that a frame and all later frames are held up
    #[arg(long, default_value_t = 0.02, value_parser = probability, value_name = "SHARE")]
    stall: f64,
    /// Probability that the connection is cut at a frame, half of the times in the middle of it
    #[arg(long, default_value_t = 0.002, value_parser = probability, value_name = "SHARE")]
    cut: f64,
    /// Longest time that a frame takes without a fault
    #[arg(long, default_value = "2ms", value_parser = duration, value_name = "TIME")]
    delay: Duration,
    /// End when standard input closes: for a proxy that another program has started
    #[arg(long, hide = true)]
    end_with_parent: bool,
}

impl ProxyOptions {
    fn faults(&self) -> Faults {
        faults()
            .drop(self.drop)
            .duplicate(self.duplicate)
            .reorder(self.reorder)
            .stall(self.stall)
            .cut(self.cut)
            .delay(self.delay.min(Duration::from_micros(50)), self.delay)
    }
}

/// Runs the proxy until a signal ends it.
pub(crate) fn proxy(client: &ClientOptions, options: &ProxyOptions) -> Result<(), Failure> {
    let (listen, server) =
        (resolve(&options.listen, Status::Usage)?, resolve(&client.addr, Status::Unreachable)?);
    let cannot = |error| Failure::new(Status::Usage, format!("cannot listen at {listen}: {error}"));
    let proxy = FaultProxy::start(listen, server, options.faults(), options.seed).map_err(cannot)?;
    if options.end_with_parent {
        end_with_parent()?;
    }
    let _ = listening(client.format, &proxy.addr()); // a reader that has closed the pipe must not end the proxy
    wait_for_signal()?;
    let seen = proxy.seen();
    say(format_args!(
        "{} frames passed on, {} dropped, {} duplicated, {} delayed, {} reordered; {} connections cut",
        seen.forwarded, seen.dropped, seen.duplicated, seen.delayed, seen.reordered, seen.cut
    ));
    Ok(())
}

/// Resolves an address. An unknown host name is a usage error for --listen, and an unreachable server for --addr.
fn resolve(addr: &str, unknown: Status) -> Result<SocketAddr, Failure> {
    let found = addr.to_socket_addrs().and_then(|mut all| all.next().ok_or(io::ErrorKind::NotFound.into()));
    found.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => {
            Failure::new(Status::Usage, format!("{addr:?} is not an address: write it as HOST:PORT"))
        }
        _ => Failure::new(unknown, format!("cannot find the address {addr}: {error}; check the host name")),
    })
}

fn probability(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number; write for example 0.05".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("from 0 to 1".to_owned()) }
}
