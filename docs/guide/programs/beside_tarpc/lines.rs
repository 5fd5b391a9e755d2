//! The command line of both programs, and the calls that they read from their input.

use std::env;
use std::error::Error;
use std::io::stdin;
use std::time::Instant;

use super::state::Job;

/// The part of a process.
pub(crate) enum Role {
    /// Serves at an address.
    Serve(String),
    /// Calls the server at an address.
    Call(String),
}

/// One call.
pub(crate) enum Call {
    /// Puts a job into the queue.
    Enqueue(Job),
    /// Takes a job.
    Take,
    /// Works for some milliseconds.
    Work(u64),
}

/// Returns the part of this process, from its command line.
pub(crate) fn role() -> Result<Role, Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    match &words[..] {
        [role, address] if role == "serve" => Ok(Role::Serve(address.clone())),
        [role, address] if role == "call" => Ok(Role::Call(address.clone())),
        _ => Err("usage: serve ADDR, or call ADDR".into()),
    }
}

/// Returns the calls of the input, each with its line.
pub(crate) fn calls() -> impl Iterator<Item = Result<(String, Call), Box<dyn Error>>> {
    stdin().lines().map(|line| {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let call = match words[..] {
            ["enqueue", name, takes] => Call::Enqueue(Job { name: name.to_owned(), takes: takes.parse()? }),
            ["take"] => Call::Take,
            ["work", millis] => Call::Work(millis.parse()?),
            _ => return Err(format!("no such call: {line}").into()),
        };
        Ok((line, call))
    })
}

/// Shows the reply of a call, or its error, with the time that it took.
pub(crate) fn show(line: &str, begun: Instant, outcome: Result<String, Box<dyn Error>>) {
    let shown = outcome.unwrap_or_else(|error| format!("error: {error}"));
    println!("{line}: {:.2} s, {shown}", begun.elapsed().as_secs_f64());
}
