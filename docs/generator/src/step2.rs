//! Step 2: reads a trait, and writes its client: the type, and a method for each method.
//!
//! `syn` reads Rust into a tree. `quote` writes it: a pattern with holes, `#name` for one thing, `#(..)*` for each of many.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, FnArg, Ident, ItemTrait, Pat, ReturnType, TraitItem, Type, parse_quote};

/// A trait, as the later steps need it.
#[derive(Debug)]
pub struct Trait {
    /// The trait without the options on its methods.
    pub item: ItemTrait,
    /// Its methods in order: the place is the number of the method.
    pub methods: Vec<Method>,
    /// The bounds on the user's own types in the stubs. Empty until step 7.
    pub bounds: Vec<TokenStream>,
}

/// A remote method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub ident: Ident,
    /// Its documentation.
    pub docs: Vec<Attribute>,
    /// True if it has `#[rpc(idempotent)]`.
    pub is_idempotent: bool,
    /// Its arguments: names and types.
    pub arguments: Vec<(Ident, Type)>,
    /// The type of the value that a caller gets. All that is returned, until step 4.
    pub value: Type,
    /// The type of the method's own error. None until step 4.
    pub error: Option<Type>,
}

/// Reads a trait, and takes the options off its methods.
pub fn read(mut item: ItemTrait) -> Trait {
    let is_option = |attribute: &Attribute| attribute.path().is_ident("rpc");
    item.attrs.retain(|attribute| !is_option(attribute));
    let mut methods = Vec::new();
    for entry in &mut item.items {
        let TraitItem::Fn(method) = entry else { continue };
        let is_idempotent = method.attrs.iter().any(is_option);
        method.attrs.retain(|attribute| !is_option(attribute));
        let arguments = method.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(input) => match &*input.pat {
                Pat::Ident(pattern) => Some((pattern.ident.clone(), (*input.ty).clone())),
                _ => None, // step 5 refuses it
            },
            FnArg::Receiver(_) => None,
        });
        let value = match &method.sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        let (ident, docs) = (method.sig.ident.clone(), method.attrs.clone());
        methods.push(Method {
            ident,
            docs,
            is_idempotent,
            arguments: arguments.collect(),
            value,
            error: None,
        });
    }
    Trait { item, methods, bounds: Vec::new() }
}

/// Writes `get`, of the client: the method of step 1.
pub fn client_method(method: &Method) -> TokenStream {
    let Method { ident, docs, value, error, .. } = method;
    let (parameters, sent, index) = (parameters(method), sent(method), index(method));
    let (error_type, never) = (error.iter(), error.clone().unwrap_or_else(|| parse_quote!(stub::Never)));
    quote! {
        #(#docs)*
        pub fn #ident(&self #parameters) -> stub::Result<#value, stub::CallError #(<#error_type>)*> {
            self.call.caller().call::<#value, #never>(&METHODS[#index], &#sent)
        }
    }
}

/// Writes the parameters as the user wrote them: `, key: &str`.
pub fn parameters(method: &Method) -> TokenStream {
    method.arguments.iter().map(|(name, ty)| quote!(, #name: #ty)).collect()
}

/// Writes the tuple that is sent: `(key,)`.
pub fn sent(method: &Method) -> TokenStream {
    let names: Vec<&Ident> = method.arguments.iter().map(|(name, _)| name).collect();
    match names[..] {
        [one] => quote!((#one,)),
        _ => quote!((#(#names),*)),
    }
}

/// Returns the constant that is the number of a method: `GET`.
pub fn index(method: &Method) -> Ident {
    format_ident!("{}", method.ident.to_string().to_uppercase())
}
