//! A server that is stopped beside clients which are idle, closed, killed or frozen: the time until its process has ended.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rpc_core::{Connector, Server, rpc};

use super::child::{ChildProcess, LISTENS};
use super::once::wait_for_end_of_input;
use super::words::Words;

/// The word after `prove` that serves.
pub(crate) const SERVER: &str = "stop-server";
/// The word after `prove` that calls once, and is idle then.
pub(crate) const CLIENT: &str = "stop-client";
/// A client writes this line when it has its reply.
const CALLED: &str = "called";
/// Clients beside the server: more than one, so that their times would be seen to add up.
const CLIENTS: usize = 3;
/// The time from the last reply until the server is stopped: longer than a client is taken to be in use, and shorter than
/// its ACK waits, so that the server still keeps each reply.
const QUIET: Duration = Duration::from_millis(300);
/// The longest wait for the end of the server: twice its grace time.
const LONGEST: Duration = Duration::from_secs(60);

/// The state of the clients while their server is stopped. Each has had one reply, and has not acknowledged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    /// No thread of theirs calls.
    Idle,
    /// Their processes have ended.
    Closed,
    /// Their processes were killed (SIGKILL).
    Killed,
    /// Their processes are stopped (SIGSTOP): their connections stand.
    Frozen,
}

impl Clients {
    /// All of them.
    pub(crate) const ALL: [Clients; 4] = [Clients::Idle, Clients::Closed, Clients::Killed, Clients::Frozen];

    /// Returns the word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Clients::Idle => "idle",
            Clients::Closed => "closed",
            Clients::Killed => "killed",
            Clients::Frozen => "frozen",
        }
    }

    /// Returns the time that stopping the server must not reach. The server waits for clients that may come back, for the 5 s of
    /// `drain_detached`; of the others it knows that nothing is left to do.
    pub(crate) fn most(self) -> Duration {
        match self {
            Clients::Idle | Clients::Closed => Duration::from_millis(100),
            Clients::Killed | Clients::Frozen => Duration::from_secs(6),
        }
    }
}

#[rpc]
pub(crate) trait Word {
    fn word(&self) -> u64;
}

struct One;

impl Word for One {
    fn word(&self) -> u64 {
        1
    }
}

/// Serves until standard input ends, and stops then.
pub(crate) fn serve(_: &Words) -> Result<(), String> {
    let server = Server::builder().service(WordServer::new(One)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).map_err(|error| error.to_string())?;
    println!("{LISTENS}{}", server.local_addr());
    wait_for_end_of_input();
    server.stop().map_err(|error| error.to_string())
}

/// Calls once, and is idle until standard input ends: `to=ADDRESS`.
pub(crate) fn call(words: &Words) -> Result<(), String> {
    let to: SocketAddr = words.get("to")?;
    let client: WordClient = Connector::new().connect(to).map_err(|error| error.to_string())?;
    client.word().map_err(|error| error.to_string())?;
    println!("{CALLED}");
    wait_for_end_of_input();
    Ok(())
}

/// Stops a server once, and returns the time until its process has ended.
pub(crate) fn measure(state: Clients) -> Result<Duration, String> {
    let (mut server, address) = ChildProcess::listen(SERVER, &Words::default())?;
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut client = ChildProcess::start(CLIENT, &Words::default().with("to", address))?;
        client.said(CALLED)?;
        clients.push(client);
    }
    std::thread::sleep(QUIET);
    for client in &mut clients {
        match state {
            Clients::Idle => {}
            Clients::Closed => {
                client.ask_to_finish();
                client.finished(Instant::now() + LONGEST)?;
            }
            Clients::Killed => client.kill()?,
            Clients::Frozen => client.stop()?,
        }
    }
    let began = Instant::now();
    server.ask_to_finish();
    server.finished(began + LONGEST)?;
    Ok(began.elapsed())
}
