//! `crawl`: the lecture's web crawler in five forms.

use std::process::ExitCode;

use clap::Parser;
use rpc_web_crawler::failure::{Failure, tell};
use rpc_web_crawler::{options::Options, run::run};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            if !matches!(failure, Failure::ReaderGone) {
                tell(format_args!("crawl: {failure}\n"));
            }
            ExitCode::from(failure.status())
        }
    }
}
