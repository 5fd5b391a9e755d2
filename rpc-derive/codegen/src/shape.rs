//! Recognises types and patterns by their tokens, which are all that a macro sees: an alias counts as what it is called.

use syn::{GenericArgument, Ident, Pat, PathArguments, PathSegment, Type};

/// Returns the type inside parentheses, also inside the invisible ones that a `macro_rules!` leaves.
pub fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => plain(&group.elem),
        Type::Paren(paren) => plain(&paren.elem),
        other => other,
    }
}

/// Returns the last part of a path: `Result<T, E>` of `std::result::Result<T, E>`.
pub fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match plain(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// Returns the type arguments of a type that is called `Result`, or `None` if it is not called so.
pub fn result_arguments(ty: &Type) -> Option<Vec<&Type>> {
    last_segment(ty).filter(|last| last.ident == "Result").map(|last| type_arguments(last).collect())
}

/// Returns the `T` of a type that is written `Later<T>`.
pub fn later_argument(ty: &Type) -> Option<&Type> {
    let last = last_segment(ty).filter(|last| last.ident == "Later")?;
    let mut arguments = type_arguments(last);
    arguments.next().filter(|_| arguments.next().is_none())
}

/// Returns true if this is the type of a call context: a reference to a type called `CallContext`, without generics.
pub fn is_context(ty: &Type) -> bool {
    matches!(plain(ty), Type::Reference(reference) if names_context(&reference.elem))
}

/// Returns true if this type is called `CallContext`, without generics.
pub fn names_context(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|last| last.ident == "CallContext" && last.arguments.is_none())
}

/// Returns true if this type is written `Vec<u8>`.
pub fn is_blob(ty: &Type) -> bool {
    let Some(last) = last_segment(ty).filter(|last| last.ident == "Vec") else { return false };
    let mut arguments = type_arguments(last);
    arguments.next().is_some_and(is_byte) && arguments.next().is_none()
}

/// Returns true if this type is written `Option<Vec<u8>>`.
pub fn is_maybe_blob(ty: &Type) -> bool {
    let Some(last) = last_segment(ty).filter(|last| last.ident == "Option") else { return false };
    let mut arguments = type_arguments(last);
    arguments.next().is_some_and(is_blob) && arguments.next().is_none()
}

/// Returns true if this type is `()`.
pub fn is_unit(ty: &Type) -> bool {
    matches!(plain(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Returns true if this type is written `u8`.
pub fn is_byte(ty: &Type) -> bool {
    matches!(plain(ty), Type::Path(path) if path.path.is_ident("u8"))
}

/// Returns the types between a path's angle brackets.
pub fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Returns the name that is all of a pattern, as in `key: &str`.
pub fn plain_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(pattern)
            if pattern.by_ref.is_none() && pattern.mutability.is_none() && pattern.subpat.is_none() =>
        {
            Some(&pattern.ident)
        }
        _ => None,
    }
}
