//! Writes data to standard output: text for people, or JSON.

use std::io::{self, IsTerminal, Write};

use rpc_core::Escaped;
use serde::Serialize;

/// Writes a value as JSON: on one line, or on several to a terminal.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let text = match out.is_terminal() {
        true => serde_json::to_string_pretty(value)?,
        false => serde_json::to_string(value)?,
    };
    writeln!(out, "{}", escaped(&text))
}

/// Writes a value as JSON on one line.
pub(crate) fn one_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    writeln!(out, "{}", escaped(&serde_json::to_string(value)?))
}

/// Returns JSON in which each character that a terminal would obey is escaped. JSON itself escapes only some of them.
fn escaped(json: &str) -> String {
    let is_obeyed = |c: char| !matches!(c, '\\' | '\n') && Escaped(c).to_string().starts_with('\\');
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_obeyed_quickly(c) && is_obeyed(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Returns true if a character has to be looked at: those of ASCII are harmless here, since JSON escapes its control characters.
fn is_obeyed_quickly(c: char) -> bool {
    c == '\u{7f}' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn json_has_no_character_that_a_terminal_obeys() {
        assert_eq!(escaped("\"é \u{9b}2J \u{202e}\u{7f}\""), r#""é \u009b2J \u202e\u007f""#);
        assert_eq!(escaped("{\n  \"a\": \"\\n\"\n}"), "{\n  \"a\": \"\\n\"\n}");
    }
}
