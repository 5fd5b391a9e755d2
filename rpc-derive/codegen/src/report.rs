//! Collects mistakes, so that all of a trait's are told at once, each on the offending token.

use std::fmt::{self, Display};

use proc_macro2::{LineColumn, Span, TokenStream};
use quote::ToTokens;

/// One mistake: where, and what to write instead.
#[derive(Clone, Debug)]
pub struct Mistake(syn::Error);

impl Mistake {
    /// Where it starts: the line counts from 1, the column from 0.
    pub fn start(&self) -> LineColumn {
        self.0.span().start()
    }

    /// The error for rustc to show at that place.
    pub fn to_compile_error(&self) -> TokenStream {
        self.0.to_compile_error()
    }
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<syn::Error> for Mistake {
    fn from(error: syn::Error) -> Self {
        Mistake(error)
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Report {
    mistakes: Vec<Mistake>,
}

impl Report {
    /// Reports a mistake in these tokens, first to last.
    pub fn at(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.mistakes.push(Mistake(syn::Error::new_spanned(tokens, text)));
    }

    /// Reports a mistake at a place.
    pub fn at_span(&mut self, span: Span, text: impl Display) {
        self.mistakes.push(Mistake(syn::Error::new(span, text)));
    }

    /// Takes over what the parser says.
    pub fn syntax(&mut self, error: syn::Error) {
        self.mistakes.extend(error.into_iter().map(Mistake));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.mistakes.len()
    }

    /// All of them, in the order of the source.
    pub fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|mistake| {
            let start = mistake.start();
            (start.line, start.column)
        });
        self.mistakes
    }
}
