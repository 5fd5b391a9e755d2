//! The part `mutants`: every planted fault must be found by a test, and one change that is no fault must be found by none.

mod judge;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Failure, Options, Part, Progress, Report};
use crate::planted::list::Fault;
use crate::planted::source::Sources;
use crate::planted::stage::{STAGES, Stages, Verdict};
use crate::planted::{cargo, generated, list, tree, weave};

/// The part.
pub(super) const PART: Part = Part {
    name: "mutants",
    help: "[NAME ..] [--list] [--seed N] [--count N | --quick] [--seconds N] [--report-generated]: planted faults; N (40; quick: 12) generated",
    share: 60,
    run,
    replay,
};

/// Generated faults of an ordinary run: some minutes, and after fifty runs nearly all were tried once.
const SAMPLE: u64 = 40;
/// Generated faults of a quick run.
const QUICK: u64 = 12;
/// The longest time of a stage with nothing planted, on a slow machine.
const BASELINE: Duration = Duration::from_secs(300);
/// The number of times that faults that do not compile are taken out and the rest is compiled again: the compiler reports types before
/// borrows, and needs two rounds or three.
const ROUNDS: usize = 8;
/// The table of generated faults that survive and were looked at.
const TABLE: &str = "docs/proof/survivors.md";

/// One fault of this run.
struct Case {
    name: String,
    what: String,
    /// From the hand-made list.
    fault: Option<Fault>,
    /// The reason why it may survive.
    excuse: Option<String>,
    switch: weave::Switch,
    verdict: Option<Verdict>,
}

/// Everything that a run needs.
struct Bench {
    root: PathBuf,
    cases: Vec<Case>,
    seed: u64,
    proposed: Option<usize>,
    /// A generated fault that survives is printed, and does not fail the run.
    report_generated: bool,
    unviable: usize,
    /// Faults of the list that a quick run does not judge.
    left_out: usize,
}

fn run(options: &Options, progress: &mut Progress) -> Report {
    let mut report = Report::new(PART.name);
    match prepare(options).and_then(|bench| try_run(bench, options, progress, &mut report)) {
        Ok(()) => {}
        Err(why) => {
            println!("{why}");
            let rule = why.lines().next().unwrap_or_default().to_owned();
            report.failure = Some(Failure { seed: "0".to_owned(), rule, replay: PART.name.to_owned() });
        }
    }
    report
}

/// Reads the list, chooses the generated ones, and plants all of them.
fn prepare(options: &Options) -> Result<Bench, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?.to_owned();
    let sources = Sources::read(&root)?;
    let mut bench = Bench {
        root,
        cases: Vec::new(),
        seed: 0,
        proposed: None,
        unviable: 0,
        left_out: 0,
        report_generated: options.report_generated,
    };
    for fault in list::read(&bench.root.join("tests/mutants"))? {
        if options.wants(&fault.name) || options.wants(&fault.kind) {
            let switch = weave::plant(&fault, next_number(&bench.cases), &sources)
                .map_err(|why| format!("{}: {why}", fault.name))?;
            let excuse = fault.survives.clone();
            let (name, what) = (fault.name.clone(), fault.what.clone());
            bench.cases.push(Case { name, what, fault: Some(fault), excuse, switch, verdict: None });
        }
    }
    bench.seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let Some(mut proposals) = generated::list(&bench.root, &sources)? else { return Ok(bench) };
    bench.proposed = Some(proposals.len());
    if options.names.is_empty() {
        fastrand::Rng::with_seed(bench.seed).shuffle(&mut proposals);
        let count = options.count.unwrap_or(if options.quick { QUICK } else { SAMPLE });
        proposals.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    } else {
        proposals.retain(|proposal| options.wants(&proposal.name) || options.wants(&proposal.what));
    }
    let table = std::fs::read_to_string(bench.root.join(TABLE)).unwrap_or_default(); // none yet: nothing was looked at
    let known = generated::looked_at(&table);
    for proposal in proposals {
        let switch = proposal.switch(next_number(&bench.cases));
        let excuse = known.get(&proposal.name).cloned();
        let (name, what) = (proposal.name, proposal.what);
        bench.cases.push(Case { name, what, fault: None, excuse, switch, verdict: None });
    }
    Ok(bench)
}

fn next_number(cases: &[Case]) -> u32 {
    cases.len() as u32 + 1
}

fn try_run(
    mut bench: Bench,
    options: &Options,
    progress: &mut Progress,
    report: &mut Report,
) -> Result<(), String> {
    if options.list {
        bench.cases.iter().for_each(|case| println!("{:<34} {}", case.name, case.what));
        report.fact("listed", bench.cases.len());
        return Ok(());
    }
    let began = Instant::now();
    let mut stages = build(&mut bench, progress)?;
    println!("built in {} s", began.elapsed().as_secs());
    bench.left_out = judge::leave_out(&mut bench.cases, options.quick && options.names.is_empty());
    judge::judge(&mut bench, &mut stages, options.seconds.map(Duration::from_secs), progress)?;
    conclude(&bench, report);
    report.fact("seconds", began.elapsed().as_secs());
    Ok(())
}

/// Weaves and builds the copy; generated faults that do not compile are taken out.
fn build(bench: &mut Bench, progress: &mut Progress) -> Result<Stages, String> {
    let sources = Sources::read(&bench.root)?;
    for round in 0..ROUNDS {
        progress.show(|| format!("looking for what does not compile, round {}", round + 1));
        let woven = weave_all(bench, &sources);
        tree::mirror(&bench.root, &woven.files)?;
        let mut broken: BTreeMap<u32, String> = BTreeMap::new();
        for error in cargo::check(&bench.root, &woven)? {
            let Some(number) = error.fault else {
                return Err(format!("the copy does not compile:\n{}", error.text));
            };
            broken.entry(number).or_insert(error.text);
        }
        // All of them: a change of the code often breaks several, and each build takes minutes.
        let own = bench.cases.iter().filter(|case| case.fault.is_some());
        let texts = own.filter_map(|case| Some((&case.name, broken.get(&case.switch.number)?)));
        let texts: Vec<_> = texts.map(|(name, text)| format!("{name} does not compile:\n{text}")).collect();
        if !texts.is_empty() {
            return Err(texts.join("\n"));
        }
        let before = bench.cases.len();
        bench.cases.retain(|case| !broken.contains_key(&case.switch.number));
        bench.unviable += before - bench.cases.len();
        if broken.is_empty() {
            progress.show(|| "building".to_owned());
            let targets = targets(&bench.root)?;
            let programs = cargo::build(&bench.root, &targets)?;
            return Ok(Stages::new(&bench.root, programs, BASELINE));
        }
    }
    Err(format!("after {ROUNDS} rounds there are still generated faults that do not compile"))
}

fn weave_all(bench: &Bench, sources: &Sources) -> weave::Woven {
    let switches: Vec<weave::Switch> = bench
        .cases
        .iter()
        .map(|case| weave::Switch {
            number: case.switch.number,
            bodies: case.switch.bodies.clone(),
            in_net: case.switch.in_net,
        })
        .collect();
    weave::weave(sources, &switches)
}

/// The targets of the stages that this workspace has.
fn targets(root: &Path) -> Result<Vec<&'static str>, String> {
    let manifest =
        std::fs::read_to_string(root.join("tests/Cargo.toml")).map_err(|error| error.to_string())?;
    let mut targets: Vec<&str> = STAGES.iter().map(|stage| stage.target).collect();
    targets.dedup();
    targets.retain(|target| *target == "lib" || manifest.contains(&format!("name = \"{target}\"")));
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}

/// The verdict, in words.
fn told(case: &Case, verdict: &Verdict) -> String {
    let about = if case.fault.is_none() { format!("\n{:<42}{}", "", case.what) } else { String::new() };
    match verdict {
        Verdict::Killed(stage, test) => format!("killed by {stage}: {test}"),
        Verdict::Hung(stage) => format!("HUNG in {stage}"),
        Verdict::Survived if case.fault.as_ref().is_some_and(|fault| fault.harmless) => {
            "survived, as it must".to_owned()
        }
        Verdict::Survived => match &case.excuse {
            Some(why) => format!("survived, and may: {why}"),
            None => format!("SURVIVED{about}"),
        },
    }
}

/// Counts, and says which fault is wrong.
fn conclude(bench: &Bench, report: &mut Report) {
    let (made, generated): (Vec<&Case>, Vec<&Case>) =
        bench.cases.iter().partition(|case| case.fault.is_some());
    let count = |cases: &[&Case], of: fn(&Case) -> bool| cases.iter().filter(|case| of(case)).count();
    let killed: fn(&Case) -> bool = |case| matches!(case.verdict, Some(Verdict::Killed(..)));
    let hung: fn(&Case) -> bool = |case| matches!(case.verdict, Some(Verdict::Hung(_)));
    let excused: fn(&Case) -> bool =
        |case| case.excuse.is_some() && matches!(case.verdict, Some(Verdict::Survived));
    let harmless: fn(&Case) -> bool = |case| case.fault.as_ref().is_some_and(|fault| fault.harmless);
    report.fact("planted", made.len());
    report.fact("left_to_all", bench.left_out);
    report.fact("killed", count(&made, killed));
    report.fact("hung", count(&made, hung));
    report.fact("justified", count(&made, excused));
    report.fact("harmless", count(&made, harmless));
    match bench.proposed {
        None => report.fact("generated", "cargo-mutants-not-installed"),
        Some(proposed) => {
            report.fact("seed", bench.seed);
            report.fact("generated", format!("{}/{proposed}", generated.len()));
            report.fact("generated_killed", count(&generated, killed));
            report.fact("generated_hung", count(&generated, hung));
            report.fact("generated_looked_at", count(&generated, excused));
            let survived: fn(&Case) -> bool =
                |case| case.excuse.is_none() && matches!(case.verdict, Some(Verdict::Survived));
            report.fact("generated_survived", count(&generated, survived));
            report.fact("not_tried", count(&generated, |case| case.verdict.is_none()));
            report.fact("unviable", bench.unviable);
        }
    }
    let wrong: Vec<(&str, String)> =
        bench.cases.iter().filter_map(|case| Some((case.name.as_str(), wrong(case)?))).collect();
    wrong.iter().for_each(|(_, text)| println!("{text}"));
    let is_made = |name: &str| made.iter().any(|case| case.name == name);
    let failing = wrong.iter().find(|(name, _)| !bench.report_generated || is_made(name));
    if let Some((name, rule)) = failing {
        report.fact("wrong", wrong.len());
        let replay = format!("replay {} {name}", PART.name);
        report.failure = Some(Failure { seed: (*name).to_owned(), rule: rule.clone(), replay });
    }
}

/// Returns the reason why a case breaks the gate; `None` if it does not.
///
/// A test that never ends finds a hand-made fault only if the list says so: a hang names no rule, and costs the time of
/// the limit. A generated fault in the bytes or the protocol must be found, or have a row in the table: all of them were
/// judged. One in the threads and sockets is printed and counted only: they were not yet judged as a whole.
fn wrong(case: &Case) -> Option<String> {
    let Case { name, what, fault, excuse, switch, verdict } = case;
    let harmless = fault.as_ref().is_some_and(|fault| fault.harmless);
    match (verdict.as_ref()?, harmless) {
        (Verdict::Survived, true) => None,
        (Verdict::Killed(stage, test), true) => {
            Some(format!("{name} is harmless, and {test} of stage {stage} fails with it"))
        }
        (Verdict::Hung(stage), true) => {
            Some(format!("{name} is harmless, and stage {stage} does not end with it"))
        }
        (Verdict::Killed(..), false) => None,
        (Verdict::Hung(stage), false) => {
            let says_so = fault.as_ref().is_none_or(|fault| fault.hangs);
            (!says_so).then(|| format!("HUNG in {stage}: {name}: {what}"))
        }
        (Verdict::Survived, false) => {
            let must_fall = excuse.is_none() && (fault.is_some() || !switch.in_net);
            must_fall.then(|| match fault {
                Some(_) => format!("SURVIVED: {name}: {what}"),
                None => format!("SURVIVED: {name}: {what}: it gets a test, or a row in {TABLE}"),
            })
        }
    }
}

/// Shows one fault: its edits, what finds it, and what that test says.
fn replay(options: &Options) -> Report {
    let mut report = Report::new(PART.name);
    let mut progress = Progress::new(PART.name);
    let shown = prepare(options).and_then(|mut bench| {
        if options.names.is_empty() || bench.cases.is_empty() {
            return Err("give the name of a fault; `prove mutants --list` shows them".to_owned());
        }
        let mut stages = build(&mut bench, &mut progress)?;
        judge::judge(&mut bench, &mut stages, None, &mut progress)?;
        bench.cases.iter().for_each(|case| show(case, &stages));
        conclude(&bench, &mut report);
        Ok(())
    });
    if let Err(why) = shown {
        println!("{why}");
        let rule = why.lines().next().unwrap_or_default().to_owned();
        report.failure =
            Some(Failure { seed: "0".to_owned(), rule, replay: format!("{} --list", PART.name) });
    }
    report
}

fn show(case: &Case, stages: &Stages) {
    println!("\n== {}: {}", case.name, case.what);
    for edit in case.fault.iter().flat_map(|fault| &fault.edits) {
        println!("in {}:", edit.function);
        edit.old.iter().flat_map(|old| old.trim().lines()).for_each(|line| println!("  - {line}"));
        edit.new.trim().lines().for_each(|line| println!("  + {line}"));
    }
    match &case.verdict {
        Some(Verdict::Killed(stage, test)) => {
            println!("killed by {stage}: {test}\n{}", stages.show(stage, test, case.switch.number));
        }
        Some(verdict) => println!("{}", told(case, verdict)),
        None => {}
    }
}

#[cfg(test)]
mod tests;
