//! The lecture's web crawler in five forms, each with its own answer to the question 'when is it finished?'.
//!
//! ```text
//!  a form (forms/*)            the task (task.rs)                     a site (site/*)
//!  which thread, which set, -> visit(url): pace, fetch, record,    -> fake, or the web: HTTP, HTML,
//!  finished?                <- give back the links to follow       <- one page with its links
//!                                       |
//!                                  the pages -> report.rs (dead links, where found) -> print.rs
//! ```

#![warn(clippy::print_stderr)] // `failure::tell` does it without a panic

pub mod failure;
pub mod forms;
pub mod local_server;
pub mod options;
pub mod output;
pub mod page;
pub mod percent;
pub mod print;
pub mod progress;
pub mod report;
pub mod run;
pub mod scope;
pub mod signals;
pub mod site;
pub mod sweep;
pub mod task;
