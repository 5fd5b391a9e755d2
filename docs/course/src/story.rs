//! The story of the run that is going on: one list for the process, since a judged program plays one story at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most lines that a reader is told: a screen's third, and as much as one keeps in mind.
pub const MOST_LINES: usize = 10;
/// The most lines that are kept while a story goes on: a program that never ends must not fill the memory.
const MOST_KEPT: usize = 10_000;

/// A line, and how often it was told in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    times: usize,
}

static STORY: Mutex<Vec<Line>> = Mutex::new(Vec::new());

fn lines() -> MutexGuard<'static, Vec<Line>> {
    STORY.lock().unwrap_or_else(PoisonError::into_inner) // a push is whole or not at all
}

/// Forgets the last story.
pub fn begin() {
    lines().clear();
}

/// Adds a line to the story. A line that is told twice in a row is kept once, and counted.
pub fn tell(text: impl Into<String>) {
    let (text, mut lines) = (text.into(), lines());
    let has_room = lines.len() < MOST_KEPT;
    match lines.last_mut() {
        Some(last) if last.text == text => last.times += 1,
        _ if has_room => lines.push(Line { text, times: 1 }),
        _ => {}
    }
}

/// Adds a line of the reader's own to the story: what `println!` is in a program that is not judged. It is shown if this story
/// goes wrong.
pub fn note(text: impl std::fmt::Display) {
    tell(format!("(your note: {text})"));
}

/// Returns the number of lines so far.
pub fn length() -> usize {
    lines().len()
}

/// Returns the story so far, in at most [`MOST_LINES`] lines.
pub fn so_far() -> Vec<String> {
    let all: Vec<String> = lines()
        .iter()
        .map(|line| match line.times {
            1 => line.text.clone(),
            2 => format!("{} (and once more)", line.text),
            times => format!("{} (and {} times more)", line.text, times - 1),
        })
        .collect();
    let all = without_repeats(&all);
    if all.len() <= MOST_LINES {
        return all;
    }
    let head = 3; // how it began; the rest of the room is for how it ended
    let tail = MOST_LINES - head - 1;
    let left_out = format!(".. ({} lines are left out)", all.len() - head - tail);
    let (first, last) = (&all[..head], &all[all.len() - tail..]);
    first.iter().cloned().chain([left_out]).chain(last.iter().cloned()).collect()
}

/// The longest block of lines whose repeats are told as one line: a request, its fate, a reply and its fate.
const LONGEST_BLOCK: usize = 4;

/// Returns the lines with a block that is told again and again told once, and counted.
fn without_repeats(lines: &[String]) -> Vec<String> {
    let (mut shorter, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        let repeats = |size: &usize| {
            let block = lines.get(at..at + size).unwrap_or_default();
            lines[at..].chunks_exact(*size).skip(1).take_while(|next| *next == block).count()
        };
        let found = (2..=LONGEST_BLOCK).map(|size| (repeats(&size), size)).find(|(count, _)| *count > 1);
        let (count, size) = found.unwrap_or((0, 1));
        shorter.extend_from_slice(&lines[at..at + size]);
        if count > 0 {
            shorter.push(format!(".. and these {size} lines {count} times more"));
        }
        at += size * (count + 1);
    }
    shorter
}

#[test]
fn a_block_that_repeats_is_told_once() {
    let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
    assert_eq!(without_repeats(&lines("abcbcbcd")).join(" "), "a b c .. and these 2 lines 2 times more d");
    assert_eq!(without_repeats(&lines("abcabcab")), lines("abcabcab"));
}
