//! Stage 4: writes bounds and assertions for the user's own types, so that a missing derive is one readable error.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Type, TypeArray};

use crate::model::{Method, Passing, Service};
use crate::shape::{last_segment, type_arguments};
use crate::spell::{borrows, type_text};

/// Types that are known to implement serde's traits. To check them would only make the stubs longer.
const KNOWN: [&str; 17] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64", "str",
];

/// Types of the standard library that implement serde's traits if the types in them do.
const CONTAINERS: [&str; 10] =
    ["String", "Vec", "Option", "Result", "Box", "HashMap", "BTreeMap", "HashSet", "BTreeSet", "VecDeque"];

/// The user's own types that are sent: bounds that the stubs take as given, and assertions that check them once.
///
/// Without the bounds, a type that lacks a derive would be an error at each use in the stubs.
pub(super) struct SerdeTypes {
    /// `for<'a> Doc: stub::Argument<'a>`.
    bounds: Vec<TokenStream>,
    /// `stub::argument::<Doc>();`, at the place of the type in the trait.
    assertions: Vec<TokenStream>,
}

impl SerdeTypes {
    /// Returns the types of a service, each once.
    pub(super) fn of(service: &Service, stub: &Ident) -> Self {
        let mut seen = BTreeSet::new();
        let mut types = SerdeTypes { bounds: Vec::new(), assertions: Vec::new() };
        for method in &service.methods {
            for ty in argument_types(method).flat_map(own).filter(|ty| seen.insert(type_text(ty))) {
                types.assertions.push(quote_spanned!(ty.span()=> #stub::argument::<#ty>();));
                if !borrows(ty) {
                    types.bounds.push(quote!(for<'a> #ty: #stub::Argument<'a>));
                }
            }
            for ty in method.reply.types().flat_map(own).filter(|ty| seen.insert(type_text(ty))) {
                types.assertions.push(quote_spanned!(ty.span()=> #stub::returnable::<#ty>();));
                types.bounds.push(quote!(for<'a> #ty: #stub::Returnable<'a>));
            }
        }
        types
    }

    /// Returns the bounds, one for each type that does not borrow.
    pub(super) fn bounds(&self) -> &[TokenStream] {
        &self.bounds
    }

    /// Writes `where for<'a> Doc: stub::Argument<'a>`, or nothing.
    pub(super) fn where_clause(&self) -> Option<TokenStream> {
        let bounds = &self.bounds;
        (!bounds.is_empty()).then(|| quote!(where #(#bounds),*))
    }

    /// Writes the assertions, or nothing.
    ///
    /// Proved by `ui/missing_bound_argument`, `ui/missing_bound_reply`, `ui/unsized_argument`, `ui/long_array`,
    /// `ui/hidden_lifetime`.
    /// ```text
    /// const _: () = {
    ///     stub::argument::<Doc>();
    ///     stub::returnable::<KvError>();
    /// };
    /// ```
    pub(super) fn assertions(&self) -> Option<TokenStream> {
        let assertions = &self.assertions;
        (!assertions.is_empty()).then(|| {
            quote! {
                /// Checks that these types implement serde's traits: one that does not is one error, at its place in the trait.
                const _: () = { #(#assertions)* };
            }
        })
    }
}

/// Returns the types that arguments are decoded as, except those that are sent as bytes.
fn argument_types(method: &Method) -> impl Iterator<Item = &Type> {
    method.arguments.iter().filter_map(|argument| match &argument.passing {
        Passing::AsWritten => Some(&argument.ty),
        Passing::Slice(target) | Passing::ByRef(target) => Some(target),
        Passing::Bytes | Passing::Blob => None,
    })
}

/// Returns the user's own types within a type: `Doc` of `Option<Vec<(u8, &Doc)>>`.
fn own(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::Array(array) if is_short(array) => own(&array.elem),
        Type::Group(group) => own(&group.elem),
        Type::Paren(paren) => own(&paren.elem),
        Type::Reference(reference) => own(&reference.elem),
        Type::Slice(slice) => own(&slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(own).collect(),
        _ => match last_segment(ty) {
            Some(last) if last.arguments.is_none() && KNOWN.iter().any(|known| last.ident == known) => {
                Vec::new()
            }
            Some(last) if CONTAINERS.iter().any(|container| last.ident == container) => {
                type_arguments(last).flat_map(own).collect()
            }
            _ => vec![ty],
        },
    }
}

/// Returns true if serde implements its traits for arrays of this length.
fn is_short(array: &TypeArray) -> bool {
    match &array.len {
        Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => {
            length.base10_parse::<usize>().is_ok_and(|length| length <= 32)
        }
        _ => false,
    }
}
