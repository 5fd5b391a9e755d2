//! Finds a piece of Rust in a function's body by its tokens: white space, line breaks and comments do not matter.

use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A token and its place in the text.
#[derive(Debug)]
struct Token {
    text: String,
    at: Range<usize>,
    /// The next character belongs to the same operator, as the first `=` of `==`.
    joint: bool,
}

/// Returns the place of `old` in `body`.
///
/// # Errors
/// The nearest text, if it does not occur or occurs more than once.
pub fn place(body: &str, old: &str) -> Result<Range<usize>, String> {
    let wanted = tokens(old)?;
    let tokens = tokens(body)?;
    if wanted.is_empty() {
        return Err("the old tokens are empty".to_owned());
    }
    let same = |at: usize| common(&tokens[at..], &wanted);
    let whole = |at: &usize| {
        let end = at + wanted.len();
        same(*at) == wanted.len() && (!tokens[end - 1].joint || wanted[wanted.len() - 1].joint)
    };
    let places: Vec<usize> = (0..tokens.len()).filter(whole).collect();
    match places[..] {
        [at] => Ok(tokens[at].at.start..tokens[at + wanted.len() - 1].at.end),
        [] => {
            let nearest = (0..tokens.len()).max_by_key(|at| (same(*at), tokens.len() - at)).unwrap_or(0);
            let found = same(nearest);
            let start = tokens.get(nearest).map_or(0, |token| token.at.start);
            let near: String = body[start..].chars().take(120).collect();
            Err(format!(
                "the old tokens are not there; nearest ({found} of {} tokens): `{}`",
                wanted.len(),
                near.split_whitespace().collect::<Vec<_>>().join(" ")
            ))
        }
        _ => Err(format!("the old tokens occur {} times; give more of what is around them", places.len())),
    }
}

/// Returns true if a text is a whole piece of Rust: every bracket is closed.
///
/// # Errors
/// The reason for which it is not.
pub fn check(text: &str) -> Result<(), String> {
    tokens(text).map(drop)
}

fn common(tokens: &[Token], wanted: &[Token]) -> usize {
    tokens.iter().zip(wanted).take_while(|(token, wanted)| token.text == wanted.text).count()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let stream = TokenStream::from_str(text).map_err(|error| format!("{error} in `{text}`"))?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let at = tree.span().byte_range();
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let token = |text: &str, at| Token { text: text.to_owned(), at, joint: false };
                into.push(token(open, group.span_open().byte_range()));
                flatten(group.stream(), into);
                into.push(token(close, group.span_close().byte_range()));
            }
            TokenTree::Punct(mark) => {
                let joint = mark.spacing() == Spacing::Joint;
                into.push(Token { text: mark.as_char().to_string(), at, joint });
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                into.push(Token { text: tree.to_string(), at, joint: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn line_breaks_and_comments_do_not_matter() {
        let body = "{ let ä = 1; // one\n    if a.is_some() /* why */\n        && b { go(); } }";
        let found = place(body, "a.is_some() && b").expect("it is there");
        assert!(body[found.clone()].starts_with("a.is") && body[found].ends_with("&& b"));
    }

    #[test]
    fn an_operator_is_not_found_in_a_longer_one() {
        assert!(place("{ a <= b }", "a <").is_err());
        assert!(place("{ a == b }", "a =").is_err());
        assert!(place("{ a < b }", "a <").is_ok());
    }

    #[test]
    fn what_occurs_twice_or_not_at_all_is_refused_with_a_hint() {
        assert!(place("{ a(); b(); a(); }", "a();").expect_err("twice").contains("2 times"));
        let error = place("{ let x = first(1); }", "let x = first(2);").expect_err("not there");
        assert!(error.contains("5 of 8 tokens") && error.contains("let x = first(1);"), "{error}");
    }
}
