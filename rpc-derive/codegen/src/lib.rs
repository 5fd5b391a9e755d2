//! The work of `#[rpc]`, as a plain library: it turns the tokens of a trait into the tokens of the trait and its stubs.
//!
//! ```text
//! tokens --parse--> Parsed --validate--> Checked --model--> Service --expand--> tokens
//!                     |          |
//!                     +- Report -+--> all mistakes, each at its place
//! ```
//! [`parse`] reads the syntax and the options. [`validate`] reports what is wrong and drops the methods that have a
//! mistake. [`model`] says what the rest means, in words of our own. [`expand`] writes it. A mistake never stops a stage:
//! all are collected in one [`report::Report`], and the stubs of the sound methods are still written, so that one mistake
//! gives one error.

#[cfg(feature = "cli")]
pub mod cli;
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

use report::{Diagnostic, Report};

/// The result of one `#[rpc]` item.
#[derive(Debug)]
pub struct Stubs {
    /// The item itself, and the stubs of its sound methods.
    pub tokens: TokenStream,
    /// The mistakes in the item, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

/// Writes the stubs of one item under `#[rpc(attribute)]`.
pub fn stubs(attribute: TokenStream, item: TokenStream) -> Stubs {
    let mut report = Report::default();
    let tokens = match parse::parse(attribute, item.clone(), &mut report) {
        None => item, // not a trait: there are no stubs to write
        Some(parsed) => {
            let checked = validate::validate(parsed, &mut report);
            let service = checked.sound.and_then(model::Service::of);
            expand::expand(&checked.item, service.as_ref())
        }
    };
    Stubs { tokens, diagnostics: report.into_diagnostics() }
}

/// Expands the attribute as rustc calls it: the mistakes become errors at their places. Proved by
/// `ui/several_mistakes`.
pub fn rpc(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let Stubs { mut tokens, diagnostics } = stubs(attribute, item);
    tokens.extend(diagnostics.iter().map(Diagnostic::to_compile_error));
    tokens
}
