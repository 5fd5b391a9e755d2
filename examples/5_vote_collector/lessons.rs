//! The two forms that go wrong, shown safely: the leak, and the unlocked counter.

use std::io::{self, Write};
use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use rpc_examples::children::Children;
use rpc_examples::status::Failure;

use crate::arguments::VoteOptions;
use crate::forms::leak::{self, WAYS};
use crate::forms::racy;
use crate::lost_update::{SHOULD_BE, add_until_one_is_lost, count_until_one_is_lost};
use crate::report::{close, open, open_for_many};
use crate::watch::Watch;

/// Texts that tests compare with the programs: what rustc says (tests/ui.rs), and the schedule (interleavings).
const UNLOCKED: &str = include_str!("refused/unlocked.rs");
const UNLOCKED_REFUSED: &str = include_str!("refused/unlocked.stderr");
const N_PLUS_ONE: &str = include_str!("refused/n_plus_one.rs");
const N_PLUS_ONE_REFUSED: &str = include_str!("refused/n_plus_one.stderr");
const SCHEDULE: &str = include_str!("../programs/interleavings/found/counter.txt");
const VISIBILITY: &str = include_str!("visibility.txt");
const VISIBILITY_SCHEDULE: &str = include_str!("../programs/interleavings/found/visibility.txt");

/// Four channels, and the threads that each leaks.
pub(crate) fn leak(options: &VoteOptions, children: &Children) -> Result<(), Failure> {
    let mut poll = open_for_many(options, "leak", children)?;
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["channel", "votes\nreceived", "threads\nleaked", "left at\nthe end"]);
    let mut any_leaked = false;
    for way in WAYS {
        let asked = Arc::new(poll.again(options, Watch::Nothing));
        let found = leak::collect(&asked, way);
        let (received, leaked) = (found.tally.finished, found.leaked);
        any_leaked |= leaked > 0;
        table.add_row([
            way.name.to_owned(),
            received.to_string(),
            leaked.to_string(),
            found.left.to_string(),
        ]);
        poll = Arc::into_inner(asked).ok_or_else(|| {
            Failure::new(rpc_examples::status::Status::Server, "a thread of the leak is still there")
        })?;
    }
    let mut out = io::stdout();
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "Votes received: those that had arrived at the decision. The voters race, so the rounds of one seed can differ by one."
    )?;
    if any_leaked {
        writeln!(
            out,
            "A leaked thread has its vote and waits for ever to send it: no thread receives, and the receiver is not dropped."
        )?;
    } else {
        writeln!(
            out,
            "No thread leaked here: the collector received every vote before it decided. With a smaller --need it does not."
        )?;
    }
    writeln!(
        out,
        "In Go a buffer for all ten helps, or a `select` with a done channel at each send: a receiver cannot be closed. In \
         Rust, dropping the receiver makes `send` fail, and the thread ends."
    )?;
    close(poll, children)
}

/// The lecture's unlocked counter: what the compiler says, what happens where it cannot see it, and what finds that.
pub(crate) fn racy(options: &VoteOptions, children: &Children) -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(
        out,
        "== 1. The lecture's program, which Rust refuses\n\n{UNLOCKED}\nrustc says:\n\n{}",
        words(UNLOCKED_REFUSED)
    )?;
    writeln!(out, "The notes' n = n + 1:\n\n{N_PLUS_ONE}\nrustc says:\n\n{}", words(N_PLUS_ONE_REFUSED))?;
    writeln!(out, "== 2. The same lost update in a form that compiles: an atomic, loaded and then stored\n")?;
    let poll = open(options, "racy", children)?;
    let tally = racy::collect(&poll);
    close(poll, children)?;
    writeln!(
        out,
        "It looks right, as it does most of the time: {} yes. Now the same count, again and again:",
        tally.count
    )?;
    let yes = usize::from(options.voters);
    let found = count_until_one_is_lost(yes);
    if found.counted < yes {
        writeln!(
            out,
            "round {}: {yes} threads said yes at once, {} counted: LOST {}",
            found.rounds,
            found.counted,
            yes - found.counted
        )?;
    } else {
        writeln!(
            out,
            "{} rounds of {yes} votes, and none was lost: the race is rare here, and there all the same",
            found.rounds
        )?;
    }
    let added = add_until_one_is_lost();
    write!(out, "n = n + 1, two threads, a million times each: n should be {SHOULD_BE} and ")?;
    if added.counted < SHOULD_BE {
        let (is, lost) = (added.counted, SHOULD_BE - added.counted);
        writeln!(out, "is {is}: LOST {lost} (try {})", added.rounds)?;
    } else {
        writeln!(out, "is, in each of {} tries: none was lost here, and nothing forbids it", added.rounds)?;
    }
    writeln!(
        out,
        "\n== 3. What finds it every time: a checker that tries the interleavings one after the other\n"
    )?;
    writeln!(out, "{SCHEDULE}\n(cargo run -p rpc-interleavings -- counter)\n")?;
    write!(out, "== 4. Memory visibility\n\n{VISIBILITY}")?;
    writeln!(out, "\n{VISIBILITY_SCHEDULE}\n(cargo run -p rpc-interleavings -- visibility)")?;
    Ok(())
}

/// Returns rustc's message as it appears at the top of the repository.
fn words(kept: &str) -> String {
    kept.replace("$WORKSPACE/", "")
}
