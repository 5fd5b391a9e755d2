//! `rpc ping`: the time that a greeting takes, and small calls.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use rpc_json::JsonError;

use crate::arguments::PingOptions;
use crate::connection::asking;
use crate::status::Failure;

/// Writes a line for the greeting, and one for each call.
pub(crate) fn ping(options: &PingOptions) -> Result<(), Failure> {
    let begun = Instant::now();
    let client = asking(&options.server)?;
    let greeted = begun.elapsed();
    let mut out = io::stdout().lock();
    writeln!(out, "connected to {} in {}", client.peer(), shown(greeted))?;
    let mut times = Vec::new();
    for number in 1..=options.count {
        if number > 1 {
            thread::sleep(options.interval);
        }
        let begun = Instant::now();
        match client.server() {
            Ok(server) if number == 1 => writeln!(out, "{}{}", server.version, health(server.health))?,
            Ok(_) => {}
            // It answers all the same: that is what was asked.
            Err(JsonError::NoReflection(_)) => {
                writeln!(out, "it does not describe itself, so no call of it is known")?;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        times.push(begun.elapsed());
        writeln!(out, "call {number}: {}", shown(begun.elapsed()))?;
        out.flush()?;
    }
    if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
        let mean = times.iter().sum::<Duration>() / options.count.max(1);
        writeln!(
            out,
            "{} calls: {} to {}, {} on average",
            times.len(),
            shown(*least),
            shown(*most),
            shown(mean)
        )?;
    }
    client.close();
    Ok(())
}

fn health(state: Option<rpc_core::HealthState>) -> String {
    state.map(|state| format!(", {state}")).unwrap_or_default()
}

/// Returns a time with three digits or so.
pub(crate) fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..1000.0 => format!("{micros:.0} us"),
        ..1e6 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}
