//! Stage 4: the contract: what both sides must agree on.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::Context;
use crate::model::Method;

/// Writes the table of methods and the contract.
///
/// ```text
/// static KV_METHODS: [Method; 1] = [
///     Method::new("Kv.get", "fn get(key: &str) -> Option<String>").idempotent(),
/// ];
/// static KV_CONTRACT: Contract = Contract::new("Kv", &KV_METHODS);
/// ```
pub(super) fn expand(context: &Context<'_>) -> TokenStream {
    let Context { service, names, stub, .. } = context;
    let (methods, contract) = (&names.methods, &names.contract);
    let name = service.name();
    let count = super::index(service.methods.len());
    let rows = service.methods.iter().map(|method| row(&name, method, context));
    let methods_doc = format!(" The methods of [`{name}`] in its order, with their signatures and policies.");
    let contract_doc = format!(" What [`{name}`] promises; client and server compare it when they connect.");
    quote! {
        #[doc = #methods_doc]
        static #methods: [#stub::Method; #count] = [#(#rows),*];

        #[doc = #contract_doc]
        static #contract: #stub::Contract = #stub::Contract::new(#name, &#methods);
    }
}

/// One method: name, signature, and only the policies that it has.
fn row(service: &str, method: &Method, context: &Context<'_>) -> TokenStream {
    let stub = context.stub;
    let name = format!("{service}.{}", method.name());
    let signature = method.signature();
    let policies = &method.policies;
    let idempotent = policies.idempotent.map(|_| quote!(.idempotent()));
    let slow = policies.slow.map(|_| quote!(.slow()));
    let takes_context = method.context.as_ref().map(|_| quote!(.with_context()));
    let deadline = policies.deadline_ms.map(|(_, milliseconds)| {
        let milliseconds = Literal::u64_unsuffixed(milliseconds);
        quote!(.deadline_ms(#milliseconds))
    });
    let max_cached_reply = policies.max_cached_reply.map(|(_, bytes)| {
        let bytes = Literal::usize_unsuffixed(bytes);
        quote!(.max_cached_reply(#bytes))
    });
    quote!(#stub::Method::new(#name, #signature) #idempotent #slow #takes_context #deadline #max_cached_reply)
}
