//! Stage 4: the client: one runtime call per method, waiting or not.

use proc_macro2::TokenStream;
use quote::quote;

use super::Context;
use crate::model::{Argument, Method, Passing};

const MAY_BE_UNUSED: &str = "a program may use one side only";

/// Writes the client and its view that starts calls.
pub(super) fn expand(context: &Context<'_>) -> TokenStream {
    let client = client(context);
    let implementation = client_trait(context);
    let start = start(context);
    quote! {
        #client
        #implementation
        #start
    }
}

/// Writes the client.
///
/// ```text
/// pub struct KvClient { pub start: KvStart, pub call: Handle<KvClient> }
/// impl KvClient {
///     pub fn connect(addr: impl ToSocketAddrs) -> Result<Self, ConnectError> { connect(addr) }
///     pub fn get(&self, key: &str) -> Result<Option<String>, CallError> {
///         self.call.caller().call::<Plain<Option<String>>>(&KV_METHODS[0], &(key,))
///     }
/// }
/// ```
fn client(context: &Context<'_>) -> TokenStream {
    let Context { service, names, stub, .. } = context;
    let vis = &service.item.vis;
    let (client, start) = (&names.client, &names.start);
    let name = service.name();
    let client_doc =
        format!(" The client of [`{name}`]: each method is one call to the server, and waits for its reply.");
    let connect_doc = format!(" Connects to a server of [`{name}`].");
    let given = context.travellers.given();
    let methods = service.methods.iter().enumerate().map(|(at, method)| call(at, method, context));
    quote! {
        #[doc = #client_doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code, reason = #MAY_BE_UNUSED)]
        #vis struct #client {
            /// The same methods, which start their call and do not wait for its reply.
            pub start: #start,
            /// All that is not a method of the service: options, counters, closing.
            pub call: #stub::Handle<#client>,
        }

        #[allow(dead_code, reason = #MAY_BE_UNUSED)]
        impl #client #given {
            #[doc = #connect_doc]
            ///
            /// # Errors
            /// When nobody answers there, or what answers does not serve this trait.
            pub fn connect(
                addr: impl ::std::net::ToSocketAddrs,
            ) -> ::core::result::Result<Self, #stub::ConnectError> {
                #stub::connect(addr)
            }

            #(#methods)*
        }
    }
}

/// Writes one method that waits.
fn call(at: usize, method: &Method, context: &Context<'_>) -> TokenStream {
    let Context { names, stub, .. } = context;
    let attributes = method.attributes();
    let doc = undocumented(method, || {
        format!(" Calls `{}.{}` and waits for its reply.", context.service.name(), method.name())
    });
    let many = as_many_as_in_the_trait(method);
    let (ident, table, index) = (method.ident(), &names.methods, super::index(at));
    let (parameters, sent) = (parameters(method), sent(method, context));
    let reply = super::reply_type(&method.reply, stub);
    let (value, error) = (&method.reply.value.ty, method.reply.error.iter());
    let output = quote!(::core::result::Result<#value, #stub::CallError #(<#error>)*>);
    quote! {
        #(#attributes)*
        #doc
        #many
        pub fn #ident(&self #parameters) -> #output {
            self.call.caller().call::<#reply>(&#table[#index], &#sent)
        }
    }
}

/// Writes how the runtime makes the client.
fn client_trait(context: &Context<'_>) -> TokenStream {
    let Context { names, stub, .. } = context;
    let (client, start, contract) = (&names.client, &names.start, &names.contract);
    quote! {
        impl #stub::Client for #client {
            const CONTRACT: &'static #stub::Contract = &#contract;

            fn from_caller(caller: #stub::Caller) -> Self {
                #client {
                    start: #start { caller: caller.clone() },
                    call: #stub::Handle::new(caller),
                }
            }
        }
    }
}

/// Writes the view that starts calls.
///
/// ```text
/// pub struct KvStart { caller: Caller }
/// impl KvStart {
///     pub fn get(&self, key: &str) -> Pending<Plain<Option<String>>> {
///         self.caller.start(&KV_METHODS[0], &(key,))
///     }
/// }
/// ```
fn start(context: &Context<'_>) -> TokenStream {
    let Context { service, names, stub, .. } = context;
    let vis = &service.item.vis;
    let (client, start) = (&names.client, &names.start);
    let doc = format!(
        " The methods of [`{}`], which start their call and do not wait: [`{client}::start`].",
        service.name()
    );
    let given = context.travellers.given();
    let methods = service.methods.iter().enumerate().map(|(at, method)| started(at, method, context));
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code, reason = #MAY_BE_UNUSED)]
        #vis struct #start {
            caller: #stub::Caller,
        }

        #[allow(dead_code, reason = #MAY_BE_UNUSED)]
        impl #start #given {
            #(#methods)*
        }
    }
}

/// Writes one method that does not wait.
fn started(at: usize, method: &Method, context: &Context<'_>) -> TokenStream {
    let Context { names, stub, .. } = context;
    let attributes = method.attributes().filter(|attribute| !attribute.path().is_ident("doc"));
    let (ident, table, index) = (method.ident(), &names.methods, super::index(at));
    let many = as_many_as_in_the_trait(method);
    let doc = format!(" Starts without waiting; see [`{}::{ident}`].", names.client);
    let (parameters, sent) = (parameters(method), sent(method, context));
    let reply = super::reply_type(&method.reply, stub);
    quote! {
        #[doc = #doc]
        #(#attributes)*
        #many
        pub fn #ident(&self #parameters) -> #stub::Pending<#reply> {
            self.caller.start(&#table[#index], &#sent)
        }
    }
}

/// A doc comment for a method that has none.
fn undocumented(method: &Method, text: impl FnOnce() -> String) -> Option<TokenStream> {
    let documented = method.attributes().any(|attribute| attribute.path().is_ident("doc"));
    (!documented).then(|| {
        let text = text();
        quote!(#[doc = #text])
    })
}

/// Clippy counts arguments, and the user has been told of those in the trait.
fn as_many_as_in_the_trait(method: &Method) -> Option<TokenStream> {
    let many = method.arguments.len() >= 7; // with `&self`, more than clippy's limit
    many.then(|| quote!(#[allow(clippy::too_many_arguments, reason = "as in the trait")]))
}

/// `, key: &str, value: &[u8]`: as the user wrote them.
fn parameters(method: &Method) -> TokenStream {
    let parameters = method.arguments.iter().map(|Argument { name, ty, .. }| quote!(, #name: #ty));
    parameters.collect()
}

/// `(key, Bytes::new(value))`: what is encoded.
fn sent(method: &Method, context: &Context<'_>) -> TokenStream {
    let stub = context.stub;
    let items: Vec<TokenStream> = method
        .arguments
        .iter()
        .map(|Argument { name, passing, .. }| match passing {
            Passing::Bytes => quote!(#stub::Bytes::new(#name)),
            Passing::Blob => quote!(#stub::Bytes::new(&#name)),
            Passing::AsWritten | Passing::Slice(_) | Passing::Lent(_) => quote!(#name),
        })
        .collect();
    super::tuple(&items)
}
