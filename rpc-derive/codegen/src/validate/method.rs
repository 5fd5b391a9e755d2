//! Stage 2: reports what is wrong with one method.

use syn::ext::IdentExt;
use syn::{FnArg, GenericParam, PatType, ReceiverKind, Safety, Signature};

use super::{conditional, types};
use crate::names::RESERVED;
use crate::parse::ParsedMethod;
use crate::report::Report;
use crate::shape::plain_name;

/// The most arguments of a method: they are sent as one tuple, and serde implements its traits for tuples of up to 16.
pub const MAX_ARGUMENTS: usize = 16;

/// Reports every mistake in a method.
pub(super) fn check(method: &ParsedMethod, report: &mut Report) {
    let sig = &method.item.sig;
    if is_rewritten(sig, report) {
        return; // all else in it is what the other attribute wrote
    }
    conditional::no_cfg(method, report);
    not_reserved(method, report);
    qualifiers(method, report);
    no_generics(sig, report);
    receiver(sig, report);
    no_body(method, report);
    for input in sig.inputs.iter().filter_map(typed) {
        named(input, report);
    }
    if let Some(context) = &method.context {
        types::context(context, report);
    }
    for argument in &method.arguments {
        types::argument(argument, method, report);
    }
    not_too_many(method, report);
    types::reply(&sig.output, report);
    policies(method, report);
}

/// Rule: a method is not named as the client's constructor. Proved by `ui/reserved_name`.
fn not_reserved(method: &ParsedMethod, report: &mut Report) {
    let ident = &method.item.sig.ident;
    if ident.unraw() == RESERVED {
        report.at(
            ident,
            "`connect` is the client's constructor, and the one name that a remote method cannot have: rename it",
        );
    }
}

/// Rule: a method is a plain `fn`. Proved by `ui/async_fn`, `ui/unsafe_fn`, `ui/extern_fn`, `ui/const_fn`, `ui/variadic`.
fn qualifiers(method: &ParsedMethod, report: &mut Report) {
    let sig = &method.item.sig;
    if let Some(asyncness) = &sig.asyncness {
        report.at(
            asyncness,
            "write a plain `fn`: the caller chooses. `client.method(..)` waits, \
             and `client.start.method(..)` returns a future",
        );
    }
    match &sig.safety {
        Safety::Unsafe(token) => {
            report.at(
                token,
                "a remote method cannot check what `unsafe` requires of its caller: remove `unsafe`",
            );
        }
        Safety::Safe(token) => report.at(token, "every remote method is safe: remove `safe`"),
        Safety::Default => {}
    }
    if let Some(constness) = &sig.constness {
        report.at(constness, "a remote method cannot run at compile time: remove `const`");
    }
    if let Some(abi) = &sig.abi {
        report.at(abi, "a remote method has no calling convention: remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        report.at(variadic, "the number of arguments must be fixed: write them out, or take a slice");
    }
    if let Err(error) = method.item.modifiers.require_empty() {
        report.syntax(error);
    }
}

/// Rule: no `#[async_trait]` has rewritten the method. Proved by `ui/async_trait`.
fn is_rewritten(sig: &Signature, report: &mut Report) -> bool {
    let rewritten = sig.generics.lifetimes().any(|parameter| parameter.lifetime.ident == "async_trait");
    if rewritten {
        report.at(
            &sig.ident,
            "remove `#[async_trait]` and write a plain `fn`: the caller chooses. `client.method(..)` waits, \
             and `client.start.method(..)` returns a future",
        );
    }
    rewritten
}

/// Rule: a method has no generics, since its stub is written once. Proved by `ui/generic_method`, `ui/lifetime_on_method`, `ui/where_clause`.
fn no_generics(sig: &Signature, report: &mut Report) {
    for parameter in &sig.generics.params {
        let text = match parameter {
            GenericParam::Lifetime(_) => {
                "a remote method cannot have lifetimes: arguments are borrowed for the call, and replies are owned"
            }
            _ => "a remote method cannot be generic: write a concrete type, or one method for each type",
        };
        report.at(parameter, text);
    }
    if let Some(clause) = &sig.generics.where_clause {
        report.at(clause, "a remote method cannot have a `where` clause: write concrete types");
    }
}

/// Rule: the receiver is `&self`. Proved by `ui/mut_self`, `ui/no_self`, `ui/self_by_value`, `ui/self_with_lifetime`.
fn receiver(sig: &Signature, report: &mut Report) {
    let Some(receiver) = sig.receiver() else {
        let text = "a remote method is called on a service: write `&self` as its first argument";
        return report.at(&sig.ident, text);
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => {}
        ReceiverKind::Reference(_, _, Some(_)) => report.at(
            receiver,
            "write `&self`: many clients share one service; keep what changes in a `Mutex` or an atomic",
        ),
        ReceiverKind::Reference(_, Some(lifetime), None) => {
            report.at(lifetime, "write `&self`: a remote method cannot have lifetimes");
        }
        _ => report.at(receiver, "write `&self`: a call cannot consume the service"),
    }
}

/// Rule: a method has no default body. Proved by `ui/default_body`.
fn no_body(method: &ParsedMethod, report: &mut Report) {
    if let Some(body) = &method.item.default {
        report.at(
            body,
            "a remote method cannot have a default body, because an older server could not run it: \
             end it with `;` and write the code in the implementation",
        );
    }
}

/// Rule: an argument is a name and a type. Proved by `ui/pattern_argument`.
fn named(input: &PatType, report: &mut Report) {
    if plain_name(&input.pat).is_none() {
        report.at(&input.pat, "write a plain name: the stubs use it");
    }
}

/// Rule: a method has at most [`MAX_ARGUMENTS`]. Proved by `ui/too_many_arguments`.
fn not_too_many(method: &ParsedMethod, report: &mut Report) {
    if let Some(argument) = method.arguments.get(MAX_ARGUMENTS) {
        let text = format!(
            "this is argument {} of at most {MAX_ARGUMENTS}: put some of them into a struct",
            MAX_ARGUMENTS + 1
        );
        report.at(&argument.input.pat, text);
    }
}

/// Rule: options do not contradict each other. Proved by `ui/contradiction`.
fn policies(method: &ParsedMethod, report: &mut Report) {
    if let (Some(_), Some((span, _))) = (&method.policies.idempotent, &method.policies.max_cached_reply) {
        report
            .at_span(*span, "the reply of an idempotent method is never kept: remove one of the two options");
    }
}

pub(super) fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(input) => Some(input),
        FnArg::Receiver(_) => None,
    }
}
