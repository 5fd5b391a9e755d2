//! The example programs, run as a user runs them.

mod coordination;
mod demo;
mod exit_status;
mod lecture;
mod lessons;
mod load;
mod models;
mod output;
mod pair;
mod programs;
mod relay;
mod semantics;
mod serve;
mod small;
mod small_rpc;
mod tasks;
mod terminal;
mod unix;
mod unwritable;
mod vote;
mod watch;
