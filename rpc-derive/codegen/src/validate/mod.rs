//! Stage 2: reports what is wrong with a trait. Each rule names the compile-fail cases under `tests/` that prove it.

mod conditional;
mod method;
mod parts;
mod types;

use std::collections::BTreeSet;

use syn::ext::IdentExt;
use syn::{FnArg, ItemTrait, Pat, PatWild, Path, TraitItem, TraitItemFn, TypeParamBound};

use crate::parse::{Parsed, ParsedMethod};
use crate::report::Report;
use crate::shape::plain_name;

pub use method::MAX_ARGUMENTS;

/// A trait whose mistakes are reported, and the part of it that can have stubs.
#[derive(Debug)]
pub struct Checked {
    /// The trait to write.
    pub item: ItemTrait,
    /// The trait with its sound methods only; `None` if the trait as a whole cannot have stubs.
    pub sound: Option<Parsed>,
}

/// Reports every mistake in a trait.
pub fn validate(mut parsed: Parsed, report: &mut Report) -> Checked {
    let before = report.count();
    declaration(&parsed.item, report);
    no_generics(&parsed.item, report);
    supertraits(&parsed.item, report);
    let trait_is_sound = report.count() == before;
    only_methods(&parsed.item, report);

    let mut names = BTreeSet::new();
    parsed.methods.retain(|method| {
        let before = report.count();
        distinct(&mut names, method, report);
        method::check(method, report);
        report.count() == before
    });
    let item = if report.count() == before { parsed.item.clone() } else { without_errors(&parsed.item) };
    Checked { item, sound: trait_is_sound.then_some(parsed) }
}

/// Rule: the trait has no modifier such as `unsafe` or `auto`. Proved by `ui/unsafe_trait`.
fn declaration(item: &ItemTrait, report: &mut Report) {
    if let Some(unsafety) = &item.unsafety {
        report.at(unsafety, "a remote trait cannot be unsafe: remove `unsafe`");
    }
    if let Err(error) = item.modifiers.require_empty() {
        report.syntax(error);
    }
}

/// Rule: the trait has no generics, since its stubs are written once. Proved by `ui/generic_trait`, `ui/where_clause`.
fn no_generics(item: &ItemTrait, report: &mut Report) {
    if !item.generics.params.is_empty() {
        report.at(&item.generics.params, "a remote trait cannot be generic: write concrete types");
    }
    if let Some(clause) = &item.generics.where_clause {
        report.at(clause, "a remote trait cannot have a `where` clause: put bounds on the implementation");
    }
}

/// Rule: the trait has no supertraits, since their methods would not be remote. Proved by `ui/supertrait`.
fn supertraits(item: &ItemTrait, report: &mut Report) {
    for bound in &item.supertraits {
        let harmless = match bound {
            TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
            TypeParamBound::Trait(bound) => is_send_or_sync(&bound.path),
            _ => false,
        };
        if !harmless {
            report.at(
                bound,
                "the methods of a supertrait would not be remote: move them into this trait, \
                 and put other bounds on the implementation",
            );
        }
    }
}

/// Returns true for `Send` and `Sync`, also by their full paths.
fn is_send_or_sync(path: &Path) -> bool {
    let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    matches!(
        names[..],
        ["Send" | "Sync"] | ["marker", "Send" | "Sync"] | ["std" | "core", "marker", "Send" | "Sync"]
    )
}

/// Rule: a remote trait has methods only. Proved by `ui/associated_type`, `ui/associated_const`, `ui/macro_in_trait`.
fn only_methods(item: &ItemTrait, report: &mut Report) {
    for entry in &item.items {
        match entry {
            TraitItem::Fn(_) => {}
            TraitItem::Type(entry) => report.at(
                entry,
                "a remote trait cannot have associated types, because the client does not know them: \
                 write the concrete type in the methods",
            ),
            TraitItem::Const(entry) => report.at(
                entry,
                "a remote trait cannot have associated constants, because the client does not know them: \
                 write a method that returns the value, or a `const` beside the trait",
            ),
            other => report.at(other, "`#[rpc]` cannot see the result of a macro: write the methods out"),
        }
    }
}

/// Rule: each method has another name. Proved by `ui/duplicate_name`.
fn distinct(names: &mut BTreeSet<String>, method: &ParsedMethod, report: &mut Report) {
    let ident = &method.item.sig.ident;
    let name = ident.unraw().to_string();
    if !names.insert(name.clone()) {
        report.at(ident, format!("`{name}` is declared twice: rename one of the two"));
    }
}

/// Returns the trait without the mistakes that rustc would report a second time.
fn without_errors(item: &ItemTrait) -> ItemTrait {
    let mut item = item.clone();
    let mut names = BTreeSet::new();
    item.items.retain(|entry| match entry {
        TraitItem::Fn(method) => names.insert(method.sig.ident.to_string()),
        TraitItem::Verbatim(_) => false,
        _ => true,
    });
    for entry in &mut item.items {
        if let TraitItem::Fn(method) = entry {
            strip(method);
        }
    }
    item
}

/// Strips a method of what rustc refuses in any trait. The types stay, so that implementations still fit.
fn strip(method: &mut TraitItemFn) {
    conditional::remove_options(method);
    method.sig.constness = None;
    method.sig.variadic = None;
    if method.default.is_some() {
        return; // its body needs its patterns
    }
    for input in &mut method.sig.inputs {
        match input {
            FnArg::Typed(input) if plain_name(&input.pat).is_none() => {
                *input.pat = Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: Default::default() });
            }
            _ => {}
        }
    }
}
