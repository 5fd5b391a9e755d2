//! Standard output that cannot be written, and a closed pipe: a sentence and an exit status, and no panic.

use std::io;
use std::process::{Command, Stdio};

const PROGRAMS: [(&str, &[&str]); 6] = [
    (env!("CARGO_BIN_EXE_models"), &["--quick", "--model", "plain-loop", "--handlers", "quick"]),
    (env!("CARGO_BIN_EXE_periodic"), &["--every", "20ms", "--for", "300ms"]),
    (env!("CARGO_BIN_EXE_by_name"), &[]),
    (env!("CARGO_BIN_EXE_semantics"), &["--appends", "10"]),
    (env!("CARGO_BIN_EXE_coordination"), &["mutex"]),
    (env!("CARGO_BIN_EXE_vote"), &["--in-process"]),
];

/// Runs the program with this standard output: its exit status, and its messages without those on progress.
fn run_into(out: impl Into<Stdio>, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Command::new(program).args(arguments).stdout(out).stderr(Stdio::piped()).output();
    let ended = ended.expect("the program was built");
    let messages = String::from_utf8(ended.stderr).expect("text");
    let messages = messages.lines().filter(|line| !line.contains(" calls/s")).collect::<Vec<_>>();
    (ended.status.code(), messages.join("\n"))
}

#[test]
fn a_reader_that_has_gone_ends_the_program_quietly() {
    for (program, arguments) in PROGRAMS {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(run_into(writer, program, arguments), (Some(0), String::new()), "{program}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_a_sentence_and_2() {
    for (program, arguments) in PROGRAMS {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let (status, messages) = run_into(full, program, arguments);
        assert_eq!(status, Some(2), "{program}: {messages}");
        assert!(messages.contains(": cannot write the output: No space left"), "{program}: {messages}");
        assert_eq!(messages.lines().count(), 1, "{program}: {messages}");
    }
}
