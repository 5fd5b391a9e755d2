//! Stage 4: writes the contract, which both sides must agree on.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, quote};

use super::Generator;
use crate::model::{Encoding, Method};

/// Writes the table of methods, the contract, and a constant for the index of each method.
///
/// ```text
/// static METHODS: [stub::Method; 1] = [
///     stub::Method::new("Kv.get", "fn get(key: &str) -> Option<String>")
///         .docs("The value of a key.")
///         .idempotent()
///         .types(stub::types!((&str,), Option<String>)),
/// ];
/// static TYPES: stub::TypesOf = stub::TypesOf::new("Kv", &METHODS);
/// static CONTRACT: stub::Contract = stub::Contract::new("Kv", &METHODS).with_types(|| TYPES.get());
/// const GET: usize = 0;
/// ```
pub(super) fn expand(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let (methods, types, contract, stub) = (&names.methods, &names.types, &names.contract, &names.stub);
    let name = service.name();
    let docs = super::docs::expand(&service.docs);
    let count = Literal::usize_unsuffixed(service.methods.len());
    let rows = service.methods.iter().map(|method| row(method, generator));
    let indices = names.indices.iter().zip(&service.methods).enumerate();
    let indices = indices.map(|(at, (index, method))| index_constant(at, index, method, &name, methods));
    let methods_doc = format!(" The methods of [`{name}`] in its order, with their signatures and policies.");
    let types_doc =
        format!(" The formats of the types of [`{name}`], which are found when they are first asked for.");
    let contract_doc =
        format!(" The contract of [`{name}`]; client and server compare it when they connect.");
    quote! {
        #[doc = #methods_doc]
        static #methods: [#stub::Method; #count] = [#(#rows),*];

        #[doc = #types_doc]
        static #types: #stub::TypesOf = #stub::TypesOf::new(#name, &#methods);

        #[doc = #contract_doc]
        static #contract: #stub::Contract = #stub::Contract::new(#name, &#methods).with_types(|| #types.get()) #docs;

        #(#indices)*
    }
}

/// Writes the index of one method.
fn index_constant(at: usize, index: &Ident, method: &Method, service: &str, methods: &Ident) -> TokenStream {
    let doc = format!(" The index of [`{service}::{}`] in `{methods}`.", method.ident);
    let at = Literal::usize_unsuffixed(at);
    quote! {
        #[doc = #doc]
        const #index: usize = #at;
    }
}

/// Writes one row of the table: name, signature, and the policies that the method has.
fn row(method: &Method, generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let stub = &names.stub;
    let name = format!("{}.{}", service.name(), method.name());
    let signature = &method.signature;
    let policies = &method.policies;
    let docs = super::docs::expand(&method.attributes);
    let idempotent = policies.idempotent.map(|_| quote!(.idempotent()));
    let slow = policies.slow.map(|_| quote!(.slow()));
    let takes_context = method.context.as_ref().map(|_| quote!(.with_context()));
    let later = method.later.then(|| quote!(.later()));
    let deadline = policies.deadline_ms.map(|(_, milliseconds)| {
        let milliseconds = Literal::u64_unsuffixed(milliseconds);
        quote!(.deadline_ms(#milliseconds))
    });
    let max_cached_reply = policies.max_cached_reply.map(|(_, bytes)| {
        let bytes = Literal::usize_unsuffixed(bytes);
        quote!(.max_cached_reply(#bytes))
    });
    let fails_with =
        method.reply.error.as_ref().map(|error| quote!(.fails_with(#stub::error_traits!(#error))));
    let types = types(method, generator);
    quote!(#stub::Method::new(#name, #signature) #docs #idempotent #slow #takes_context #later #deadline #max_cached_reply #fails_with #types)
}

/// Writes the types whose formats are to be found: `.types(stub::types!((&str,), String, KvError))`.
fn types(method: &Method, generator: &Generator<'_>) -> TokenStream {
    let stub = &generator.names.stub;
    let arguments = super::tuple(&super::decoded_types(method, generator));
    let value = match method.reply.encoding {
        Encoding::Blob => quote!(#stub::ByteBuf),
        Encoding::MaybeBlob => quote!(::core::option::Option<#stub::ByteBuf>),
        Encoding::Serde => method.reply.value.to_token_stream(),
    };
    let error = method.reply.error.iter();
    quote!(.types(#stub::types!(#arguments, #value #(, #error)*)))
}
