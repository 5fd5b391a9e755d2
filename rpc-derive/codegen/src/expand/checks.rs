//! Stage 4: assertions on the user's types, at the user's tokens: a missing derive is one readable error there.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::Context;
use crate::model::{Method, Passing};

/// Types that are known to travel; to assert them would only make the stubs longer to read.
const KNOWN: [&str; 20] = [
    "()", "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "str", "String", "&str",
];

/// Writes the assertions, each type once.
///
/// ```text
/// const _: fn() = || {
///     ::rpc_core::stub::argument::<Doc>();
///     ::rpc_core::stub::returnable::<KvError>();
/// };
/// ```
pub(super) fn expand(context: &Context<'_>) -> TokenStream {
    let stub = context.stub;
    let mut seen: BTreeSet<String> = KNOWN.iter().map(ToString::to_string).collect();
    let mut checks = Vec::new();
    let mut contexts = Vec::new();
    for method in &context.service.methods {
        for ty in argument_types(method).filter(|ty| seen.insert(super::spelled(ty))) {
            checks.push(quote_spanned!(ty.span()=> #stub::argument::<#ty>();));
        }
        for ty in method.reply.types().filter(|ty| seen.insert(super::spelled(ty))) {
            checks.push(quote_spanned!(ty.span()=> #stub::returnable::<#ty>();));
        }
        if let Some(ty) = method.context.as_ref().filter(|ty| seen.insert(super::spelled(ty))) {
            contexts.push(quote_spanned!(ty.span()=> const _: fn(#ty) = |context| {
                let _: &#stub::CallContext = context;
            };));
        }
    }
    let checks = (!checks.is_empty()).then(|| quote!(const _: fn() = || { #(#checks)* };));
    quote! {
        #checks
        #(#contexts)*
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
