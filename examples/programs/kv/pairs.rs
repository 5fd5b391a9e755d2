//! Pairs as lines of text: `KEY<tab>VALUE`, with escapes for tabs and line ends inside them.
//!
//! `\t`, `\n`, `\r` and `\\` stand for a tab, a line feed, a carriage return and a backslash, and `\u{1b}` for the character
//! with that number: those that a terminal would obey are written so. The first tab of a line ends the key; further ones
//! belong to the value. A line may end in CR LF. A byte order mark before the first line
//! does not belong to its key.

use std::borrow::Cow;
use std::str::Chars;

use rpc_core::Escaped;
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
    #[error(
        "\\u is followed by the number of a character, as in \\u{{1b}}; load with --raw if it is no escape"
    )]
    Character,
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

/// Returns the text with its backslashes, line ends, and all characters that a terminal would obey escaped, so that `parse`
/// restores it.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            other if is_obeyed(other) => escaped.extend(other.escape_unicode()),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Returns true if a terminal would obey the character instead of showing it.
pub(crate) fn is_obeyed(c: char) -> bool {
    c != '\\' && Escaped(c).to_string().starts_with('\\')
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
            Some('u') => plain.push(numbered(&mut chars).ok_or(LineError::Character)?),
            Some(other) => return Err(LineError::Escape(other)),
            None => return Err(LineError::LoneBackslash),
        }
    }
    Ok(plain)
}

/// Reads the number of a character, as in `{1b}`.
fn numbered(chars: &mut Chars<'_>) -> Option<char> {
    let (digits, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
    *chars = rest.chars();
    let number = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)?; // no sign
    u32::from_str_radix(number, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_read_back() {
        for text in [
            "plain",
            "a\tb",
            "line\nbreak\r\n",
            "back\\slash",
            "\\t",
            "ends in \\",
            "üñí",
            "\u{1b}[2J\u{7}\u{202e}\0",
            "\u{feff}",
        ] {
            let line = format!("{}\t{}", escape(text), escape(text));
            assert!(!line.contains(['\n', '\u{1b}', '\u{7}', '\u{202e}', '\0']), "{line:?}");
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
        for number in ["", "{", "{}", "{d800}", "{110000}", "{+1b}", "{x}", "1b"] {
            assert_eq!(
                parse(format!("k\ta\\u{number}").as_bytes(), false),
                Err(LineError::Character),
                "{number}"
            );
        }
        assert_eq!(parse(b"k\ta\\q", true), Ok(("k".to_owned(), "a\\q".to_owned())));
    }

    #[test]
    fn the_first_tab_ends_the_key_and_cr_lf_ends_the_line() {
        assert_eq!(parse(b"k\ta\tb\r", false), Ok(("k".to_owned(), "a\tb".to_owned())));
        assert_eq!(parse(b"k\t", false), Ok(("k".to_owned(), String::new())));
    }
}
