//! The example programs, run as a user runs them.

mod coordination;
mod demo;
mod exit_status;
mod lessons;
mod load;
mod programs;
mod relay;
mod serve;
mod vote;
