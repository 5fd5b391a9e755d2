//! What the modes gave: a table, a sentence for each number, and whether each kept its promise.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use rpc_examples::status::{Failure, Status};

use crate::run::{Gave, faults};
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
        writeln!(out)?;
    }
    let broken: Vec<_> = gave.iter().filter_map(|(mode, gave)| broken_promise(*mode, gave)).collect();
    match &broken[..] {
        [] => Ok(writeln!(
            out,
            "semantics: ok: each mode gave what it promises, and no less was to be expected"
        )?),
        _ => Err(Failure::new(Status::Negative, broken.join("; "))),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

pub(crate) fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::NoRetry => "no-retry",
        Mode::AtLeastOnce => "at-least-once",
        Mode::AtMostOnce => "at-most-once",
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
    let mut said =
        vec![format!("exact {}: {}", gave.exact, "in the store once, as a local call would have left it.")];
    said.push(match (mode, gave.lost) {
        (Mode::AtLeastOnce, 0) => "lost 0: whoever repeats until it is answered loses nothing.".to_owned(),
        (Mode::AtMostOnce, 0) => {
            "lost 0: a call that got no answer was sent again, under the same slot and number.".to_owned()
        }
        (Mode::NoRetry, lost) => {
            format!(
                "lost {lost}: the request vanished, nobody sent it again, and the program did not either."
            )
        }
        (_, lost) => {
            format!("lost {lost}: their callers were told that nobody knows; they are not in the store.")
        }
    });
    said.push(match (mode, gave.doubled) {
        (Mode::NoRetry, 0) => {
            "doubled 0: what is sent once over TCP runs once at the most; so the lecture calls Go's net/rpc at most once."
                .to_owned()
        }
        (Mode::NoRetry, doubled) => {
            format!("doubled {doubled}: the network itself repeated a frame, and nobody filters it.")
        }
        (Mode::AtLeastOnce, doubled) => {
            format!("doubled {doubled}: it had run, only the reply was lost or late, and the copy ran as well.")
        }
        (Mode::AtMostOnce, doubled) => {
            format!("doubled {doubled}: the server's filter knows a copy by its slot and number, and answers it with the first reply.")
        }
    });
    said.push(match (mode, gave.unknown) {
        (Mode::NoRetry, unknown) => format!(
            "unknown {unknown}: an error without a word on whether it ran; {} of them did, and a retry by hand would \
             double those.",
            gave.unknown_but_ran
        ),
        (_, 0) => "unknown 0: every caller got its answer in the end.".to_owned(),
        (Mode::AtLeastOnce, unknown) => format!("unknown {unknown}: no answer after very many rounds."),
        (Mode::AtMostOnce, unknown) => format!(
            "unknown {unknown}: the server died with the records; {} had run. Only state on disk could tell (exactly \
             once).",
            gave.unknown_but_ran
        ),
    });
    if gave.given_up > 0 {
        said.push(format!(
            "given up {}: told 'not executed' (no connection), and let be by a program that never retries.",
            gave.given_up
        ));
    }
    let sum = gave.exact + gave.lost + gave.doubled;
    said.push(format!("{} + {} + {} = {sum} of {}.", gave.exact, gave.lost, gave.doubled, options.appends));
    said
}

/// What a mode promises, and did not keep.
fn broken_promise(mode: Mode, gave: &Gave) -> Option<String> {
    let what = if gave.lies > 0 {
        format!("{} callers were told what is not so", gave.lies)
    } else if mode == Mode::NoRetry && gave.copies > 0 {
        format!("{} copies were sent", gave.copies)
    } else if mode == Mode::AtLeastOnce && gave.lost > 0 {
        format!("{} appends are lost", gave.lost)
    } else if mode == Mode::AtMostOnce && gave.doubled > 0 {
        format!("{} appends ran twice", gave.doubled)
    } else if mode == Mode::AtMostOnce && gave.lost > gave.unknown - gave.unknown_but_ran {
        "an append is lost whose caller was not told".to_owned()
    } else {
        return None;
    };
    Some(format!("{} broke its promise: {what}", name(mode)))
}
