//! Lesson 2, `hello` without the macro: the client stub and the server stub that `#[rpc]` would write, by hand.
//!
//! A stub is a stand-in. The client stub looks like the service, but packs the arguments and sends them; the server
//! stub looks like a client, but unpacks the arguments and calls the real thing. Neither contains any networking:
//! that is `rpc_core`'s part. Compare with what the macro writes:
//! `cargo run -q -p rpc-codegen --bin rpc-expand -- examples/1_hello/main.rs`.

use std::error::Error;
use std::net::SocketAddr;

use rpc_core::Server;
use rpc_core::stub::{
    Addresses, CallError, Caller, Client, ConnectError, Contract, Dispatch, Dispatched, Handle, Method,
    Never, Pending, Refused, Service, TypesOf, connect, types,
};

// ---- Step 1: the agreement. Both sides are built from it.

/// The methods of the server.
trait Adder {
    /// The sum of two numbers.
    fn add(&self, x: i64, y: i64) -> i64;
}

/// One entry for each method: its name and its signature as text. The framework hashes both, and the hash is what
/// goes over the wire as "which method". A client that was built from another signature has another hash, and is
/// refused by name instead of being misunderstood. `types` names the types once more: their formats are hashed as well, since
/// two programs may have other types of one name.
static METHODS: [Method; 1] =
    [Method::new("Adder.add", "fn add(x: i64, y: i64) -> i64").types(types!((i64, i64), i64))];

/// The formats of these types, which are found when they are first asked for.
static TYPES: TypesOf = TypesOf::new("Adder", &METHODS);

/// The contract, which client and server compare when they connect.
static CONTRACT: Contract = Contract::new("Adder", &METHODS).with_types(|| TYPES.get());

// ---- Step 2: the client stub.

/// Stands on the client's side for the service that is elsewhere.
struct AdderClient {
    /// Options, counters, closing, and the `Caller`, which carries calls.
    call: Handle<AdderClient>,
}

impl AdderClient {
    fn connect(addr: impl Into<Addresses>) -> Result<Self, ConnectError> {
        connect(addr)
    }

    /// The remote method. The arguments become one tuple and the tuple becomes bytes; the calling thread sends them
    /// and waits. `i64, Never` says how to read the reply: an `i64`, and no error of the service's own.
    fn add(&self, x: i64, y: i64) -> Result<i64, CallError> {
        self.call.caller().call::<i64, Never>(&METHODS[0], &(x, y))
    }

    /// The same call, sent but not waited for. The macro puts these methods behind a field, `adder.start.add(2, 3)`,
    /// so that they cannot clash with methods of the trait.
    fn start_add(&self, x: i64, y: i64) -> Pending<i64> {
        self.call.caller().start::<i64, Never>(&METHODS[0], &(x, y))
    }
}

/// Lets `connect` make the stub: what to announce in the greeting, and how to wrap the connection.
impl Client for AdderClient {
    const CONTRACT: &'static Contract = &CONTRACT;

    fn from_caller(caller: Caller) -> Self {
        AdderClient { call: Handle::new(caller) }
    }
}

// ---- Step 3: the server stub.

/// Stands on the server's side for the client that is elsewhere.
struct AdderServer<S> {
    service: S,
}

impl<S: Adder + Send + Sync + 'static> Service for AdderServer<S> {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    /// One match: which method, its arguments out of the bytes, the real call, its result into bytes. When the
    /// arguments cannot be read, `?` refuses the call *before* it runs, and the client learns exactly that.
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        match call.method() {
            0 => {
                let (x, y): (i64, i64) = call.arguments()?;
                call.reply::<i64>(self.service.add(x, y))
            }
            _ => call.no_such_method(),
        }
    }
}

// ---- Step 4: the same program as `hello`.

struct Sum;

impl Adder for Sum {
    fn add(&self, x: i64, y: i64) -> i64 {
        println!("server: add({x}, {y})");
        x + y
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().service(AdderServer { service: Sum }).bind("127.0.0.1:0")?.spawn()?;
    ask(server.local_addr())?;
    server.stop()?;
    Ok(())
}

fn ask(addr: SocketAddr) -> Result<(), Box<dyn Error>> {
    let adder = AdderClient::connect(addr)?;
    println!("client: 2 + 3 = {}", adder.add(2, 3)?);
    let later = adder.start_add(4, 5);
    println!("client: the second call is under way");
    println!("client: 4 + 5 = {}", later.wait()?);
    Ok(())
}
