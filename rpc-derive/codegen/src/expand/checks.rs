//! Stage 4: what the user's types must have, asserted at the user's tokens: a missing derive is one readable error.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Path, Type, TypeArray};

use crate::model::{Method, Passing, Service};
use crate::shape::{last_segment, type_arguments};
use crate::spell::{borrows, spelled};

/// Types that are known to travel; to ask for them would only make the stubs longer to read.
const KNOWN: [&str; 17] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64", "str",
];

/// Types of the standard library that travel if what is in them does.
const CONTAINERS: [&str; 10] =
    ["String", "Vec", "Option", "Result", "Box", "HashMap", "BTreeMap", "HashSet", "BTreeSet", "VecDeque"];

/// The user's own types that travel: what the stubs take as given, and what is asserted once.
pub(super) struct Travellers {
    /// `for<'a> Doc: Argument<'a>`. With these as a given, a missing derive is no error within the stubs.
    given: Vec<TokenStream>,
    asserted: Vec<TokenStream>,
}

impl Travellers {
    /// Those of a service, each once.
    pub(super) fn of(service: &Service, stub: &Path) -> Self {
        let mut seen = BTreeSet::new();
        let mut travellers = Travellers { given: Vec::new(), asserted: Vec::new() };
        for method in &service.methods {
            for ty in argument_types(method).flat_map(own).filter(|ty| seen.insert(spelled(ty))) {
                travellers.asserted.push(quote_spanned!(ty.span()=> #stub::argument::<#ty>();));
                if !borrows(ty) {
                    travellers.given.push(quote!(for<'a> #ty: #stub::Argument<'a>));
                }
            }
            for ty in method.reply.types().flat_map(own).filter(|ty| seen.insert(spelled(ty))) {
                travellers.asserted.push(quote_spanned!(ty.span()=> #stub::returnable::<#ty>();));
                travellers.given.push(quote!(for<'a> #ty: #stub::Returnable<'a>));
            }
        }
        travellers
    }

    /// Writes `where for<'a> Doc: Argument<'a>`, or nothing.
    pub(super) fn given(&self) -> Option<TokenStream> {
        let given = &self.given;
        (!given.is_empty()).then(|| quote!(where #(#given),*))
    }

    /// Writes the same as more bounds of a `where` that is there.
    pub(super) fn also_given(&self) -> TokenStream {
        let given = &self.given;
        quote!(#(#given,)*)
    }

    /// Writes the assertions, or nothing.
    ///
    /// Proved by `ui/missing_bound_argument`, `ui/missing_bound_reply`, `ui/unsized_argument`, `ui/long_array`,
    /// `ui/hidden_lifetime`.
    /// ```text
    /// const _: fn() = || {
    ///     ::rpc_core::stub::argument::<Doc>();
    ///     ::rpc_core::stub::returnable::<KvError>();
    /// };
    /// ```
    pub(super) fn asserted(&self) -> Option<TokenStream> {
        let asserted = &self.asserted;
        (!asserted.is_empty()).then(|| {
            quote! {
                /// Asks for serde's traits on what travels: a type that lacks them is one error, at its place above.
                const _: fn() = || { #(#asserted)* };
            }
        })
    }
}

/// The types that arguments are decoded as, without those that travel as bytes.
fn argument_types(method: &Method) -> impl Iterator<Item = &Type> {
    method.arguments.iter().filter_map(|argument| match &argument.passing {
        Passing::AsWritten => Some(&argument.ty),
        Passing::Slice(target) | Passing::Lent(target) => Some(target),
        Passing::Bytes | Passing::Blob => None,
    })
}

/// The user's own types within a type: `Doc` of `Option<Vec<(u8, &Doc)>>`.
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

/// Whether serde knows arrays of this length.
fn is_short(array: &TypeArray) -> bool {
    match &array.len {
        Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => {
            length.base10_parse::<usize>().is_ok_and(|length| length <= 32)
        }
        _ => false,
    }
}
