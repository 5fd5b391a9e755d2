//! Extracts the addresses that a page links to from its HTML.

use std::borrow::Cow;
use std::collections::HashSet;

use html5gum::{DefaultEmitter, State, Token, Tokenizer};
use url::Url;

use super::charset::text_of;

/// Returns the links of a page at `page`: absolute, http or https, without fragments, each once, in order.
///
/// Links are `a`, `area`, and frames. Images and style sheets are not pages.
///
/// The query of a link is written in the encoding of its page, the rest in UTF-8, as browsers do and servers expect.
pub(super) fn links_of(page: &Url, html: &[u8], content_type: Option<&str>) -> Vec<Url> {
    let (html, encoding) = text_of(html, content_type);
    let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|query| encoding.encode(query).0;
    let join = |base: &Url, reference: &str| {
        Url::options().base_url(Some(base)).encoding_override(Some(encode)).parse(reference)
    };
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true); // so that the text of a script is not read as markup
    let (mut base, mut based) = (page.clone(), false);
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    let mut tokenizer = Tokenizer::new_with_emitter(&*html, emitter);
    while let Some(Ok(token)) = tokenizer.next() {
        let Token::StartTag(tag) = token else { continue };
        let attribute: &[u8] = match &tag.name[..] {
            b"noscript" => {
                tokenizer.set_state(State::Data); // its content is text only where scripts run
                continue;
            }
            b"a" | b"area" | b"base" => b"href",
            b"iframe" | b"frame" => b"src",
            _ => continue,
        };
        let Some(reference) = tag.attributes.get(attribute) else { continue };
        let Ok(link) = join(&base, String::from_utf8_lossy(reference).trim()) else { continue };
        if &tag.name[..] == b"base" {
            if !based {
                (base, based) = (link, true); // only the first counts
            }
        } else if let Some(link) = followable(link) {
            if seen.insert(link.clone()) {
                links.push(link);
            }
        }
    }
    links
}

/// Returns the link without its fragment, which is a place on a page, and without a user and a password, which name no
/// other page: with them a page would be fetched once for each user. `None` for `mailto:`, `javascript:` and the like.
pub(super) fn followable(mut link: Url) -> Option<Url> {
    link.set_fragment(None);
    // Both fail only for addresses without a host, and http has one.
    let (_, _) = (link.set_username(""), link.set_password(None));
    matches!(link.scheme(), "http" | "https").then_some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(html: &str) -> Vec<String> {
        let page = "http://h/a/b.html".parse().expect("a URL");
        links_of(&page, html.as_bytes(), None).iter().map(Url::to_string).collect()
    }

    #[test]
    fn relative_links_fragments_and_duplicates() {
        let html = r##"<a href="c.html">1</a><A HREF='../d/'>2</A><a href=c.html#x>3</a><a href="#top">4</a><a href="//i/x">5</a>"##;
        assert_eq!(links(html), ["http://h/a/c.html", "http://h/d/", "http://h/a/b.html", "http://i/x"]);
    }

    #[test]
    fn a_link_is_read_in_the_encoding_of_its_page_and_only_its_query_stays_in_it() {
        let page = "http://h/".parse().expect("a URL");
        let read = |html: &[u8], content_type: &str| links_of(&page, html, Some(content_type))[0].to_string();
        let latin = b"<a href='caf\xe9?q=\xe9#\xe9'>x</a>";
        assert_eq!(read(latin, "text/html; charset=ISO-8859-1"), "http://h/caf%C3%A9?q=%E9");
        assert_eq!(
            read(&[b"<meta charset=latin1>", &latin[..]].concat(), "text/html"),
            "http://h/caf%C3%A9?q=%E9"
        );
        let utf_8 = "<a href='caf\u{e9}?q=\u{e9}'>x</a>".as_bytes();
        assert_eq!(read(utf_8, "text/html"), "http://h/caf%C3%A9?q=%C3%A9");
        let utf_16: Vec<u8> =
            "\u{feff}<a href='\u{e9}?\u{e9}'>x</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf_16, "text/html"), "http://h/%C3%A9?%C3%A9");
    }

    #[test]
    fn what_is_no_link_is_left_out() {
        let html = r#"<!-- <a href="no1"> --><script>"<a href='no2'>"</script><img src=no3><a name=x>
            <a href="mailto:a@b">m</a><noscript><a href="for-us">n</a></noscript><a href="javascript:f()">j</a><a href="http://[bad">b</a><iframe src=yes></iframe>"#;
        assert_eq!(links(html), ["http://h/a/for-us", "http://h/a/yes"]);
    }

    #[test]
    fn a_user_in_a_link_makes_no_other_page() {
        let html =
            "<a href='http://h/x'>1</a><a href='http://user@h/x'>2</a><a href='http://u:secret@h/x'>3</a>";
        assert_eq!(links(html), ["http://h/x"]);
    }

    #[test]
    fn entities_and_the_first_base_count() {
        let html = r#"<base href="/x/"><base href="/y/"><a href="p?a=1&amp;b=2">l</a>"#;
        assert_eq!(links(html), ["http://h/x/p?a=1&b=2"]);
    }
}
