//! Step 3: writes the server: the type, its constructors, and the one `match` that calls the implementation.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Type, parse_quote};

use crate::step2::{Method, Trait, index, sent};

/// Writes the type of the server, which holds the implementation.
pub fn server_type(service: &Trait) -> TokenStream {
    let (vis, name) = (&service.item.vis, &service.item.ident);
    let server = format_ident!("{name}Server");
    let doc = format!(" Serves an implementation of [`{name}`]: give it to `serve`.");
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #server<S: ?::core::marker::Sized> {
            service: ::rpc_core::stub::Arc<S>,
        }
    }
}

/// Writes the constructors, and how the runtime calls the implementation.
pub fn server(service: &Trait) -> TokenStream {
    let name = &service.item.ident;
    let server = format_ident!("{name}Server");
    let new_doc = format!(" Serves this implementation of [`{name}`].");
    let shared_doc = format!(
        " Like `new`, for an implementation that is already shared, or that is known only as `Arc<dyn {name} + Send + Sync>`."
    );
    let (bounds, dispatch) = (&service.bounds, dispatch(service));
    quote! {
        impl<S: ?stub::Sized> #server<S> {
            #[doc = #new_doc]
            pub fn new(service: S) -> Self
            where
                S: stub::Sized,
            {
                #server { service: stub::Arc::new(service) }
            }

            #[doc = #shared_doc]
            pub fn shared(service: stub::Arc<S>) -> Self {
                #server { service }
            }
        }

        impl<S> stub::Service for #server<S>
        where
            S: ?stub::Sized + #name + stub::Send + stub::Sync + 'static,
            #(#bounds,)*
        {
            fn contract(&self) -> &'static stub::Contract {
                &CONTRACT
            }

            #dispatch
        }
    }
}

/// Writes `dispatch`: which method, its arguments out of the bytes, the real call, its result into bytes.
pub fn dispatch(service: &Trait) -> TokenStream {
    let arms = service.methods.iter().map(|method| arm(service, method));
    quote! {
        fn dispatch(&self, call: stub::Dispatch<'_>) -> stub::Result<stub::Dispatched, stub::Refused> {
            match call.method() {
                #(#arms)*
                _ => call.no_such_method(),
            }
        }
    }
}

/// Writes one arm of the `match`. If the arguments cannot be read, the `?` refuses the call before anything runs.
fn arm(service: &Trait, method: &Method) -> TokenStream {
    let (name, Method { ident, value, .. }) = (&service.item.ident, method);
    let (index, names) = (index(method), sent(method)); // the names that the client packs are the names that are unpacked
    let types = types(method);
    let arguments = method.arguments.iter().map(|(name, _)| quote!(, #name));
    let result = quote!(#name::#ident(&*self.service #(#arguments)*));
    let unit: Type = parse_quote!(());
    let reply = match &method.error {
        Some(error) => quote!(call.reply_result::<#value, #error>(#result)),
        None if *value == unit => quote!(#result; call.reply::<()>(())),
        None => quote!(call.reply::<#value>(#result)),
    };
    quote!(#index => { let #names: #types = call.arguments()?; #reply })
}

/// Writes the type of the tuple of arguments: `(&str, &str)`.
pub fn types(method: &Method) -> TokenStream {
    let types: Vec<&Type> = method.arguments.iter().map(|(_, ty)| ty).collect();
    if let [one] = types[..] { quote!((#one,)) } else { quote!((#(#types),*)) }
}
