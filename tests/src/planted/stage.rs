//! The stages that look for a fault, cheapest first: each is a test program, run with one fault switched on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::found_by::Finder;
use super::tree;
use super::weave::VARIABLE;

/// A stage.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Its name in the report.
    pub name: &'static str,
    /// The test target; `lib` is the unit tests of `rpc-core`.
    pub target: &'static str,
    /// The words after the program's name.
    pub words: &'static [&'static str],
    /// Threads, sockets and a real clock are in it: a test that fails is asked again, so that chance finds nothing.
    pub timed: bool,
    /// It runs the layer of threads and sockets; a fault in that layer alone is judged by no other stage.
    pub net: bool,
}

/// Tests that run at a time where some may wait for ever: one that hangs must not keep another from failing.
const MANY_AT_A_TIME: &[&str] = &["--test-threads=8"];

/// All stages, in the order of the time that they take. One whose target is not in the workspace is left out.
pub const STAGES: &[Stage] = &[
    Stage { name: "unit", target: "lib", words: MANY_AT_A_TIME, timed: false, net: true },
    Stage {
        name: "tables",
        target: "simulation",
        words: &["--skip", "random_runs"],
        timed: false,
        net: false,
    },
    Stage { name: "wire", target: "wire", words: &[], timed: true, net: true },
    // Its tests wait more than they work: eight at a time take half as long.
    Stage { name: "integration", target: "integration", words: MANY_AT_A_TIME, timed: true, net: true },
    Stage { name: "explore", target: "explore", words: &[], timed: false, net: false },
    Stage { name: "interleave", target: "interleave", words: &[], timed: false, net: true },
    Stage {
        name: "few",
        target: "simulation",
        words: &["random_runs", "--skip", "in_every_run"],
        timed: false,
        net: false,
    },
    Stage { name: "random", target: "simulation", words: &["random_runs"], timed: false, net: false },
];

/// A stage may take so many times as long as without a fault,
const SLOWER: u32 = 5;
/// and so much longer on top, since the machine may be busy.
const SPARE: Duration = Duration::from_secs(20);
/// The longest time of the one test that is asked first: milliseconds as a rule; that of many schedules takes 16 s, and a busy machine
/// ten times as long.
const FIRST_LIMIT: Duration = Duration::from_secs(160);
/// The number of times that a test is run again after it failed in a timed stage; one more failure confirms it.
const ASKED_AGAIN: usize = 3;
/// The number of tests of one stage that may fail by chance. Beyond it the machine is too busy to say anything.
const MOST_BY_CHANCE: usize = 4;
/// The part of a program's output that is kept to be shown.
const SHOWN_LINES: usize = 60;

/// The first seed of the tests that otherwise draw a new one each time.
const BASE: &str = "1";

/// The result of one run of a program.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Every test passed.
    Passed,
    /// This test failed, or the program ended otherwise.
    Failed(String),
    /// It did not end within its limit, and no test failed.
    Hung,
}

/// The test that found a fault, if one did.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The stage and the test.
    Killed(&'static str, String),
    /// The first stage that did not end; no test failed in any.
    Hung(&'static str),
    /// Every stage passed.
    Survived,
}

/// The stages of one build, with their limits.
#[derive(Debug)]
pub struct Stages {
    programs: BTreeMap<String, PathBuf>,
    tree: PathBuf,
    stages: Vec<(Stage, Duration)>,
}

impl Stages {
    /// The stages whose programs were built. Until [`Stages::measure`] has run, each has a limit that is meant for the
    /// tests without a fault.
    pub fn new(root: &Path, programs: BTreeMap<String, PathBuf>, limit: Duration) -> Self {
        let here = STAGES.iter().filter(|stage| programs.contains_key(stage.target));
        let stages = here.map(|stage| (*stage, limit)).collect();
        Stages { tree: tree::tree(&tree::work_folder(root)), programs, stages }
    }

    /// Runs every stage with nothing planted, and takes its limit from the time that it took.
    ///
    /// # Errors
    /// A stage fails although nothing is planted.
    pub fn measure(&mut self) -> Result<Vec<(&'static str, Duration)>, String> {
        let mut times = Vec::new();
        for index in 0..self.stages.len() {
            let (stage, limit) = self.stages[index];
            let began = Instant::now();
            self.pass(stage, stage.words, limit)?;
            let took = began.elapsed();
            self.stages[index].1 = took * SLOWER + SPARE;
            times.push((stage.name, took));
        }
        Ok(times)
    }

    /// Runs the tests that are asked first, with nothing planted.
    ///
    /// # Errors
    /// One of them fails although nothing is planted.
    pub fn check_finders(&self, finders: &[&Finder]) -> Result<(), String> {
        for (stage, _) in &self.stages {
            let of_stage = finders.iter().filter(|finder| finder.stage == stage.name);
            let tests: BTreeSet<&str> = of_stage.map(|finder| finder.test.as_str()).collect();
            let words: Vec<&str> = tests.into_iter().chain(["--exact", "--test-threads=8"]).collect();
            if words.len() > 2 {
                self.pass(*stage, &words, FIRST_LIMIT)?;
            }
        }
        Ok(())
    }

    /// Runs a stage, or tests of it, with nothing planted.
    fn pass(&self, stage: Stage, words: &[&str], limit: Duration) -> Result<(), String> {
        match self.found(stage, words, limit, 0) {
            Outcome::Passed => Ok(()),
            Outcome::Failed(test) => {
                let text = self.show(stage.name, &test, 0);
                Err(format!("nothing is planted, and {test} fails in stage {}\n{text}", stage.name))
            }
            Outcome::Hung => Err(format!("nothing is planted, and stage {} does not end", stage.name)),
        }
    }

    /// Asks the test that found a fault before. `None` if it does not find it now, or is not there any more.
    pub fn ask(&self, fault: u32, finder: &Finder) -> Option<Verdict> {
        let (stage, _) = self.stages.iter().find(|(stage, _)| stage.name == finder.stage)?;
        match self.found(*stage, &[&finder.test, "--exact"], FIRST_LIMIT, fault) {
            Outcome::Failed(test) => Some(Verdict::Killed(stage.name, test)),
            Outcome::Passed | Outcome::Hung => None,
        }
    }

    /// Asks the stages one after the other until a test of one fails. A stage that does not end says nothing about the
    /// next one: only if no test fails in any of them is the fault hung. With `hang_is_enough` the first stage that does
    /// not end decides: it costs as much time as all the others together.
    pub fn judge(&self, fault: u32, in_net: bool, hang_is_enough: bool) -> Verdict {
        let mut hung = None;
        for (stage, limit) in self.stages.iter().filter(|(stage, _)| stage.net || !in_net) {
            match self.found(*stage, stage.words, *limit, fault) {
                Outcome::Passed => {}
                Outcome::Failed(test) => return Verdict::Killed(stage.name, test),
                Outcome::Hung if hang_is_enough => return Verdict::Hung(stage.name),
                Outcome::Hung => hung = hung.or(Some(stage.name)),
            }
        }
        hung.map_or(Verdict::Survived, Verdict::Hung)
    }

    /// Runs tests of a stage; in a timed one a failure counts if the same test fails again. One that does not was chance: the run ended
    /// with it, so the others are run again without it.
    fn found(&self, stage: Stage, words: &[&str], limit: Duration, fault: u32) -> Outcome {
        let mut by_chance: Vec<String> = Vec::new();
        loop {
            let skipped = by_chance.iter().flat_map(|test| ["--skip", test]);
            let words: Vec<&str> = words.iter().copied().chain(skipped).collect();
            let outcome = self.run(stage, &words, limit, fault);
            match &outcome {
                // The same again, although it is left out: the program ended otherwise than by a test, and each time.
                Outcome::Failed(end) if by_chance.contains(end) => return outcome,
                Outcome::Failed(test) if stage.timed && !self.fails_again(stage, test, limit, fault) => {
                    by_chance.push(test.clone());
                }
                _ => return outcome,
            }
            if by_chance.len() > MOST_BY_CHANCE {
                return Outcome::Passed; // chance finds nothing
            }
        }
    }

    /// Runs a test that has failed again. Returns true if it fails once more.
    fn fails_again(&self, stage: Stage, test: &str, limit: Duration, fault: u32) -> bool {
        let again = [test, "--exact"];
        (0..ASKED_AGAIN).any(|_| !matches!(self.run(stage, &again, limit, fault), Outcome::Passed))
    }

    fn run(&self, stage: Stage, words: &[&str], limit: Duration, fault: u32) -> Outcome {
        let Ok(mut child) = self.start(stage, words, fault, Stdio::null()) else {
            return Outcome::Failed("the test program cannot be started".to_owned());
        };
        let lines = lines_of(child.stdout.take());
        let ends = Instant::now() + limit;
        let outcome = loop {
            match lines.recv_timeout(ends.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(test) = failed_test(&line) {
                        break Outcome::Failed(test.to_owned()); // the other tests need not run
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => break Outcome::Hung,
                Err(mpsc::RecvTimeoutError::Disconnected) => break Outcome::Passed, // or so it seems: see below
            }
        };
        let outcome = match outcome {
            Outcome::Passed => match child.wait() {
                Ok(status) if status.success() => Outcome::Passed,
                Ok(status) => Outcome::Failed(format!("the program ended with {status}")),
                Err(error) => Outcome::Failed(error.to_string()),
            },
            outcome => outcome,
        };
        end_group(&mut child);
        outcome
    }

    /// Runs the stage that found a fault once more, to its end, and gives the end of what it says.
    pub fn show(&self, name: &str, test: &str, fault: u32) -> String {
        let Some((stage, limit)) = self.stages.iter().find(|(stage, _)| stage.name == name) else {
            return String::new();
        };
        let Ok(mut child) = self.start(*stage, &[test, "--exact", "--nocapture"], fault, Stdio::piped())
        else {
            return String::new();
        };
        let (out, err) = (lines_of(child.stdout.take()), lines_of(child.stderr.take()));
        let ends = Instant::now() + *limit;
        let mut text = Vec::new();
        for lines in [err, out] {
            while let Ok(line) = lines.recv_timeout(ends.saturating_duration_since(Instant::now())) {
                text.push(line);
            }
        }
        end_group(&mut child);
        text[text.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    fn start(&self, stage: Stage, words: &[&str], fault: u32, stderr: Stdio) -> std::io::Result<Child> {
        use std::os::unix::process::CommandExt;
        let program = self.programs.get(stage.target).cloned().unwrap_or_default();
        let package = if stage.target == "lib" { "rpc-core" } else { "tests" };
        Command::new(program)
            .args(words)
            .current_dir(self.tree.join(package))
            .env(VARIABLE, fault.to_string())
            .env("RUST_BACKTRACE", "0")
            .env("RPC_BASE", BASE) // a fault is judged by the same runs each time
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .process_group(0) // some tests start processes: all of them end together
            .spawn()
    }
}

/// Ends a program and all that it has started.
fn end_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    // It fails if all of them have ended already.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.wait();
}

/// Reads lines on a thread of their own, so that a reader may stop waiting.
fn lines_of(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(pipe) = pipe {
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// The name of the test that a line of libtest says has failed.
fn failed_test(line: &str) -> Option<&str> {
    let test = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(test.split(" - ").next().unwrap_or(test))
}

#[cfg(test)]
mod tests;
