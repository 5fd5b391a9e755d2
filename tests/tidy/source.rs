//! The files of the workspace, and Rust source as tokens: without comments and texts, which may say what they like.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A place where a rule is broken, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub file: String,
    pub line: usize,
    pub what: String,
    pub instead: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.instead)
    }
}

/// A file: its path from the workspace's root, with `/` between its parts, and its text.
#[derive(Debug)]
pub(crate) struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub(crate) fn broken(&self, line: usize, what: String, instead: &'static str) -> Broken {
        Broken { file: self.path.clone(), line, what, instead }
    }

    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }
}

/// All that the rules look at.
#[derive(Debug, Default)]
pub(crate) struct House {
    pub root: PathBuf,
    pub rust: Vec<File>,
    pub pages: Vec<File>,
}

impl House {
    pub(crate) fn of_the_workspace() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
        let mut house = House { root: root.to_owned(), ..House::default() };
        house.collect(root);
        house.rust.sort_by(|a, b| a.path.cmp(&b.path));
        house.pages.sort_by(|a, b| a.path.cmp(&b.path));
        house
    }

    /// A house of one file, for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn with(path: &str, text: &str) -> Self {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        match path.ends_with(".rs") {
            true => House { rust: vec![file], ..House::default() },
            false => House { pages: vec![file], ..House::default() },
        }
    }

    fn collect(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder of the workspace can be read") {
            let path = entry.expect("its entries as well").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    self.collect(&path);
                }
                continue;
            }
            let list = match path.extension().and_then(|extension| extension.to_str()) {
                Some("rs") => &mut self.rust,
                Some("md") => &mut self.pages,
                _ => continue,
            };
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            let from_root = path.strip_prefix(&self.root).expect("it lies below the root");
            list.push(File { path: from_root.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

impl fmt::Display for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Rust files and {} pages in {}", self.rust.len(), self.pages.len(), self.root.display())
    }
}

/// A word, `::`, or any other single character, with its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub line: usize,
    pub text: &'a str,
}

/// The tokens of Rust source. `blank` must have taken comments and texts out.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match first {
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            if !first.is_whitespace() {
                tokens.push(Token { line: line + 1, text: token });
            }
            rest = after;
        }
    }
    tokens
}

/// Rust source with spaces in place of comments, texts and characters; lines stay where they are.
pub(crate) fn blank(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        let end = match c {
            '/' if next == '/' => end_of_line(&chars, at),
            '/' if next == '*' => end_of_comment(&chars, at),
            '"' => end_of_text(&chars, at + 1),
            '\'' => end_of_character(&chars, at),
            'r' if begins_word(&chars, at) => end_of_raw_text(&chars, at + 1),
            'b' if next == 'r' && begins_word(&chars, at) => end_of_raw_text(&chars, at + 2),
            _ => at,
        };
        if end == at {
            out.push(c);
            at += 1;
        } else {
            let gone = chars.get(at..end).unwrap_or_default();
            out.extend(gone.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

fn begins_word(chars: &[char], at: usize) -> bool {
    at == 0 || chars.get(at - 1).is_some_and(|c| !c.is_alphanumeric() && *c != '_')
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|at| chars[*at] == '\n').unwrap_or(chars.len())
}

fn end_of_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_text(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `'a'` and `'\n'` end; `'a` is a lifetime and stays.
fn end_of_character(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return (at + 3..chars.len()).find(|end| chars[*end] == '\'').map_or(at, |end| end + 1);
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at }
}

/// From behind the `r` of a raw text; the place before it if it is none.
fn end_of_raw_text(chars: &[char], from: usize) -> usize {
    let hashes = chars.get(from..).unwrap_or_default().iter().take_while(|c| **c == '#').count();
    let begin = if chars.get(from - 1) == Some(&'r') && chars.get(from.wrapping_sub(2)) == Some(&'b') {
        from - 2
    } else {
        from - 1
    };
    if chars.get(from + hashes) != Some(&'"') {
        return begin; // an identifier that begins with r, or r#word
    }
    let mut at = from + hashes + 1;
    while at < chars.len() {
        let closes = chars[at] == '"'
            && chars.get(at + 1..at + 1 + hashes).is_some_and(|end| end.iter().all(|c| *c == '#'));
        if closes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    chars.len()
}

#[test]
fn comments_and_texts_are_blank_and_lines_stay() {
    let source =
        "a // mio\nb /* mio /* x */ y */ c \"mio \\\" \" d 'm' 'mio r\"m\\\" e r#\"mio \"x\"# f b'\\'' g\n";
    let code = blank(source);
    let words: Vec<_> = tokens(&code).iter().map(|token| token.text).collect();
    assert_eq!(words, ["a", "b", "c", "d", "'", "mio", "e", "f", "b", "g"]);
    assert_eq!(code.lines().count(), source.lines().count());
}

#[test]
fn paths_are_words_and_double_colons() {
    let found = tokens("crate::wire::{codec,\n frame}");
    let words: Vec<_> = found.iter().map(|token| token.text).collect();
    assert_eq!(words, ["crate", "::", "wire", "::", "{", "codec", ",", "frame", "}"]);
    assert_eq!(found.last().expect("a brace").line, 2);
}
