//! The work that each peer does: `echo`, `get` and `put` over a thousand keys, with some number of connections and of calls
//! in flight. Only the standard library: the package of the other peers includes this file.

/// Keys that the server holds from the start.
pub const KEYS: usize = 1000;

/// Returns the `i`-th key: 16 bytes.
pub fn key(i: usize) -> String {
    format!("key-{:012}", i % KEYS)
}

/// Returns the `i`-th value: 64 bytes.
pub fn value(i: usize) -> Vec<u8> {
    (0..64u8).map(|byte| byte.wrapping_add(i as u8)).collect()
}

/// The operation of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `echo` of so many bytes.
    Echo(usize),
    /// `get` of a key of 16 bytes, for a value of 64.
    Get,
    /// `put` of a key and a value of the same sizes.
    Put,
}

impl Op {
    /// Returns the argument of `echo`; empty for other operations.
    pub fn payload(self) -> Vec<u8> {
        match self {
            Op::Echo(size) => vec![7; size],
            Op::Get | Op::Put => Vec::new(),
        }
    }
}

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// The operation that is called.
    pub op: Op,
    /// The number of connections.
    pub connections: usize,
    /// The calls in flight on each connection.
    pub depth: usize,
    /// True if each call in flight belongs to a thread that blocks.
    pub threads: bool,
}

impl Work {
    /// Returns the number of calls in flight on all connections together.
    pub fn in_flight(&self) -> usize {
        self.connections * self.depth
    }

    /// Returns true if there is one call in flight: only then is each call timed, since the clock costs as much as a call in
    /// the works that have many.
    pub fn is_timed(&self) -> bool {
        self.in_flight() == 1
    }
}

const fn work(
    name: &'static str,
    about: &'static str,
    op: Op,
    (connections, depth): (usize, usize),
    threads: bool,
) -> Work {
    Work { name, about, op, connections, depth, threads }
}

/// All kinds of load.
pub const WORKS: [Work; 9] = [
    work("echo1", "echo of 64 B, 1 connection, 1 call in flight", Op::Echo(64), (1, 1), false),
    work("get64", "get, 1 connection, 64 calls in flight", Op::Get, (1, 64), false),
    work("get256", "get, 1 connection, 256 calls in flight", Op::Get, (1, 256), false),
    work("put64", "put, 1 connection, 64 calls in flight", Op::Put, (1, 64), false),
    work("echo64", "echo of 64 B, 1 connection, 64 calls in flight", Op::Echo(64), (1, 64), false),
    work("threads64", "get, 1 connection, 64 threads with a blocking call each", Op::Get, (1, 64), true),
    work("fan1", "get, 64 connections, 1 call in flight on each", Op::Get, (64, 1), false),
    work("fan16", "get, 64 connections, 16 calls in flight on each", Op::Get, (64, 16), false),
    work("large", "echo of 1 MiB, 1 connection, 1 call in flight", Op::Echo(1 << 20), (1, 1), false),
];

/// Returns the load of this name.
pub fn find(name: &str) -> Option<Work> {
    WORKS.into_iter().find(|work| work.name == name)
}
