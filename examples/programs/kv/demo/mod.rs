//! `kv demo`: a server, several client processes and a bad network on this machine. At the end the store is compared
//! with what it must hold. The same is done without the duplicate filter, to show what the filter is for.

pub(crate) mod client;
mod crash;
mod judge;
mod narrate;
mod network;
pub(crate) mod options;
mod plan;
mod report;
mod resumed;
mod run;

use std::io::{self, Write};

use rpc_examples::children::Children;
use rpc_examples::signals::end_on_signal;
use rpc_examples::status::{Failure, Status};

use serde_json::json;

use crate::arguments::Format;
use crate::output::answer;
pub(crate) use network::faults;
use options::DemoOptions;
use report::{grouped, object, table};
use run::{Run, run};

/// Runs the demonstration and prints `demo: ok` or `demo: FAILED` in the last line.
pub(crate) fn demo(format: Format, options: &DemoOptions) -> Result<(), Failure> {
    match format {
        Format::Text if options.narrate => return narrate::narrate(),
        Format::Json if options.narrate => {
            return Err(Failure::new(Status::Usage, "--narrate has no JSON form; leave out --format"));
        }
        _ => {}
    }
    let children = Children::new();
    end_on_signal(children.clone())?;
    let verdict = match options.crash {
        true => crash::crash(format, options, &children),
        false => both_runs(format, options, &children),
    };
    children.wait_if_interrupted();
    children.end_all();
    let (word, text, status) = match verdict {
        Ok(text) => ("ok", text, Status::Ok),
        Err(failure) if failure.status == Status::Ok => return Err(failure), // the reader has closed the pipe
        Err(failure) => ("FAILED", failure.text, failure.status),
    };
    answer(format, Some(&format!("demo: {word}: {text}")), &json!({"demo": word, "text": text}))?;
    if status == Status::Ok { Ok(()) } else { Err(Failure::new(status, "")) }
}

/// Returns the text of the last line, or the faults.
fn both_runs(format: Format, options: &DemoOptions, children: &Children) -> Result<String, Failure> {
    let (clients, calls, seed) = (options.clients, options.calls, options.seed);
    if format == Format::Text {
        introduce(options)?;
    }
    let with = one_run(format, options, children, true)?;
    let without = one_run(format, options, children, false)?;
    if format == Format::Text {
        writeln!(io::stdout(), "\n{}\n", table(&with, &without))?;
    }

    let judged = if options.judge_unfiltered { &without } else { &with };
    let mut faults = judged.findings.faults();
    faults.extend(too_kind(&with, &without));
    if !faults.is_empty() {
        let text = format!("{} (repeat it with --seed {seed})", faults.join("; "));
        return Err(Failure::new(Status::Server, text));
    }
    let (once, doubled) = (grouped(with.findings.once), grouped(without.findings.doubled));
    let unknown = match with.findings.unknown {
        0 => String::new(),
        some => format!(", {some} unknown"),
    };
    Ok(format!(
        "{once} of {} appends by {clients} processes applied once{unknown}, none twice; without the filter {doubled} \
         were applied twice or more (seed {seed})",
        grouped(u64::from(calls))
    ))
}

fn introduce(options: &DemoOptions) -> io::Result<()> {
    let (clients, calls, seed) = (options.clients, grouped(u64::from(options.calls)), options.seed);
    let pairs = grouped(plan::pairs().len() as u64);
    writeln!(
        io::stdout(),
        "A server, {clients} client processes, and between them a network that drops, duplicates, delays and reorders\n\
         frames and cuts connections (seed {seed}). The clients load {pairs} pairs of a real file and append {calls}\n\
         tokens to keys that they share. At most once means: no append may be there twice, whatever was sent again.\n"
    )
}

/// Runs once, and prints a line at its beginning and end; as json, an object at its end.
fn one_run(format: Format, options: &DemoOptions, children: &Children, filter: bool) -> Result<Run, Failure> {
    let name = if filter { "with the duplicate filter" } else { "the same without it" };
    if format == Format::Json {
        let run = run(options, children, filter).map_err(|failure| failure.during(name))?;
        answer(format, None, &object(&run, filter))?;
        return Ok(run);
    }
    let mut out = io::stdout();
    write!(out, "{name:<27}")?;
    out.flush()?;
    let run = run(options, children, filter).map_err(|failure| {
        let _ = writeln!(io::stdout());
        failure.during(name)
    })?;
    writeln!(out, " {:.1} s", run.took.as_secs_f64())?;
    Ok(run)
}

/// Returns a fault for each kind of network fault that did not occur: such a demonstration has shown nothing.
fn too_kind(with: &Run, without: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    let network = with.network;
    for (count, what) in [
        (network.dropped, "dropped nothing"),
        (network.duplicated, "duplicated nothing"),
        (network.delayed, "delayed nothing"),
        (network.reordered, "reordered nothing"),
        (network.cut, "cut nothing"),
    ] {
        if count == 0 {
            faults.push(format!("the network {what}, so nothing was tested: raise --calls"));
        }
    }
    if with.server.duplicates == 0 || without.findings.doubled == 0 {
        faults.push("no duplicate would have done harm, so nothing was tested: raise --calls".to_owned());
    }
    faults
}
