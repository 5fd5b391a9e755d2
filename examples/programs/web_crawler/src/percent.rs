//! Percent-encoded characters that need no encoding: `%7E` is `~`. The rules of robots.txt and the addresses are compared
//! without them (RFC 9309, 2.2.2).

/// Returns the text with each needlessly encoded character as it is. All others stay encoded: `%2F` is no slash.
pub fn plain_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain += before;
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.map(char::from).filter(|&c| c.is_ascii_alphanumeric() || "-._~".contains(c)) {
            Some(unreserved) => {
                plain.push(unreserved);
                rest = &after[2..];
            }
            None => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_encoding_is_decoded() {
        for (encoded, plain) in [
            ("/%7Ea/%61%2d", "/~a/a-"),
            ("/%2F%25%24%2A?q=%26", "/%2F%25%24%2A?q=%26"),
            ("%", "%"),
            ("%7", "%7"),
            ("%+1%\u{e9}%zz", "%+1%\u{e9}%zz"),
        ] {
            assert_eq!(plain_escapes(encoded), plain);
        }
    }
}
