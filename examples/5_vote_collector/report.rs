//! Runs one form and reports all its events, or runs every form and prints a table.

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rpc_examples::children::Children;
use rpc_examples::choices::name_of;
use rpc_examples::status::{Failure, Status};

use crate::account::{Account, settle};
use crate::arguments::{Form, VoteOptions};
use crate::ballot::Seen;
use crate::booths::{self, Booth};
use crate::electorate::Trouble;
use crate::forms;
use crate::poll::Poll;
use crate::watch::Watch;

/// The figures of one form.
struct Run {
    name: &'static str,
    outcome: String,
    decided: Duration,
    cpu: Option<Duration>,
    threads: usize,
    calls: u64,
    resent: u64,
    waiting: u64,
}

/// Collects in one form, and reports what happens and what is left.
pub(crate) fn one_form(options: &VoteOptions, form: Form, children: &Children) -> Result<(), Failure> {
    let poll = open(options, &name_of(form), children)?;
    let tally = forms::collect(form, &poll);
    close(poll, children)?;
    if tally.count >= usize::from(options.need) { Ok(()) } else { Err(Failure::new(Status::Negative, "")) }
}

/// Starts the voters and prints their troubles. The poll is shown as the options say.
pub(crate) fn open(options: &VoteOptions, form: &str, children: &Children) -> Result<Poll, Failure> {
    let booths = introduce(options, form, children)?;
    let watch = Watch::new(options.watch, form, names(&booths))?;
    Ok(Poll::new(booths, options, watch))
}

/// The same, for a program that only asks these voters again and again: this poll shows nothing.
pub(crate) fn open_for_many(options: &VoteOptions, form: &str, children: &Children) -> Result<Poll, Failure> {
    let booths = introduce(options, form, children)?;
    Ok(Poll::new(booths, options, Watch::Nothing))
}

fn introduce(options: &VoteOptions, form: &str, children: &Children) -> Result<Vec<Booth>, Failure> {
    let booths = booths::open(options, children)?;
    let home = if options.in_process { "a thread" } else { "a process" };
    let (voters, need, seed) = (options.voters, options.need, options.seed);
    let mut out = io::stdout();
    writeln!(out, "{voters} voters, each {home} of its own; {need} must say yes (seed {seed}, form {form})")?;
    for trouble in [Trouble::Slow, Trouble::Down, Trouble::BadNetwork] {
        let names = booths.iter().filter(|booth| booth.trouble == trouble).map(|booth| booth.name.as_str());
        writeln!(out, "{trouble}: {}", names.collect::<Vec<_>>().join(", "))?;
    }
    Ok(booths)
}

fn names(booths: &[Booth]) -> impl Iterator<Item = &str> {
    booths.iter().map(|booth| booth.name.as_str())
}

/// Reports what is left after a poll, which should be nothing, and ends the voters.
pub(crate) fn close(poll: Poll, children: &Children) -> Result<(), Failure> {
    let failure = poll.take_failure();
    let mut out = io::stdout();
    let account = settle(poll.voters(), 1)?;
    let Seen { asked, voted, cancelled } = account.seen;
    tell_gone(&mut out, &account)?;
    writeln!(
        out,
        "the voters saw: {asked} questions, {voted} answered, {cancelled} cancelled while they thought"
    )?;
    writeln!(out, "callers still waiting: {}", account.waiting + poll.waiting() as u64)?;
    drop(poll);
    writeln!(out, "processes still there: {}", children.count())?;
    failure.map_or(Ok(()), Err)
}

/// Names the voters that the account is without. It changes nothing in the decision, nor in the exit status.
fn tell_gone(out: &mut impl Write, account: &Account) -> io::Result<()> {
    for (name, why) in &account.gone {
        writeln!(out, "{name}: gone, cannot say what it saw: {why}")?;
    }
    Ok(())
}

/// Collects in every form on the same seed, with the same voters, and prints one table.
pub(crate) fn all_forms(options: &VoteOptions, children: &Children) -> Result<(), Failure> {
    let poll = open_for_many(options, "every one", children)?;
    let mut before = settle(poll.voters(), 1)?;
    let mut runs = Vec::new();
    let mut poll = poll;
    for ((form, name), rounds) in forms::SOUND.into_iter().zip(2..) {
        let watch = if options.watch {
            writeln!(io::stdout(), "{name}:")?;
            Watch::new(true, name, names(poll.voters()))?
        } else {
            Watch::Nothing
        };
        poll = poll.again(options, watch);
        let tally = forms::collect(form, &poll);
        let (_, decided) = poll.decided();
        let (cpu, threads) = (poll.meter().cpu(), poll.meter().threads());
        if let Some(failure) = poll.take_failure() {
            return Err(failure);
        }
        let after = settle(poll.voters(), rounds)?;
        tell_gone(&mut io::stdout(), &after)?;
        let outcome = match tally.count >= poll.need() {
            true => "majority".to_owned(),
            false => format!("no, {} yes", tally.count), // all have finished: the seed's number
        };
        runs.push(Run {
            name,
            outcome,
            decided,
            cpu,
            threads,
            calls: after.calls - before.calls,
            resent: after.resent - before.resent,
            waiting: after.waiting + poll.waiting() as u64,
        });
        before = after;
    }
    drop(poll);
    print(&runs, children)
}

fn print(runs: &[Run], children: &Children) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    // It fits into 80 columns.
    table.set_header([
        "form",
        "outcome",
        "decided",
        "CPU",
        "threads",
        "calls",
        "sent\nagain",
        "still\nwaiting",
    ]);
    for run in runs {
        let cpu = run.cpu.map_or("unknown".to_owned(), |cpu| match cpu.as_secs_f64() * 1e3 {
            short @ ..100.0 => format!("{short:.1} ms"),
            long => format!("{long:.0} ms"),
        });
        table.add_row([
            run.name.to_owned(),
            run.outcome.clone(),
            format!("{} ms", run.decided.as_millis()),
            cpu,
            run.threads.to_string(),
            run.calls.to_string(),
            run.resent.to_string(),
            run.waiting.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut out = io::stdout();
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "decided: from the first question to the decision. CPU: of the collector and its askers, from /proc."
    )?;
    writeln!(
        out,
        "pending: one thread of its own; the library's one background thread per process drives the calls."
    )?;
    writeln!(
        out,
        "racy is not here, because its outcome is not the seed's alone: --form racy. The leak: --form leak."
    )?;
    writeln!(out, "processes still there: {}", children.count())?;
    let Some(first) = runs.first() else { return Ok(()) };
    if runs.iter().any(|run| run.outcome != first.outcome) {
        return Err(Failure::new(
            Status::Server,
            "the forms disagree: a bug, or a machine slower than --patience",
        ));
    }
    if first.outcome == "majority" { Ok(()) } else { Err(Failure::new(Status::Negative, "")) }
}
