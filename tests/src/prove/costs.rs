//! `prove costs`: instructions and allocations of a call, compared with `tests/costs.toml`.

use std::fs;
use std::path::Path;

use super::{Failure, Options, Part, Progress, Report};
use crate::costs::{Baseline, Case, Cost, Judgement, Programs};

/// A case that is off is counted so often. A machine that is busy adds instructions (more turns of the loop for the same calls), and
/// takes none away, so the least of the runs is the cost.
const RUNS: usize = 3;

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "costs",
    help: "instructions and allocations of a call, which must be those of tests/costs.toml: [NAME ..]",
    share: 120,
    run,
    replay: |options| run(options, &mut Progress::new("costs")),
};

fn run(options: &Options, progress: &mut Progress) -> Report {
    if !options.names.iter().all(|name| Case::ALL.iter().any(|case| case.name.contains(name.as_str()))) {
        return Report::refused(
            "costs",
            format!("the cases are {}", Case::ALL.map(|case| case.name).join(", ")),
        );
    }
    if options.list {
        Case::ALL.iter().for_each(|case| println!("{}", case.name));
        return Report::new("costs");
    }
    let mut report = Report::new("costs");
    match count(options, progress) {
        Ok((facts, failure)) => {
            report.fact("cases", facts);
            report.failure = failure;
        }
        Err(why) => report.failure = Some(broken("costs", why)),
    }
    report
}

/// Counts the cases. Returns their number, and the first that is off.
fn count(options: &Options, progress: &mut Progress) -> Result<(usize, Option<Failure>), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("tests/ lies in the workspace")?;
    let text = fs::read_to_string(root.join("tests/costs.toml")).map_err(|error| error.to_string())?;
    let baseline = Baseline::read(&text)?;
    progress.show(|| "building rpc-ours".to_owned());
    let programs = Programs::build(root)?;
    let (mut costs, mut failure) = (Vec::new(), None);
    for case in Case::ALL.iter().filter(|case| options.wants(case.name)) {
        progress.show(|| case.name.to_owned());
        let (cost, judgement) = judge(&programs, &baseline, case)?;
        progress.clear();
        let mark = if judgement == Judgement::Same { "" } else { "  <-- not what was agreed" };
        println!(
            "{:<14}{:>12.0} instructions {:>8.2} allocations{mark}",
            case.name, cost.instructions, cost.allocations
        );
        costs.push((case.name.to_owned(), cost));
        if let Judgement::Other(why) = judgement {
            failure.get_or_insert_with(|| broken(case.name, why));
        }
    }
    let tools = tools();
    if failure.is_some() && tools != baseline.tools {
        println!(
            "not judged: the costs were agreed with other tools\n  agreed: {}\n  here:   {tools}",
            baseline.tools
        );
        failure = None;
    }
    let file = root.join("target/costs.toml");
    fs::write(&file, Baseline::text(&tools, &costs)).map_err(|error| error.to_string())?;
    Ok((costs.len(), failure))
}

fn judge(programs: &Programs, baseline: &Baseline, case: &Case) -> Result<(Cost, Judgement), String> {
    let mut least = programs.cost(case)?;
    for _ in 1..RUNS {
        if baseline.judge(case.name, least) == Judgement::Same {
            break;
        }
        let again = programs.cost(case)?;
        if again.instructions < least.instructions {
            least = again;
        }
    }
    Ok((least, baseline.judge(case.name, least)))
}

fn broken(name: &str, why: String) -> Failure {
    Failure { seed: name.to_owned(), rule: format!("{name}: {why}"), replay: format!("costs {name}") }
}

/// The names and versions of the compiler, the counter and the C library: another one writes, or counts, other instructions.
fn tools() -> String {
    let first_line = |program: &str| {
        let output = std::process::Command::new(program).arg("--version").output();
        let text =
            output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.lines().next().unwrap_or("none").trim().to_owned()
    };
    ["rustc", "valgrind", "ldd"].map(first_line).join("; ")
}
