//! Stage 3: what is wrong with the type of an argument, of the context, or of a reply.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

use crate::model::{Argument, Method};
use crate::report::Report;
use crate::shape::{names_context, plain, result_arguments};
use crate::spell;

/// An argument that is sent.
pub(super) fn argument(argument: &Argument, method: &Method, report: &mut Report) {
    let before = report.count();
    no_context(argument, method.context.is_some(), report);
    if report.count() == before {
        sendable(&argument.ty, &lifetimes(method), report);
    }
}

/// A context in the wrong place or form. Proved by `ui/owned_context`, `ui/context_not_first`, `ui/mut_context`.
fn no_context(argument: &Argument, has_context: bool, report: &mut Report) {
    const ONE: &str = "a method has one call context: remove this one";
    const FIRST: &str = "the call context is no argument of the caller: put it first, right after `&self`";
    const LENT: &str = "the call context is lent to the implementation: write `&CallContext`";
    let is_context = |ty: &Type| argument.marked || names_context(ty);
    match plain(&argument.ty) {
        Type::Reference(reference) if is_context(&reference.elem) => {
            report.at(reference, if has_context { ONE } else { FIRST });
        }
        ty if is_context(ty) => report.at(ty, LENT),
        _ => {}
    }
}

/// The context is a shared reference. Proved by `ui/mut_context`, `ui/marked_context`.
pub(super) fn context(ty: &Type, report: &mut Report) {
    match plain(ty) {
        Type::Reference(reference) => {
            if let Some(mutability) = &reference.mutability {
                report.at(mutability, "the call context is shared: write `&CallContext`");
            } else if let Some(lifetime) = &reference.lifetime {
                report.at(lifetime, "the call context is lent for the call: write `&CallContext`");
            }
        }
        _ => report.at(ty, "the call context is lent to the implementation: write `&CallContext`"),
    }
}

/// What comes back. Proved by `ui/borrowed_return`, `ui/result_alias`, `ui/never_return`.
pub(super) fn reply(method: &Method, report: &mut Report) {
    let reply = &method.reply;
    if reply.error.is_none() {
        let value = &reply.value;
        if let Type::Never(never) = plain(&value.ty) {
            return report
                .at(never, "a remote method ends: leave the return type out, or write `Result<(), E>`");
        }
        if result_arguments(&value.ty).is_some() {
            return report.at(&value.ty, "write `Result<T, E>` in full: the stubs must see the error type");
        }
    }
    for ty in reply.types() {
        match (plain(ty), borrow(ty.to_token_stream())) {
            (Type::Reference(_), _) => report.at(ty, borrowed_reply(ty)),
            (_, Some(span)) => report.at_span(span, borrowed_reply(ty)),
            (_, None) => sendable(ty, &[], report),
        }
    }
}

/// What to write instead of a borrowed reply.
fn borrowed_reply(ty: &Type) -> String {
    let owned = match plain(ty) {
        Type::Reference(reference) => match plain(&reference.elem) {
            Type::Path(path) if path.path.is_ident("str") => Some("String".to_owned()),
            Type::Slice(slice) => Some(format!("Vec<{}>", spell::spelled(&slice.elem))),
            target => Some(spell::spelled(target)),
        },
        _ => None,
    };
    let instead = owned.map_or_else(|| "write an owned type".to_owned(), |owned| format!("write `{owned}`"));
    format!("a reply comes from another process and cannot borrow: {instead}")
}

/// Where something is borrowed, if anywhere.
fn borrow(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => borrow(group.stream()),
        TokenTree::Punct(punct) if matches!(punct.as_char(), '&' | '\'') => Some(punct.span()),
        _ => None,
    })
}

/// Nothing in a type that cannot travel; the first such token is reported, so that one type gives one message.
/// Proved by `ui/impl_argument`, `ui/dyn_argument`, `ui/mut_argument`, `ui/lifetime_in_argument`, `ui/self_type`,
/// `ui/pointer_argument`, `ui/inferred_type`.
fn sendable(ty: &Type, refused: &[String], report: &mut Report) {
    if let Some((span, text)) = offence(ty.to_token_stream(), refused) {
        report.at_span(span, text);
    }
}

/// The lifetimes that a method declares, which are refused where it does so, and not again where they are used.
fn lifetimes(method: &Method) -> Vec<String> {
    method.item.sig.generics.lifetimes().map(|parameter| parameter.lifetime.ident.to_string()).collect()
}

/// The first token that cannot travel, and what to write instead.
fn offence(tokens: TokenStream, refused: &[String]) -> Option<(Span, &'static str)> {
    let mut before = None; // the sign that this token follows
    for token in tokens {
        let found = match &token {
            TokenTree::Group(group) => offence(group.stream(), refused),
            TokenTree::Ident(word) if before == Some('\'') && refused.contains(&word.to_string()) => None,
            TokenTree::Ident(word) => {
                offending_word(&word.to_string(), before).map(|text| (word.span(), text))
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        };
        if found.is_some() {
            return found;
        }
        before = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
    }
    None
}

/// Why a word cannot be in a type that travels, after this sign.
fn offending_word(word: &str, before: Option<char>) -> Option<&'static str> {
    let text = match (before, word) {
        (Some('\''), "_") => return None,
        (Some('\''), _) => {
            "an argument is lent for the call, and a lifetime has no name here: write `'_`, or `&` alone"
        }
        (Some('*'), "const" | "mut") => "a pointer means nothing in another process: write the type itself",
        (_, "mut") => "the far side changes its own copy only: write `&`, and return what has changed",
        (_, "impl") => "`impl Trait` names no one type: write a concrete type",
        (_, "dyn") => "a trait object cannot travel: write a concrete type, such as an enum of the cases",
        (_, "fn") => "code cannot travel: write data that says what is to be done",
        (_, "Self") => "`Self` is the service, which does not travel: write the type by its name",
        (_, "_") => "write the type: it is part of the contract",
        _ => return None,
    };
    Some(text)
}
