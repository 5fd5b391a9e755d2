//! The names of what is generated, from the trait's; and local names that no argument of the user has.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::Ident;

use crate::model::Service;

/// The one name that a method may not have: the client's constructor has it.
pub const RESERVED: &str = "connect";

/// The names of what is generated.
#[derive(Debug)]
pub struct Names {
    /// `KvClient`.
    pub client: Ident,
    /// `KvStart`.
    pub start: Ident,
    /// `KvServer`.
    pub server: Ident,
    /// `KV_METHODS`.
    pub methods: Ident,
    /// `KV_CONTRACT`.
    pub contract: Ident,
    /// The server stub's type parameter.
    pub implementation: Ident,
    /// The server stub's local for the call.
    pub call: Ident,
    /// The server stub's local for the context.
    pub context: Ident,
}

impl Names {
    /// The names for a service.
    pub fn of(service: &Service) -> Self {
        let name = service.name();
        let constant = screaming(&name);
        let taken = words(service);
        Names {
            client: format_ident!("{name}Client"),
            start: format_ident!("{name}Start"),
            server: format_ident!("{name}Server"),
            methods: format_ident!("{constant}_METHODS"),
            contract: format_ident!("{constant}_CONTRACT"),
            implementation: fresh("S", &taken, Span::call_site()),
            call: fresh("call", &taken, Span::mixed_site()),
            context: fresh("context", &taken, Span::mixed_site()),
        }
    }
}

/// `KeyValue` as `KEY_VALUE`, `HTTPServer` as `HTTP_SERVER`.
fn screaming(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let starts_word = before.is_some_and(|c| c.is_lowercase() || c.is_numeric())
            || before.is_some_and(|c| c.is_uppercase()) && after.is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && starts_word {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}

/// `wanted`, with `_` behind it for as long as the trait uses that word. Hygiene would do inside rustc; this holds
/// for the text that `rpc-expand` prints as well, and for type parameters, which have no hygiene.
fn fresh(wanted: &str, taken: &BTreeSet<String>, span: Span) -> Ident {
    let mut name = wanted.to_owned();
    while taken.contains(&name) {
        name.push('_');
    }
    Ident::new(&name, span)
}

/// The words of the trait's name, arguments and replies.
fn words(service: &Service) -> BTreeSet<String> {
    let mut words = BTreeSet::from([service.name()]);
    for method in &service.methods {
        collect(method.item.sig.inputs.to_token_stream(), &mut words);
        collect(method.item.sig.output.to_token_stream(), &mut words);
    }
    words
}

fn collect(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => _ = into.insert(ident.to_string()),
            TokenTree::Group(group) => collect(group.stream(), into),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_named_after_the_words_of_the_trait() {
        for (name, constant) in [
            ("Kv", "KV"),
            ("KeyValue", "KEY_VALUE"),
            ("HTTPServer", "HTTP_SERVER"),
            ("V2Store", "V2_STORE"),
            ("A", "A"),
        ] {
            assert_eq!(screaming(name), constant);
        }
    }
}
