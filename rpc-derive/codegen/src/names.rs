//! Chooses the names in the stubs: those that the user sees, and local ones that no word of the trait collides with.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::format_ident;
use syn::Ident;

use crate::model::Service;

/// The one name that a method cannot have: it is that of the client's constructor.
pub const RESERVED: &str = "connect";

/// The names in the stubs of one service.
#[derive(Debug)]
pub struct Names {
    /// `KvClient`.
    pub client: Ident,
    /// `KvStart`.
    pub start: Ident,
    /// `KvServer`.
    pub server: Ident,
    /// `stub`: the module of the runtime, inside the block.
    pub stub: Ident,
    /// `METHODS`: the table of methods, inside the block.
    pub methods: Ident,
    /// `TYPES`: the formats of the types, inside the block.
    pub types: Ident,
    /// `CONTRACT`, inside the block.
    pub contract: Ident,
    /// `GET`, `PUT`: the indices of the methods in `METHODS`, inside the block.
    pub indices: Vec<Ident>,
    /// `S`: the type parameter of the server.
    pub implementation: Ident,
    /// `call`: the server's local for the call.
    pub call: Ident,
    /// `context`: the server's local for the call context.
    pub context: Ident,
}

impl Names {
    /// Returns the names for a service.
    pub fn of(service: &Service) -> Self {
        let name = service.name();
        let mut taken = words(service);
        let implementation = fresh("S", &taken, Span::call_site());
        let call = fresh("call", &taken, Span::mixed_site());
        let context = fresh("context", &taken, Span::mixed_site());
        let mut item = |wanted: &str| {
            let ident = fresh(wanted, &taken, Span::call_site());
            taken.insert(ident.to_string());
            ident
        };
        Names {
            client: format_ident!("{name}Client"),
            start: format_ident!("{name}Start"),
            server: format_ident!("{name}Server"),
            stub: item("stub"),
            methods: item("METHODS"),
            types: item("TYPES"),
            contract: item("CONTRACT"),
            indices: service.methods.iter().map(|method| item(&screaming(&method.name()))).collect(),
            implementation,
            call,
            context,
        }
    }
}

/// Returns the name of a constant: `KEY_VALUE` for `keyValue`, `GET_ALL` for `get_all`.
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

/// Returns `wanted`, followed by `_` as often as the trait uses that word. The hygiene of rustc would do for locals; this
/// holds also for items and type parameters, which have none, and for the text that `rpc-expand` prints.
fn fresh(wanted: &str, taken: &BTreeSet<String>, span: Span) -> Ident {
    let mut name = wanted.to_owned();
    while taken.contains(&name) {
        name.push('_');
    }
    Ident::new(&name, span)
}

/// Returns the words of the trait's name, arguments and replies.
fn words(service: &Service) -> BTreeSet<String> {
    let mut words = BTreeSet::from([service.name()]);
    for method in &service.methods {
        collect(method.written(), &mut words);
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
    fn constants_are_named_after_the_words_of_the_method() {
        for (name, constant) in [
            ("get", "GET"),
            ("get_all", "GET_ALL"),
            ("keyValue", "KEY_VALUE"),
            ("HTTPServer", "HTTP_SERVER"),
            ("V2Store", "V2_STORE"),
            ("_get2", "_GET2"),
            ("A", "A"),
        ] {
            assert_eq!(screaming(name), constant);
        }
    }

    /// Returns the names for a trait of one method.
    fn names_of(method: &str) -> Names {
        let item = format!("trait Kv {{ {method} }}").parse().expect("tokens");
        let mut report = crate::report::Report::default();
        let parsed = crate::parse::parse(TokenStream::new(), item, &mut report).expect("a trait");
        Names::of(&Service::of(parsed).expect("sound"))
    }

    #[test]
    fn a_name_in_the_stubs_is_no_word_of_the_trait() {
        let names = names_of("fn get(&self, call: [stub::S; METHODS], context: CONTRACT) -> [u8; GET];");
        for (name, expected) in [
            (&names.call, "call_"),
            (&names.stub, "stub_"),
            (&names.implementation, "S_"),
            (&names.methods, "METHODS_"),
            (&names.context, "context_"),
            (&names.contract, "CONTRACT_"),
            (&names.indices[0], "GET_"),
        ] {
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn constants_of_one_trait_differ() {
        let names = names_of("fn getAll(&self); fn get_all(&self); fn methods(&self); fn contract(&self);");
        let indices: Vec<String> = names.indices.iter().map(Ident::to_string).collect();
        assert_eq!(indices, ["GET_ALL", "GET_ALL_", "METHODS_", "CONTRACT_"]);
    }
}
