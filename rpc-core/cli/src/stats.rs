//! `rpc stats`: the counters of a server, once or again and again.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Instant;

use rpc_core::Escaped;
use serde_json::{Map, Value};

use crate::arguments::{Format, StatsOptions};
use crate::connection::asking;
use crate::output::one_line;
use crate::status::Failure;

/// The counters at one time.
type Counters = Vec<(String, u64)>;

/// Writes the counters.
pub(crate) fn stats(options: &StatsOptions) -> Result<(), Failure> {
    let client = asking(&options.server)?;
    let mut earlier: Option<(Instant, Counters)> = None;
    let mut left = if options.watch { options.count } else { Some(1) };
    loop {
        let (now, counters) = (Instant::now(), client.counters()?);
        write(
            options,
            &client.peer(),
            &counters,
            earlier.as_ref().map(|(then, before)| (now - *then, before)),
        )?;
        earlier = Some((now, counters));
        left = left.map(|left| left.saturating_sub(1));
        if left == Some(0) {
            client.close();
            return Ok(());
        }
        thread::sleep(options.interval);
    }
}

fn write(
    options: &StatsOptions,
    peer: &str,
    counters: &Counters,
    earlier: Option<(std::time::Duration, &Counters)>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if options.format.format == Format::Json {
        let object: Map<String, Value> =
            counters.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
        return Ok(one_line(&mut out, &object)?);
    }
    let mut text = String::new();
    if options.watch && out.is_terminal() {
        text.push_str("\u{1b}[H\u{1b}[J"); // the upper left corner, and an empty screen
        let _ = writeln!(text, "{peer}"); // a `String` takes all, here and below
    }
    let width = counters.iter().map(|(name, _)| name.len()).max().unwrap_or_default().min(64);
    for (name, count) in counters.iter().filter(|(_, count)| options.all || *count > 0) {
        let _ = write!(text, "{:width$}  {count:>12}", Escaped(name).to_string());
        let before = earlier.and_then(|(time, before)| {
            let (_, before) = before.iter().find(|(known, _)| known == name)?;
            Some((time, *before))
        });
        if let Some((time, before)) = before.filter(|(_, before)| before != count) {
            let change = (*count as f64 - before as f64) / time.as_secs_f64().max(1e-9);
            let _ = write!(text, "  {change:+.0}/s");
        }
        text.push('\n');
    }
    if options.watch && !out.is_terminal() {
        text.push('\n'); // between one time and the next
    }
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
