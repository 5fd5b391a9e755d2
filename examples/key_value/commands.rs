//! The commands that are one call each: get, put, append, delete, list, stats.

use std::time::Duration;

use rpc_core::Connector;
use rpc_examples::status::Failure;
use serde_json::json;

use crate::api::KvClient;
use crate::arguments::{ClientOptions, Format, ListOptions, OneCall};
use crate::output::{PairWriter, answer};

/// A client with the options of the command line. `patience`: how long a server that does not answer is tried again.
pub(crate) fn connect(options: &ClientOptions, patience: Duration, slots: u16) -> Result<KvClient, Failure> {
    let connector = Connector::new().deadline(options.deadline).patience(patience).slots(slots);
    Ok(connector.connect(options.addr.as_str())?)
}

/// Runs the command, and writes its answer.
pub(crate) fn run(options: &ClientOptions, command: OneCall) -> Result<(), Failure> {
    let kv = connect(options, Duration::ZERO, 1)?;
    let format = options.format;
    match command {
        OneCall::Get { key } => {
            let value = kv.get(&key)?;
            answer(format, Some(&value), &json!({"key": key, "value": value}))?;
        }
        OneCall::Put { key, value } => {
            kv.put(&key, &value)?;
            answer(format, None, &json!({"key": key, "put": true}))?;
        }
        OneCall::Append { key, value } => {
            let length = kv.append(&key, &value)?;
            answer(format, Some(&length.to_string()), &json!({"key": key, "length": length}))?;
        }
        OneCall::Delete { key } => {
            kv.delete(&key)?;
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
        eprintln!("kv: more pairs follow; add --after {last:?}, or see all with `kv dump`");
    }
    Ok(())
}

fn stats(kv: &KvClient, format: Format) -> Result<(), Failure> {
    let stats = serde_json::to_value(kv.stats()?).map_err(std::io::Error::from)?;
    let lines: Vec<String> =
        stats.as_object().into_iter().flatten().map(|(name, value)| format!("{name}\t{value}")).collect();
    answer(format, Some(&lines.join("\n")), &stats)?;
    Ok(())
}
