//! From a page's HTML to the addresses that it links to.

use std::collections::HashSet;

use html5gum::{DefaultEmitter, State, Token, Tokenizer};
use url::Url;

/// The links of a page at `page`: absolute, http or https, without fragments, each once, in order.
///
/// Links are what one can click: `a`, `area`, and frames. Images and style sheets are not pages.
pub(super) fn links_of(page: &Url, html: &[u8]) -> Vec<Url> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true); // so that the text of a script is no markup
    let (mut base, mut based) = (page.clone(), false);
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    let mut tokenizer = Tokenizer::new_with_emitter(html, emitter);
    while let Some(Ok(token)) = tokenizer.next() {
        let Token::StartTag(tag) = token else { continue };
        let attribute: &[u8] = match &tag.name[..] {
            b"noscript" => {
                tokenizer.set_state(State::Data); // its content is text to who runs scripts; we do not
                continue;
            }
            b"a" | b"area" | b"base" => b"href",
            b"iframe" | b"frame" => b"src",
            _ => continue,
        };
        let Some(reference) = tag.attributes.get(attribute) else { continue };
        let Ok(link) = base.join(String::from_utf8_lossy(reference).trim()) else { continue };
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

/// Without its fragment, which names a place on a page and no page; `None` for `mailto:`, `javascript:` and the like.
pub(super) fn followable(mut link: Url) -> Option<Url> {
    link.set_fragment(None);
    matches!(link.scheme(), "http" | "https").then_some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(html: &str) -> Vec<String> {
        let page = "http://h/a/b.html".parse().expect("a URL");
        links_of(&page, html.as_bytes()).iter().map(Url::to_string).collect()
    }

    #[test]
    fn relative_links_fragments_and_duplicates() {
        let html = r##"<a href="c.html">1</a><A HREF='../d/'>2</A><a href=c.html#x>3</a><a href="#top">4</a><a href="//i/x">5</a>"##;
        assert_eq!(links(html), ["http://h/a/c.html", "http://h/d/", "http://h/a/b.html", "http://i/x"]);
    }

    #[test]
    fn what_is_no_link_is_left_out() {
        let html = r#"<!-- <a href="no1"> --><script>"<a href='no2'>"</script><img src=no3><a name=x>
            <a href="mailto:a@b">m</a><noscript><a href="for-us">n</a></noscript><a href="javascript:f()">j</a><a href="http://[bad">b</a><iframe src=yes></iframe>"#;
        assert_eq!(links(html), ["http://h/a/for-us", "http://h/a/yes"]);
    }

    #[test]
    fn entities_and_the_first_base_count() {
        let html = r#"<base href="/x/"><base href="/y/"><a href="p?a=1&amp;b=2">l</a>"#;
        assert_eq!(links(html), ["http://h/x/p?a=1&b=2"]);
    }
}
