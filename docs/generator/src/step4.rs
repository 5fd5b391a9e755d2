//! Step 4: sees which methods fail with an error of their own, and tells what is wrong with a trait.
//!
//! `-> Result<String, KvError>` is sent as one of two things, and the caller gets `Result<String, CallError<KvError>>`, since the call may also
//! fail on its way. A macro sees no types, only their names: a type counts as a `Result` if it is called so.
//!
//! A trait that is wrong would give stubs that do not compile, and rustc would show code that the user has not written. Every token knows
//! where it stands (its *span*), and an error that is made of a token is shown there. All mistakes are told at once.

use syn::{
    Error, FnArg, GenericArgument, ItemTrait, Pat, PathArguments, ReceiverKind, TraitItem, TraitItemFn, Type,
};

use crate::step2::Trait;

/// Sees which methods return a `Result`, and takes it apart into its value and its error.
pub fn read_results(service: &mut Trait) {
    for method in &mut service.methods {
        if let Some((value, error)) = parts_of_result(&method.value) {
            (method.value, method.error) = (value, Some(error));
        }
    }
}

/// Returns `T` and `E` of a type that is written `Result<T, E>`, with or without a path before it.
fn parts_of_result(ty: &Type) -> Option<(Type, Type)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    Some((types.next()?, types.next()?))
}

/// Returns the mistakes in a trait, in the order of the source.
pub fn mistakes(item: &ItemTrait) -> Vec<Error> {
    let mut found = Vec::new();
    if !item.generics.params.is_empty() {
        let text = "a remote trait cannot be generic: write concrete types";
        found.push(Error::new_spanned(&item.generics.params, text));
    }
    for entry in &item.items {
        match entry {
            TraitItem::Fn(method) => method_mistakes(method, &mut found),
            TraitItem::Type(entry) => found.push(Error::new_spanned(
                entry,
                "a remote trait cannot have associated types, because the client does not know them: \
                 write the concrete type in the methods",
            )),
            other => found.push(Error::new_spanned(other, "a remote trait has methods only")),
        }
    }
    found
}

fn method_mistakes(method: &TraitItemFn, found: &mut Vec<Error>) {
    match method.sig.receiver().map(|receiver| (receiver, &receiver.kind)) {
        Some((_, ReceiverKind::Reference(_, None, None))) => {}
        Some((receiver, ReceiverKind::Reference(_, _, Some(_)))) => found.push(Error::new_spanned(
            receiver,
            "write `&self`: many clients share one service; keep what changes in a `Mutex` or an atomic",
        )),
        Some((receiver, _)) => {
            found.push(Error::new_spanned(receiver, "write `&self`: a call cannot consume the service"));
        }
        None => found.push(Error::new_spanned(
            &method.sig.ident,
            "a remote method is called on a service: write `&self` as its first argument",
        )),
    }
    if method.sig.ident == "connect" {
        found.push(Error::new_spanned(
            &method.sig.ident,
            "`connect` is the client's constructor, and the one name that a remote method cannot have: rename it",
        ));
    }
    for input in method.sig.inputs.iter() {
        let FnArg::Typed(input) = input else { continue };
        if !matches!(&*input.pat, Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none())
        {
            found.push(Error::new_spanned(&input.pat, "an argument has a name here, and no pattern"));
        }
    }
}
