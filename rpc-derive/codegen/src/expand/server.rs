//! Stage 4: writes the server: one `match`, whose arms decode the arguments, call the implementation and encode the reply.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Type};

use super::{Generator, value_type};
use crate::model::{Argument, Method, Passing};
use crate::shape::is_unit;

/// Writes the type of the server.
///
/// ```text
/// pub struct KvServer<S: ?Sized> { service: Arc<S> }
/// ```
pub(super) fn server_type(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let (vis, runtime, allowed) = (&service.vis, &service.runtime, &service.allowed);
    let (server, implementation) = (&names.server, &names.implementation);
    let doc = format!(" Serves an implementation of [`{}`]: give it to `serve`.", service.name());
    quote! {
        #[doc = #doc]
        #(#allowed)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #server<#implementation: ?::core::marker::Sized> {
            service: #runtime::stub::Arc<#implementation>,
        }
    }
}

/// Writes the constructors, and how the runtime calls the implementation. An implementation without its server is refused by
/// rustc, in words of `Service`: `ui/not_wrapped`.
///
/// ```text
/// impl<S: ?Sized> KvServer<S> {
///     pub fn new(service: S) -> Self where S: Sized { KvServer { service: Arc::new(service) } }
///     pub fn shared(service: Arc<S>) -> Self { KvServer { service } }
/// }
/// impl<S: ?Sized + Kv + Send + Sync + 'static> Service for KvServer<S> { .. }
/// ```
pub(super) fn expand(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let (server, implementation, stub) = (&names.server, &names.implementation, &names.stub);
    let name = service.name();
    let new_doc = format!(" Serves this implementation of [`{name}`].");
    let shared_doc = format!(
        " Like `new`, for an implementation that is already shared, or that is known only as `Arc<dyn {name} + Send + Sync>`."
    );
    let service_trait = service_trait(generator);
    quote! {
        impl<#implementation: ?#stub::Sized> #server<#implementation> {
            #[doc = #new_doc]
            pub fn new(service: #implementation) -> Self
            where
                #implementation: #stub::Sized,
            {
                #server { service: #stub::Arc::new(service) }
            }

            #[doc = #shared_doc]
            pub fn shared(service: #stub::Arc<#implementation>) -> Self {
                #server { service }
            }
        }

        #service_trait
    }
}

/// Writes how the runtime calls the implementation.
///
/// ```text
/// match call.method() {
///     GET => {
///         let (key,): (&str,) = call.arguments()?;
///         call.reply::<Option<String>>(Kv::get(&*self.service, key))
///     }
///     _ => call.no_such_method(),
/// }
/// ```
fn service_trait(generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, serde_types } = generator;
    let (server, implementation, contract) = (&names.server, &names.implementation, &names.contract);
    let (trait_name, call, stub) = (&service.ident, &names.call, &names.stub);
    let bounds = serde_types.bounds();
    let arms =
        names.indices.iter().zip(&service.methods).map(|(index, method)| arm(index, method, generator));
    let body = if service.methods.is_empty() {
        quote!(#call.no_such_method())
    } else {
        quote! {
            match #call.method() {
                #(#arms)*
                _ => #call.no_such_method(),
            }
        }
    };
    quote! {
        impl<#implementation> #stub::Service for #server<#implementation>
        where
            #implementation: ?#stub::Sized + #trait_name + #stub::Send + #stub::Sync + 'static,
            #(#bounds,)*
        {
            fn contract(&self) -> &'static #stub::Contract {
                &#contract
            }

            fn dispatch(&self, #call: #stub::Dispatch<'_>) -> #stub::Result<#stub::Dispatched, #stub::Refused> {
                #body
            }
        }
    }
}

/// Writes one arm: decode, call, encode.
fn arm(index: &Ident, method: &Method, generator: &Generator<'_>) -> TokenStream {
    let Generator { service, names, .. } = generator;
    let (call, trait_name, ident) = (&names.call, &service.ident, &method.ident);
    let decoded = decoded(method, generator);
    let is_allowance = |attribute: &&Attribute| attribute.path().is_ident("allow"); // the arm has the arguments as locals
    let allowed =
        method.attributes.iter().filter(|attribute| is_allowance(attribute) && !method.arguments.is_empty());
    let bind_context = method.context.as_ref().map(|_| {
        let local = &names.context;
        quote!(let #local = #call.context();)
    });
    let passed = passed(method, generator);
    let result = quote!(#trait_name::#ident(&*self.service #passed));
    let value = value_type(&method.reply, generator);
    let reply = match &method.reply.error {
        None if method.later => quote!(#call.reply_later::<#value>(#result)),
        Some(error) if method.later => quote!(#call.reply_result_later::<#value, #error>(#result)),
        None if is_unit(&method.reply.value) => quote! {
            #result;
            #call.reply::<()>(())
        },
        None => quote!(#call.reply::<#value>(#result)),
        Some(error) => quote!(#call.reply_result::<#value, #error>(#result)),
    };
    quote! {
        #(#allowed)*
        #index => {
            #decoded
            #bind_context
            #reply
        }
    }
}

/// Writes how the arguments are decoded: `let (key,): (&str,) = call.arguments()?;`.
fn decoded(method: &Method, generator: &Generator<'_>) -> TokenStream {
    let call = &generator.names.call;
    if method.arguments.is_empty() {
        return quote!(let () = #call.arguments()?;);
    }
    let names: Vec<TokenStream> =
        method.arguments.iter().map(|argument| argument.name.to_token_stream()).collect();
    let types = super::decoded_types(method, generator);
    let (names, types) = (super::tuple(&names), super::tuple(&types));
    quote!(let #names: #types = #call.arguments()?;)
}

/// Writes the arguments of the implementation: `, &context, key, &value`. Proved by `ui/foreign_context`.
fn passed(method: &Method, generator: &Generator<'_>) -> TokenStream {
    let local = &generator.names.context;
    let context = method.context.as_ref().map(|ty| {
        let place = end(ty).resolved_at(Span::mixed_site()); // shows a context of another type at the user's tokens
        let mut local = local.clone();
        local.set_span(place);
        quote_spanned!(place=> , &#local)
    });
    let arguments = method.arguments.iter().map(|Argument { name, passing, .. }| match passing {
        Passing::AsWritten | Passing::Bytes => quote!(, #name),
        Passing::Blob => quote!(, #name.into_vec()),
        Passing::Slice(_) | Passing::ByRef(_) => quote!(, &#name),
    });
    context.into_iter().chain(arguments).collect()
}

/// Returns the place of a type's last token.
fn end(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().last().map_or_else(Span::call_site, |token| token.span())
}
