//! The words of a process in a role: `name=value`, so that a process list shows what each is.

use std::str::FromStr;

/// The words after a role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// Takes words as they came.
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        Words(words.into_iter().collect())
    }

    /// Adds a word.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.0.push(format!("{name}={value}"));
        self
    }

    /// Returns the value of a name.
    ///
    /// # Errors
    /// A sentence, if the name is missing or its value is none of this type.
    pub(crate) fn get<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let found = self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let value = found.ok_or_else(|| format!("there is no word `{name}=..`"))?;
        value.parse().map_err(|_| format!("{value:?} is no value of `{name}`"))
    }

    /// Returns the words as they are passed to a process.
    pub(crate) fn list(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn a_word_is_found_by_its_whole_name_and_read_as_its_type() {
        let words = Words::default().with("lease", 250).with("listen", "127.0.0.1:0");
        assert_eq!(words.get::<u64>("lease"), Ok(250));
        assert!(words.get::<u64>("listen").is_err_and(|why| why.contains("no value")));
        assert!(words.get::<u64>("leas").is_err() && words.get::<u64>("seed").is_err());
    }
}
