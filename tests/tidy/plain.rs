//! Keeps the worst habits of language out of comments, pages and messages, in the directories that are clean already; and
//! holds the subjects of new commits to their length.

use std::process::Command;

use crate::source::{Broken, File, House, blank};

/// Paths that are held to the list. A path that ends in `/` is a directory. Add one when it is clean; take none out.
const CLEAN: [&str; 46] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "docs/",
    "examples/",
    "rpc-core/src/call/",
    "rpc-core/src/contract.rs",
    "rpc-core/src/contract/",
    "rpc-core/src/error.rs",
    "rpc-core/src/ids.rs",
    "rpc-core/src/lib.rs",
    "rpc-core/src/limits.rs",
    "rpc-core/src/limits/client.rs",
    "rpc-core/src/net/",
    "rpc-core/src/proto/",
    "rpc-core/src/service.rs",
    "rpc-core/src/service/",
    "rpc-core/src/stub.rs",
    "rpc-core/src/stub/",
    "rpc-core/src/wire/",
    "rpc-derive/",
    "rpc-frames/",
    "rpc-metrics/",
    "rpc-sim/",
    "rpc-store/",
    "rpc-trace/",
    "tests/bytes/",
    "tests/compiles/",
    "tests/expand/",
    "tests/explore/",
    "tests/integration/",
    "tests/interleave/",
    "tests/outside/",
    "tests/pages/",
    "tests/peers/",
    "tests/simulation/",
    "tests/src/",
    "tests/tidy.rs",
    "tests/tidy/docs.rs",
    "tests/tidy/guide.rs",
    "tests/tidy/layers.rs",
    "tests/tidy/shape.rs",
    "tests/tidy/source.rs",
    "tests/tidy/words.rs",
    "tests/ui/",
    "tests/wire/",
];

/// Words that are refused anywhere in a comment, a page or a text, and the reason with the plain form. A phrase is found
/// across the end of a line.
const WORDS: [(&[&str], &str); 6] = [
    (
        &["who", "whoever", "whom", "nobody", "somebody", "everybody", "everyone", "anybody"],
        "threads, peers and programs are not people: write `it`, `the thread`, `the client`, `no thread`",
    ),
    (&["floor", "floors"], "the word is `layer`"),
    (&["rooms"], "the word is `module`, or `package`"),
    (
        &["letter", "letters", "desk", "desks", "bell", "bells", "soil", "soiled", "finger", "fingers"],
        "a metaphor that a reader must translate: write command, job queue, shutdown signal, orphaned, key",
    ),
    (
        &["changes hands", "other hands", "in the hands", "a hand on", "last words"],
        "a metaphor: say which thread owns it",
    ),
    (
        &["says whether", "tells whether", "say whether"],
        "a function does not speak: write `Returns true if ..`",
    ),
];

/// Words that a doc comment must not open with: it says first what the item is or does.
const OPENINGS: [&str; 8] = ["What", "Whether", "How", "Who", "Where", "When", "Why", "Which"];
const OPENING: &str = "begin with what the item is or does: `Returns ..`, `The number of ..`";

/// The longest subject of a commit that `git log --oneline` shows whole on a terminal of 80 columns.
const LONGEST_SUBJECT: usize = 71;
/// Commits before this time stay as they are: one subject was too long and had been merged by others when that was seen.
const SINCE: &str = "--since=2026-11-27T04:42:00Z";
/// The number of newest commits that are looked at, so that the test stays quick. More are not made between two runs.
const NEWEST: &str = "100";

fn is_clean(path: &str) -> bool {
    CLEAN.iter().any(|clean| if clean.ends_with('/') { path.starts_with(clean) } else { path == *clean })
}

/// Refused words in the text for people of clean files, and doc comments that open with an indirect question.
pub(crate) fn habits(house: &House) -> Vec<Broken> {
    let rust = house.rust.iter().filter(|file| is_clean(&file.path)).flat_map(|file| {
        let text = for_people(&file.text);
        let mut broken = refused_words(file, &text);
        broken.extend(indirect_questions(file));
        broken
    });
    let pages = house.pages.iter().filter(|page| is_clean(&page.path));
    rust.chain(pages.flat_map(|page| refused_words(page, &without_code(&page.text)))).collect()
}

/// Rust source with spaces in place of code, so that comments and texts are left; lines stay where they are.
fn for_people(source: &str) -> String {
    let code = blank(source);
    let pairs = source.chars().zip(code.chars());
    let kept = pairs.map(|(c, code)| if code == c && c != '\n' { ' ' } else { c });
    without_code(&kept.collect::<String>())
}

/// Text with spaces in place of what is between backticks on one line, and of fenced blocks: code keeps its own names.
fn without_code(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let is_fence = line.trim_start_matches([' ', '/', '!']).starts_with("```");
        fenced ^= is_fence;
        if !fenced && !is_fence {
            let parts = line.split('`').enumerate();
            out.extend(parts.map(|(at, part)| {
                if at % 2 == 0 {
                    part.to_owned()
                } else {
                    format!("`{part}`").replace(|c: char| c.is_alphanumeric(), " ")
                }
            }));
        }
        out.push('\n');
    }
    out
}

fn refused_words(file: &File, text: &str) -> Vec<Broken> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let found = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '\'' | '.' | '/'));
        let found = found.map(|word| word.trim_end_matches('.')); // a path is one word, and none of the list
        words.extend(found.filter(|word| !word.is_empty()).map(|word| (index + 1, word.to_lowercase())));
    }
    let mut broken = Vec::new();
    for at in 0..words.len() {
        for (phrase, reason) in
            WORDS.iter().flat_map(|(list, reason)| list.iter().map(move |phrase| (*phrase, *reason)))
        {
            let matches = phrase
                .split(' ')
                .enumerate()
                .all(|(n, word)| words.get(at + n).is_some_and(|(_, w)| w == word));
            if matches {
                broken.push(file.broken(words[at].0, format!("`{phrase}`"), reason));
            }
        }
    }
    broken
}

fn indirect_questions(file: &File) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut inside = "";
    for (index, line) in file.text.lines().enumerate() {
        let mark =
            ["///", "//!"].into_iter().find(|mark| line.trim_start().starts_with(mark)).unwrap_or_default();
        let doc = line.trim_start().strip_prefix(mark).filter(|_| !mark.is_empty());
        let first = doc.and_then(|doc| doc.split_whitespace().next()).unwrap_or_default();
        if inside != mark && OPENINGS.contains(&first.trim_end_matches(',')) {
            broken.push(file.broken(index + 1, format!("a doc comment opens with `{first}`"), OPENING));
        }
        inside = mark;
    }
    broken
}

/// Subjects of the newest commits that are too long. None where there is no git, or no repository: a released package.
pub(crate) fn long_subjects(house: &House) -> Vec<Broken> {
    let log = Command::new("git")
        .args(["log", "--no-merges", "-n", NEWEST, SINCE, "--format=%s"])
        .current_dir(&house.root)
        .output();
    match log {
        Ok(log) if house.root.join(".git").exists() && log.status.success() => {
            too_long(&String::from_utf8_lossy(&log.stdout))
        }
        _ => Vec::new(),
    }
}

fn too_long(subjects: &str) -> Vec<Broken> {
    let long = subjects.lines().filter(|subject| subject.chars().count() > LONGEST_SUBJECT);
    let broken = |subject: &str| Broken {
        file: "git log".to_owned(),
        line: 0,
        what: format!("`{subject}` has {} characters", subject.chars().count()),
        instead: "a subject has less than 72 characters; the reason goes to the body",
    };
    long.map(broken).collect()
}

#[cfg(test)]
fn lines_of(path: &str, text: &str) -> Vec<usize> {
    assert!(is_clean(path), "{path} is not held to the list");
    habits(&House::with(path, text)).iter().map(|broken| broken.line).collect()
}

#[test]
fn a_refused_word_is_found_in_comments_texts_and_pages() {
    let text = "//! Fine.\nfn f() {} // the thread who waits\nconst A: &str = \"Nobody answered\";\n/* on this\n floor */\n";
    assert_eq!(lines_of("rpc-core/src/wire/a.rs", text), [2, 3, 5]);
    assert_eq!(lines_of("docs/glossary.md", "a\nIt says\nwhether\n"), [2]);
}

#[test]
fn code_and_longer_words_are_not_refused() {
    let text = "//! Fine: `floor`, whole.\n/// ```\n/// let who = 1;\n/// ```\nfn who(bell: u8) -> u8 { bell.floor() }\n";
    assert_eq!(lines_of("rpc-core/src/wire/a.rs", text), []);
}

#[test]
fn a_doc_comment_that_opens_with_a_question_is_found() {
    let text = "//! Fine.\n/// What it is.\nfn f() {}\n/// The size.\n/// When it is large, see below.\nfn g() {}\n    /// Whether it is.\n";
    assert_eq!(lines_of("rpc-core/src/wire/a.rs", text), [2, 7]);
}

#[test]
fn a_long_subject_is_found_and_one_at_the_limit_is_not() {
    let (short, long) = ("a".repeat(71), "b".repeat(72));
    assert_eq!(too_long(&format!("{short}\n{long}\n")).len(), 1);
}

#[test]
fn every_clean_path_exists() {
    let house = House::of_the_workspace();
    for clean in CLEAN {
        let mut files = house.rust.iter().chain(&house.pages);
        assert!(files.any(|file| file.path.starts_with(clean)), "{clean} has no file");
    }
}
