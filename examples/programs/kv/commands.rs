//! The commands that are one call each: get, put, append, delete, list, stats.

use std::thread;
use std::time::{Duration, Instant};

use rpc_core::ClientLimits;
use rpc_core::{ConnectError, Connector};
use rpc_examples::messages::say;
use rpc_examples::status::Failure;
use serde_json::json;

use crate::api::KvClient;
use crate::arguments::{ClientOptions, Format, ListOptions, OneCall};
use crate::output::{PairWriter, answer, value};
use crate::stats::stats_of;

/// Number of attempts when a connection is refused or cut at once: a bad network also cuts greetings.
const TRIES: u32 = 3;
/// A connection that is refused or cut fails within this time. A slower failure means that the server is silent.
const QUICK: Duration = Duration::from_millis(500);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns a connector with the options of the command line.
pub(crate) fn connector(options: &ClientOptions, slots: u16) -> Connector {
    Connector::new().limits(limits(options.deadline)).deadline(options.deadline).slots(slots)
}

/// Limits the time for a connection to the time for a call.
fn limits(deadline: Duration) -> ClientLimits {
    let limits = ClientLimits::default();
    ClientLimits { connect: limits.connect.min(deadline), ..limits }
}

/// Returns a client for one call at a time. It tries a silent server only once: a second attempt would take as long.
pub(crate) fn connect(options: &ClientOptions) -> Result<KvClient, Failure> {
    let connector = connector(options, 1);
    let until = Instant::now() + options.deadline;
    let mut tries = 1;
    loop {
        let begun = Instant::now();
        let error = match connector.clone().connect(options.addr.as_str()) {
            Ok(kv) => return Ok(kv),
            Err(error) => error,
        };
        let was_quick = begun.elapsed() < QUICK && Instant::now() + PAUSE < until;
        if tries == TRIES || !was_quick || !matches!(error, ConnectError::Unreachable { .. }) {
            return Err(error.into());
        }
        tries += 1;
        thread::sleep(PAUSE);
    }
}

/// The advice when it is unknown whether a put or a delete ran,
const LOOK: &str = "`kv get` of this key shows whether it ran";
/// and when it is unknown whether an append ran, which must not be done twice.
const APPEND: &str = "before you append again, use `kv get` of this key to see whether it ran";

/// Runs the command and writes its result.
pub(crate) fn run(options: &ClientOptions, command: OneCall) -> Result<(), Failure> {
    let kv = connect(options)?;
    let format = options.format;
    match command {
        OneCall::Get { key } => {
            let found = kv.get(&key)?;
            value(format, &found, &json!({"key": key, "value": found}))?;
        }
        OneCall::Put { key, value } => {
            kv.put(&key, &value).map_err(|e| Failure::of_call(e, LOOK))?;
            answer(format, None, &json!({"key": key, "put": true}))?;
        }
        OneCall::Append { key, value } => {
            let length = kv.append(&key, &value).map_err(|e| Failure::of_call(e, APPEND))?;
            answer(format, Some(&length.to_string()), &json!({"key": key, "length": length}))?;
        }
        OneCall::Delete { key } => {
            kv.delete(&key).map_err(|e| Failure::of_call(e, LOOK))?;
            answer(format, None, &json!({"key": key, "deleted": true}))?;
        }
        OneCall::List(page) => list(&kv, format, &page)?,
        OneCall::Stats => stats(&kv, format)?,
    }
    kv.call.close();
    Ok(())
}

fn list(kv: &KvClient, format: Format, options: &ListOptions) -> Result<(), Failure> {
    let page = kv.list(&options.prefix, &options.after, options.limit)?;
    let mut out = PairWriter::new(format);
    for (key, value) in &page.pairs {
        out.write(key, value)?;
    }
    out.finish()?;
    if let (true, Some((last, _))) = (page.more, page.pairs.last()) {
        say(format_args!("kv: more pairs follow; add --after {last:?}, or see all with `kv dump`"));
    }
    Ok(())
}

fn stats(kv: &KvClient, format: Format) -> Result<(), Failure> {
    let stats = serde_json::to_value(stats_of(kv).stats()?).map_err(std::io::Error::from)?;
    let lines: Vec<String> =
        stats.as_object().into_iter().flatten().map(|(name, value)| format!("{name}\t{value}")).collect();
    answer(format, Some(&lines.join("\n")), &stats)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_takes_no_longer_than_a_call_may() {
        let usual = ClientLimits::default().connect;
        assert_eq!(limits(Duration::from_millis(500)).connect, Duration::from_millis(500));
        assert_eq!(limits(10 * usual).connect, usual);
    }
}
