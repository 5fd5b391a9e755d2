//! Step 6: writes the contract, which client and server compare when they connect.
//!
//! A client may have been built last month, from another version of the trait. So the stubs hold every method's name and signature as text,
//! and the runtime makes a number of it that goes over the wire as "which method". A method that differs is refused by name.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, LitStr, ReturnType, TraitItem};

use crate::step2::{Method, Trait, index};
use crate::step3::types;

/// Writes the table of methods, the contract, and a constant for the number of each method.
pub fn contract(service: &Trait) -> TokenStream {
    let name = service.item.ident.to_string();
    let count = Literal::usize_unsuffixed(service.methods.len());
    let rows =
        service.methods.iter().zip(signatures(service)).map(|(method, text)| row(&name, method, &text));
    let numbers = service.methods.iter().enumerate().map(|(at, method)| {
        let (at, index) = (Literal::usize_unsuffixed(at), index(method));
        let doc = format!(" The index of [`{name}::{}`] in `METHODS`.", method.ident);
        quote!(#[doc = #doc] const #index: usize = #at;)
    });
    let docs = documentation(&service.item.attrs);
    let methods_doc = format!(" The methods of [`{name}`] in its order, with their signatures and policies.");
    let types_doc =
        format!(" The formats of the types of [`{name}`], which are found when they are first asked for.");
    let contract_doc =
        format!(" The contract of [`{name}`]; client and server compare it when they connect.");
    quote! {
        #[doc = #methods_doc]
        static METHODS: [stub::Method; #count] = [#(#rows),*];
        #[doc = #types_doc]
        static TYPES: stub::TypesOf = stub::TypesOf::new(#name, &METHODS);
        #[doc = #contract_doc]
        static CONTRACT: stub::Contract = stub::Contract::new(#name, &METHODS).with_types(|| TYPES.get()) #docs;
        #(#numbers)*
    }
}

/// Writes one row of the table: the name, the signature, the policies, and the types whose formats are compared.
fn row(service: &str, method: &Method, signature: &str) -> TokenStream {
    let Method { ident, value, docs, .. } = method;
    let (name, types, docs) = (format!("{service}.{ident}"), types(method), documentation(docs));
    let idempotent = method.is_idempotent.then(|| quote!(.idempotent()));
    let fails_with = method.error.as_ref().map(|error| quote!(.fails_with(stub::error_traits!(#error))));
    let error = method.error.iter();
    quote! {
        stub::Method::new(#name, #signature) #docs #idempotent #fails_with .types(stub::types!(#types, #value #(, #error)*))
    }
}

/// Writes the documentation, which a server tells: `.docs("Returns the value of a key.")`.
fn documentation(attributes: &[Attribute]) -> Option<TokenStream> {
    let line = |attribute: &Attribute| {
        let line = &attribute.meta.require_name_value().ok()?.value;
        Some(syn::parse2::<LitStr>(line.to_token_stream()).ok()?.value().trim().to_owned())
    };
    let text = attributes.iter().filter_map(line).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then(|| quote!(.docs(#text)))
}

/// Returns the signatures as text. However the user has formatted them, the text is the same: it is part of the contract.
fn signatures(service: &Trait) -> Vec<String> {
    let methods = service.item.items.iter().filter_map(|entry| match entry {
        TraitItem::Fn(method) => Some(&method.sig),
        _ => None,
    });
    let signature = |(sig, method): (&syn::Signature, &Method)| {
        let arguments: Vec<String> =
            method.arguments.iter().map(|(name, ty)| format!("{name}: {}", text_of(ty))).collect();
        let output = match &sig.output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, ty) => format!(" -> {}", text_of(ty)),
        };
        format!("fn {}({}){output}", sig.ident, arguments.join(", "))
    };
    methods.zip(&service.methods).map(signature).collect()
}

/// Returns a type as a person writes it. `quote` puts a space between all tokens; this takes most of them out.
fn text_of(ty: &impl ToTokens) -> String {
    let text = ty.to_token_stream().to_string().replace(' ', "").replace(',', ", ");
    text.replace(", >", ">").replace("&mut", "&mut ")
}

/// Writes how the runtime makes a client of a connection.
pub fn client_trait(service: &Trait) -> TokenStream {
    let (client, start) =
        (format_ident!("{}Client", service.item.ident), format_ident!("{}Start", service.item.ident));
    quote! {
        impl stub::Client for #client {
            const CONTRACT: &'static stub::Contract = &CONTRACT;

            fn from_caller(caller: stub::Caller) -> Self {
                #client { start: #start { caller: stub::Clone::clone(&caller) }, call: stub::Handle::new(caller) }
            }
        }
    }
}
