//! The verdict on a file, and its text between the judged program and the course.

use std::fmt;

/// The kinds of verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All stories went well.
    Passed,
    /// A story went wrong.
    Failed,
    /// The reader's code panicked.
    Panicked,
    /// The reader's code did not return: it loops, or waits for ever.
    Hangs,
    /// The program ended before the judge had.
    Ended,
    /// The compiler refuses the file.
    DoesNotCompile,
    /// There is no such file.
    Missing,
}

impl Kind {
    const ALL: [(Kind, &'static str); 7] = [
        (Kind::Passed, "passed"),
        (Kind::Failed, "failed"),
        (Kind::Panicked, "panicked"),
        (Kind::Hangs, "hangs"),
        (Kind::Ended, "ended early"),
        (Kind::DoesNotCompile, "does not compile"),
        (Kind::Missing, "missing"),
    ];

    /// Returns its name, as tables show it.
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The verdict on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its kind.
    pub kind: Kind,
    /// The mistake, in a sentence.
    pub sentence: String,
    /// The shortest story that goes wrong, or what the compiler says.
    pub story: Vec<String>,
}

impl Verdict {
    /// Returns a verdict.
    pub fn new(kind: Kind, sentence: impl Into<String>, story: Vec<String>) -> Self {
        Verdict { kind, sentence: sentence.into(), story }
    }

    /// Returns true if all stories went well.
    pub fn is_passed(&self) -> bool {
        self.kind == Kind::Passed
    }

    /// Returns the verdict as the text that [`Verdict::parse`] reads.
    pub fn to_text(&self) -> String {
        let lines =
            [self.kind.name(), &self.sentence].into_iter().chain(self.story.iter().map(String::as_str));
        lines.map(|line| line.replace('\n', " ") + "\n").collect()
    }

    /// Reads a verdict. Returns `None` if the text is none: the program ended while it wrote, or wrote nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let first = lines.next()?;
        let (kind, _) = Kind::ALL.iter().find(|(_, name)| *name == first)?;
        let sentence = lines.next()?;
        Some(Verdict::new(*kind, sentence, lines.map(str::to_owned).collect()))
    }
}

#[test]
fn a_verdict_is_read_as_it_was_written() {
    let story = vec!["one".to_owned(), "two".to_owned()];
    let verdict = Verdict::new(Kind::Hangs, "it hangs", story);
    assert_eq!(Verdict::parse(&verdict.to_text()), Some(verdict));
    assert_eq!(Verdict::parse("what"), None);
}
