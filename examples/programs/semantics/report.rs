//! The results of the modes: a table, a sentence for each number, and whether each mode kept its promise.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use rpc_examples::status::{Failure, Status};

use crate::run::{Gave, Story, faults, tell};
use crate::{Mode, Options};

pub(crate) fn print(options: &Options, gave: &[(Mode, Gave)]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let faults = faults(options);
    writeln!(
        out,
        "{} appends over the network of seed {}: {} of the frames vanish, {} come up to {} s late, {} break the \
         connection, {} come twice; the server restarts {} times",
        options.appends,
        options.seed,
        percent(faults.drop),
        percent(faults.stall),
        faults.late.as_secs(),
        percent(faults.cut),
        percent(faults.duplicate),
        options.restarts
    )?;
    writeln!(out, "\n{}\n", table(gave))?;
    for (mode, gave) in gave {
        writeln!(out, "{}", name(*mode))?;
        for line in sentences(*mode, gave, options) {
            writeln!(out, "  {line}")?;
        }
        if let Some(number) = options.trace {
            for line in story(*mode, options, number) {
                writeln!(out, "  {line}")?;
            }
        }
        writeln!(out)?;
    }
    let broken: Vec<_> = gave.iter().filter_map(|(mode, gave)| broken_promise(*mode, gave)).collect();
    match &broken[..] {
        [] => Ok(writeln!(out, "semantics: ok: each mode gave what it promises")?),
        _ => Err(Failure::new(Status::Negative, broken.join("; "))),
    }
}

/// The story of one append of a mode.
fn story(mode: Mode, options: &Options, number: Option<u32>) -> Vec<String> {
    let Some(Story { number, times, lines }) = tell(mode, options, number) else {
        return vec![
            "no story: each append was sent once, and answered; --trace N tells any of them.".to_owned(),
        ];
    };
    let ended = match times {
        0 => "it is not in the store".to_owned(),
        1 => "it is in the store once".to_owned(),
        times => format!("it is in the store {times} times"),
    };
    let mut said = vec![format!("the story of append {number}:")];
    said.extend(lines);
    said.push(format!("at the end {ended}."));
    said
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

pub(crate) fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::NoRetry => "no-retry",
        Mode::AtLeastOnce => "at-least-once",
        Mode::AtMostOnce => "at-most-once",
        Mode::ExactlyOnce => "exactly-once",
    }
}

fn table(gave: &[(Mode, Gave)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["mode", "exact", "lost", "doubled", "unknown", "copies sent", "frames lost", "cuts"]);
    for (mode, gave) in gave {
        let mut row = vec![name(*mode).to_owned()];
        row.extend([gave.exact, gave.lost, gave.doubled, gave.unknown].map(|count| count.to_string()));
        row.extend([gave.copies, gave.faults.dropped, gave.faults.cut].map(|count| count.to_string()));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One sentence for each number.
fn sentences(mode: Mode, gave: &Gave, options: &Options) -> Vec<String> {
    let mut said = vec![
        format!("exact {}: in the store once, as a local call would have left it.", gave.exact),
        lost(mode, gave, options),
        doubled(mode, gave),
        unknown(mode, gave, options),
    ];
    if mode == Mode::NoRetry && gave.given_up > 0 {
        said.push(format!(
            "given up {}: told 'not executed', since there was no connection; a program that never retries does not call again.",
            gave.given_up
        ));
    }
    let sum = gave.exact + gave.lost + gave.doubled;
    said.push(format!("{} + {} + {} = {sum} of {}.", gave.exact, gave.lost, gave.doubled, options.appends));
    said
}

fn lost(mode: Mode, gave: &Gave, options: &Options) -> String {
    let lost = gave.lost;
    match (mode, lost) {
        (Mode::AtLeastOnce, 0) => {
            "lost 0: a caller that repeats until a reply comes loses nothing.".to_owned()
        }
        (Mode::AtMostOnce | Mode::ExactlyOnce, 0) => {
            "lost 0: a call without a reply was sent again, with the same slot and number.".to_owned()
        }
        (Mode::NoRetry, 0) => "lost 0: by luck; a lost call would not have been sent again.".to_owned(),
        (Mode::NoRetry, _) => {
            let died = if options.restarts > 0 { " or that died with the server" } else { "" };
            let vanished = gave.unknown - gave.unknown_but_ran;
            let causes = [
                (vanished, format!("whose request did not get through{died} (told 'unknown')")),
                (gave.given_up, "never sent (given up)".to_owned()),
            ];
            let causes = causes.iter().filter(|(count, _)| *count > 0);
            let causes: Vec<_> = causes.map(|(count, cause)| format!("{count} {cause}")).collect();
            let were = if lost == 1 { "it was" } else { "they were" };
            format!("lost {lost}: {}; {were} not sent again.", causes.join(", "))
        }
        _ => format!("lost {lost}: their callers were told 'unknown'; they are not in the store."),
    }
}

fn doubled(mode: Mode, gave: &Gave) -> String {
    let (doubled, repeated) = (gave.doubled, gave.faults.duplicated);
    let network = match repeated {
        0 => String::new(),
        _ => format!(", or the network repeated the request itself ({repeated} frames came twice)"),
    };
    match (mode, doubled) {
        (Mode::NoRetry, 0) => {
            "doubled 0: what is sent once over TCP runs once at the most; so the lecture calls Go's net/rpc at most once."
                .to_owned()
        }
        (Mode::NoRetry, _) => {
            format!("doubled {doubled}: the network itself repeated a frame, and no filter stops it.")
        }
        (Mode::AtLeastOnce, 0) => "doubled 0: by luck; the server runs every call that arrives.".to_owned(),
        (Mode::AtLeastOnce, _) => format!(
            "doubled {doubled}: no reply came in time, so the call was sent again{network}; the server ran both."
        ),
        (Mode::ExactlyOnce, _) => format!(
            "doubled {doubled}: the record of a call is on disk with its effect, so a server that starts again knows its duplicates."
        ),
        (Mode::AtMostOnce, _) => {
            format!("doubled {doubled}: the server's filter recognises a duplicate by its slot and number, and sends the first reply again.")
        }
    }
}

fn unknown(mode: Mode, gave: &Gave, options: &Options) -> String {
    let (unknown, ran) = (gave.unknown, gave.unknown_but_ran);
    match (mode, unknown) {
        (Mode::NoRetry, 0) => "unknown 0: every caller was told what became of its call.".to_owned(),
        (Mode::NoRetry, _) => format!(
            "unknown {unknown}: an error that does not tell if the call ran; {ran} of them did, and a retry by hand would \
             double those."
        ),
        (Mode::ExactlyOnce, 0) => {
            "unknown 0: a server that starts again takes up the sessions, and replies from the records."
                .to_owned()
        }
        (_, 0) => "unknown 0: every caller got its reply in the end.".to_owned(),
        (Mode::AtLeastOnce, _) => format!("unknown {unknown}: no reply after very many attempts."),
        (Mode::AtMostOnce, _) if options.restarts > 0 => format!(
            "unknown {unknown}: the server died with the records; {ran} had run. Only state on disk could tell (exactly \
             once)."
        ),
        (Mode::AtMostOnce | Mode::ExactlyOnce, _) => {
            format!("unknown {unknown}: no reply for a minute; {ran} had run.")
        }
    }
}

/// Returns the promise that a mode did not keep.
fn broken_promise(mode: Mode, gave: &Gave) -> Option<String> {
    let what = if gave.lies > 0 {
        format!("{} callers were told something false", gave.lies)
    } else if mode == Mode::NoRetry && gave.copies > 0 {
        format!("{} calls were sent again", gave.copies)
    } else if mode == Mode::AtLeastOnce && gave.lost > 0 {
        format!("{} appends are lost", gave.lost)
    } else if mode == Mode::AtMostOnce && gave.doubled > 0 {
        format!("{} appends ran twice", gave.doubled)
    } else if mode == Mode::AtMostOnce && gave.lost > gave.unknown - gave.unknown_but_ran {
        "an append is lost whose caller was not told".to_owned()
    } else if mode == Mode::ExactlyOnce && gave.lost + gave.doubled + gave.unknown > 0 {
        format!("{} appends are lost, {} ran twice, {} are unknown", gave.lost, gave.doubled, gave.unknown)
    } else {
        return None;
    };
    Some(format!("{} broke its promise: {what}", name(mode)))
}
