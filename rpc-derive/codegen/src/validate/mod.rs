//! Stage 3: what is wrong with a trait. Each rule names the compile-fail case under `tests/` that proves it.

mod method;
mod types;

use std::collections::BTreeSet;

use syn::{FnArg, ItemTrait, Pat, PatWild, TraitItem, TraitItemFn, TypeParamBound};

use crate::model::{Argument, Method, Service};
use crate::report::Report;

/// A trait whose mistakes are reported, and what of it can have stubs.
#[derive(Debug)]
pub struct Checked {
    /// The trait to write.
    pub item: ItemTrait,
    /// The service with its sound methods; `None` when the trait as a whole can have no stubs.
    pub stubs: Option<Service>,
}

/// Reports every mistake of a trait.
pub fn validate(mut service: Service, report: &mut Report) -> Checked {
    let before = report.count();
    declaration(&service.item, report);
    no_generics(&service.item, report);
    supertraits(&service.item, report);
    let whole = report.count() == before;
    only_methods(&service.item, report);

    let mut names = BTreeSet::new();
    service.methods.retain(|candidate| {
        let before = report.count();
        distinct(&mut names, candidate, report);
        method::check(candidate, report);
        report.count() == before
    });
    let item = if report.count() == before { service.item.clone() } else { mended(&service.item) };
    Checked { item, stubs: whole.then_some(service) }
}

/// The trait is neither `unsafe` nor `auto`, nor what comes next. Proved by `ui/unsafe_trait`.
fn declaration(item: &ItemTrait, report: &mut Report) {
    if let Some(unsafety) = &item.unsafety {
        report
            .at(unsafety, "a remote trait has no contract that only `unsafe` code can keep: remove `unsafe`");
    }
    if let Err(error) = item.modifiers.require_empty() {
        report.syntax(error);
    }
}

/// A stub is written once, for one list of types. Proved by `ui/generic_trait`, `ui/where_clause`.
fn no_generics(item: &ItemTrait, report: &mut Report) {
    if !item.generics.params.is_empty() {
        report.at(&item.generics.params, "a remote trait is not generic: write concrete types");
    }
    if let Some(clause) = &item.generics.where_clause {
        report.at(clause, "a remote trait has no `where` clause: put bounds on the implementation");
    }
}

/// Methods of a supertrait would not be remote. Proved by `ui/supertrait`.
fn supertraits(item: &ItemTrait, report: &mut Report) {
    for bound in &item.supertraits {
        let harmless = match bound {
            TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
            TypeParamBound::Trait(bound) => bound.path.is_ident("Send") || bound.path.is_ident("Sync"),
            _ => false,
        };
        if !harmless {
            report.at(
                bound,
                "the methods of a supertrait would not be remote: put them into this trait, \
                 and bounds on the implementation",
            );
        }
    }
}

/// A service is its methods. Proved by `ui/associated_type`, `ui/associated_const`, `ui/macro_in_trait`.
fn only_methods(item: &ItemTrait, report: &mut Report) {
    for entry in &item.items {
        match entry {
            TraitItem::Fn(_) => {}
            TraitItem::Type(entry) => report.at(
                entry,
                "a remote trait has no associated types, as the client could not know them: \
                 write the concrete type in the methods",
            ),
            TraitItem::Const(entry) => report.at(
                entry,
                "a remote trait has no associated constants, as the client could not know them: \
                 write a method that returns the value, or a `const` beside the trait",
            ),
            other => report.at(other, "write the methods out: `#[rpc]` cannot see what a macro will write"),
        }
    }
}

/// A method's name is its own. Proved by `ui/duplicate_name`.
fn distinct(names: &mut BTreeSet<String>, method: &Method, report: &mut Report) {
    if !names.insert(method.name()) {
        report.at(method.ident(), format!("`{}` is declared twice: rename one of the two", method.name()));
    }
}

/// The trait without what rustc would complain of a second time.
fn mended(item: &ItemTrait) -> ItemTrait {
    let mut item = item.clone();
    let mut names = BTreeSet::new();
    item.items.retain(|entry| match entry {
        TraitItem::Fn(method) => names.insert(method.sig.ident.to_string()),
        TraitItem::Verbatim(_) => false,
        _ => true,
    });
    for entry in &mut item.items {
        if let TraitItem::Fn(method) = entry {
            mend(method);
        }
    }
    item
}

/// The method without what rustc refuses in any trait. The types stay, so that implementations still fit.
fn mend(method: &mut TraitItemFn) {
    method.sig.constness = None;
    method.sig.variadic = None;
    if method.default.is_some() {
        return; // its body needs its patterns
    }
    for input in &mut method.sig.inputs {
        match input {
            FnArg::Typed(input) if Argument::plain_name(&input.pat).is_none() => {
                *input.pat = Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: Default::default() });
            }
            _ => {}
        }
    }
}
