//! `README.md`: its example is compiled and run as it stands, and its commands are those that CI runs.

use std::path::Path;

use crate::text;

#[test]
fn the_example_of_the_readme_compiles_and_runs() {
    let blocks = text::blocks(&text::of("README.md"), "rust");
    let [example] = &blocks[..] else { panic!("{} examples instead of one", blocks.len()) };
    let lines = example.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 32, "{lines} lines are no short example");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme_example.rs");
    std::fs::write(&file, example).expect("the target folder can be written");
    trybuild::TestCases::new().pass(file);
}

#[test]
fn the_commands_of_the_readme_are_those_of_ci() {
    let ci = text::of(".ci/run");
    let blocks = text::blocks(&text::of("README.md"), "sh");
    let commands: Vec<&str> = blocks.iter().flat_map(|block| block.lines()).collect();
    assert_eq!(commands.len(), 2);
    for command in commands {
        assert!(ci.lines().any(|line| line == command), ".ci/run does not run `{command}`");
    }
}

#[test]
fn the_readme_fits_on_a_screen() {
    let text = text::of("README.md");
    let shown = text.lines().filter(|line| !line.is_empty() && !line.starts_with("```")).count();
    assert!(shown <= 70, "{shown} lines");
}
