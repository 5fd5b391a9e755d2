//! Step 5: writes the whole client: its type, its constructor, and a second type, whose methods start a call without waiting for it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::step2::{Method, Trait, client_method, index, parameters, sent};

/// Writes the type of the client.
pub fn client_type(service: &Trait) -> TokenStream {
    let (vis, name) = (&service.item.vis, &service.item.ident);
    let (client, start) = (format_ident!("{name}Client"), format_ident!("{name}Start"));
    let doc = format!(
        " The client of [`{name}`]: each method makes one call to the server and waits for its reply."
    );
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #client {
            /// The same methods, which start a call and return without waiting for its reply.
            pub start: #start,
            /// The options and the state of the client: deadlines, counters, closing.
            pub call: ::rpc_core::stub::Handle<#client>,
        }
    }
}

/// Writes its methods: the constructor, and those of step 2.
pub fn client(service: &Trait) -> TokenStream {
    let name = &service.item.ident;
    let (client, bounds) = (format_ident!("{name}Client"), where_clause(service));
    let methods = service.methods.iter().map(client_method);
    let doc = format!(" Connects to a server of [`{name}`].");
    quote! {
        impl #client #bounds {
            #[doc = #doc]
            ///
            /// # Errors
            /// Returns an error if no server answers at the address, or if the one that does has no service of this name. It
            /// may have another version of this trait: then it refuses the calls that differ, and runs the others.
            pub fn connect(addr: impl stub::Into<stub::Addresses>) -> stub::Result<Self, stub::ConnectError> {
                stub::connect(addr)
            }

            #(#methods)*
        }
    }
}

/// Writes the type with the methods that start calls: `kv.start.get("a")`.
pub fn start_type(service: &Trait) -> TokenStream {
    let (vis, name) = (&service.item.vis, &service.item.ident);
    let (client, start) = (format!("{name}Client"), format_ident!("{name}Start"));
    let doc =
        format!(" Starts calls of [`{name}`] without waiting for their replies: see [`{client}::start`].");
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #start {
            caller: ::rpc_core::stub::Caller,
        }
    }
}

/// Writes its methods.
pub fn start(service: &Trait) -> TokenStream {
    let name = &service.item.ident;
    let start = format_ident!("{name}Start");
    let methods = service.methods.iter().map(|method| start_method(name, method));
    let bounds = where_clause(service);
    quote! {
        impl #start #bounds {
            #(#methods)*
        }
    }
}

/// Writes one of them: the client's method, but that it returns a `Pending`, which is a call that was not waited for yet.
fn start_method(name: &syn::Ident, method: &Method) -> TokenStream {
    let Method { ident, value, .. } = method;
    let (parameters, sent, index) = (parameters(method), sent(method), index(method));
    let doc = format!(" Starts a call without waiting for its reply; see [`{name}Client::{ident}`].");
    let error = method.error.iter();
    let never = method.error.clone().unwrap_or_else(|| syn::parse_quote!(stub::Never));
    quote! {
        #[doc = #doc]
        pub fn #ident(&self #parameters) -> stub::Pending<#value #(, #error)*> {
            self.caller.start::<#value, #never>(&METHODS[#index], &#sent)
        }
    }
}

/// Writes what the stubs take as given: nothing, until step 7.
pub fn where_clause(service: &Trait) -> Option<TokenStream> {
    let bounds = &service.bounds;
    (!bounds.is_empty()).then(|| quote!(where #(#bounds),*))
}
