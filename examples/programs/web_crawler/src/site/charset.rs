//! The encoding of a page: with another encoding its links would be other addresses.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Length of the part of a page that is searched for its encoding, by the HTML standard.
const PRELUDE: usize = 1024;

/// Returns the text of a page, and its encoding: from its byte order mark, else from its server, else from the page.
/// Without any of these, it is UTF-8 or, if it is not valid, the default of Western browsers.
pub(super) fn text_of<'p>(html: &'p [u8], content_type: Option<&str>) -> (Cow<'p, str>, &'static Encoding) {
    let told = content_type.and_then(charset_in).or_else(|| declared(&html[..html.len().min(PRELUDE)]));
    let likely = || if std::str::from_utf8(html).is_ok() { UTF_8 } else { WINDOWS_1252 };
    let (text, encoding, _) = told.unwrap_or_else(likely).decode(html); // a byte order mark has precedence
    (text, encoding)
}

/// Returns the value after `charset=` in a content type.
fn charset_in(content_type: &str) -> Option<&'static Encoding> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let (_, label) = charsets.next()?;
    Encoding::for_label(label.trim().trim_matches(['"', '\'']).as_bytes())
}

/// `<meta charset=..>`, or `<meta http-equiv=content-type content=..>`. Markup is ASCII in all encodings that a page can
/// declare so: one that calls itself UTF-16 here is not.
fn declared(prelude: &[u8]) -> Option<&'static Encoding> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let encoding = Tokenizer::new_with_emitter(prelude, emitter).find_map(|token| {
        let Ok(Token::StartTag(tag)) = token else { return None };
        if &tag.name[..] != b"meta" {
            return None;
        }
        let attribute = |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(value));
        if let Some(label) = attribute(b"charset") {
            return Encoding::for_label(label.as_bytes());
        }
        let says_type = attribute(b"http-equiv")?.eq_ignore_ascii_case("content-type");
        says_type.then(|| attribute(b"content")).flatten().and_then(|content| charset_in(&content))
    })?;
    Some(encoding.output_encoding())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(html: &[u8], content_type: &str) -> &'static str {
        text_of(html, Some(content_type)).1.name()
    }

    #[test]
    fn the_mark_goes_before_the_server_s_word_and_that_before_the_page_s() {
        let page = b"<!-- <meta charset=koi8-r> --><meta name=x><meta charset='Shift_JIS'>";
        assert_eq!(encoding(page, "text/html"), "Shift_JIS");
        assert_eq!(encoding(page, "text/html; a=b; Charset=\"iso-8859-2\""), "ISO-8859-2");
        assert_eq!(encoding(b"\xef\xbb\xbf<meta charset=koi8-r>", "text/html; charset=latin1"), "UTF-8");
        let old = b"<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=gb2312'>";
        assert_eq!(encoding(old, "text/html; charset=no-such"), "GBK");
        assert_eq!(encoding(b"<meta charset=utf-16le>", "text/html"), "UTF-8");
        assert_eq!(encoding("<p>\u{e9}".as_bytes(), "text/html"), "UTF-8");
        assert_eq!(encoding(b"<p>\xe9", "text/html"), "windows-1252");
    }
}
