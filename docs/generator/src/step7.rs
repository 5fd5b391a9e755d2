//! Step 7: puts all of it together, checks the user's own types, and writes what `#[rpc]` writes.
//!
//! A type without `#[derive(Serialize, Deserialize)]` would be an error at each of its uses in the stubs. So the stubs take as given that it
//! has them (a bound), and one line at the end checks it. Most of the stubs is in a block, whose names are no names of the user's module.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{ItemTrait, Type};

use crate::{step2, step3, step4, step5, step6};

/// Types that are known to be sent as they are, and those that are if the types in them are.
const KNOWN: [&str; 14] =
    ["bool", "char", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "str", "String"];
const CONTAINERS: [&str; 3] = ["Vec", "Option", "Box"];

/// Returns the trait and its stubs, or its mistakes.
///
/// # Errors
/// The trait is wrong.
pub fn expand(item: ItemTrait) -> Result<TokenStream, Vec<syn::Error>> {
    let mistakes = step4::mistakes(&item);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut service = step2::read(item);
    step4::read_results(&mut service);
    let (mut checks, mut replies, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for method in &service.methods {
        let arguments = method.arguments.iter().map(|(_, ty)| (ty, "argument", "Argument"));
        let returned = [Some(&method.value), method.error.as_ref()].into_iter().flatten();
        for (ty, role, bound) in arguments.chain(returned.map(|ty| (ty, "returnable", "Returnable"))) {
            for own in own_types(ty) {
                if seen.contains(&own) {
                    continue;
                }
                let role =
                    if own.to_token_stream().to_string().ends_with("Error") { "failure" } else { role };
                let (role, bound) = (format_ident!("{role}"), format_ident!("{bound}"));
                checks.push(quote!(stub::#role::<#own>();));
                service.bounds.push(quote!(for<'a> #own: stub::#bound<'a>));
                seen.push(own);
            }
        }
        let value = &method.value;
        if method.error.is_none() && own_types(value) == [value.clone()] {
            replies.push(quote!(const _: () = stub::no_alias(stub::Named::<#value>::IS_RESULT);));
        }
    }
    let (item, name) = (&service.item, &service.item.ident);
    let types = [step5::client_type(&service), step5::start_type(&service), step3::server_type(&service)];
    let (contract, client_trait) = (step6::contract(&service), step6::client_trait(&service));
    let (client, start, server) = (step5::client(&service), step5::start(&service), step3::server(&service));
    let checks = (!checks.is_empty()).then(|| {
        quote! {
            /// Checks that these types implement serde's traits: one that does not is one error, at its place in the trait.
            const _: fn() = || { #(#checks)* };
        }
    });
    let replies = (!replies.is_empty()).then(|| {
        quote! {
            /// Checks that no reply is a `Result` under another name, whose error the stubs would not see.
            const _: () = { use stub::NoResult as _; #(#replies)* };
        }
    });
    let doc =
        format!(" The stubs of [`{name}`], in a block, so that their names are not names of the module.");
    Ok(quote! {
        #item
        #(#types)*
        #[doc = #doc]
        #[allow(dead_code, reason = "a program may use one side only")]
        const _: () = { use ::rpc_core::stub; #contract #client #client_trait #start #server #checks #replies };
    })
}

/// Returns the user's own types within a type: `Doc` of `Option<Vec<Doc>>`.
fn own_types(ty: &Type) -> Vec<Type> {
    let Type::Path(path) = ty else {
        return match ty {
            Type::Reference(reference) => own_types(&reference.elem),
            Type::Tuple(tuple) => tuple.elems.iter().flat_map(own_types).collect(),
            _ => Vec::new(),
        };
    };
    let Some(last) = path.path.segments.last() else { return Vec::new() };
    let name = last.ident.to_string();
    match &last.arguments {
        syn::PathArguments::None if KNOWN.contains(&name.as_str()) => Vec::new(),
        syn::PathArguments::AngleBracketed(inner) if CONTAINERS.contains(&name.as_str()) => {
            let types = inner.args.iter().filter_map(|argument| match argument {
                syn::GenericArgument::Type(ty) => Some(own_types(ty)),
                _ => None,
            });
            types.flatten().collect()
        }
        _ => vec![ty.clone()],
    }
}
