//! Stage 4: the server: one `match` that decodes, calls the implementation, and encodes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

use super::Context;
use crate::model::{Argument, Method, Passing};
use crate::shape::is_unit;

/// Writes the server stub.
///
/// ```text
/// pub struct KvServer<S: ?Sized> { service: Arc<S> }
/// impl<S> KvServer<S> { pub fn new(service: S) -> Self { KvServer { service: Arc::new(service) } } }
/// impl<S: ?Sized> KvServer<S> { pub fn shared(service: Arc<S>) -> Self { KvServer { service } } }
/// impl<S: ?Sized + Kv + Send + Sync + 'static> Service for KvServer<S> { .. }
/// ```
pub(super) fn expand(context: &Context<'_>) -> TokenStream {
    let Context { service, names, .. } = context;
    let vis = &service.item.vis;
    let (server, implementation) = (&names.server, &names.implementation);
    let name = service.name();
    let server_doc = format!(" Serves an implementation of [`{name}`]: give it to `serve`.");
    let new_doc = format!(" The service that answers with this implementation of [`{name}`].");
    let shared_doc = format!(
        " The same for one that the program keeps a hand on, or that is known only as `Arc<dyn {name} + Send + Sync>`."
    );
    let dispatch = service_trait(context);
    quote! {
        #[doc = #server_doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code, reason = "a program may use one side only")]
        #vis struct #server<#implementation: ?::core::marker::Sized> {
            service: ::std::sync::Arc<#implementation>,
        }

        #[allow(dead_code, reason = "a program may use one side only")]
        impl<#implementation> #server<#implementation> {
            #[doc = #new_doc]
            pub fn new(service: #implementation) -> Self {
                #server { service: ::std::sync::Arc::new(service) }
            }
        }

        #[allow(dead_code, reason = "a program may use one side only")]
        impl<#implementation: ?::core::marker::Sized> #server<#implementation> {
            #[doc = #shared_doc]
            pub fn shared(service: ::std::sync::Arc<#implementation>) -> Self {
                #server { service }
            }
        }

        #dispatch
    }
}

/// Writes how the runtime calls the implementation.
///
/// ```text
/// match call.method() {
///     0 => {
///         let (key,): (&str,) = call.arguments()?;
///         call.reply::<Option<String>>(Kv::get(&self.service, key))
///     }
///     _ => call.no_such_method(),
/// }
/// ```
fn service_trait(context: &Context<'_>) -> TokenStream {
    let Context { service, names, stub, .. } = context;
    let (server, implementation, contract) = (&names.server, &names.implementation, &names.contract);
    let (trait_name, call) = (&service.item.ident, &names.call);
    let deprecated = super::is_deprecated(&service.item.attrs)
        || service.methods.iter().any(|method| super::is_deprecated(&method.item.attrs));
    let allow = deprecated.then(|| quote!(#[allow(deprecated, reason = "old methods are still served")]));
    let given = context.travellers.also_given();
    let arms = service.methods.iter().enumerate().map(|(at, method)| arm(at, method, context));
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
        #allow
        impl<#implementation> #stub::Service for #server<#implementation>
        where
            #implementation: ?::core::marker::Sized
                + #trait_name
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static,
            #given
        {
            fn contract(&self) -> &'static #stub::Contract {
                &#contract
            }

            fn dispatch(
                &self,
                #call: #stub::Dispatch<'_>,
            ) -> ::core::result::Result<#stub::Dispatched, #stub::Refused> {
                #body
            }
        }
    }
}

/// Writes one arm: decode, call, encode.
fn arm(at: usize, method: &Method, context: &Context<'_>) -> TokenStream {
    let Context { service, names, stub, .. } = context;
    let (index, call, trait_name, ident) =
        (super::index(at), &names.call, &service.item.ident, method.ident());
    let decoded = decoded(method, context);
    let bind_context = method.context.as_ref().map(|_| {
        let local = &names.context;
        quote!(let #local = #call.context();)
    });
    let passed = passed(method, context);
    let result = quote!(#trait_name::#ident(&*self.service #passed));
    let value = super::marker(&method.reply.value, stub);
    let reply = match &method.reply.error {
        None if is_unit(&method.reply.value.ty) => quote! {
            #result;
            #call.reply::<()>(())
        },
        None => quote!(#call.reply::<#value>(#result)),
        Some(error) => quote!(#call.reply_result::<#value, #error>(#result)),
    };
    quote! {
        #index => {
            #decoded
            #bind_context
            #reply
        }
    }
}

/// `let (key,): (&str,) = call.arguments()?;`
fn decoded(method: &Method, context: &Context<'_>) -> TokenStream {
    let (call, stub) = (&context.names.call, context.stub);
    if method.arguments.is_empty() {
        return quote!(let () = #call.arguments()?;);
    }
    let names: Vec<TokenStream> =
        method.arguments.iter().map(|argument| argument.name.to_token_stream()).collect();
    let types: Vec<TokenStream> = method
        .arguments
        .iter()
        .map(|Argument { ty, passing, .. }| match passing {
            Passing::AsWritten | Passing::Bytes => ty.to_token_stream(),
            Passing::Blob => quote!(#stub::ByteBuf),
            Passing::Slice(item) => quote!(::std::vec::Vec<#item>),
            Passing::Lent(target) => target.to_token_stream(),
        })
        .collect();
    let (names, types) = (super::tuple(&names), super::tuple(&types));
    quote!(let #names: #types = #call.arguments()?;)
}

/// `, &context, key, &value`: what the implementation gets. Proved by `ui/foreign_context`.
fn passed(method: &Method, context: &Context<'_>) -> TokenStream {
    let local = &context.names.context;
    let lent = method.context.as_ref().map(|ty| {
        let place = end(ty).resolved_at(Span::mixed_site()); // of another type, it is an error at the user's tokens
        let mut local = local.clone();
        local.set_span(place);
        quote_spanned!(place=> , &#local)
    });
    let arguments = method.arguments.iter().map(|Argument { name, passing, .. }| match passing {
        Passing::AsWritten | Passing::Bytes => quote!(, #name),
        Passing::Blob => quote!(, #name.into_vec()),
        Passing::Slice(_) | Passing::Lent(_) => quote!(, &#name),
    });
    lent.into_iter().chain(arguments).collect()
}

/// The place of a type's last token.
fn end(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().last().map_or_else(Span::call_site, |token| token.span())
}
