//! The peers that are not ours: `rpc-other-peers serve PEER ADDR`, `load PEER ADDR WORK WARM_MS COUNT_MS`, and
//! `idle PEER ADDR CONNECTIONS`, where PEER is tarpc, tarpc-single, tonic or capnp. `rpc-peers` starts it.

#[cfg(feature = "capnp")]
mod capnp_peer;
mod drive;
#[path = "../../ours/src/meter.rs"]
#[allow(dead_code)] // a load of a number of calls is used by our own peer alone
mod meter;
mod store;
mod tarpc_peer;
mod tonic_peer;
#[path = "../../ours/src/work.rs"]
#[allow(dead_code)]
mod work;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::meter::Length;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The part of this process.
enum Role {
    Serve,
    Load(work::Work, Length),
    Idle(usize),
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (peer, address, role) = match words[..] {
        ["serve", peer, address] => (peer, address, Role::Serve),
        ["load", peer, address, name, warm, count] => {
            let work = work::find(name).ok_or("no such work")?;
            let time = |text: &str| text.parse().map(Duration::from_millis);
            (peer, address, Role::Load(work, Length::Time(time(warm)?, time(count)?)))
        }
        ["idle", peer, address, count] => (peer, address, Role::Idle(count.parse()?)),
        _ => return Err("usage: rpc-other-peers serve|load|idle PEER ADDR ..; rpc-peers starts it".into()),
    };
    match peer {
        "tarpc" => threads()?.block_on(async { tarpc(address.to_owned(), role).await }),
        "tarpc-single" => one_thread()?.block_on(async { tarpc(address.to_owned(), role).await }),
        "tonic" => threads()?.block_on(async { tonic(address.to_owned(), role).await }),
        #[cfg(feature = "capnp")]
        "capnp" => tokio::task::LocalSet::new().block_on(&one_thread()?, capnp(address.to_owned(), role)),
        _ => Err("no such peer".into()),
    }
}

/// A runtime with two threads for tasks: the default of tokio on a machine with two cores.
fn threads() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn one_thread() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

// All work runs in tasks, since the thread that blocks on the runtime is none of its workers.
async fn tarpc(address: String, role: Role) -> Result<(), Failure> {
    use tarpc_peer::{Client, serve};
    let task = match role {
        Role::Serve => tokio::spawn(serve(address)),
        Role::Idle(count) => tokio::spawn(async move { drive::idle::<Client>(&address, count).await }),
        Role::Load(work, length) => tokio::spawn(async move {
            let start =
                |client: Client, work, first, lane| tokio::spawn(drive::calls(client, work, first, lane));
            drive::load(&address, work, length, start).await
        }),
    };
    task.await?
}

async fn tonic(address: String, role: Role) -> Result<(), Failure> {
    use tonic_peer::{Client, serve};
    let task = match role {
        Role::Serve => tokio::spawn(serve(address)),
        Role::Idle(count) => tokio::spawn(async move { drive::idle::<Client>(&address, count).await }),
        Role::Load(work, length) => tokio::spawn(async move {
            let start =
                |client: Client, work, first, lane| tokio::spawn(drive::calls(client, work, first, lane));
            drive::load(&address, work, length, start).await
        }),
    };
    task.await?
}

#[cfg(feature = "capnp")]
async fn capnp(address: String, role: Role) -> Result<(), Failure> {
    use capnp_peer::{Client, serve};
    match role {
        Role::Serve => serve(address).await,
        Role::Idle(count) => drive::idle::<Client>(&address, count).await,
        Role::Load(work, length) => {
            let start = |client: Client, work, first, lane| {
                tokio::task::spawn_local(drive::calls(client, work, first, lane))
            };
            drive::load(&address, work, length, start).await
        }
    }
}
