//! A server's description of itself: its services and methods, with their types, policies and documentation, its limits, counters
//! and health.
//!
//! Each server has the service `ServerReflection`, unless [`ServerBuilder::reflection`](crate::ServerBuilder::reflection) switches it
//! off. [`ReflectionClient`] asks it. The command `rpc` is built on it, and so are the generators of clients in other languages. The
//! page `docs/wire.md` has the types for a client that is written by hand.
//!
//! ```
//! use rpc_core::reflection::ReflectionClient;
//! use rpc_core::{Connector, Server, rpc};
//!
//! #[rpc]
//! pub trait Adder {
//!     /// Returns the sum.
//!     #[rpc(idempotent)]
//!     fn add(&self, x: i64, y: i64) -> i64;
//! }
//!
//! struct Plain;
//!
//! impl Adder for Plain {
//!     fn add(&self, x: i64, y: i64) -> i64 {
//!         x.wrapping_add(y)
//!     }
//! }
//!
//! let server = Server::builder().service(AdderServer::new(Plain)).bind("127.0.0.1:0")?.spawn()?;
//! let asks: ReflectionClient = Connector::new().connect(server.local_addr())?;
//! let adder = asks.whole_service("Adder")?.expect("it is there");
//! let add = &adder.methods[0];
//! assert_eq!((add.name.as_str(), add.docs.as_str(), add.idempotent), ("Adder.add", "Returns the sum.", true));
//! assert_eq!(add.formats()?.to_string(), "fn(i64, i64) -> i64");
//! assert_eq!(add.arguments()[1].name, "y");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::service::{
    Argument, LimitValue, MethodDescription, ReflectionClient, ServerDescription, ServiceDescription,
    ServiceSummary, TypesDescription,
};
pub use crate::types::{Definition, Fields, Format, Formats, Leaf, ParseError, Shape, Variant, fingerprint};
