//! The lecture's generic stub, `client.Call("KV.Get", &args, &reply)`: a client without the trait, for code that knows
//! the name of a method only at run time. What `#[rpc]` writes is one such line for each method, with its types filled in.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use rpc_core::{Connector, Escaped, Never, Server, rpc};
use rpc_examples::status::{Failure, finish};

#[rpc]
trait Kv {
    /// The value of a key, if it has one.
    fn get(&self, key: &str) -> Option<String>;
    /// Gives a key a value.
    fn put(&self, key: &str, value: &str);
}

#[derive(Default)]
struct Store(Mutex<HashMap<String, String>>);

impl Kv for Store {
    fn get(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned() // valid even after a panic
    }

    fn put(&self, key: &str, value: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value.to_owned());
    }
}

fn main() -> ExitCode {
    finish("by_name", by_name())
}

fn by_name() -> Result<(), Failure> {
    let mut out = io::stdout();
    let server = Server::builder().service(KvServer::new(Store::default())).bind("127.0.0.1:0")?.spawn()?;

    // From here on the trait is not used. The names could come from a command line.
    let client = Connector::new().connect_by_name(server.local_addr(), &["Kv"])?;
    for (_, signature) in client.methods("Kv") {
        writeln!(out, "the server has: {}", Escaped(signature))?;
    }
    // The arguments are a tuple, also when there is only one; the types are what the signature says.
    client.call::<(), Never>("Kv.put", &("subject", "6.824"))?;
    let value: Option<String> = client.call::<_, Never>("Kv.get", &("subject",))?;
    writeln!(out, "Kv.get(subject) -> {value:?}")?;
    for name in ["Kv.remove", "Vote.ask"] {
        if let Err(error) = client.call::<(), Never>(name, &("subject",)) {
            writeln!(out, "{name} -> {error}")?;
        }
    }
    client.close();
    server.stop()?;
    Ok(())
}
