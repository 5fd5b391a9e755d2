//! Stage 2: reports what is wrong with the type of an argument, of the call context, or of a reply.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ReturnType, Type};

use super::parts::{self, Place};
use crate::parse::{ParsedArgument, ParsedMethod};
use crate::report::Report;
use crate::shape::{later_argument, names_context, plain, result_arguments};
use crate::spell;

/// Reports the first mistake in the type of an argument that is sent.
pub(super) fn argument(argument: &ParsedArgument, method: &ParsedMethod, report: &mut Report) {
    let before = report.count();
    not_a_context(argument, method.context.is_some(), report);
    if report.count() == before {
        sendable(&argument.input.ty, &lifetimes(method), report);
    }
    if report.count() == before {
        parts::check(&argument.input.ty, Place::Argument, report);
    }
}

/// Rule: the call context is the first argument, a reference, and there is one. Proved by `ui/owned_context`, `ui/context_not_first`, `ui/mut_context`.
fn not_a_context(argument: &ParsedArgument, has_context: bool, report: &mut Report) {
    const ONE: &str = "a method has one call context: remove this one";
    const FIRST: &str = "the caller does not send the call context: put it first, right after `&self`";
    const OWNED: &str = "the call context is passed by reference: write `&CallContext`";
    let is_context = |ty: &Type| argument.marked || names_context(ty);
    match plain(&argument.input.ty) {
        Type::Reference(reference) if is_context(&reference.elem) => {
            report.at(reference, if has_context { ONE } else { FIRST });
        }
        ty if is_context(ty) => report.at(ty, OWNED),
        _ => {}
    }
}

/// Rule: the call context is a shared reference. Proved by `ui/mut_context`, `ui/marked_context`.
pub(super) fn context(ty: &Type, report: &mut Report) {
    match plain(ty) {
        Type::Reference(reference) => {
            if let Some(mutability) = &reference.mutability {
                report.at(mutability, "the call context is shared: write `&CallContext`");
            } else if let Some(lifetime) = &reference.lifetime {
                report.at(lifetime, "the call context is borrowed for the call: write `&CallContext`");
            }
        }
        _ => report.at(ty, "the call context is passed by reference: write `&CallContext`"),
    }
}

/// Rule: a reply is an owned type, or a `Result` of two. Proved by `ui/borrowed_return`, `ui/result_alias`,
/// `ui/never_return`.
pub(super) fn reply(output: &ReturnType, report: &mut Report) {
    let ReturnType::Type(_, ty) = output else { return };
    let ty = later_argument(ty).unwrap_or(ty); // callers get the type inside
    if let Type::Never(never) = plain(ty) {
        report.at(never, "a remote method must return: leave the return type out, or write `Result<(), E>`");
        return;
    }
    match result_arguments(ty).as_deref() {
        None => owned(ty, report),
        Some([value, error]) => {
            owned(value, report);
            owned(error, report);
        }
        Some(arguments) => report.at(ty, in_full(arguments.first().copied())),
    }
}

/// Returns the message for a `Result` whose error type is not written, with what to write.
fn in_full(value: Option<&Type>) -> String {
    let value = value.map_or_else(|| "T".to_owned(), spell::type_text);
    format!(
        "write `Result<{value}, E>` in full, because the stubs must see the error type. `E` must be a type that can be \
         sent: an enum of yours that derives serde's traits, or `String`; `io::Error` and the like cannot"
    )
}

/// Rule: a type in a reply does not borrow. Proved by `ui/borrowed_return`.
fn owned(ty: &Type, report: &mut Report) {
    match (plain(ty), borrow(ty.to_token_stream())) {
        (Type::Reference(_), _) => report.at(ty, borrowed_reply(ty)),
        (_, Some(span)) => report.at_span(span, borrowed_reply(ty)),
        (_, None) => {
            let before = report.count();
            sendable(ty, &[], report);
            if report.count() == before {
                parts::check(ty, Place::Reply, report);
            }
        }
    }
}

/// Returns the message for a borrowed reply, with the owned type to write instead.
fn borrowed_reply(ty: &Type) -> String {
    let owned = match plain(ty) {
        Type::Reference(reference) => match plain(&reference.elem) {
            Type::Path(path) if path.path.is_ident("str") => Some("String".to_owned()),
            Type::Slice(slice) => Some(format!("Vec<{}>", spell::type_text(&slice.elem))),
            target => Some(spell::type_text(target)),
        },
        _ => None,
    };
    let instead = owned.map_or_else(|| "write an owned type".to_owned(), |owned| format!("write `{owned}`"));
    format!("a reply comes from another process and cannot borrow: {instead}")
}

/// Finds the first sign of a reference or a lifetime.
fn borrow(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => borrow(group.stream()),
        TokenTree::Punct(punct) if matches!(punct.as_char(), '&' | '\'') => Some(punct.span()),
        _ => None,
    })
}

/// Rule: a type has nothing in it that cannot be sent. One type gives one message, about the first such token.
/// Proved by `ui/impl_argument`, `ui/dyn_argument`, `ui/mut_argument`, `ui/lifetime_in_argument`, `ui/self_type`,
/// `ui/pointer_argument`, `ui/inferred_type`.
fn sendable(ty: &Type, refused: &[String], report: &mut Report) {
    if let Some((span, text)) = forbidden_token(ty.to_token_stream(), refused) {
        report.at_span(span, text);
    }
}

/// Returns the lifetimes that a method declares. They are reported where they are declared, and not again where they are used.
fn lifetimes(method: &ParsedMethod) -> Vec<String> {
    method.item.sig.generics.lifetimes().map(|parameter| parameter.lifetime.ident.to_string()).collect()
}

/// Finds the first token that cannot be in a type that is sent, and what to write instead.
fn forbidden_token(tokens: TokenStream, refused: &[String]) -> Option<(Span, &'static str)> {
    let mut before = None; // the sign that this token follows
    for token in tokens {
        let found = match &token {
            TokenTree::Group(group) => forbidden_token(group.stream(), refused),
            TokenTree::Ident(word) if before == Some('\'') && refused.contains(&word.to_string()) => None,
            TokenTree::Ident(word) => {
                forbidden_word(&word.to_string(), before).map(|text| (word.span(), text))
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

/// Returns the reason why a word cannot be in a type that is sent, if it follows this sign.
fn forbidden_word(word: &str, before: Option<char>) -> Option<&'static str> {
    let text = match (before, word) {
        (Some('\''), "_") => return None,
        (Some('\''), _) => {
            "an argument is borrowed for the call, so its lifetime has no name: write `'_`, or `&` alone"
        }
        (Some('*'), "const" | "mut") => "a pointer has no meaning in another process: write the type itself",
        (_, "mut") => "the server changes only its own copy: write `&`, and return the changed value",
        (_, "impl") => "`impl Trait` is not one type: write a concrete type",
        (_, "dyn") => "a trait object cannot be sent: write a concrete type, such as an enum",
        (_, "fn") => "a function cannot be sent: send data that says what to do",
        (_, "Self") => "`Self` is the service, which cannot be sent: write the type by its name",
        (_, "_") => "write the type: it is part of the contract",
        _ => return None,
    };
    Some(text)
}
