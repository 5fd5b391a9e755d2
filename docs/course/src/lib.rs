//! The judges of the course: each plays thousands of stories with the reader's code, and tells the shortest one that goes wrong.
//!
//! A reader's file is compiled as a small program of its own ([`workshop`]), which links this library and runs the judge of the
//! exercise ([`judge::run`]). So a file that loops, panics or does not compile harms nothing but itself.
//!
//! ```text
//! catalogue -- the exercises            story -- the lines that are told
//! workshop  -- compile, run, time limit  judge -- seeds, shrinking, the watch over a program that hangs
//! frames, client_stub, server_stub, retry, filter .. -- one judge each
//! net, tiny -- the small network and the small system that three of the judges share
//! threads -- threads, locks and channels whose schedule is a list, for four of them
//! ```
#![allow(
    missing_debug_implementations,
    reason = "a judge has no state to show; and the reader's types need no Debug"
)]

pub mod catalogue;
pub mod client_stub;
pub mod crawl;
pub mod filter;
pub mod frames;
pub mod generic_stub;
pub mod grade;
pub mod judge;
pub mod kv;
pub mod macro_rule;
pub mod net;
pub mod orphans;
pub mod pool;
pub mod progress;
pub mod retry;
pub mod server_stub;
pub mod story;
pub mod threads;
pub mod tiny;
pub mod verdict;
pub mod vote;
pub mod wait_group;
pub mod workshop;

pub use serde;

pub use judge::{Fault, Judge, fault, run};
pub use story::note;
pub use verdict::{Kind, Verdict};
