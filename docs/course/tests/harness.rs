//! Files that do not behave: they loop, panic, fill the memory, end the program, or are not there.

use std::fs;
use std::path::Path;
use std::process::Command;

use rpc_course::catalogue::{EXERCISES, Exercise};
use rpc_course::verdict::{Kind, Verdict};
use rpc_course::workshop::Workshop;

/// Each misbehaviour: what stands in `admit` of exercise 5 before the solution, and what the reader is told.
const BAD: [(&str, Kind, &str); 7] = [
    ("loop {}", Kind::Hangs, "your code does not return: it loops, or waits for what never comes"),
    (
        "let m = std::sync::Mutex::new(()); let _a = m.lock(); let (send, wait) = std::sync::mpsc::channel::<()>(); let _ = wait.recv(); drop(send);",
        Kind::Hangs,
        "your code does not return: it loops, or waits for what never comes",
    ),
    (
        "let mut list = vec![0_u8; 1 << 20]; loop { let copy = list.clone(); list.extend(copy); }",
        Kind::Ended,
        "the program asks for too much memory",
    ),
    (
        "fn deeper(n: u64) -> u64 { let many = std::hint::black_box([n; 1000]); deeper(n + 1) + many[7] } deeper(1);",
        Kind::Ended,
        "a function calls itself without end",
    ),
    ("std::process::exit(0);", Kind::Ended, "the program ended before it was judged: exit status: 0"),
    ("panic!(\"no such slot: {slot}\");", Kind::Panicked, "your code panics: no such slot: 0 (at line"),
    (
        "println!(\"passed\\n3000 stories went well\"); if seq > 1 { rpc_course::note(\"here\"); return Decision::Ignore; }",
        Kind::Failed,
        "never runs, although it arrives again and again",
    ),
];

fn filter() -> &'static Exercise {
    EXERCISES.iter().find(|exercise| exercise.name == "filter").expect("the exercise")
}

#[test]
fn code_that_does_not_behave_is_told_so_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let solution = fs::read_to_string(filter().solution()).expect("the solution");
    let start = "fn admit(&mut self, slot: usize, seq: u64) -> Decision {\n";
    let mut files = Vec::new();
    for (at, (bad, ..)) in BAD.iter().enumerate() {
        let file = folder.path().join(format!("bad{at}.rs"));
        fs::write(&file, solution.replace(start, &format!("{start}        {bad}\n"))).expect("a file");
        files.push(file);
    }
    let files: Vec<&Path> = files.iter().map(|file| file.as_path()).collect();
    let workshop = Workshop::open().expect("the library");
    let program = workshop.compile(filter(), &files).expect("all of it is Rust");
    for (index, (bad, kind, told)) in BAD.iter().enumerate() {
        let Verdict { kind: found, sentence, story } =
            program.run_within(index, (*kind == Kind::Hangs).then_some(300));
        println!("{bad}\n{found}: {sentence}\n{}\n", story.join("\n"));
        assert_eq!(found, *kind, "{bad}: {sentence}");
        assert!(sentence.contains(told), "{bad}: {sentence}");
        if *kind == Kind::Failed {
            assert!(story.contains(&"(your note: here)".to_owned()), "{story:?}");
        }
    }
}

#[test]
fn a_file_that_does_not_compile_is_shown_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("05_filter.rs");
    let workshop = Workshop::open().expect("the library");
    fs::write(&file, "//! A filter.\npub struct Mine {\n").expect("a file");
    let Err(verdict) = workshop.compile(filter(), &[&file]) else { panic!("it compiles") };
    assert_eq!(verdict.kind, Kind::DoesNotCompile);
    let said = verdict.story.join("\n");
    assert!(said.contains("unclosed delimiter") && said.contains("05_filter.rs:2:"), "{said}");
    let gone = folder.path().join("none.rs");
    let Err(verdict) = workshop.compile(filter(), &[&gone]) else { panic!("it compiles") };
    assert_eq!(verdict.kind, Kind::Missing);
}

#[test]
fn a_judged_program_says_how_it_is_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("05_filter.rs");
    fs::copy(filter().solution(), &file).expect("a copy");
    let workshop = Workshop::open().expect("the library");
    let Ok(program) = workshop.compile(filter(), &[&file]) else { panic!("it does not compile") };
    let output = Command::new(program.path()).args(["", "7"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "there is no file with this number");
}
