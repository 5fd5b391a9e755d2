//! Stage 4: writes the trait and its stubs. One function per item; the text above each shows what it writes.

mod checks;
mod client;
mod contract;
mod server;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Path};

use checks::Travellers;

use crate::model::{Reply, Service, Spelled, Value};
use crate::names::Names;
use crate::validate::Checked;

/// The trait, and the stubs of what is sound in it.
pub fn expand(checked: &Checked) -> TokenStream {
    let item = &checked.item;
    let Some(service) = &checked.stubs else { return item.to_token_stream() };
    let names = Names::of(service);
    let stub = stub_path(service);
    let travellers = Travellers::of(service, &stub);
    let context = Context { service, names: &names, stub: &stub, travellers: &travellers };
    let contract = contract::expand(&context);
    let client = client::expand(&context);
    let server = server::expand(&context);
    let asserted = travellers.asserted();
    quote! {
        #item
        #contract
        #client
        #server
        #asserted
    }
}

/// What every item is written from.
struct Context<'a> {
    service: &'a Service,
    names: &'a Names,
    stub: &'a Path,
    travellers: &'a Travellers,
}

/// `::rpc_core::stub`: all that generated code names.
fn stub_path(service: &Service) -> Path {
    let mut path = service.runtime.clone();
    path.segments.push(syn::parse_quote!(stub));
    path
}

/// A method's index in the contract, as written in code.
fn index(at: usize) -> Literal {
    Literal::usize_unsuffixed(at)
}

/// The type that stands for a value in generic arguments: `Blob` for `Vec<u8>`, `MaybeBlob` for `Option<Vec<u8>>`.
fn marker(value: &Value, stub: &Path) -> TokenStream {
    match value.spelled {
        Spelled::Blob => quote!(#stub::Blob),
        Spelled::MaybeBlob => quote!(#stub::MaybeBlob),
        Spelled::Otherwise => value.ty.to_token_stream(),
    }
}

/// `Plain<T>` or `Fallible<T, E>`.
fn reply_type(reply: &Reply, stub: &Path) -> TokenStream {
    let value = marker(&reply.value, stub);
    match &reply.error {
        None => quote!(#stub::Plain<#value>),
        Some(error) => quote!(#stub::Fallible<#value, #error>),
    }
}

/// `()`, `(a,)`, `(a, b)`: a tuple as a person writes it.
fn tuple(items: &[TokenStream]) -> TokenStream {
    match items {
        [one] => quote!((#one,)),
        more => quote!((#(#more),*)),
    }
}

/// Whether anything here says that it is deprecated.
fn is_deprecated(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("deprecated"))
}
