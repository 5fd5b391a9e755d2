//! `kv load`: reads the file, passes its pairs to the loader, and reports the result.

mod loader;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use rpc_core::ConnectError;
use rpc_examples::messages::say;
use rpc_examples::status::{Failure, Status};

use crate::api::KvClient;
use crate::arguments::{ClientOptions, LoadOptions};
use crate::commands::connector;
use crate::pairs;
use loader::{Loader, Pair, Stop};

/// Number of times that a file is begun again because the server lost its pairs: a server that crashes at the same line
/// each time must not keep the program running for ever.
const NEW_BEGINNINGS: u32 = 3;

/// Loads the file.
pub(crate) fn load(client: &ClientOptions, options: &LoadOptions) -> Result<(), Failure> {
    let name = match options.file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => options.file.display().to_string(),
    };
    let mut input = open(&options.file)?; // before the connection: a wrong name needs no server
    let begun = Instant::now();
    let (mut again, mut beginnings) = (0, 0);
    let loader = loop {
        // Each beginning has its own session: a late put of the last one cannot run any more.
        let mut loader = Loader::new(connect(client, options)?, options);
        let stop = match pass(&mut loader, input, options) {
            Ok(()) => break loader,
            Err(stop) => stop,
        };
        let Stop::ServerLost { line } = stop else { return Err(explain(stop, &name)) };
        if beginnings == NEW_BEGINNINGS || !can_be_read_again(&options.file) {
            return Err(explain(stop, &name));
        }
        say(format_args!("kv: {name}: line {line}: {LOST}; loading begins again at the first line"));
        (beginnings, again) = (beginnings + 1, again + loader.again);
        input = open(&options.file)?;
    };
    let (pairs, seconds) = (loader.loaded, begun.elapsed().as_secs_f64());
    let (again, rate) = (again + loader.again, pairs as f64 / seconds);
    let anew = match beginnings {
        0 => String::new(),
        1 => "; loading began again once, because the server was restarted".to_owned(),
        times => format!("; loading began again {times} times, because the server was restarted"),
    };
    say(format_args!("loaded {pairs} pairs in {seconds:.1} s ({rate:.0}/s); {again} were put again{anew}"));
    loader.close();
    Ok(())
}

/// The text for a server that has another store than at the beginning.
const LOST: &str = "the server was restarted during the load, and the pairs that it held are gone";

fn explain(stop: Stop, name: &str) -> Failure {
    match stop {
        Stop::Failed(failure) => failure.during(name),
        Stop::ServerLost { line } => Failure::new(
            Status::Unanswered,
            format!(
                "{name}: line {line}: {LOST}: those before this line may be missing; load again from the first line \
                 (to put a pair twice is harmless, unless others write the same keys)"
            ),
        ),
    }
}

/// Connects to the server. It prints its first failure, because further attempts can take a minute.
fn connect(client: &ClientOptions, options: &LoadOptions) -> Result<KvClient, Failure> {
    let connector = connector(client, options.in_flight);
    match connector.clone().connect(client.addr.as_str()) {
        Err(error @ ConnectError::Unreachable { .. }) if !options.patience.is_zero() => {
            let patience = humantime::format_duration(options.patience);
            say(format_args!("kv: {error} Trying for {patience} (--patience)"));
            Ok(connector.connect_timeout(options.patience).connect(client.addr.as_str())?)
        }
        tried => Ok(tried?),
    }
}

/// Reads the file once, from its first line to its last.
fn pass(loader: &mut Loader, mut input: Input, options: &LoadOptions) -> Result<(), Stop> {
    let progress = bar(input.size);
    let (mut number, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let bytes = input.from.read_until(b'\n', &mut line).map_err(|error| {
            Failure::new(Status::Usage, format!("cannot be read after line {number}: {error}"))
        })?;
        if bytes == 0 {
            break;
        }
        number += 1;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = if number == 1 { pairs::without_bom(text) } else { text };
        match pairs::parse(text, options.raw) {
            Ok((key, value)) => loader.put(Pair { line: number, key, value })?,
            Err(error) => {
                loader.finish()?; // the lines before it count
                let text = format!("line {number}: {error}; all lines before it are loaded");
                return Err(Failure::new(Status::Usage, text).into());
            }
        }
        progress.inc(bytes as u64);
    }
    loader.finish()?;
    Ok(())
}

struct Input {
    from: Box<dyn BufRead>,
    /// Size in bytes, if the input is a file on a disk.
    size: Option<u64>,
}

fn open(path: &Path) -> Result<Input, Failure> {
    if path == Path::new("-") {
        return Ok(Input { from: Box::new(io::stdin().lock()), size: None });
    }
    let cannot = |error| Failure::new(Status::Usage, format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(cannot)?;
    let size = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
    Ok(Input { from: Box::new(BufReader::with_capacity(1 << 16, file)), size })
}

/// Returns true if the input can be read again: a pipe cannot.
fn can_be_read_again(path: &Path) -> bool {
    path.is_file()
}

/// Returns a progress bar on standard error. If that is no terminal, nothing is drawn.
fn bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec}"),
    };
    let bar = bar.with_finish(ProgressFinish::AndClear); // a message follows in every case
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
