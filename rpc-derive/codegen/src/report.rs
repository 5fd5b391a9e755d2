//! Collects the diagnostics of a trait, so that rustc shows all of them at once, each at the token that it is about.

use std::fmt::{self, Display};

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// One mistake in the user's code: its place, and what to write instead.
#[derive(Clone, Debug)]
pub struct Diagnostic(syn::Error);

impl Diagnostic {
    /// Returns a diagnostic at a place.
    pub(crate) fn new(span: Span, text: impl Display) -> Self {
        Diagnostic(syn::Error::new(span, text))
    }

    /// Returns the diagnostics of a parser's error, which may have several.
    pub(crate) fn of_syntax(error: syn::Error) -> impl Iterator<Item = Self> {
        error.into_iter().map(Diagnostic)
    }

    /// Returns the line where it starts, counted from 1.
    pub fn line(&self) -> usize {
        self.0.span().start().line
    }

    /// Returns the column where it starts, counted from 1.
    pub fn column(&self) -> usize {
        self.0.span().start().column + 1
    }

    /// Returns the tokens that make rustc show it at its place.
    pub fn to_compile_error(&self) -> TokenStream {
        self.0.to_compile_error()
    }
}

impl Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The diagnostics found so far.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order in which the rules found them.
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Reports a mistake in these tokens, from the first to the last.
    pub fn at(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.diagnostics.push(Diagnostic(syn::Error::new_spanned(tokens, text)));
    }

    /// Reports a mistake at a place.
    pub fn at_span(&mut self, span: Span, text: impl Display) {
        self.diagnostics.push(Diagnostic::new(span, text));
    }

    /// Reports the errors of the parser.
    pub fn syntax(&mut self, error: syn::Error) {
        self.diagnostics.extend(Diagnostic::of_syntax(error));
    }

    /// Returns the number of diagnostics so far. A rule has found nothing if it leaves the number unchanged.
    pub fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// Returns all diagnostics, in the order of the source.
    pub fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|diagnostic| (diagnostic.line(), diagnostic.column()));
        self.diagnostics
    }
}
