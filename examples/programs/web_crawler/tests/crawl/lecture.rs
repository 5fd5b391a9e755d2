//! The crawler's commands on `docs/lecture.md` run, and end as the page says. The page's other commands are run by the
//! tests of the other examples.

use std::process::Command;

const PAGE: &str = include_str!("../../../../../docs/lecture.md");
const PREFIX: &str = "cargo run -p rpc-web-crawler --bin crawl -- ";

#[test]
fn the_commands_of_the_lecture_s_page_run() {
    let mut ran = 0;
    for line in PAGE.lines().filter_map(|line| line.strip_prefix(PREFIX)) {
        let (arguments, status) = line.split_once(" # exit ").unwrap_or((line, "0"));
        let crawl = Command::new(env!("CARGO_BIN_EXE_crawl")).args(arguments.split_whitespace()).output();
        let crawl = crawl.expect("it starts");
        let status: i32 = status.trim().parse().expect("an exit status");
        assert_eq!(crawl.status.code(), Some(status), "{line}: {}", String::from_utf8_lossy(&crawl.stderr));
        if arguments.contains("--kill-after") {
            let (out, said) =
                (String::from_utf8_lossy(&crawl.stdout), String::from_utf8_lossy(&crawl.stderr));
            assert!(said.contains("killing worker"), "{line} says that a worker is killed: {said}");
            assert_eq!(out.lines().count(), 5, "each page once: {out}");
        }
        ran += 1;
    }
    assert!(ran >= 5, "only {ran} commands");
}
