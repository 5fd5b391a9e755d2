//! The command: `cargo run -p rpc-interleavings -- TOPIC`, or every topic.

use std::io::{self, Write};
use std::process::ExitCode;

use rpc_interleavings::{TOPICS, report};

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    std::panic::set_hook(Box::new(|_| {})); // the report says what went wrong, and how
    let chosen: Vec<_> =
        TOPICS.iter().filter(|topic| wanted.as_deref().is_none_or(|name| name == topic.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TOPICS.iter().map(|topic| topic.name).collect();
        eprintln!("interleavings: no such topic; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let mut well = true;
    for topic in chosen {
        let (text, as_it_should) = report(topic);
        well &= as_it_should;
        if write!(io::stdout(), "{text}").is_err() {
            return ExitCode::from(2);
        }
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
