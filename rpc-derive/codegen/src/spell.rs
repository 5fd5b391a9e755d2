//! Writes types and signatures as text that is the same for every formatting: it is part of the contract.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Ident, ReturnType, Type};

/// Returns a signature as text, without receiver, context, attributes and `r#`:
/// `fn get(key: &str) -> Result<String, KvError>`. That of a later version ends in `; version 2`.
pub fn signature<'a>(
    name: &Ident,
    arguments: impl Iterator<Item = (&'a Ident, &'a Type)>,
    output: &ReturnType,
    version: Option<u32>,
) -> String {
    let arguments: Vec<String> =
        arguments.map(|(name, ty)| format!("{}: {}", name.unraw(), type_text(ty))).collect();
    let result = match output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, ty) => format!(" -> {}", type_text(ty)),
    };
    let version = version.map(|number| format!("; version {number}")).unwrap_or_default();
    format!("fn {}({}){result}{version}", name.unraw(), arguments.join(", "))
}

/// Returns a type as a person writes it: `HashMap<&str, (u8, [String; 2])>`.
pub fn type_text(ty: &Type) -> String {
    let mut text = String::new();
    write(ty.to_token_stream(), &mut text);
    text
}

/// Returns true if a reference or a lifetime is written in the type.
pub fn borrows(ty: &Type) -> bool {
    type_text(ty).contains(['&', '\''])
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    let mut commas = 0;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => write_group(group.delimiter(), group.stream(), text),
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                commas += 1;
                write_comma(tokens.peek(), commas, text);
            }
            TokenTree::Punct(punct) => write_punct(punct.as_char(), text),
            TokenTree::Ident(ident) => write_word(&ident.unraw().to_string(), text),
            TokenTree::Literal(literal) => write_word(&literal.to_string(), text),
        }
    }
}

/// Writes a comma, unless it is a trailing one. That of `(T,)` makes the tuple, so it stays.
fn write_comma(next: Option<&TokenTree>, commas: usize, text: &mut String) {
    match next {
        None if commas > 1 => {}
        None => text.push(','),
        Some(TokenTree::Punct(punct)) if punct.as_char() == '>' => {}
        Some(_) => text.push_str(", "),
    }
}

fn write_group(delimiter: Delimiter, inner: TokenStream, text: &mut String) {
    let (open, close) = match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::None => ("", ""), // what a `macro_rules!` leaves around `$t:ty`
    };
    text.push_str(open);
    write(inner, text);
    text.push_str(close);
}

fn write_punct(punct: char, text: &mut String) {
    match punct {
        '>' if text.ends_with('-') => {
            text.pop();
            text.push_str(" -> ");
        }
        '+' | '=' => {
            text.push(' ');
            text.push(punct);
            text.push(' ');
        }
        ';' => text.push_str("; "),
        '\'' if ends_in_word(text) => text.push_str(" '"),
        _ => text.push(punct),
    }
}

/// Writes a word, with a space after a word before it.
fn write_word(word: &str, text: &mut String) {
    if ends_in_word(text) {
        text.push(' ');
    }
    text.push_str(word);
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|last: char| last.is_alphanumeric() || last == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(written: &str) -> String {
        type_text(&syn::parse_str(written).expect("a type"))
    }

    #[test]
    fn formatting_does_not_show() {
        for written in ["HashMap<&str,(u8,[String;2])>", "HashMap < & str , ( u8 , [ String ; 2 , ] , ) , >"]
        {
            let expected = "HashMap<&str, (u8, [String; 2])>";
            assert_eq!(spelling(&written.replace("2 , ]", "2 ]")), expected);
        }
    }

    #[test]
    fn a_type_is_spelled_as_a_person_writes_it() {
        for text in [
            "()",
            "(String,)",
            "&[u8]",
            "Option<&str>",
            "Cow<'_, str>",
            "std::collections::BTreeMap<String, Vec<u8>>",
            "[u8; 32]",
            "&mut Doc",
            "Box<dyn Fn(u8) -> u8 + Send>",
            "&'a str",
            "<T as Iterator>::Item",
        ] {
            assert_eq!(spelling(text), text);
        }
    }

    #[test]
    fn raw_names_are_spelled_plainly() {
        assert_eq!(spelling("r#type::Doc"), "type::Doc");
    }
}
