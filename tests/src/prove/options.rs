//! The options of `prove`: one set for all parts; each part reads those that it needs.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};

/// The options of one run. A field that is `None` was not given, and the part uses its own default.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--seed N`: the first seed, or the one to replay. Without it each run takes a new one, and prints it.
    pub seed: Option<u64>,
    /// `--count N`: how many seeds, states, schedules or faults.
    pub count: Option<u64>,
    /// `--seconds N`: an upper bound on the time that the part may take.
    pub seconds: Option<u64>,
    /// `--connections N`: how many connections a siege holds.
    pub connections: Option<u64>,
    /// `--handshakes N`: how many handshakes a siege makes.
    pub handshakes: Option<u64>,
    /// `--svg FILE`: where to write the diagram of a failure.
    pub svg: Option<PathBuf>,
    /// `--html FILE`: where to write the page of a history.
    pub html: Option<PathBuf>,
    /// `--quick`: the bounded part that CI runs.
    pub quick: bool,
    /// `--report-generated`: a generated fault that survives is printed and counted, and does not fail the run.
    pub report_generated: bool,
    /// `--list`: print the names of the part's cases, and run none.
    pub list: bool,
    /// The other words: names, or parts of names, of the cases to run; none means all.
    pub names: Vec<String>,
}

/// The reason why a command line could not be read; its text is for the user.
#[derive(Debug)]
pub struct Usage(pub String);

impl Options {
    /// Reads the words after the part's name.
    ///
    /// # Errors
    /// [`Usage`] if a word is no option, an option has no value or one that is no number, or a file cannot be written.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, Usage> {
        let options =
            Self::read(lexopt::Parser::from_args(words)).map_err(|error| Usage(error.to_string()))?;
        options.check_files()?;
        Ok(options)
    }

    /// Returns true if a case of this name was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    /// Returns an error if the file of a picture could not be written, before a run of minutes is lost to a wrong path.
    fn check_files(&self) -> Result<(), Usage> {
        for file in self.svg.iter().chain(&self.html) {
            let is_new = !file.exists();
            let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
            opened.map_err(|error| Usage(format!("{} cannot be written: {error}", file.display())))?;
            if is_new {
                let _ = std::fs::remove_file(file); // an empty file that stays is no fault
            }
        }
        Ok(())
    }

    fn read(mut words: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut options = Options::default();
        while let Some(word) = words.next()? {
            match word {
                Long("seed") => options.seed = Some(words.value()?.parse()?),
                Long("count") => options.count = Some(words.value()?.parse()?),
                Long("seconds") => options.seconds = Some(words.value()?.parse()?),
                Long("connections") => options.connections = Some(words.value()?.parse()?),
                Long("handshakes") => options.handshakes = Some(words.value()?.parse()?),
                Long("svg") => options.svg = Some(words.value()?.into()),
                Long("html") => options.html = Some(words.value()?.into()),
                Long("quick") => options.quick = true,
                Long("list") => options.list = true,
                Long("report-generated") => options.report_generated = true,
                Value(name) => options.names.push(name.string()?),
                Long(_) | Short(_) => return Err(word.unexpected()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Usage};

    fn parse(line: &str) -> Result<Options, Usage> {
        Options::parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn options_and_names_may_come_in_any_order() {
        let options = parse("lease --seed 7 --quick drain").expect("this is a valid command line");
        assert_eq!((options.seed, options.quick), (Some(7), true));
        assert!(options.wants("the lease of a session"));
        assert!(!options.wants("eviction"));
    }

    #[test]
    fn an_unknown_option_and_a_value_that_is_no_number_are_refused() {
        assert!(parse("--sed 7").is_err());
        assert!(parse("--seed seven").is_err());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_before_the_run() {
        for option in ["--svg", "--html"] {
            let Err(Usage(why)) = parse(&format!("{option} no/such/folder/a")) else {
                panic!("it was taken")
            };
            assert!(why.starts_with("no/such/folder/a cannot be written: "), "{why}");
        }
    }
}
