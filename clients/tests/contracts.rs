//! Clients that were generated from another server than the one they meet, or meet none.
#![allow(unreachable_pub)] // traits and their types as a user writes them

use std::net::TcpListener;
use std::time::Duration;

use rpc_clients::{GenerateError, Language, describe, generate};
use rpc_core::reflection::ReflectionClient;
use rpc_core::{Connector, Health, RunningServer, Server, Service};

use crate::folder::{compiled, fresh, generated, node, python, said};
use crate::verdicts::descriptions;

/// The service as the client was generated from it.
mod then {
    use rpc_core::rpc;
    use serde::{Deserialize, Serialize};

    /// A job.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Job {
        /// Its number.
        pub id: u64,
        /// Its rank.
        pub priority: u8,
    }

    /// The reason for which a job is refused.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub enum Refusal {
        /// There are too many.
        Full,
    }

    /// Takes jobs.
    #[rpc]
    pub trait Shop {
        /// Takes a job.
        fn order(&self, job: Job) -> u64;
        /// Takes a job of another kind.
        fn promise(&self, id: u64) -> Result<(), Refusal>;
        /// Leaves.
        fn leave(&self, id: u64) -> u64;
        /// Returns the name of the shop.
        fn name(&self) -> String;
    }

    /// The shop.
    pub(super) struct Old;

    impl Shop for Old {
        fn order(&self, job: Job) -> u64 {
            job.id
        }

        fn promise(&self, _: u64) -> Result<(), Refusal> {
            Ok(())
        }

        fn leave(&self, id: u64) -> u64 {
            id
        }

        fn name(&self) -> String {
            "old".to_owned()
        }
    }
}

/// The service as it is later: another type of a field, one more variant behind the others, and another signature.
mod now {
    use rpc_core::rpc;
    use serde::{Deserialize, Serialize};

    /// A job.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Job {
        /// Its number.
        pub id: u64,
        /// Its rank.
        pub priority: u32,
    }

    /// The reason for which a job is refused.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub enum Refusal {
        /// There are too many.
        Full,
        /// It is closed.
        Closed(Box<Option<Refusal>>),
    }

    /// Takes jobs.
    #[rpc]
    pub trait Shop {
        /// Takes a job.
        fn order(&self, job: Job) -> u64;
        /// Takes a job of another kind.
        fn promise(&self, id: u64) -> Result<(), Refusal>;
        /// Leaves.
        fn leave(&self, id: u32) -> u64;
        /// Returns the name of the shop.
        fn name(&self) -> String;
    }

    /// The shop.
    pub(super) struct New;

    impl Shop for New {
        fn order(&self, job: Job) -> u64 {
            job.id
        }

        fn promise(&self, id: u64) -> Result<(), Refusal> {
            match id {
                0 => Ok(()),
                1 => Err(Refusal::Full),
                _ => Err(Refusal::Closed(Box::new(None))),
            }
        }

        fn leave(&self, id: u32) -> u64 {
            id.into()
        }

        fn name(&self) -> String {
            "new".to_owned()
        }
    }
}

fn serve(service: impl Service) -> RunningServer {
    Server::builder().service(service).bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port")
}

/// A listener that answers as a server of another protocol, and one that has gone.
fn strangers() -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let foreign = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = std::io::Write::write_all(&mut { connection }, answer); // the client may have gone
        }
    });
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    (foreign, gone.local_addr().expect("an address").to_string())
}

/// Generates a client from the service as it was, runs a program with the addresses of the servers that it meets, and returns what it
/// has said; nothing if there is no compiler.
fn meets(name: &str, language: Language) -> Option<String> {
    let folder = fresh(name);
    let old = serve(then::ShopServer::new(then::Old));
    generated(language, &descriptions(&old), &folder);
    old.drain_within(Duration::ZERO);
    let (new, other) = (serve(now::ShopServer::new(now::New)), serve(Health::new()));
    let (foreign, gone) = strangers();
    let addresses = [new.local_addr().to_string(), other.local_addr().to_string(), foreign, gone];
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let command = match language {
        Language::Python => Some(python(&folder, "contracts.py", &addresses)),
        Language::TypeScript => {
            compiled(&folder, &["contracts.ts"]).then(|| node(&folder, "contracts.js", &addresses))
        }
    };
    let said = command.map(|mut command| said(command.output().expect("python3, and node")));
    new.drain_within(Duration::ZERO);
    other.drain_within(Duration::ZERO);
    said
}

#[test]
fn a_caller_in_python_is_told_what_differs_and_what_is_not_there() {
    let said = meets("python-contracts", Language::Python).expect("it needs no compiler");
    assert!(said.ends_with("all differences are told\n"), "{said}");
}

#[test]
fn a_caller_in_typescript_is_told_what_differs_and_what_is_not_there() {
    if let Some(said) = meets("typescript-contracts", Language::TypeScript) {
        assert!(said.ends_with("all differences are told\n"), "{said}");
    }
}

#[test]
fn nothing_is_generated_without_known_types_and_a_name() {
    let server = serve(Health::new());
    let asks: ReflectionClient = Connector::new().connect(server.local_addr()).expect("it is there");
    let refused = describe(&asks, &["Kv".to_owned()]).expect_err("there is none").to_string();
    assert_eq!(
        refused,
        "the server has no service `Kv`; those that it has: `ServerHealth`, `ServerReflection`"
    );
    let mut services = describe(&asks, &[]).expect("the others");
    for name in ["Upper", "two words", "", "class", "a-b"] {
        let refused =
            generate(Language::Python, &services, name, "a test").expect_err("no name of a package");
        assert!(matches!(refused, GenerateError::PackageName(_)), "{refused}");
    }
    services[0].methods[0].formats = Err("its reader wants more".to_owned());
    services[0].methods.truncate(1);
    let refused = generate(Language::Python, &services, "health", "a test").expect_err("no method is left");
    let text = refused.to_string();
    assert!(text.starts_with("there is no method with known types; ServerHealth."), "{text}");
    assert!(text.ends_with("its types are not known: its reader wants more"), "{text}");
    asks.call.close();
    server.drain_within(Duration::ZERO);
}
