//! Stage 1: reads the trait's syntax, and takes out and reads the `#[rpc(..)]` options.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, FnArg, Item, ItemTrait, PatType, Path, TraitItem, TraitItemFn, Type};

use crate::options::{self, Policies};
use crate::report::Report;
use crate::shape::is_context;

/// A trait as written, with its options apart.
#[derive(Debug)]
pub struct Parsed {
    /// The trait without `#[rpc(..)]` on its methods and arguments.
    pub item: ItemTrait,
    /// The path of the runtime crate: `::rpc_core`, or that of `#[rpc(crate = "..")]`.
    pub runtime: Path,
    /// The methods, in order.
    pub methods: Vec<ParsedMethod>,
}

/// A method as written, with its options and its call context apart.
#[derive(Debug)]
pub struct ParsedMethod {
    /// The method without its options.
    pub item: TraitItemFn,
    /// Its options.
    pub policies: Policies,
    /// The type of the call context, if the first argument is one. It is not sent.
    pub context: Option<Type>,
    /// The arguments that are sent.
    pub arguments: Vec<ParsedArgument>,
}

/// An argument as written.
#[derive(Debug)]
pub struct ParsedArgument {
    /// Its pattern and type.
    pub input: PatType,
    /// True if it has `#[rpc(context)]`, which is a mistake: the context is the first argument, and there is one.
    pub marked: bool,
}

/// Reads an item that has `#[rpc(attribute)]`. Returns `None` if it is not a trait, after reporting that.
pub fn parse(attribute: TokenStream, item: TokenStream, report: &mut Report) -> Option<Parsed> {
    let mut item = match syn::parse2::<Item>(item) {
        Ok(Item::Trait(item)) => item,
        Ok(other) => {
            not_a_trait(&other, report);
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
            methods.push(ParsedMethod::take(method, report));
        }
    }
    Some(Parsed { item, runtime, methods })
}

impl ParsedMethod {
    /// Takes the options off a method, and splits its inputs into the context and the arguments.
    fn take(item: &mut TraitItemFn, report: &mut Report) -> Self {
        let policies = options::of_method(&take_options(&mut item.attrs), report);
        let mut context = None;
        let mut arguments = Vec::new();
        for input in &mut item.sig.inputs {
            let attributes = match input {
                FnArg::Receiver(receiver) => &mut receiver.attrs,
                FnArg::Typed(input) => &mut input.attrs,
            };
            let marked = options::is_context(&take_options(attributes), report);
            let FnArg::Typed(input) = input else { continue };
            if (marked || is_context(&input.ty)) && context.is_none() && arguments.is_empty() {
                context = Some((*input.ty).clone());
            } else {
                arguments.push(ParsedArgument { input: input.clone(), marked });
            }
        }
        ParsedMethod { item: item.clone(), policies, context, arguments }
    }
}

/// Returns true if this is one of our options: `#[rpc(..)]`, also if it is written with a path.
pub(crate) fn is_rpc(attribute: &Attribute) -> bool {
    is_rpc_path(attribute.path())
}

/// Returns true if this is the path of `rpc`.
pub(crate) fn is_rpc_path(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "rpc")
}

/// Rule: a trait has the attribute once. Proved by `ui/attribute_twice`.
fn once(more: &[Attribute], report: &mut Report) {
    for attribute in more {
        report.at(attribute, "this trait already has `#[rpc]`: write one, with all options");
    }
}

/// Takes the options out of a list of attributes.
fn take_options(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let (options, others) = std::mem::take(attributes).into_iter().partition(is_rpc);
    *attributes = others;
    options
}

/// Rule: the attribute is on a trait. Proved by `ui/on_struct`, `ui/on_impl`, `ui/on_fn`,
/// `ui/on_method`, `ui/attribute_renamed`.
fn not_a_trait(item: &Item, report: &mut Report) {
    const METHOD: &str = "`#[rpc(..)]` on a method has a meaning only inside a trait that has `#[rpc]` itself; \
                          an implementation needs none. If you import `rpc` under another name, write `#[rpc(..)]` on \
                          the methods all the same";
    let declare = "`#[rpc]` goes on a trait: declare the methods in `#[rpc] pub trait Name { .. }`";
    let (span, text): (Span, String) = match item {
        Item::Fn(function) if function.sig.receiver().is_some() => {
            (function.sig.fn_token.span, METHOD.to_owned())
        }
        Item::Fn(function) => {
            (function.sig.fn_token.span, format!("{declare}; a function alone is not a service"))
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
