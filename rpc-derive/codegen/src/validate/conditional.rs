//! Stage 2: reports attributes that depend on how a crate is built, where both sides must have the same.

use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Meta, Token, TraitItemFn};

use crate::parse::{ParsedMethod, is_rpc_path};
use crate::report::Report;

/// An attribute that is there in some builds only, and must not be.
#[derive(Clone, Copy)]
enum Conditional {
    /// `#[cfg(..)]`, or `#[cfg_attr(.., cfg(..))]`.
    Item,
    /// `#[cfg_attr(.., rpc(..))]`.
    Options,
}

/// Rule: methods, arguments and options do not depend on `cfg`, since both sides must have the same. Proved by
/// `ui/cfg_on_method`, `ui/cfg_attr_on_method`.
pub(super) fn no_cfg(method: &ParsedMethod, report: &mut Report) {
    let of_arguments =
        method.item.sig.inputs.iter().filter_map(super::method::typed).flat_map(|input| &input.attrs);
    for attribute in method.item.attrs.iter().chain(of_arguments) {
        match conditional(&attribute.meta) {
            Some(Conditional::Item) => {
                report.at(attribute, "both sides must have the same methods: put `#[cfg]` on the whole trait");
            }
            Some(Conditional::Options) => report.at(
                attribute,
                "options cannot depend on `cfg`: `#[rpc]` on the trait reads them before `cfg_attr` is evaluated. \
                 Write the option without `cfg_attr`, or two traits, each with `#[cfg]`",
            ),
            None => {}
        }
    }
}

/// Removes `#[cfg_attr(.., rpc(..))]`, which rustc would report a second time.
pub(super) fn remove_options(method: &mut TraitItemFn) {
    let keep = |attribute: &Attribute| !matches!(conditional(&attribute.meta), Some(Conditional::Options));
    method.attrs.retain(keep);
    for input in &mut method.sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.retain(keep);
        }
    }
}

/// Returns what an attribute makes depend on the build, also if `cfg_attr` is in another `cfg_attr`.
fn conditional(meta: &Meta) -> Option<Conditional> {
    match meta {
        Meta::List(list) if list.path.is_ident("cfg") => Some(Conditional::Item),
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
            parts.iter().skip(1).find_map(|part| {
                if is_rpc_path(part.path()) { Some(Conditional::Options) } else { conditional(part) }
            })
        }
        _ => None,
    }
}
