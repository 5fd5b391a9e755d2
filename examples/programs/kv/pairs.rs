//! Pairs as lines of text: `KEY<tab>VALUE`, with escapes for tabs and line ends inside them.
//!
//! `\t`, `\n`, `\r` and `\\` stand for a tab, a line feed, a carriage return and a backslash. The first tab of a line
//! ends the key; further ones belong to the value. A line may end in CR LF. A byte order mark before the first line
//! does not belong to its key.

use std::borrow::Cow;

use thiserror::Error;

/// The byte order mark.
pub(crate) const BOM: char = '\u{feff}';

/// The mistake in a line that is not a pair.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum LineError {
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it has no tab between key and value")]
    NoTab,
    #[error("its key is empty")]
    NoKey,
    #[error("\\{0} is not an escape; a backslash is written \\\\, or load with --raw")]
    Escape(char),
    #[error("it ends in a lone backslash; a backslash is written \\\\, or load with --raw")]
    LoneBackslash,
}

/// Returns the pair in one line, given without its line end.
pub(crate) fn parse(line: &[u8], raw: bool) -> Result<(String, String), LineError> {
    let text = std::str::from_utf8(line).map_err(|_| LineError::NotText)?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    let (key, value) = text.split_once('\t').ok_or(LineError::NoTab)?;
    if key.is_empty() {
        return Err(LineError::NoKey);
    }
    if raw {
        return Ok((key.to_owned(), value.to_owned()));
    }
    Ok((unescape(key)?, unescape(value)?))
}

/// Returns the text with its tabs, line ends and backslashes escaped, so that `parse` restores it.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\t', '\n', '\r', '\\']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Returns the first line without the byte order mark that some editors put before it.
pub(crate) fn without_bom(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM.encode_utf8(&mut [0; 4]).as_bytes()).unwrap_or(line)
}

fn unescape(text: &str) -> Result<String, LineError> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('\\') => plain.push('\\'),
            Some(other) => return Err(LineError::Escape(other)),
            None => return Err(LineError::LoneBackslash),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_read_back() {
        for text in ["plain", "a\tb", "line\nbreak\r\n", "back\\slash", "\\t", "ends in \\", "üñí"] {
            let line = format!("{}\t{}", escape(text), escape(text));
            assert!(!line.contains('\n'));
            assert_eq!(parse(line.as_bytes(), false), Ok((text.to_owned(), text.to_owned())));
        }
    }

    #[test]
    fn bad_lines_are_told_apart() {
        assert_eq!(parse(b"no tab", false), Err(LineError::NoTab));
        assert_eq!(parse(b"\tvalue", false), Err(LineError::NoKey));
        assert_eq!(parse(b"k\t\xff", false), Err(LineError::NotText));
        assert_eq!(parse(b"k\ta\\q", false), Err(LineError::Escape('q')));
        assert_eq!(parse(b"k\ta\\", false), Err(LineError::LoneBackslash));
        assert_eq!(parse(b"k\ta\\q", true), Ok(("k".to_owned(), "a\\q".to_owned())));
    }

    #[test]
    fn the_first_tab_ends_the_key_and_cr_lf_ends_the_line() {
        assert_eq!(parse(b"k\ta\tb\r", false), Ok(("k".to_owned(), "a\tb".to_owned())));
        assert_eq!(parse(b"k\t", false), Ok(("k".to_owned(), String::new())));
    }
}
