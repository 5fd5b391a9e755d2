//! Stage 3: what is wrong with one method.

use syn::{FnArg, GenericParam, PatType, ReceiverKind, Safety, Signature};

use super::types;
use crate::model::{Argument, Method};
use crate::names::RESERVED;
use crate::report::Report;

/// Most arguments: serde's tuples end here.
const MAX_ARGUMENTS: usize = 16;

/// Reports every mistake of a method.
pub(super) fn check(method: &Method, report: &mut Report) {
    let sig = &method.item.sig;
    no_cfg(method, report);
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
    types::reply(method, report);
    policies(method, report);
}

/// Both sides must have the same methods and arguments. Proved by `ui/cfg_on_method`.
fn no_cfg(method: &Method, report: &mut Report) {
    let of_arguments = method.item.sig.inputs.iter().filter_map(typed).flat_map(|input| &input.attrs);
    for attribute in method.item.attrs.iter().chain(of_arguments) {
        if attribute.path().is_ident("cfg") {
            report.at(attribute, "both sides must have the same methods: put `#[cfg]` on a whole trait");
        }
    }
}

/// The client has a constructor of that name. Proved by `ui/reserved_name`.
fn not_reserved(method: &Method, report: &mut Report) {
    if method.name() == RESERVED {
        report.at(
            method.ident(),
            "`connect` is the client's constructor, and the one name that a remote method cannot have: rename it",
        );
    }
}

/// A plain `fn`. Proved by `ui/async_fn`, `ui/unsafe_fn`, `ui/extern_fn`, `ui/const_fn`, `ui/variadic`.
fn qualifiers(method: &Method, report: &mut Report) {
    let sig = &method.item.sig;
    if let Some(asyncness) = &sig.asyncness {
        report.at(
            asyncness,
            "write a plain `fn`: the caller chooses between waiting, `client.method(..)`, \
             and a future, `client.start.method(..)`",
        );
    }
    match &sig.safety {
        Safety::Unsafe(token) => {
            report.at(token, "the far side cannot check what `unsafe` asks of a caller: remove `unsafe`");
        }
        Safety::Safe(token) => report.at(token, "every remote method is safe: remove `safe`"),
        Safety::Default => {}
    }
    if let Some(constness) = &sig.constness {
        report.at(constness, "a remote method runs elsewhere, so never at compile time: remove `const`");
    }
    if let Some(abi) = &sig.abi {
        report.at(abi, "a remote method has no calling convention: remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        report.at(variadic, "the arguments must be known: write them out, or take a slice");
    }
    if let Err(error) = method.item.modifiers.require_empty() {
        report.syntax(error);
    }
}

/// One list of types. Proved by `ui/generic_method`, `ui/lifetime_on_method`, `ui/where_clause`.
fn no_generics(sig: &Signature, report: &mut Report) {
    for parameter in &sig.generics.params {
        let text = match parameter {
            GenericParam::Lifetime(_) => {
                "a remote method has no lifetimes of its own: arguments are lent for the call, and replies are owned"
            }
            _ => "a remote method is not generic: write a concrete type, or one method for each",
        };
        report.at(parameter, text);
    }
    if let Some(clause) = &sig.generics.where_clause {
        report.at(clause, "a remote method has no `where` clause: write concrete types");
    }
}

/// The receiver is `&self`. Proved by `ui/mut_self`, `ui/no_self`, `ui/self_by_value`, `ui/self_with_lifetime`.
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
            report.at(lifetime, "write `&self`: a remote method has no lifetimes");
        }
        _ => report.at(receiver, "write `&self`: a call does not use the service up"),
    }
}

/// The code is in the implementation. Proved by `ui/default_body`.
fn no_body(method: &Method, report: &mut Report) {
    if let Some(body) = &method.item.default {
        report.at(
            body,
            "a remote method has no default body, as an older server could not run it: \
             end it with `;` and write the code in the implementation",
        );
    }
}

/// An argument is a name and a type. Proved by `ui/pattern_argument`.
fn named(input: &PatType, report: &mut Report) {
    if Argument::plain_name(&input.pat).is_none() {
        report.at(&input.pat, "write a plain name here: the stubs use it, and it is part of the contract");
    }
}

/// Proved by `ui/too_many_arguments`.
fn not_too_many(method: &Method, report: &mut Report) {
    if let Some(argument) = method.arguments.get(MAX_ARGUMENTS) {
        let text = format!(
            "this is argument {} of at most {MAX_ARGUMENTS}: gather some of them in a struct",
            MAX_ARGUMENTS + 1
        );
        report.at(&argument.name, text);
    }
}

/// Options that contradict each other. Proved by `ui/contradiction`.
fn policies(method: &Method, report: &mut Report) {
    if let (Some(_), Some((span, _))) = (&method.policies.idempotent, &method.policies.max_cached_reply) {
        report
            .at_span(*span, "the reply of an idempotent method is never kept: remove one of the two options");
    }
}

fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(input) => Some(input),
        FnArg::Receiver(_) => None,
    }
}
