//! Each judge is proven: the solution passes, and each wrong solution is told its own sentence in a short story.

mod wrong;

use std::fs;
use std::path::{Path, PathBuf};

use rpc_course::catalogue::{self, EXERCISES, Exercise};
use rpc_course::story::MOST_LINES;
use rpc_course::verdict::{Kind, Verdict};
use rpc_course::workshop::Workshop;

const BEGIN: &str = "// ---- Your part begins here.\n";
const END: &str = "// ---- Your part ends here.";

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Judges the exercise as it is given, its solution, and its wrong solutions, in one program.
fn verdicts(exercise: &Exercise) -> (Verdict, Verdict, Vec<Verdict>) {
    let folder = tempfile::tempdir().expect("a folder");
    let solution = read(&exercise.solution());
    let mut files = vec![catalogue::folder().join(exercise.file()), exercise.solution()];
    for (at, wrong) in wrong::of(exercise.name).iter().enumerate() {
        assert_eq!(
            solution.matches(wrong.find).count(),
            1,
            "{}: {}: {}",
            exercise.name,
            wrong.name,
            wrong.find
        );
        let file = folder.path().join(format!("wrong{at}.rs"));
        fs::write(&file, solution.replace(wrong.find, wrong.put)).expect("a file");
        files.push(file);
    }
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let workshop = Workshop::open().expect("the library");
    let program =
        workshop.compile(exercise, &files).unwrap_or_else(|refused| panic!("{}", refused.story.join("\n")));
    (program.run(0), program.run(1), (2..files.len()).map(|index| program.run(index)).collect())
}

fn prove(name: &str) {
    let exercise = EXERCISES.iter().find(|exercise| exercise.name == name).expect("an exercise");
    let wrong = wrong::of(name);
    assert!(wrong.len() >= 3, "{name}: at least three wrong solutions");
    let (given, solution, verdicts) = verdicts(exercise);
    assert_eq!(solution.kind, Kind::Passed, "the solution of {name}: {solution:?}");
    assert_eq!(given.kind, Kind::Failed, "{name} is given with a hole: {given:?}");
    for (wrong, verdict) in wrong.iter().zip(&verdicts) {
        println!("{name}: {}\n{}\n{}\n", wrong.name, verdict.story.join("\n"), verdict.sentence);
    }
    for (wrong, verdict) in wrong.iter().zip(&verdicts) {
        let (what, story) = (wrong.name, verdict.story.join("\n"));
        assert!(!verdict.is_passed(), "{name}: {what}: it passes");
        assert!(verdict.sentence.contains(wrong.told), "{name}: {what}:\n{story}\n{}", verdict.sentence);
        assert!((1..=MOST_LINES).contains(&verdict.story.len()), "{name}: {what}:\n{story}");
    }
    let mut reasons: Vec<&str> = wrong.iter().map(|wrong| wrong.told).collect();
    reasons.sort_unstable();
    reasons.dedup();
    assert!(reasons.len() >= 3, "{name}: at least three reasons");
}

#[test]
fn frames_are_judged() {
    prove("frames");
}

#[test]
fn a_client_stub_is_judged() {
    prove("client_stub");
}

#[test]
fn a_server_stub_is_judged() {
    prove("server_stub");
}

#[test]
fn sending_again_is_judged() {
    prove("retry");
}

#[test]
fn a_duplicate_filter_is_judged() {
    prove("filter");
}

#[test]
fn orphaned_slots_are_judged() {
    prove("orphans");
}

#[test]
fn a_vote_is_judged() {
    prove("vote");
}

#[test]
fn a_wait_group_is_judged() {
    prove("wait_group");
}

#[test]
fn the_end_of_a_crawl_is_judged() {
    prove("crawl");
}

#[test]
fn a_pool_is_judged() {
    prove("pool");
}

#[test]
fn a_generic_stub_is_judged() {
    prove("generic_stub");
}

#[test]
fn a_macro_rule_is_judged() {
    prove("macro_rule");
}

/// The first wrong filter is the example of the README.
#[test]
fn the_readme_shows_a_story_as_it_is_told() {
    let filter = EXERCISES.iter().find(|exercise| exercise.name == "filter").expect("an exercise");
    let (_, _, verdicts) = verdicts(filter);
    let readme = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    for line in verdicts[0].story.iter().chain([&verdicts[0].sentence]) {
        let shown = &line[1..]; // a sentence has a capital there
        assert!(readme.contains(shown), "the README does not show: {line}");
    }
}

#[test]
fn an_exercise_is_its_solution_with_a_hole() {
    for exercise in &EXERCISES {
        let outside = |text: &str| {
            let (before, rest) = text.split_once(BEGIN).expect("a hole begins");
            let (_, after) = rest.split_once(END).expect("a hole ends");
            (before.to_owned(), after.to_owned())
        };
        let given = read(&catalogue::folder().join(exercise.file()));
        assert_eq!(outside(&given), outside(&read(&exercise.solution())), "{}", exercise.name);
        assert!(
            given.contains(&format!("-- check {}`", exercise.number())),
            "{} says how it is checked",
            exercise.name
        );
        assert!(exercise.hints.len() >= 3, "{} has three hints", exercise.name);
    }
}
