//! What `#[rpc]` does, as a plain library: tokens of a trait in, tokens of the trait and its stubs out.
//!
//! ```text
//! tokens --parse--> Parsed --model--> Service --validate--> Checked --expand--> tokens
//!                     |                            |
//!                     +---------- Report ----------+--> all mistakes, each at its place
//! ```
//! [`parse`] reads syntax and options, [`model`] says what the trait means, [`validate`] says what is wrong with it,
//! and [`expand`] writes. Mistakes never stop a stage: they are collected in one [`report::Report`], and what is
//! sound is written all the same, so that one mistake gives one message.

pub mod expand;
#[cfg(feature = "cli")]
mod layout;
pub mod model;
pub mod names;
pub mod options;
pub mod parse;
#[cfg(feature = "cli")]
pub mod print;
pub mod report;
pub mod shape;
pub mod spell;
pub mod validate;

use proc_macro2::TokenStream;

use report::{Mistake, Report};

/// What became of one `#[rpc]` item.
#[derive(Debug)]
pub struct Stubs {
    /// The item itself, and the stubs of all that is sound in it.
    pub tokens: TokenStream,
    /// What is wrong with it, in the order of the source.
    pub mistakes: Vec<Mistake>,
}

/// Writes the stubs for one item under `#[rpc(attribute)]`.
pub fn stubs(attribute: TokenStream, item: TokenStream) -> Stubs {
    let mut report = Report::default();
    let tokens = match parse::parse(attribute, item.clone(), &mut report) {
        None => item, // no trait: nothing to write stubs for
        Some(parsed) => {
            let service = model::Service::of(parsed);
            let checked = validate::validate(service, &mut report);
            expand::expand(&checked)
        }
    };
    Stubs { tokens, mistakes: report.into_mistakes() }
}

/// The attribute as rustc calls it: the mistakes become errors at their places. Proved by `ui/several_mistakes`.
pub fn rpc(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let Stubs { mut tokens, mistakes } = stubs(attribute, item);
    tokens.extend(mistakes.iter().map(Mistake::to_compile_error));
    tokens
}
