//! Several services on one server, as in the lecture: each is registered by itself, all share the port, and a client has a
//! stub for each. Two of them share one map. A call to a service that is not registered does not run.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rpc_core::{Connector, Never, Server, rpc};
use rpc_examples::status::{Failure, finish};

/// For all clients.
#[rpc]
trait Kv {
    fn get(&self, key: &str) -> Option<String>;
    fn put(&self, key: &str, value: &str);
}

/// For the owner of the map: another trait, so another stub, over the same map.
#[rpc]
trait Admin {
    fn keys(&self) -> Vec<String>;
    fn clear(&self) -> u64;
}

/// It has nothing to do with the map.
#[rpc]
trait Adder {
    fn add(&self, x: i64, y: i64) -> i64;
}

/// No server here has it.
#[rpc]
trait Vote {
    fn ask(&self, question: &str) -> bool;
}

#[derive(Default)]
struct Store(Mutex<HashMap<String, String>>);

impl Store {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // each change is one step, so the map is valid
    }
}

impl Kv for Store {
    fn get(&self, key: &str) -> Option<String> {
        self.lock().get(key).cloned()
    }

    fn put(&self, key: &str, value: &str) {
        self.lock().insert(key.to_owned(), value.to_owned());
    }
}

impl Admin for Store {
    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.lock().keys().cloned().collect();
        keys.sort();
        keys
    }

    fn clear(&self) -> u64 {
        std::mem::take(&mut *self.lock()).len() as u64
    }
}

struct Arithmetic;

impl Adder for Arithmetic {
    fn add(&self, x: i64, y: i64) -> i64 {
        x + y
    }
}

fn main() -> ExitCode {
    finish("services", services())
}

fn services() -> Result<(), Failure> {
    let mut out = io::stdout();
    let store = Arc::new(Store::default());
    let server = Server::builder()
        .service(KvServer::shared(Arc::clone(&store))) // Go: rpcs.Register(kv)
        .service(AdminServer::shared(store)) // the same map, other methods
        .service(AdderServer::new(Arithmetic))
        .bind("127.0.0.1:0")?
        .spawn()?;
    let addr = server.local_addr();

    let (kv, admin, adder) =
        (KvClient::connect(addr)?, AdminClient::connect(addr)?, AdderClient::connect(addr)?);
    kv.put("subject", "6.824")?;
    writeln!(out, "Kv.get(subject) -> {:?}", kv.get("subject")?)?;
    writeln!(out, "Adder.add(2, 3) -> {}", adder.add(2, 3)?)?;
    writeln!(out, "Admin.keys() -> {:?}", admin.keys()?)?;
    writeln!(out, "Admin.clear() -> {}", admin.clear()?)?;
    writeln!(out, "Kv.get(subject) -> {:?}", kv.get("subject")?)?;

    // By name, a client asks for as many services as it likes over one connection.
    let by_name = Connector::new().connect_by_name(addr, &["Kv", "Admin", "Adder"])?;
    for service in ["Kv", "Admin", "Adder"] {
        let methods = by_name.methods(service);
        writeln!(out, "{service} has {} methods", methods.len())?;
    }
    writeln!(out, "Adder.add(4, 5) -> {}", by_name.call::<i64, Never>("Adder.add", &(4_i64, 5_i64))?)?;

    // It learns that the service is missing from the first call, if not from the connection.
    let asked = match VoteClient::connect(addr) {
        Ok(vote) => vote.ask("more cake?").map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match asked {
        Ok(answer) => writeln!(out, "Vote.ask -> {answer}")?,
        Err(error) => writeln!(out, "Vote.ask -> {error}")?,
    }
    server.stop()?;
    Ok(())
}
