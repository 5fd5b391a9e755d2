//! Exactly once on one machine: a server whose sessions, records and data are in one store, and change in one transaction.
//!
//! ```
//! use rpc_core::{Server, rpc};
//! use rpc_store::Store;
//!
//! #[rpc]
//! pub trait Counter {
//!     fn add(&self, amount: u64) -> u64;
//! }
//!
//! struct Durable(Store);
//!
//! impl Counter for Durable {
//!     fn add(&self, amount: u64) -> u64 {
//!         let mut tx = self.0.transaction();
//!         let before = tx.get(b"sum").map_or(0, |sum| u64::from_le_bytes(sum.try_into().expect("eight bytes")));
//!         tx.put(b"sum", &(before + amount).to_le_bytes());
//!         before + amount
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path())?;
//! let server = Server::builder()
//!     .service(CounterServer::new(Durable(store.clone())))
//!     .durable(store)
//!     .bind("127.0.0.1:0")?
//!     .spawn()?;
//! let counter = CounterClient::connect(server.local_addr())?;
//! assert_eq!(counter.add(2)?, 2); // in the file, with the record of the call, before the reply left
//! # counter.call.close();
//! # Ok(())
//! # }
//! ```
//!
//! A call of a method that is not idempotent is a transaction: its record, its reply and what its handler writes are in the file
//! together, or none of them is. If the server dies, the next one takes up the sessions, and answers a call that ran with the reply
//! of its record. Handlers with a transaction run one after the other; the calls of a turn of the loop share one commit.
//!
//! A handler that returns an error, panics or gives up has written nothing, and its call has a record all the same. What a handler
//! does outside of its transaction is not undone by a crash, and may happen once more after it: `docs/exactly_once.md`.
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn)]

mod backend;
mod error;
mod filter;
mod journal;
mod journal_rows;
mod mark;
mod memory;
mod pending;
mod redb_file;
mod rows;
mod store;
mod transaction;

pub use backend::{Backend, BackendError, Changes, Space};
pub use error::StoreError;
pub use journal::{Journal, MOST_KEPT};
pub use memory::MemoryBackend;
pub use redb_file::RedbBackend;
pub use store::{Opened, Store};
pub use transaction::Transaction;
