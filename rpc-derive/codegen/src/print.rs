//! For people: a source file with its stubs written out, formatted. Needs the feature `cli`.

use proc_macro2::{LineColumn, TokenStream};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, File, Item, Meta, Stmt};

use crate::layout;
use crate::parse;
use crate::report::Mistake;

/// What is wrong with a file, and where: line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub text: String,
}

/// The file as it is after `#[rpc]`: each trait that has the attribute is followed by its stubs, and all else is
/// passed through, so that the result compiles where the file did. Comments that are not documentation are lost.
///
/// # Errors
/// When the file is not Rust, when nothing in it has `#[rpc]`, and for each mistake in what has.
pub fn expand_file(source: &str) -> Result<String, Vec<Flaw>> {
    let file = syn::parse_file(source).map_err(|error| error.into_iter().map(flaw).collect::<Vec<_>>())?;
    let mut expansion = Expansion::default();
    let items = expansion.items(file.items);
    if !expansion.flaws.is_empty() {
        return Err(expansion.flaws);
    }
    if expansion.found == 0 {
        let text = "nothing here has `#[rpc]`: put it on a trait".to_owned();
        return Err(vec![Flaw { line: 1, column: 1, text }]);
    }
    Ok(formatted(file.attrs, items))
}

/// An item of the result, and whether `#[rpc]` wrote it.
struct Written {
    item: Item,
    by_us: bool,
}

#[derive(Default)]
struct Expansion {
    found: usize,
    flaws: Vec<Flaw>,
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
            visit_mut::visit_item_mut(self, &mut item); // a trait may stand in a function's body
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
        self.flaws.extend(stubs.mistakes.into_iter().map(flaw));
        match syn::parse2::<File>(stubs.tokens) {
            Ok(file) => file.items.into_iter().map(|item| Written { item, by_us: true }).collect(),
            Err(error) => {
                self.flaws.push(flaw(error));
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

fn flaw(mistake: impl Into<Mistake>) -> Flaw {
    let mistake = mistake.into();
    let LineColumn { line, column } = mistake.start();
    Flaw { line, column: column + 1, text: mistake.to_string() }
}

/// Takes the attribute off an item, if it is there.
fn take_rpc(attributes: &mut Vec<Attribute>) -> Option<Attribute> {
    let at = attributes.iter().position(parse::is_rpc)?;
    Some(attributes.remove(at))
}

/// The attributes of what `#[rpc]` may have been put on.
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

/// The file as text: items apart from each other, imports together.
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
