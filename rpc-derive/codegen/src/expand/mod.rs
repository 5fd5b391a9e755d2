//! Stage 4: writes the trait and its stubs. One function writes one item, and its comment shows what it writes.
//!
//! The three types are beside the trait. All else is in one block, `const _: () = { .. }`, as in serde's derives: a block
//! sees every name that the trait sees, also in the body of a function, and its own names stay inside.

mod checks;
mod client;
mod contract;
mod docs;
mod serde_types;
mod server;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ItemTrait;

use serde_types::SerdeTypes;

use crate::model::{Argument, Encoding, Method, Passing, Reply, Service};
use crate::names::Names;

/// Writes the trait, and the stubs of its service if it has one.
pub fn expand(item: &ItemTrait, service: Option<&Service>) -> TokenStream {
    let Some(service) = service else { return item.to_token_stream() };
    let generator = Generator::new(service);
    let client = client::types(&generator);
    let server = server::server_type(&generator);
    let block = block(&generator);
    quote! {
        #item
        #client
        #server
        #block
    }
}

/// The data that every item is written from.
struct Generator<'a> {
    service: &'a Service,
    names: Names,
    serde_types: SerdeTypes,
}

impl<'a> Generator<'a> {
    fn new(service: &'a Service) -> Self {
        let names = Names::of(service);
        let serde_types = SerdeTypes::of(service, &names.stub);
        Generator { service, names, serde_types }
    }
}

/// Writes the block with all that is not a type.
///
/// ```text
/// #[allow(dead_code, reason = "..")]
/// const _: () = {
///     use ::rpc_core::stub;
///     ..
/// };
/// ```
fn block(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, serde_types } = generator;
    let (runtime, allowed, stub) = (&service.runtime, &service.allowed, &names.stub);
    let import = if stub == "stub" { quote!(stub) } else { quote!(stub as #stub) };
    let doc = format!(
        " The stubs of [`{}`], in a block, so that their names are not names of the module.",
        service.name()
    );
    let many = service.methods.iter().any(|method| method.arguments.len() >= 7); // with `&self`, more than clippy allows
    let many = many.then(|| quote!(, clippy::too_many_arguments));
    let deprecated = service.deprecated.then(|| quote!(, deprecated));
    let reason = match (&many, &deprecated) {
        (None, None) => "a program may use one side only",
        _ => "a program may use one side only; the stubs follow the trait",
    };
    let contract = contract::expand(generator);
    let client = client::expand(generator);
    let server = server::expand(generator);
    let assertions = serde_types.assertions();
    quote! {
        #[doc = #doc]
        #(#allowed)*
        #[allow(dead_code #deprecated #many, reason = #reason)]
        const _: () = {
            use #runtime::#import;
            #contract
            #client
            #server
            #assertions
        };
    }
}

/// Writes the types of a reply as generic arguments: `String, KvError`, or `stub::Blob, stub::Never`.
fn reply_types(reply: &Reply, generator: &Generator<'_>) -> TokenStream {
    let stub = &generator.names.stub;
    let value = value_type(reply, generator);
    match &reply.error {
        None => quote!(#value, #stub::Never),
        Some(error) => quote!(#value, #error),
    }
}

/// Writes the type that stands for a value in generic arguments: a marker for bytes, else the type itself.
fn value_type(reply: &Reply, generator: &Generator<'_>) -> TokenStream {
    let stub = &generator.names.stub;
    match reply.encoding {
        Encoding::Blob => quote!(#stub::Blob),
        Encoding::MaybeBlob => quote!(#stub::MaybeBlob),
        Encoding::Serde => reply.value.to_token_stream(),
    }
}

/// Writes the types that the arguments are decoded as, each in its place.
fn decoded_types(method: &Method, generator: &Generator<'_>) -> Vec<TokenStream> {
    let stub = &generator.names.stub;
    let types = method.arguments.iter().map(|Argument { ty, passing, .. }| match passing {
        Passing::AsWritten | Passing::Bytes => ty.to_token_stream(),
        Passing::Blob => quote!(#stub::ByteBuf),
        Passing::Slice(item) => quote!(#stub::Vec<#item>),
        Passing::ByRef(target) => target.to_token_stream(),
    });
    types.collect()
}

/// Writes a tuple as a person does: `()`, `(a,)`, `(a, b)`.
fn tuple(items: &[TokenStream]) -> TokenStream {
    match items {
        [one] => quote!((#one,)),
        more => quote!((#(#more),*)),
    }
}
