//! Stage 4: writes the client: each method is one call of the runtime, which waits or does not.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{Generator, reply_types};
use crate::model::{Argument, Method, Passing};

/// Writes the types of the client and of the view that starts calls.
///
/// ```text
/// pub struct KvClient { pub start: KvStart, pub call: Handle<KvClient> }
/// pub struct KvStart { caller: Caller }
/// ```
pub(super) fn types(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let (vis, runtime, allowed) = (&service.vis, &service.runtime, &service.allowed);
    let (client, start) = (&names.client, &names.start);
    let name = service.name();
    let client_doc = format!(
        " The client of [`{name}`]: each method makes one call to the server and waits for its reply."
    );
    let start_doc =
        format!(" Starts calls of [`{name}`] without waiting for their replies: see [`{client}::start`].");
    quote! {
        #[doc = #client_doc]
        #(#allowed)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #client {
            /// The same methods, which start a call and return without waiting for its reply.
            pub start: #start,
            /// The options and the state of the client: deadlines, counters, closing.
            pub call: #runtime::stub::Handle<#client>,
        }

        #[doc = #start_doc]
        #(#allowed)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #start {
            caller: #runtime::stub::Caller,
        }
    }
}

/// Writes the methods of both types.
///
/// ```text
/// impl KvClient {
///     pub fn connect(addr: impl Into<Addresses>) -> Result<Self, ConnectError> { connect(addr) }
///     pub fn get(&self, key: &str) -> Result<Option<String>, CallError> {
///         self.call.caller().call::<Option<String>, Never>(&METHODS[GET], &(key,))
///     }
/// }
/// impl KvStart {
///     pub fn get(&self, key: &str) -> Pending<Option<String>> {
///         self.caller.start::<Option<String>, Never>(&METHODS[GET], &(key,))
///     }
/// }
/// ```
pub(super) fn expand(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, serde_types } = generator;
    let (client, start, stub) = (&names.client, &names.start, &names.stub);
    let connect_doc = format!(" Connects to a server of [`{}`].", service.name());
    let bounds = serde_types.where_clause();
    let methods = || names.indices.iter().zip(&service.methods);
    let waiting = methods().map(|(index, method)| waiting_method(index, method, generator));
    let starting = methods().map(|(index, method)| starting_method(index, method, generator));
    let client_trait = client_trait(generator);
    quote! {
        impl #client #bounds {
            #[doc = #connect_doc]
            ///
            /// # Errors
            /// Returns an error if no server answers at the address, or if the one that does has no service of this name. It
            /// may have another version of this trait: then it refuses the calls that differ, and runs the others.
            pub fn connect(addr: impl #stub::Into<#stub::Addresses>) -> #stub::Result<Self, #stub::ConnectError> {
                #stub::connect(addr)
            }

            #(#waiting)*
        }

        #client_trait

        impl #start #bounds {
            #(#starting)*
        }
    }
}

/// Writes one method that waits.
fn waiting_method(index: &Ident, method: &Method, generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let (table, stub, ident, attributes) = (&names.methods, &names.stub, &method.ident, &method.attributes);
    let documented = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    let doc = (!documented).then(|| {
        let doc = format!(" Calls `{}.{}` and waits for its reply.", service.name(), method.name());
        quote!(#[doc = #doc])
    });
    let (parameters, sent) = (parameters(method), sent(method, generator));
    let types = reply_types(&method.reply, generator);
    let (value, error) = (&method.reply.value, method.reply.error.iter());
    quote! {
        #(#attributes)*
        #doc
        pub fn #ident(&self #parameters) -> #stub::Result<#value, #stub::CallError #(<#error>)*> {
            self.call.caller().call::<#types>(&#table[#index], &#sent)
        }
    }
}

/// Writes one method that does not wait.
fn starting_method(index: &Ident, method: &Method, generator: &Generator<'_>) -> TokenStream {
    let names = &generator.names;
    let (table, stub, ident) = (&names.methods, &names.stub, &method.ident);
    let attributes = method.attributes.iter().filter(|attribute| !attribute.path().is_ident("doc"));
    let doc = format!(" Starts a call without waiting for its reply; see [`{}::{ident}`].", names.client);
    let (parameters, sent) = (parameters(method), sent(method, generator));
    let types = reply_types(&method.reply, generator);
    let (value, error) = (&method.reply.value, method.reply.error.iter());
    quote! {
        #[doc = #doc]
        #(#attributes)*
        pub fn #ident(&self #parameters) -> #stub::Pending<#value #(, #error)*> {
            self.caller.start::<#types>(&#table[#index], &#sent)
        }
    }
}

/// Writes how the runtime makes the client.
fn client_trait(generator: &Generator<'_>) -> TokenStream {
    let names = &generator.names;
    let (client, start, contract, stub) = (&names.client, &names.start, &names.contract, &names.stub);
    quote! {
        impl #stub::Client for #client {
            const CONTRACT: &'static #stub::Contract = &#contract;

            fn from_caller(caller: #stub::Caller) -> Self {
                #client {
                    start: #start { caller: #stub::Clone::clone(&caller) },
                    call: #stub::Handle::new(caller),
                }
            }
        }
    }
}

/// Writes the parameters as the user wrote them: `, key: &str, value: &[u8]`.
fn parameters(method: &Method) -> TokenStream {
    let parameters = method.arguments.iter().map(|Argument { name, ty, .. }| quote!(, #name: #ty));
    parameters.collect()
}

/// Writes the tuple that is encoded: `(key, stub::Bytes::new(value))`.
fn sent(method: &Method, generator: &Generator<'_>) -> TokenStream {
    let stub = &generator.names.stub;
    let items: Vec<TokenStream> = method
        .arguments
        .iter()
        .map(|Argument { name, passing, .. }| match passing {
            Passing::Bytes => quote!(#stub::Bytes::new(#name)),
            Passing::Blob => quote!(#stub::Bytes::new(&#name)),
            Passing::AsWritten | Passing::Slice(_) | Passing::ByRef(_) => quote!(#name),
        })
        .collect();
    super::tuple(&items)
}
