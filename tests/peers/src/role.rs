//! The servers and loads of this program: it starts itself for them.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use rpc_examples::children::end_with_parent;
use rpc_examples::status::{Failure, Status};
use rpc_ours::meter::Length;
use rpc_ours::work::find;

use crate::raw::Language;
use crate::{blocking, raw};

/// The time for which the threads of `ours-spin` look for events: longer than a call between two processors takes.
const SPIN: Duration = Duration::from_micros(50);

/// A peer that this program contains, or whose load it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inside {
    Ours,
    OursSpin,
    Raw,
    RawOwned,
    Blocking,
    Redis,
}

/// The part of a process that the suite has started.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// One server
    #[command(hide = true)]
    Serve { peer: Inside, address: SocketAddr },
    /// One load: WORK, the milliseconds before the counted time, and those that count
    #[command(hide = true)]
    Load { peer: Inside, address: SocketAddr, work: String, warm: u64, count: u64 },
    /// Many connections at rest
    #[command(hide = true)]
    Idle { peer: Inside, address: SocketAddr, count: usize },
}

pub(crate) fn play(role: Role) -> Result<(), Failure> {
    let result = match role {
        Role::Serve { peer, address } => {
            end_with_parent()?;
            match peer {
                Inside::Ours => rpc_ours::serve(address, Duration::ZERO),
                Inside::OursSpin => rpc_ours::serve(address, SPIN),
                Inside::Raw => raw::serve(address, Language::Bincode),
                Inside::RawOwned => raw::serve(address, Language::Owned),
                Inside::Blocking => blocking::serve(address),
                Inside::Redis => Err("redis is another program".into()),
            }
        }
        Role::Load { peer, address, work, warm, count } => {
            let work = find(&work).ok_or_else(|| Failure::new(Status::Usage, "no such work"))?;
            let length = Length::Time(Duration::from_millis(warm), Duration::from_millis(count));
            match peer {
                Inside::Ours => rpc_ours::load(address, work, length, Duration::ZERO),
                Inside::OursSpin => rpc_ours::load(address, work, length, SPIN),
                Inside::RawOwned => raw::load(address, Language::Owned, work, length),
                Inside::Raw => raw::load(address, Language::Bincode, work, length),
                Inside::Blocking => blocking::load(address, work, length),
                Inside::Redis => raw::load(address, Language::Redis, work, length),
            }
        }
        Role::Idle { peer, address, count } => match peer {
            Inside::Ours => rpc_ours::idle(address, count),
            Inside::Raw => raw::idle(address, Language::Bincode, count),
            Inside::Blocking | Inside::OursSpin | Inside::RawOwned => {
                Err("the memory of its connections is no figure".into())
            }
            Inside::Redis => raw::idle(address, Language::Redis, count),
        },
    };
    result.map_err(|error| Failure::new(Status::Server, error))
}
