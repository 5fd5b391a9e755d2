//! Judging: each fault by the test that found it before, and those that it does not find by all stages.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::Progress;
use super::{Bench, Case, told};
use crate::planted::found_by::{Finder, FoundBy};
use crate::planted::list::Fault;
use crate::planted::stage::{Stages, Verdict};

/// Faults beyond one for each processor that are judged at a time: many tests wait.
const WAITING: usize = 2;

/// Takes out what a quick run does not judge, and returns its number: a fault of the list that survives with a reason, or that is
/// seen as a hang, takes as long as all stages together, and as long as all others.
pub(super) fn leave_out(cases: &mut Vec<Case>, quick: bool) -> usize {
    let takes_all = |fault: &Fault| fault.survives.is_some() || fault.hangs || fault.harmless;
    let before = cases.len();
    if quick {
        cases.retain(|case| !case.fault.as_ref().is_some_and(takes_all));
    }
    before - cases.len()
}

/// Judges all faults. After `bound` no generated fault is begun; it has no verdict then, and is counted.
///
/// # Errors
/// A test fails although nothing is planted, or the table cannot be read or written.
pub(super) fn judge(
    bench: &mut Bench,
    stages: &mut Stages,
    bound: Option<Duration>,
    progress: &mut Progress,
) -> Result<(), String> {
    let mut found_by = FoundBy::read(&bench.root)?;
    progress.show(|| "nothing planted".to_owned());
    let finders: Vec<&Finder> = bench.cases.iter().filter_map(|case| found_by.get(&case.name)).collect();
    stages.check_finders(&finders)?;
    let shared: &Stages = stages;
    judge_each(&mut bench.cases, progress, &|case| shared.ask(case.switch.number, found_by.get(&case.name)?));
    let at_once = bench.cases.iter().filter(|case| case.verdict.is_some()).count();
    println!("{at_once} of {} were found by the test that found them before", bench.cases.len());
    if at_once < bench.cases.len() {
        judge_by_all(&mut bench.cases, stages, bound, progress)?;
    }
    if std::env::var_os("BLESS").is_some() {
        bless(&mut found_by, &bench.cases, &bench.root)?;
    }
    Ok(())
}

/// Judges the faults without a verdict by all stages, after each was run with nothing planted.
fn judge_by_all(
    cases: &mut [Case],
    stages: &mut Stages,
    bound: Option<Duration>,
    progress: &mut Progress,
) -> Result<(), String> {
    progress.show(|| "nothing planted".to_owned());
    let times: Vec<String> =
        stages.measure()?.iter().map(|(name, took)| format!("{name} {:.1} s", took.as_secs_f64())).collect();
    println!("nothing planted: {}", times.join(", "));
    let first = Instant::now();
    let shared: &Stages = stages;
    judge_each(cases, progress, &|case| {
        // A hand-made fault is to be found by the test of a rule; of a generated one a hang is enough.
        let is_generated = case.fault.is_none();
        let is_late = is_generated && bound.is_some_and(|bound| first.elapsed() > bound);
        (!is_late).then(|| shared.judge(case.switch.number, case.switch.in_net, is_generated))
    });
    Ok(())
}

/// Gives each fault without a verdict to `judge`, some more at a time than there are processors.
fn judge_each(
    cases: &mut [Case],
    progress: &mut Progress,
    judge: &(dyn Fn(&Case) -> Option<Verdict> + Sync),
) {
    let (total, done) = (cases.len(), AtomicUsize::new(0));
    let queue = Mutex::new(cases.iter_mut().filter(|case| case.verdict.is_none()));
    let progress = Mutex::new(progress);
    let workers = std::thread::available_parallelism().map_or(1, usize::from) + WAITING;
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().map(|mut queue| queue.next());
                    let Ok(Some(case)) = next else { return };
                    let began = Instant::now();
                    let Some(verdict) = judge(case) else { continue };
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if let Ok(mut progress) = progress.lock() {
                        progress.clear();
                        let seconds = began.elapsed().as_secs();
                        println!("{:<34} {seconds:>4} s  {}", case.name, told(case, &verdict));
                        progress.show(|| format!("{done} of {total}"));
                    }
                    case.verdict = Some(verdict);
                }
            });
        }
    });
}

/// Writes the table anew, with the tests that found the faults of this run. Rows of faults that are no longer in the list go.
fn bless(found_by: &mut FoundBy, cases: &[Case], root: &std::path::Path) -> Result<(), String> {
    for case in cases.iter().filter(|case| case.fault.is_some()) {
        if let Some(Verdict::Killed(stage, test)) = &case.verdict {
            found_by.note(&case.name, stage, test);
        }
    }
    let listed = crate::planted::list::read(&root.join("tests/mutants"))?;
    found_by.retain(&listed.iter().map(|fault| fault.name.as_str()).collect::<BTreeSet<_>>());
    found_by.write(root)
}
