//! `docs/lecture.md`: every command on it runs and ends as the page says, and the shown output is the programs' output.

use std::path::Path;

use crate::programs::run;

const PAGE: &str = include_str!("../../docs/lecture.md");

/// A command of the page: the program, its arguments, and how it must end.
#[derive(Debug)]
struct Line<'a> {
    program: &'a str,
    arguments: Vec<&'a str>,
    status: i32,
    /// The crawler and the checker are separate packages, whose tests run their commands.
    elsewhere: bool,
}

/// The outputs of commands that are run elsewhere. The checker's tests compare these files with the program.
const KEPT: [(&str, &str); 2] = [
    (
        "cargo run -p rpc-interleavings -- counter",
        include_str!("../programs/interleavings/found/counter.txt"),
    ),
    (
        "cargo run -p rpc-interleavings -- visibility",
        include_str!("../programs/interleavings/found/visibility.txt"),
    ),
];

/// One fenced block after another: its language and its lines.
fn blocks() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut blocks: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = !inside;
            if inside {
                blocks.push((language, Vec::new()));
            }
        } else if inside {
            blocks.last_mut().expect("a block has begun").1.push(line);
        }
    }
    blocks
}

/// `cargo run [-p PACKAGE] [--bin NAME] [-- ARGUMENTS] [# exit N]`
fn parse(line: &str) -> Line<'_> {
    let (command, comment) = line.split_once(" # exit ").unwrap_or((line, "0"));
    let (cargo, arguments) = command.split_once(" -- ").unwrap_or((command, ""));
    let words: Vec<_> = cargo.split_whitespace().collect();
    let (program, elsewhere) = match words[..] {
        ["cargo", "run", "--bin", program] => (program, false),
        ["cargo", "run", "-p", "rpc-web-crawler", "--bin", program] => (program, true),
        ["cargo", "run", "-p", program @ "rpc-interleavings"] => (program, true),
        _ => panic!("the page has a command that this test cannot run: {line}"),
    };
    let arguments = arguments.split_whitespace().collect();
    Line { program, arguments, status: comment.trim().parse().expect("an exit status"), elsewhere }
}

/// Returns the path of the program, which is beside this test's folder.
fn executable(program: &str) -> String {
    let here = std::env::current_exe().expect("this test is a file");
    let folder = here.parent().and_then(Path::parent).expect("target/debug/deps holds this test");
    let path = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    path.to_str().expect("the target folder's path is text").to_owned()
}

#[test]
fn every_command_of_the_page_runs_and_shows_what_the_page_shows() {
    let (mut ran, mut said) = (0, String::new());
    for (language, lines) in blocks() {
        match language {
            "sh" => {
                said.clear();
                for text in lines {
                    let line = parse(text);
                    if line.elsewhere {
                        println!("not run here: {line:?}");
                        said.extend(
                            KEPT.iter().filter(|(command, _)| *command == text).map(|(_, output)| *output),
                        );
                        continue;
                    }
                    let ended = run(&executable(line.program), &line.arguments).expect(line.status);
                    said += &ended.out;
                    said += &ended.err;
                    ran += 1;
                }
            }
            "text" => {
                for line in lines {
                    assert!(said.contains(line), "the page shows, and no program says: {line}\n{said}");
                }
            }
            other => panic!("a block of `{other}`, which this test does not know"),
        }
    }
    assert!(ran >= 20, "only {ran} commands were run");
}

#[test]
fn every_part_of_the_lecture_is_on_the_page() {
    for part in 1..=12 {
        assert!(PAGE.contains(&format!("S{part} ")), "S{part} is missing");
    }
}
