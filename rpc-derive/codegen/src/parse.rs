//! Stage 1: from tokens to the trait's syntax, with the `#[rpc(..)]` options taken out and read.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, FnArg, Item, ItemTrait, Path, TraitItem, TraitItemFn};

use crate::options::{self, Policies};
use crate::report::Report;

/// A trait as written, without the options, which are beside it.
#[derive(Debug)]
pub struct Parsed {
    /// The trait without `#[rpc(..)]` on its methods and arguments.
    pub item: ItemTrait,
    /// Where the runtime is: `::rpc_core`, or what `#[rpc(crate = "..")]` says.
    pub runtime: Path,
    /// Its methods, in order.
    pub methods: Vec<ParsedMethod>,
}

/// A method as written, without its options, which are beside it.
#[derive(Debug)]
pub struct ParsedMethod {
    /// The method without its options.
    pub item: TraitItemFn,
    /// Its options.
    pub policies: Policies,
    /// Which of its inputs have `#[rpc(context)]`; the receiver counts.
    pub marked: Vec<usize>,
}

/// Reads an item that has `#[rpc(attribute)]`. `None`: it is no trait, and that is reported.
pub fn parse(attribute: TokenStream, item: TokenStream, report: &mut Report) -> Option<Parsed> {
    let mut item = match syn::parse2::<Item>(item) {
        Ok(Item::Trait(item)) => item,
        Ok(other) => {
            no_trait(&other, report);
            return None;
        }
        Err(error) => {
            report.syntax(error);
            return None;
        }
    };
    let runtime = options::of_trait(attribute, report);
    once(&take_options(&mut item.attrs), report);
    let mut methods = Vec::new();
    for entry in &mut item.items {
        if let TraitItem::Fn(method) = entry {
            let policies = options::of_method(&take_options(&mut method.attrs), report);
            let marked = take_context_marks(method, report);
            methods.push(ParsedMethod { item: method.clone(), policies, marked });
        }
    }
    Some(Parsed { item, runtime, methods })
}

/// Whether this is one of our options: `#[rpc(..)]`, also when written with a path.
pub(crate) fn is_rpc(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "rpc")
}

/// The attribute is there once. Proved by `ui/attribute_twice`.
fn once(more: &[Attribute], report: &mut Report) {
    for attribute in more {
        report.at(attribute, "this trait has `#[rpc]` already: write one, with all options");
    }
}

/// Takes the options out of a list of attributes.
fn take_options(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let (options, others) = std::mem::take(attributes).into_iter().partition(is_rpc);
    *attributes = others;
    options
}

/// Takes `#[rpc(context)]` off the arguments, and says which had it.
fn take_context_marks(method: &mut TraitItemFn, report: &mut Report) -> Vec<usize> {
    let mut marked = Vec::new();
    for (index, input) in method.sig.inputs.iter_mut().enumerate() {
        let attributes = match input {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(argument) => &mut argument.attrs,
        };
        let options = take_options(attributes);
        if options::is_context(&options, report) {
            marked.push(index);
        }
    }
    marked
}

/// The attribute is on something else. Proved by `ui/on_struct`, `ui/on_impl`, `ui/on_fn`, `ui/on_method`.
fn no_trait(item: &Item, report: &mut Report) {
    const METHOD: &str = "`#[rpc(..)]` on a method has a meaning only inside a trait that has `#[rpc]` itself; \
                          an implementation needs none";
    let declare = "`#[rpc]` goes on a trait: declare the methods in `#[rpc] pub trait Name { .. }`";
    let (span, text): (Span, String) = match item {
        Item::Fn(function) if function.sig.receiver().is_some() => {
            (function.sig.fn_token.span, METHOD.to_owned())
        }
        Item::Fn(function) => {
            (function.sig.fn_token.span, format!("{declare}; a function alone is no service"))
        }
        Item::Struct(item) => (item.struct_token.span, format!("{declare}, and implement it for this type")),
        Item::Enum(item) => (item.enum_token.span, format!("{declare}, and implement it for this type")),
        Item::Impl(item) => {
            (item.impl_token.span, format!("{declare}; its implementation needs no attribute"))
        }
        Item::Verbatim(_) => return report.at(item, METHOD), // a function without a body
        other => return report.at(other, declare),
    };
    report.at_span(span, text);
}
