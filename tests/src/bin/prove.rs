//! The proof as a program: `prove simulate|explore|interleave|kill|histories|million|mutants|attack|siege|stop|all`, and `prove replay PART` to see a case again.

use std::ffi::OsString;
use std::process::ExitCode;

use rpc_tests::attack::{SERVE, serve};
use rpc_tests::processes::{is_role, play};
use rpc_tests::prove::{APART, Options, PARTS, Part, Progress, Report};

/// The exit status for a rule that was broken.
const BROKEN: u8 = 1;
/// The exit status for a command line that cannot be read.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let first = words.next().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let (replay, name) = match first.as_str() {
        "" | "help" | "-h" | "--help" => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        SERVE => return role_ended(serve(text(words))),
        role if is_role(role) => return role_ended(play(role, text(words))),
        "replay" => (true, words.next().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()),
        _ => (false, first),
    };
    let options = match Options::parse(words) {
        Ok(options) => options,
        Err(usage) => return refuse(&usage.0),
    };
    match chosen(&name, replay) {
        Some(parts) => finish(&parts, replay, &options),
        None if name.is_empty() => refuse("`replay` needs the name of a part, and its --seed or name"),
        None => refuse(&format!("there is no part {name:?}")),
    }
}

/// The parts that a word names.
fn chosen(name: &str, replay: bool) -> Option<Vec<Part>> {
    if name == "all" && !replay {
        return Some(PARTS.to_vec());
    }
    let part = PARTS.iter().chain(APART).find(|part| part.name == name)?;
    Some(vec![*part])
}

/// Runs parts one after the other, each to its closing line.
fn finish(parts: &[Part], replay: bool, options: &Options) -> ExitCode {
    let mut ok = true;
    let mut last = Report::new("all");
    for part in parts {
        let mut progress = Progress::new(part.name);
        let share = Options { seconds: options.seconds.or(Some(part.share)), ..options.clone() };
        let options = if parts.len() > 1 { &share } else { options };
        let report = if replay { (part.replay)(options) } else { (part.run)(options, &mut progress) };
        progress.clear();
        if let Some(why) = &report.misuse {
            return refuse(&format!("{}: {why}", part.name));
        }
        println!("{report}");
        ok &= report.is_ok();
        last.fact(part.name, if report.is_ok() { "ok" } else { "FAILED" });
        last.failure = last.failure.or(report.failure);
    }
    if parts.len() > 1 {
        println!("{last}");
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) }
}

fn text(words: impl Iterator<Item = OsString>) -> impl Iterator<Item = String> {
    words.map(|word| word.to_string_lossy().into_owned())
}

/// The exit status of a process that a part has started for itself: a server or a client.
fn role_ended(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => refuse(&why),
    }
}

fn refuse(why: &str) -> ExitCode {
    eprint!("prove: {why}\n\n{}", help());
    ExitCode::from(USAGE)
}

fn help() -> String {
    let mut text = String::from(
        "prove PART [--seed N] [--count N] [--seconds N] [--quick] [--list] [--svg FILE] [--html FILE]\n\
         \x20          [--connections N] [--handshakes N] [NAME ..]\n\
         prove replay PART [--seed N | NAME]\n\nparts:\n",
    );
    for part in PARTS.iter().chain(APART) {
        text += &format!("  {:<12}{}\n", part.name, part.help);
    }
    text + "  all         every part but million, stop, recovery and costs, one after the other, each within its share of 25 minutes\n\n\
            The last line of a part is `PART: ok ..` or `PART: FAILED seed=.. rule=.. replay: COMMAND`.\n\
            Exit status: 0 if every rule holds, 1 if one is broken, 2 for a wrong command line.\n"
}
