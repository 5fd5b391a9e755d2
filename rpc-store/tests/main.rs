//! The store: transactions, files that are wrong, copies, and crashes at every write.

mod copies;
mod files;
mod journal;
mod ledger;
mod lives;
mod power;
mod transactions;
