//! The course as its reader uses it: commands, mistakes in them, and a class that is graded.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rpc_course::catalogue::{self, EXERCISES};
use tempfile::TempDir;

/// A folder with the exercises as they are given.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for exercise in &EXERCISES {
        fs::copy(catalogue::folder().join(exercise.file()), folder.path().join(exercise.file()))
            .expect("a copy");
    }
    folder
}

fn course(words: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rpc-course"))
        .args(words)
        .arg("--dir")
        .arg(folder)
        .output()
        .expect("it runs")
}

/// Returns the status, and all that was printed.
fn said(words: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = course(words, folder);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[track_caller]
fn says(words: &[&str], folder: &Path, status: i32, parts: &[&str]) {
    let (code, text) = said(words, folder);
    assert_eq!(code, Some(status), "{words:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{words:?}: {part:?} is not in:\n{text}");
    }
}

#[test]
fn commands_that_are_wrong_are_told_so() {
    let folder = copy();
    let folder = folder.path();
    let last = format!("they have the numbers 1 to {}", EXERCISES.len());
    says(&[], folder, 2, &["a command is missing", "cargo run -p rpc-course -- list"]);
    says(&["chek", "1"], folder, 2, &["there is no command `chek`"]);
    says(&["check"], folder, 2, &["`check` takes the number of one exercise"]);
    says(&["check", "0"], folder, 2, &["there is no exercise `0`", &last]);
    says(&["check", "99"], folder, 2, &["there is no exercise `99`", &last]);
    says(&["hint", "first"], folder, 2, &["there is no exercise `first`", &last]);
    says(&["list", "all"], folder, 2, &["`list` does not take these arguments: all"]);
    says(&["grade"], folder, 2, &["`grade` takes one folder"]);
    says(&["grade", "/nowhere"], folder, 2, &["cannot grade /nowhere: No such file"]);
    says(&["help"], folder, 0, &["The exit status is 0 if the exercise is solved"]);
    says(&["list"], &folder.join("none"), 2, &["there is no folder"]);
    fs::remove_file(folder.join(EXERCISES[0].file())).expect("it is there");
    says(&["check", "1"], folder, 2, &["there is no file", "`git checkout` brings the exercise back"]);
}

#[test]
fn an_exercise_is_solved_step_by_step() {
    let folder = copy();
    let (folder, exercise) = (folder.path(), &EXERCISES[4]);
    let file = folder.join(exercise.file());
    says(&["check", "5"], folder, 1, &["The shortest story", "   1. ", "`hint 5` gives a hint"]);
    says(&["hint", "5"], folder, 0, &["Hint 1 of 3: "]);
    says(&["hint", "5"], folder, 0, &["Hint 1 of 3: ", "Hint 2 of 3: "]);
    says(&["hint", "5"], folder, 0, &["Hint 3 of 3: ", "`solution 5` prints a solution"]);
    says(&["hint", "5"], folder, 0, &["Hint 3 of 3: "]);
    fs::write(&file, "pub struct Mine").expect("a file");
    says(&["check", "5"], folder, 1, &["does not compile", "05_filter.rs:1:"]);
    let (_, solution) = said(&["solution", "5"], folder);
    let start = "fn admit(&mut self, slot: usize, seq: u64) -> Decision {\n";
    fs::write(&file, solution.replace(start, &format!("{start}loop {{}}\n"))).expect("a file");
    says(&["check", "5"], folder, 1, &["hangs", "The story until then:", "Your code does not return"]);
    fs::write(&file, solution).expect("a file");
    says(&["check", "5"], folder, 0, &["passed", "3000 stories went well", "Next: exercise 1,"]);
    says(&["check", "5"], folder, 0, &["It was solved before, and the file is the same"]);
    says(&["list"], folder, 0, &["  5  solved   the duplicate filter", "Next: write "]);
    fs::write(&file, "// anew").expect("a file");
    says(&["list"], folder, 0, &["  5  changed  the duplicate filter"]);
}

#[test]
fn a_watch_goes_on_to_the_next_exercise_and_ends_with_the_last() {
    let folder = copy();
    let folder = folder.path();
    let last = &EXERCISES[EXERCISES.len() - 1];
    for exercise in &EXERCISES[EXERCISES.len() - 2..] {
        fs::copy(exercise.solution(), folder.join(exercise.file())).expect("a copy");
    }
    let from = (EXERCISES.len() - 1).to_string();
    says(&["watch", &from], folder, 0, &[&last.file(), "There is nothing left to watch"]);
    says(&["watch", &from], folder, 0, &["There is nothing left to watch"]);
}

#[test]
fn a_class_gets_a_table() {
    let class = tempfile::tempdir().expect("a folder");
    let (ada, bob) = (class.path().join("ada"), class.path().join("bob/docs/course/exercises"));
    says(&["grade", class.path().to_str().expect("text")], class.path(), 2, &["it has no folders"]);
    fs::create_dir_all(&ada).expect("a folder");
    fs::create_dir_all(&bob).expect("a folder");
    let (first, second) = (&EXERCISES[0], &EXERCISES[1]);
    fs::copy(first.solution(), ada.join(first.file())).expect("a copy");
    fs::write(ada.join(second.file()), "what?").expect("a file");
    fs::copy(catalogue::folder().join(first.file()), bob.join(first.file())).expect("a copy");
    let (code, text) = said(&["grade", class.path().to_str().expect("text")], class.path());
    assert_eq!(code, Some(0), "{text}");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..4], ["ada", "ok", "compile", "-"], "{text}");
    assert_eq!(rows[2][..4], ["bob", "wrong", "-", "-"], "{text}");
    let (_, csv) = said(&["grade", class.path().to_str().expect("text"), "--csv"], class.path());
    assert!(csv.contains("\"ada\",1,frames,passed,\"3000 stories went well\"\n"), "{csv}");
    assert!(csv.contains("\"bob\",1,frames,failed,\"bytes are missing at the end"), "{csv}");
}
