//! Layer 0: text from the other side: bounded where it arrives, and escaped where it is shown.

use std::fmt::{self, Display, Write};

use crate::limits::{MAX_DETAIL, MAX_SHOWN};

/// Implements `Debug` by `Display`: a program whose `main` returns an error prints its `Debug`, and is to print its text.
macro_rules! debug_is_text {
    ($($error:ty),+) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}
pub(crate) use debug_is_text;

/// Shows a value that the other side has sent: on one line, and without anything that a terminal or a log would obey.
///
/// Control characters, line ends and characters that change the direction of text are written as in Rust source (`\n`,
/// `\u{1b}`), and at most 1,024 characters are shown. The errors of this crate show such text in this way; their fields have
/// it as it was sent. Use this type where your program prints such a field, or a value, itself.
///
/// ```
/// use rpc_core::Escaped;
///
/// let sent = "no such key\u{1b}[2J\nINFO all is well";
/// assert_eq!(Escaped(sent).to_string(), "no such key\\u{1b}[2J\\nINFO all is well");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaper = Escaper { to: f, shown: 0, left_out: 0 };
        write!(escaper, "{}", self.0)?;
        match escaper.left_out {
            0 => Ok(()),
            left_out => write!(f, ".. ({left_out} more characters)"),
        }
    }
}

/// Writes text to a formatter, escaped and bounded.
struct Escaper<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    /// The number of characters so far; at most [`MAX_SHOWN`].
    shown: usize,
    /// The number of characters beyond them.
    left_out: usize,
}

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.shown == MAX_SHOWN {
                self.left_out += 1;
                continue;
            }
            self.shown += 1;
            if is_harmless(c) {
                self.to.write_char(c)?;
            } else {
                write!(self.to, "{}", c.escape_default())?;
            }
        }
        Ok(())
    }
}

/// Returns true if a terminal shows the character as it is, in its place and on the same line.
///
/// Invisible joiners are let through, since some scripts need them.
fn is_harmless(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{61c}' // changes the direction
            | '\u{200b}' // a space without width
            | '\u{200e}'..='\u{200f}' // change the direction
            | '\u{2028}'..='\u{202e}' // line and paragraph ends; embeddings and overrides of the direction
            | '\u{2060}'..='\u{206f}' // invisible operators; isolates of the direction
            | '\u{feff}' // a byte order mark
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e0000}'..='\u{e007f}' // invisible tags
    );
    !c.is_control() && !is_format
}

/// Returns a text that a frame carries for people, cut to [`MAX_DETAIL`] bytes: an honest peer sends no more.
pub fn received(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..MAX_DETAIL).unwrap_or(bytes));
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_or_a_log_would_obey_is_escaped() {
        let cases = [
            ("\u{1b}[2J\u{1b}[31mFAKE", "\\u{1b}[2J\\u{1b}[31mFAKE"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\nb\r\tc\0\u{7f}", "a\\nb\\r\\tc\\u{0}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}txt\u{2066}\u{2069}\u{200f}\u{61c}", "\\u{202e}txt\\u{2066}\\u{2069}\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a\\u{2028}b\\u{2029}c\\u{85}d"),
            ("\u{feff}\u{200b}\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"),
        ];
        for (sent, shown) in cases {
            assert_eq!(Escaped(sent).to_string(), shown);
            assert_eq!(Escaped(Escaped(sent)).to_string(), shown, "what is harmless stays as it is");
        }
    }

    #[test]
    fn honest_text_stays_as_it_is() {
        for text in
            ["no such key: \"a\\b\"", "für 'dich'", "हिन्दी", "می\u{200c}خواهم", "👩\u{200d}🚀", "e\u{301}"]
        {
            assert_eq!(Escaped(text).to_string(), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_where_it_arrives_and_where_it_is_shown() {
        let long = "x".repeat(3_000);
        assert_eq!(
            Escaped(&long).to_string(),
            format!("{}.. ({} more characters)", "x".repeat(MAX_SHOWN), 3_000 - MAX_SHOWN)
        );
        assert_eq!(received(long.as_bytes()).len(), MAX_DETAIL);
        assert_eq!(received(b"short \xff"), "short \u{fffd}");
        let exact = "\n".repeat(MAX_SHOWN);
        assert_eq!(Escaped(&exact).to_string(), "\\n".repeat(MAX_SHOWN));
    }
}
