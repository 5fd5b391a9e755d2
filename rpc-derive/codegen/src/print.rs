//! Writes a source file with the stubs of its traits, formatted for people. Needs the feature `cli`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, File, Item, Meta, Stmt};

use crate::layout;
use crate::parse;
use crate::report::Diagnostic;

/// Returns the file as `#[rpc]` expands it: each trait that has the attribute is followed by its stubs, and all else is
/// unchanged, so that the result compiles where the file did. Comments that are not documentation are lost.
///
/// # Errors
/// Returns the mistakes if the file is not Rust, if nothing in it has `#[rpc]`, or if a trait that has it is wrong.
pub fn expand_file(source: &str) -> Result<String, Vec<Diagnostic>> {
    let file = syn::parse_file(source).map_err(|error| Diagnostic::of_syntax(error).collect::<Vec<_>>())?;
    let mut expansion = Expansion::default();
    let items = expansion.items(file.items);
    if !expansion.diagnostics.is_empty() {
        return Err(expansion.diagnostics);
    }
    if expansion.found == 0 {
        let text = "this file has no `#[rpc]`: put it on a trait";
        return Err(vec![Diagnostic::new(Span::call_site(), text)]); // the start of the file
    }
    Ok(formatted(file.attrs, items))
}

/// Returns true if a file has an item with `#[rpc]`, or if it is not Rust, which [`expand_file`] then says.
pub fn mentions_rpc(source: &str) -> bool {
    match syn::parse_file(source) {
        Ok(file) => {
            let mut expansion = Expansion::default();
            expansion.items(file.items);
            expansion.found > 0
        }
        Err(_) => source.contains("rpc"),
    }
}

/// An item of the result.
struct Written {
    item: Item,
    /// True if `#[rpc]` wrote it.
    by_us: bool,
}

/// The expansion of one file.
#[derive(Default)]
struct Expansion {
    /// The number of items that have the attribute.
    found: usize,
    /// The mistakes in them.
    diagnostics: Vec<Diagnostic>,
}

impl Expansion {
    fn items(&mut self, items: Vec<Item>) -> Vec<Written> {
        items.into_iter().flat_map(|item| self.item(item)).collect()
    }

    fn item(&mut self, mut item: Item) -> Vec<Written> {
        if let Some(attribute) = attributes(&mut item).and_then(take_rpc) {
            return self.stubs(&attribute, item);
        }
        if let Item::Mod(module) = &mut item {
            if let Some((_, items)) = &mut module.content {
                let inner = self.items(std::mem::take(items));
                *items = inner.into_iter().map(|written| written.item).collect();
            }
        } else {
            visit_mut::visit_item_mut(self, &mut item); // a trait may be in the body of a function
        }
        vec![Written { item, by_us: false }]
    }

    fn stubs(&mut self, attribute: &Attribute, item: Item) -> Vec<Written> {
        self.found += 1;
        let options = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
        };
        let stubs = crate::stubs(options, item.into_token_stream());
        self.diagnostics.extend(stubs.diagnostics);
        match syn::parse2::<File>(stubs.tokens) {
            Ok(file) => file.items.into_iter().map(|item| Written { item, by_us: true }).collect(),
            Err(error) => {
                self.diagnostics.extend(Diagnostic::of_syntax(error));
                Vec::new()
            }
        }
    }
}

impl VisitMut for Expansion {
    fn visit_block_mut(&mut self, block: &mut Block) {
        for statement in std::mem::take(&mut block.stmts) {
            match statement {
                Stmt::Item(item) => {
                    block.stmts.extend(self.item(item).into_iter().map(|written| Stmt::Item(written.item)));
                }
                mut other => {
                    visit_mut::visit_stmt_mut(self, &mut other);
                    block.stmts.push(other);
                }
            }
        }
    }
}

/// Takes the attribute off an item, if it is there.
fn take_rpc(attributes: &mut Vec<Attribute>) -> Option<Attribute> {
    let at = attributes.iter().position(parse::is_rpc)?;
    Some(attributes.remove(at))
}

/// Returns the attributes of an item that `#[rpc]` can be on, by right or by mistake.
fn attributes(item: &mut Item) -> Option<&mut Vec<Attribute>> {
    match item {
        Item::Trait(item) => Some(&mut item.attrs),
        Item::Struct(item) => Some(&mut item.attrs),
        Item::Enum(item) => Some(&mut item.attrs),
        Item::Impl(item) => Some(&mut item.attrs),
        Item::Fn(item) => Some(&mut item.attrs),
        Item::Mod(item) => Some(&mut item.attrs),
        _ => None,
    }
}

/// Returns the file as text, with an empty line between items, but not between imports.
fn formatted(attrs: Vec<Attribute>, items: Vec<Written>) -> String {
    let mut text = unparsed(attrs, Vec::new());
    let mut after_use = false;
    for Written { item, by_us } in items {
        let is_use = matches!(item, Item::Use(_));
        let together = is_use && after_use;
        if !(together || text.is_empty()) {
            text.push('\n');
        }
        after_use = is_use;
        let item = unparsed(Vec::new(), vec![item]);
        text.push_str(&if by_us { layout::tidied(&item) } else { item });
    }
    text
}

fn unparsed(attrs: Vec<Attribute>, items: Vec<Item>) -> String {
    prettyplease::unparse(&File { shebang: None, attrs, items, frontmatter: None })
}
