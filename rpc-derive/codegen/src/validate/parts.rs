//! Stage 2: reports types inside other types that cannot be there: what has no size, and what cannot be borrowed.

use syn::Type;

use crate::report::Report;
use crate::shape::{is_byte, last_segment, names_context, plain, type_arguments};
use crate::spell::type_text;

/// Types of the standard library that hold values of the types in their angle brackets.
const HOLDERS: [&str; 8] =
    ["Vec", "Option", "Result", "HashMap", "BTreeMap", "HashSet", "BTreeSet", "VecDeque"];

/// The place of a type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In an argument, which may borrow.
    Argument,
    /// In a reply, which is owned.
    Reply,
}

/// Reports the first part of a type that cannot be where it is.
pub(super) fn check(ty: &Type, place: Place, report: &mut Report) {
    if let Some(context) = find_context(ty) {
        return no_context_inside(context, place, report);
    }
    match plain(ty) {
        Type::Reference(reference) => match plain(&reference.elem) {
            Type::Slice(slice) => held(&slice.elem, place, report),
            target if is_str(target) => {}
            target => held(target, place, report),
        },
        ty => held(ty, place, report),
    }
}

/// Reports the first mistake in a type that is decoded as a value.
fn held(ty: &Type, place: Place, report: &mut Report) {
    match plain(ty) {
        Type::Slice(slice) => no_size(ty, &slice.elem, place, report),
        ty if is_str(ty) => no_size(ty, ty, place, report),
        Type::Reference(reference) => borrowed_inside(ty, &reference.elem, report),
        Type::Array(array) => held(&array.elem, place, report),
        Type::Tuple(tuple) => first(tuple.elems.iter(), |elem, report| held(elem, place, report), report),
        ty => match last_segment(ty) {
            Some(last) if HOLDERS.iter().any(|holder| last.ident == holder) => {
                first(type_arguments(last), |inner, report| held(inner, place, report), report);
            }
            Some(last) if last.ident == "Box" => {
                first(type_arguments(last), |inner, report| boxed(inner, place, report), report);
            }
            _ => {}
        },
    }
}

/// Reports the first mistake in the type in a `Box`, which may have no size.
fn boxed(ty: &Type, place: Place, report: &mut Report) {
    match plain(ty) {
        Type::Slice(slice) => held(&slice.elem, place, report),
        ty if is_str(ty) => {}
        ty => held(ty, place, report),
    }
}

/// Rule: a `str` or a slice is behind a reference or in a `Box`. Proved by `ui/unsized_value`.
fn no_size(ty: &Type, elem: &Type, place: Place, report: &mut Report) {
    let (spelled, elem) = (type_text(ty), type_text(elem));
    let instead = match (spelled.as_str(), place) {
        ("str", Place::Argument) => "`&str`, or `String`".to_owned(),
        ("str", Place::Reply) => "`String`".to_owned(),
        (_, Place::Argument) => format!("`&{spelled}`, or `Vec<{elem}>`"),
        (_, Place::Reply) => format!("`Vec<{elem}>`"),
    };
    report.at(
        ty,
        format!("`{spelled}` has no size of its own and cannot be passed as a value: write {instead}"),
    );
}

/// Rule: inside another type only `&str` and `&[u8]` are borrowed, which the server finds in the frame; and `&Path`, which
/// serde reads from a string. Proved by `ui/borrowed_inside`.
fn borrowed_inside(ty: &Type, target: &Type, report: &mut Report) {
    let target = plain(target);
    let in_frame = match target {
        Type::Slice(slice) => is_byte(&slice.elem),
        target => is_str(target) || last_segment(target).is_some_and(|last| last.ident == "Path"),
    };
    if in_frame {
        return;
    }
    let owned = match target {
        Type::Slice(slice) => format!("Vec<{}>", type_text(&slice.elem)),
        target => type_text(target),
    };
    let text = format!(
        "inside another type only `&str` and `&[u8]` can be borrowed, because the server has nothing to borrow the \
         rest from: write `{owned}`"
    );
    report.at(ty, text);
}

/// Rule: the call context is not inside another type, and not in a reply. Proved by `ui/context_inside`.
fn no_context_inside(context: &Type, place: Place, report: &mut Report) {
    let text = match place {
        Place::Argument => {
            "the call context is always there, and the caller does not send it: write `cx: &CallContext` as the first \
             argument, right after `&self`"
        }
        Place::Reply => {
            "the call context stays on the server: return what you need of it, such as its `peer()`, as a type that can \
             be sent"
        }
    };
    report.at(context, text);
}

/// Returns the first type within a type that is called `CallContext`.
fn find_context(ty: &Type) -> Option<&Type> {
    match plain(ty) {
        ty if names_context(ty) => Some(ty),
        Type::Reference(reference) => find_context(&reference.elem),
        Type::Slice(slice) => find_context(&slice.elem),
        Type::Array(array) => find_context(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(find_context),
        ty => last_segment(ty).into_iter().flat_map(type_arguments).find_map(find_context),
    }
}

/// Checks types in order until one has a mistake.
fn first<'a>(types: impl Iterator<Item = &'a Type>, check: impl Fn(&Type, &mut Report), report: &mut Report) {
    let before = report.count();
    for ty in types {
        check(ty, report);
        if report.count() > before {
            return;
        }
    }
}

fn is_str(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("str"))
}
