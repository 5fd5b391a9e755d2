//! The command: `cargo run -p rpc-interleavings -- TOPIC`, or every topic.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::ExitCode;

use rpc_interleavings::{TOPICS, report};

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    std::panic::set_hook(Box::new(|_| {})); // the report shows the mistake and its steps
    let chosen: Vec<_> =
        TOPICS.iter().filter(|topic| wanted.as_deref().is_none_or(|name| name == topic.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TOPICS.iter().map(|topic| topic.name).collect();
        eprintln!("interleavings: no such topic; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    if let Err(error) = silence_the_checker() {
        eprintln!("interleavings: cannot silence the checker: {error}");
    }
    let mut well = true;
    for topic in chosen {
        let (text, as_it_should) = report(topic);
        well &= as_it_should;
        match write!(io::stdout(), "{text}") {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Err(_) => return ExitCode::from(2),
        }
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sends the checker's messages to /dev/null: it reports a failure of its own test, which is the expected result here. The
/// report on standard output is clearer.
fn silence_the_checker() -> io::Result<()> {
    let nothing = OpenOptions::new().write(true).open("/dev/null")?;
    nix::unistd::dup2_stderr(nothing)?;
    Ok(())
}
