//! The programs of the peers: which there are, and how they are built and started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rpc_examples::choices::name_of;
use rpc_examples::status::Failure;
use rpc_ours::work::{Op, Work};

use crate::peer::Peer;

/// The programs that are there, and the reason for each peer that is not.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    others: Option<PathBuf>,
    go: Option<PathBuf>,
    before: Option<PathBuf>,
    pub(crate) absent: BTreeMap<Peer, String>,
}

/// Returns true if a program of this name can be started.
fn is_there(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a build, whose messages go to standard error.
fn build(what: &str, command: &mut Command) -> Result<(), String> {
    eprintln!("building {what} ..");
    match command.stdin(Stdio::null()).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("its build failed: {status}")),
        Err(error) => Err(format!("its build cannot be started: {error}")),
    }
}

impl Programs {
    /// Builds what the peers need. A peer whose program cannot be had is in `absent`, with the reason.
    pub(crate) fn find(peers: &[Peer], before: Option<PathBuf>) -> Result<Self, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::current_exe()?.parent().map(|folder| folder.join("peers")).unwrap_or_default();
        let mut programs = Programs { before, ..Programs::default() };
        let wants = |peer| peers.contains(&peer);
        if wants(Peer::Capnp) && !is_there("capnp", "--version") {
            programs.absent.insert(Peer::Capnp, "the program `capnp` is not there".to_owned());
        }
        let with_capnp = wants(Peer::Capnp) && !programs.absent.contains_key(&Peer::Capnp);
        let others = [Peer::Tarpc, Peer::TarpcSingle, Peer::Tonic];
        if with_capnp || others.into_iter().any(wants) {
            match build_others(here, &target, with_capnp) {
                Ok(program) => programs.others = Some(program),
                Err(why) => {
                    let asked = others.into_iter().chain([Peer::Capnp]).filter(|peer| wants(*peer));
                    programs.absent.extend(asked.map(|peer| (peer, why.clone())));
                }
            }
        }
        if wants(Peer::Go) {
            match build_go(here, &target) {
                Ok(program) => programs.go = Some(program),
                Err(why) => drop(programs.absent.insert(Peer::Go, why)),
            }
        }
        if wants(Peer::Redis) && !is_there("redis-server", "--version") {
            programs.absent.insert(Peer::Redis, "the program `redis-server` is not there".to_owned());
        }
        Ok(programs)
    }

    /// Returns the command that serves at an address.
    pub(crate) fn server(&self, peer: Peer, address: SocketAddr) -> Result<Command, Failure> {
        if peer == Peer::Redis {
            let mut command = Command::new("redis-server");
            command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
            command.args([
                "--save",
                "",
                "--appendonly",
                "no",
                "--maxclients",
                "12000",
                "--loglevel",
                "warning",
            ]);
            return Ok(command);
        }
        let mut command = self.program(peer, "serve")?;
        command.arg(address.to_string());
        Ok(command)
    }

    /// Returns the command that makes the calls of a work.
    pub(crate) fn load(
        &self,
        peer: Peer,
        address: SocketAddr,
        work: &Work,
        (warm, count): (Duration, Duration),
    ) -> Result<Command, Failure> {
        let mut command = self.program(peer, "load")?;
        command.arg(address.to_string());
        if peer == Peer::Go {
            let (name, size) = match work.op {
                Op::Echo(size) => ("echo", size),
                Op::Get => ("get", 0),
                Op::Put => ("put", 0),
            };
            command.arg(name).args([size, work.connections, work.depth].map(|number| number.to_string()));
        } else {
            command.arg(work.name);
        }
        command.args([warm, count].map(|time| time.as_millis().to_string()));
        Ok(command)
    }

    /// Returns the command that opens many connections.
    pub(crate) fn idle(&self, peer: Peer, address: SocketAddr, count: usize) -> Result<Command, Failure> {
        let mut command = self.program(peer, "idle")?;
        command.args([address.to_string(), count.to_string()]);
        Ok(command)
    }

    fn program(&self, peer: Peer, role: &str) -> Result<Command, Failure> {
        let named = |program: OsString, name: Option<String>| {
            let mut command = Command::new(program);
            command.arg(role).args(name);
            command
        };
        let missing = || Failure::from(std::io::Error::other(format!("no program for {}", name_of(peer))));
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.clone().into_os_string());
        Ok(match peer {
            Peer::Ours | Peer::OursSpin | Peer::Raw | Peer::RawOwned | Peer::Blocking | Peer::Redis => {
                named(std::env::current_exe()?.into_os_string(), Some(name_of(peer)))
            }
            Peer::Before => named(path(&self.before).ok_or_else(missing)?, Some(name_of(Peer::Ours))),
            Peer::Go => named(path(&self.go).ok_or_else(missing)?, None),
            _ => named(path(&self.others).ok_or_else(missing)?, Some(name_of(peer))),
        })
    }
}

/// The Rust peers are a workspace of their own, so that their dependencies burden no other build.
fn build_others(here: &Path, target: &Path, with_capnp: bool) -> Result<PathBuf, String> {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    command.arg(here.join("others/Cargo.toml")).env("CARGO_TARGET_DIR", target);
    if with_capnp {
        command.args(["--features", "capnp"]);
    }
    build("the peers in Rust; the first time this takes minutes", &mut command)?;
    Ok(target.join("release/rpc-other-peers"))
}

fn build_go(here: &Path, target: &Path) -> Result<PathBuf, String> {
    if !is_there("go", "version") {
        return Err("Go is not there".to_owned());
    }
    let program = target.join("go-peer");
    let mut command = Command::new("go");
    command.args(["build", "-o"]).arg(&program).arg(".").current_dir(here.join("others/go"));
    build("Go's peer", &mut command)?;
    Ok(program)
}
