//! Makes the formats from the graph.
//!
//! Newtypes are left out: they have no bytes of their own. A name is kept where the format needs one: for structs and enums, and
//! where a type contains itself.

use std::collections::HashMap;

use super::graph::{Graph, Kind, Node, NodeId, Obstacle, Part, ROOT};
use super::{Definition, Fields, Format, Formats, Leaf, Shape, Variant};

/// Makes the formats of a method with so many roots: with an error, or without.
///
/// # Errors
/// Returns the obstacle if the types have no formats.
pub(super) fn build(graph: Graph, has_error: bool) -> Result<Formats, Obstacle> {
    if let Some(obstacle) = graph.obstacle {
        return Err(obstacle);
    }
    check_variants(&graph)?;
    let mut builder = Builder {
        marks: vec![Mark::New; graph.nodes.len()],
        graph: &graph,
        defined: HashMap::new(),
        definitions: Vec::new(),
    };
    let roots = &graph.nodes[ROOT].parts[0].children;
    for id in 0..graph.nodes.len() {
        builder.find_cycles(id);
    }
    let arguments = match roots.first().copied().flatten().map(|arguments| &graph.nodes[arguments]) {
        Some(node) if matches!(node.kind, Kind::Tuple(_)) => builder.children(&node.parts[0]),
        _ => Vec::new(), // the empty tuple is read as a unit
    };
    let value = builder.child(roots.get(1));
    let error = has_error.then(|| builder.child(roots.get(2)));
    let mut definitions = Vec::new();
    while let Some(id) = builder.definitions.get(definitions.len()).copied() {
        definitions.push(builder.definition(id));
    }
    Ok(Formats { arguments, value, error, definitions })
}

/// Looks at the numbers with which variants were written: those that are read begin with 0 and have no gap.
fn check_variants(graph: &Graph) -> Result<(), Obstacle> {
    for node in &graph.nodes {
        let Kind::Enum(name, names) = node.kind else { continue };
        // As many names as variants: none is an alias, and each has the place of its number.
        let has_all_names = names.len() == node.variants as usize;
        for (index, variant) in &node.written {
            let read = names.iter().position(|name| name == variant).filter(|_| has_all_names);
            let what = match read {
                Some(read) if read != *index as usize => format!("read as number {read}"),
                _ if *index >= node.variants => format!("only {} are read", node.variants),
                _ => continue,
            };
            return Err(Obstacle::Unsendable(format!(
                "`{name}::{variant}` is written as number {index}, and {what}: only the last variants of an enum can be skipped"
            )));
        }
    }
    Ok(())
}

/// The state of the search for cycles without a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnPath,
    Seen,
    /// A type that contains itself, and gets a name for that.
    Cycle,
}

struct Builder<'g> {
    graph: &'g Graph,
    marks: Vec<Mark>,
    /// The indices of the definitions.
    defined: HashMap<NodeId, usize>,
    /// The nodes of the definitions, in the order of their first use.
    definitions: Vec<NodeId>,
}

impl Builder<'_> {
    /// Returns true if a node has a name of its own.
    fn is_named(node: &Node) -> bool {
        match node.kind {
            Kind::Struct(..) | Kind::TupleStruct(..) => {
                node.parts.iter().any(|part| !part.children.is_empty())
            }
            Kind::Enum(..) => true,
            _ => false,
        }
    }

    /// Marks the nodes without a name that contain themselves and no named one between. The depth is that of made-up values.
    fn find_cycles(&mut self, id: NodeId) {
        let node = &self.graph.nodes[id];
        match self.marks[id] {
            _ if Self::is_named(node) || id == ROOT => return,
            Mark::New => self.marks[id] = Mark::OnPath,
            Mark::OnPath => return self.marks[id] = Mark::Cycle,
            Mark::Seen | Mark::Cycle => return,
        }
        for child in node.parts.iter().flat_map(|part| &part.children).flatten() {
            self.find_cycles(*child);
        }
        if self.marks[id] == Mark::OnPath {
            self.marks[id] = Mark::Seen;
        }
    }

    fn child(&mut self, child: Option<&Option<NodeId>>) -> Format {
        child.copied().flatten().map_or(Format::Leaf(Leaf::Unit), |id| self.format(id))
    }

    fn children(&mut self, part: &Part) -> Vec<Format> {
        part.children.iter().map(|child| self.child(Some(child))).collect()
    }

    /// Returns the format of a node: its name, if it has one.
    fn format(&mut self, id: NodeId) -> Format {
        let node = &self.graph.nodes[id];
        if !Self::is_named(node) && self.marks[id] != Mark::Cycle {
            return self.unnamed(node);
        }
        let next = self.definitions.len();
        let index = *self.defined.entry(id).or_insert(next);
        if index == next {
            self.definitions.push(id);
        }
        Format::Named(index)
    }

    /// Returns the format of a node without its name.
    fn unnamed(&mut self, node: &Node) -> Format {
        let part = &node.parts[0];
        match node.kind {
            Kind::Leaf(leaf) => Format::Leaf(leaf),
            Kind::Newtype(_) => self.child(part.children.first()),
            Kind::Option => Format::Option(Box::new(self.child(part.children.first()))),
            Kind::Seq => match self.child(part.children.first()) {
                Format::Leaf(Leaf::U8) => Format::Leaf(Leaf::Bytes),
                element => Format::Seq(Box::new(element)),
            },
            Kind::Map => {
                let key = self.child(part.children.first());
                Format::Map(Box::new(key), Box::new(self.child(part.children.get(1))))
            }
            Kind::Tuple(_) | Kind::TupleStruct(..) | Kind::Struct(..) | Kind::Enum(..) => {
                tuple(self.children(part))
            }
        }
    }

    fn definition(&mut self, id: NodeId) -> Definition {
        let node = &self.graph.nodes[id];
        let (name, shape) = match node.kind {
            Kind::Struct(name, _) => (name, Shape::Struct(self.fields(&node.parts[0]))),
            Kind::TupleStruct(name, _) => (name, Shape::Struct(self.fields(&node.parts[0]))),
            Kind::Enum(name, names) => {
                let variants = (0..node.variants as usize).map(|index| self.variant(node, names, index));
                (name, Shape::Enum(variants.collect()))
            }
            Kind::Newtype(name) => (name, Shape::Same(self.unnamed(node))),
            _ => ("Recursive", Shape::Same(self.unnamed(node))),
        };
        Definition { name: name.to_owned(), shape }
    }

    fn fields(&mut self, part: &Part) -> Fields {
        let formats = self.children(part);
        let Some(names) = part.names else {
            return if formats.is_empty() { Fields::Unit } else { Fields::Tuple(formats) };
        };
        let names = match &part.written {
            // Aliases are among the names that are read.
            Some(written) if names.len() != formats.len() => written.as_slice(),
            _ => names,
        };
        let named = formats.into_iter().enumerate();
        let name =
            |index: usize| names.get(index).map_or_else(|| index.to_string(), |name| (*name).to_owned());
        Fields::Named(named.map(|(index, format)| (name(index), format)).collect())
    }

    fn variant(&mut self, node: &Node, names: &[&str], index: usize) -> Variant {
        let fields = node.parts.get(index).map_or(Fields::Unit, |part| self.fields(part));
        let read = names.get(index).filter(|_| names.len() == node.variants as usize);
        let written = u32::try_from(index).ok().and_then(|index| node.written.get(&index));
        let name = read.or(written).map_or_else(|| index.to_string(), |name| (*name).to_owned());
        Variant { name, fields }
    }
}

/// Returns the format of values one behind the other.
pub(super) fn tuple(formats: Vec<Format>) -> Format {
    match formats.as_slice() {
        [] => Format::Leaf(Leaf::Unit),
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|format| format == first) => {
            Format::Array(Box::new(first.clone()), formats.len())
        }
        _ => Format::Tuple(formats),
    }
}
