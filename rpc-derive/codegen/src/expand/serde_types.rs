//! Stage 4: writes bounds and assertions for the user's own types, so that a missing derive is one readable error.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, PathArguments, Type, TypeArray};

use super::checks::{self, Keyed};
use crate::model::{Method, Passing, Service};
use crate::shape::{last_segment, plain, type_arguments};
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
    /// The name of the module of the runtime in the stubs.
    stub: Ident,
    /// The assertions so far, as text: each is written once.
    seen: BTreeSet<String>,
    /// `for<'a> Doc: stub::Argument<'a>`.
    bounds: Vec<TokenStream>,
    /// `stub::argument::<Doc>();`, at the place of the type in the trait.
    assertions: Vec<TokenStream>,
    /// `const _: () = stub::no_alias(stub::Named::<Doc>::IS_RESULT);`, at the place of the type.
    no_aliases: Vec<TokenStream>,
}

impl SerdeTypes {
    /// Returns the types of a service, each once.
    pub(super) fn of(service: &Service, stub: &Ident) -> Self {
        let mut types = SerdeTypes {
            stub: stub.clone(),
            seen: BTreeSet::new(),
            bounds: Vec::new(),
            assertions: Vec::new(),
            no_aliases: Vec::new(),
        };
        for method in &service.methods {
            argument_types(method).for_each(|ty| types.add(ty, "argument", "Argument"));
            method.reply.types().for_each(|ty| types.add(ty, "returnable", "Returnable"));
            if method.reply.error.is_none() {
                types.add_plain_reply(&method.reply.value);
            }
        }
        types
    }

    /// Adds the user's own types within a type, and the keys of its collections.
    fn add(&mut self, ty: &Type, role: &'static str, bound: &str) {
        let stub = self.stub.clone();
        for ty in own(ty) {
            if self.seen.insert(type_text(ty)) {
                let (check, bound) = (ident(checks::function(ty, role)), ident(bound));
                self.check(ty, &quote!(#stub::#check), &quote!(#stub::#bound));
            }
        }
        for (keyed, key) in keys(ty) {
            let (check, bound) = match keyed {
                Keyed::Hash => ("hash_key", "HashKey"),
                Keyed::Tree => ("tree_key", "TreeKey"),
            };
            if self.seen.insert(format!("{check} {}", type_text(key))) {
                let (check, bound) = (ident(check), ident(bound));
                self.check(key, &quote!(#stub::#check), &quote!(#stub::#bound));
            }
        }
    }

    fn check(&mut self, ty: &Type, check: &TokenStream, bound: &TokenStream) {
        self.assertions.push(quote_spanned!(ty.span()=> #check::<#ty>();));
        if !borrows(ty) && !is_elided_cow(ty) {
            self.bounds.push(quote!(for<'a> #ty: #bound<'a>));
        }
    }

    /// Adds the check that a reply without an error type is not a `Result` under another name.
    fn add_plain_reply(&mut self, ty: &Type) {
        let is_named = matches!(plain(ty), Type::Path(_));
        let is_own = own(ty).first().is_some_and(|own| type_text(own) == type_text(ty));
        if is_named && is_own && self.seen.insert(format!("alias {}", type_text(ty))) {
            let mut stub = self.stub.clone();
            stub.set_span(ty.span().resolved_at(Span::call_site())); // rustc shows the place where the call begins
            let call = quote_spanned!(ty.span()=> #stub::no_alias(#stub::Named::<#ty>::IS_RESULT));
            self.no_aliases.push(quote!(const _: () = #call;));
        }
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

    /// Writes the assertions, or nothing. Those of types are in a function, where a lifetime may be left out.
    ///
    /// Proved by `ui/missing_bound_argument`, `ui/missing_bound_reply`, `ui/unsized_argument`, `ui/long_array`,
    /// `ui/hidden_lifetime`, `ui/foreign_type`, `ui/foreign_error`, `ui/key_without_hash`, `ui/alias_of_result`.
    /// ```text
    /// const _: fn() = || {
    ///     stub::argument::<Doc>();
    ///     stub::returnable::<KvError>();
    /// };
    /// const _: () = {
    ///     use stub::NoResult as _;
    ///     const _: () = stub::no_alias(stub::Named::<Doc>::IS_RESULT);
    /// };
    /// ```
    pub(super) fn assertions(&self) -> TokenStream {
        let SerdeTypes { stub, assertions, no_aliases, .. } = self;
        let types = (!assertions.is_empty()).then(|| {
            quote! {
                /// Checks that these types implement serde's traits: one that does not is one error, at its place in the trait.
                const _: fn() = || { #(#assertions)* };
            }
        });
        let replies = (!no_aliases.is_empty()).then(|| {
            quote! {
                /// Checks that no reply is a `Result` under another name, whose error the stubs would not see.
                const _: () = {
                    use #stub::NoResult as _;
                    #(#no_aliases)*
                };
            }
        });
        quote!(#types #replies)
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
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
        Type::Reference(reference) if is_path(&reference.elem) => Vec::new(), // serde reads it from a string
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

/// Returns true for a type that is called `Path`.
fn is_path(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|last| last.ident == "Path")
}

/// Returns the keys of the collections within a type that may lack what a key needs.
fn keys(ty: &Type) -> Vec<(Keyed, &Type)> {
    match ty {
        Type::Array(array) => keys(&array.elem),
        Type::Group(group) => keys(&group.elem),
        Type::Paren(paren) => keys(&paren.elem),
        Type::Reference(reference) => keys(&reference.elem),
        Type::Slice(slice) => keys(&slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(keys).collect(),
        _ => {
            let inner = last_segment(ty).into_iter().flat_map(type_arguments).flat_map(keys);
            let own_key = checks::key(ty).into_iter().filter(|(_, key)| !is_key(key));
            own_key.chain(inner).collect()
        }
    }
}

/// Returns true for a type that is known to be a key in every collection: not for `f32` and `f64`.
fn is_key(ty: &Type) -> bool {
    let is_float =
        ["f32", "f64"].iter().any(|float| last_segment(ty).is_some_and(|last| last.ident == float));
    own(ty).is_empty() && !is_float && checks::key(ty).is_none()
}

/// Returns true for a `Cow<str>`, whose lifetime is left out.
fn is_elided_cow(ty: &Type) -> bool {
    last_segment(ty).filter(|last| last.ident == "Cow").is_some_and(|last| match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            !arguments.args.iter().any(|argument| matches!(argument, syn::GenericArgument::Lifetime(_)))
        }
        _ => false,
    })
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
