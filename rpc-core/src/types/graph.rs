//! The types that were met while tracing, as a graph: a node for each visitor, with the nodes of its parts.
//!
//! A visitor is the code that reads one type, so its type names the node, and a type that contains itself is a cycle. The names
//! that serde gives only label it.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Leaf;
use crate::limits::{MAX_LEAVES, MAX_NESTED_TYPES, MAX_TRACED_TYPES, MAX_UNNAMED_VARIANTS};

/// The index of a node.
pub(super) type NodeId = usize;

/// The node above all others: its parts are the arguments, the value and the error.
pub(super) const ROOT: NodeId = 0;

/// The kind of value that a visitor asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Leaf(Leaf),
    Option,
    Seq,
    Map,
    Tuple(usize),
    Newtype(&'static str),
    TupleStruct(&'static str, usize),
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
}

/// The parts of a node, or of one variant of it.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The nodes of its fields.
    pub(super) children: Vec<Option<NodeId>>,
    /// The names of its fields, as they are read. There may be more of them than fields: aliases are in the list.
    pub(super) names: Option<&'static [&'static str]>,
    /// The number of the value that was complete first; `None` if none was. A value may only contain parts with a lower one.
    pub(super) completed: Option<u64>,
    /// The number of visits that are under way.
    pub(super) open: usize,
    /// The names of the fields as they are written, if a value was written.
    pub(super) written: Option<Vec<&'static str>>,
}

/// A type that was met.
#[derive(Debug)]
pub(super) struct Node {
    /// The kind of value that its visitor asks for.
    pub(super) kind: Kind,
    /// Its parts: one, or for an enum one for each variant.
    pub(super) parts: Vec<Part>,
    /// The number of variants, as far as it is known: the number of names, less those that are aliases.
    pub(super) variants: u32,
    /// The variants as they are written: their numbers and names.
    pub(super) written: BTreeMap<u32, &'static str>,
    /// The number of visits that are under way.
    pub(super) open: usize,
    /// The number of steps to the nearest node of which not all is known; `None` if nothing is left to be found below it.
    pub(super) gap: Option<usize>,
    /// The last pass in which it was given an element, of a node that may have none.
    filled: u64,
}

/// The place at which a value is made up: a field of a part of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) part: usize,
    pub(super) field: usize,
}

/// A choice that was made for a place, of which there are `among`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) place: Place,
    pub(super) among: usize,
}

/// The reason for which a type has no formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Its formats cannot be found.
    Untraced(String),
    /// Its values cannot be sent, or are not read as they are written.
    Unsendable(String),
}

/// All that is known of the types of a method.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The nodes by visitor and kind.
    by_visitor: HashMap<(TypeId, Kind), NodeId>,
    /// The choice at each place, if it is not the first.
    pub(super) choices: HashMap<Place, usize>,
    /// The choices of this pass, in their order.
    pub(super) made: Vec<Choice>,
    /// The choices that belong to the value that was refused in this pass: those from this one on.
    pub(super) failed_from: Option<usize>,
    /// The number of this pass.
    pub(super) pass: u64,
    /// True if every list and option gets an element in this pass in which something is left to be found.
    pub(super) eager: bool,
    /// True if the obstacle names the field that it is in.
    pub(super) located: bool,
    /// True if this pass has ended since it has found the number of an enum's variants.
    pub(super) learned: bool,
    /// The text with which that value was refused.
    pub(super) refusal: String,
    /// The first reason for which there will be no formats.
    pub(super) obstacle: Option<Obstacle>,
    /// The number of types inside each other at present.
    depth: usize,
    /// The number of simple values so far.
    leaves: usize,
    /// The number of parts that were completed so far.
    order: u64,
    /// The number of facts that were found so far.
    pub(super) found: u64,
}

impl Graph {
    /// The graph with the root alone.
    pub(super) fn new() -> Self {
        let mut graph = Graph::default();
        graph.add(Kind::Tuple(3));
        graph
    }

    fn add(&mut self, kind: Kind) -> NodeId {
        let (parts, variants) = match kind {
            Kind::Enum(_, []) => (Vec::new(), MAX_UNNAMED_VARIANTS),
            Kind::Enum(_, names) => (Vec::new(), names.len() as u32), // a list in a program: no more than 32 bits
            Kind::Struct(_, names) => (vec![Part { names: Some(names), ..Part::default() }], 0),
            _ => (vec![Part::default()], 0),
        };
        self.nodes.push(Node {
            kind,
            parts,
            variants,
            written: BTreeMap::new(),
            open: 0,
            gap: Some(0),
            filled: 0,
        });
        self.found += 1;
        self.nodes.len() - 1
    }

    /// Begins a visit: the visitor at this place asks for this kind of value. Returns its node; `None` if a bound is reached, or
    /// another visitor was at this place before.
    pub(super) fn enter(&mut self, place: Place, visitor: TypeId, kind: Kind) -> Option<NodeId> {
        if self.obstacle.is_some() {
            return None;
        }
        let known = self.by_visitor.get(&(visitor, kind)).copied();
        let node = known.unwrap_or_else(|| {
            let node = self.add(kind);
            self.by_visitor.insert((visitor, kind), node);
            node
        });
        if self.depth >= MAX_NESTED_TYPES {
            self.fail(Obstacle::Untraced(format!(
                "more than {MAX_NESTED_TYPES} types are inside each other"
            )));
            return None;
        }
        if self.nodes.len() > MAX_TRACED_TYPES {
            self.fail(Obstacle::Untraced(format!("it consists of more than {MAX_TRACED_TYPES} types")));
            return None;
        }
        if !self.set_child(place, node) {
            let text = format!("the format of {} depends on the value", self.label(place.node));
            self.fail(Obstacle::Untraced(text));
            return None;
        }
        self.depth += 1;
        self.nodes[node].open += 1;
        Some(node)
    }

    /// Ends a visit.
    pub(super) fn leave(&mut self, node: NodeId) {
        self.depth -= 1;
        self.nodes[node].open -= 1;
    }

    /// Notes the node of a field. Returns false if another one is known.
    fn set_child(&mut self, place: Place, node: NodeId) -> bool {
        let Some(part) = self.nodes[place.node].parts.get_mut(place.part) else { return false };
        if part.children.len() <= place.field {
            part.children.resize(place.field + 1, None);
        }
        let known = part.children[place.field].replace(node);
        self.found += u64::from(known.is_none());
        known.is_none_or(|known| known == node)
    }

    /// Notes that a part was read to its end.
    pub(super) fn complete(&mut self, node: NodeId, part: usize) {
        self.order += 1;
        let order = self.order;
        if let Some(part) = self.nodes[node].parts.get_mut(part) {
            if part.completed.is_none() {
                part.completed = Some(order);
                self.found += 1;
            }
        }
    }

    /// Returns the choice at a place, of which there are `among`.
    pub(super) fn choose(&mut self, place: Place, among: usize) -> usize {
        self.made.push(Choice { place, among });
        self.choices.get(&place).copied().unwrap_or(0).min(among.saturating_sub(1))
    }

    /// Counts a simple value. Returns false if there were too many.
    pub(super) fn count_leaf(&mut self) -> bool {
        self.leaves += 1;
        if self.leaves > MAX_LEAVES {
            self.fail(Obstacle::Untraced(format!("it takes more than {MAX_LEAVES} simple values")));
        }
        self.leaves <= MAX_LEAVES
    }

    /// Notes the first reason for which there will be no formats.
    pub(super) fn fail(&mut self, obstacle: Obstacle) {
        self.obstacle.get_or_insert(obstacle);
    }

    /// Notes that the value was refused whose choices are those from `from` on.
    pub(super) fn refused(&mut self, from: usize, text: &str) {
        if self.failed_from.is_none() {
            self.failed_from = Some(from);
            text.clone_into(&mut self.refusal);
        }
    }

    /// Returns the name of a node, or what it is.
    pub(super) fn label(&self, node: NodeId) -> String {
        match self.nodes[node].kind {
            Kind::Newtype(name)
            | Kind::TupleStruct(name, _)
            | Kind::Struct(name, _)
            | Kind::Enum(name, _) => format!("`{name}`"),
            Kind::Leaf(leaf) => format!("`{}`", leaf.name()),
            Kind::Option => "an `Option`".to_owned(),
            Kind::Seq => "a list".to_owned(),
            Kind::Map => "a map".to_owned(),
            Kind::Tuple(_) if node == ROOT => "the method".to_owned(),
            Kind::Tuple(_) => "a tuple".to_owned(),
        }
    }

    /// Returns true if all parts of this node itself were seen.
    fn is_explored(&self, node: &Node) -> bool {
        match node.kind {
            Kind::Leaf(_) => true,
            Kind::Enum(..) => {
                let seen = node.parts.iter().filter(|part| part.completed.is_some()).count();
                seen > 0 && seen >= node.variants as usize
            }
            _ => {
                let least = match node.kind {
                    Kind::Map => 2,
                    Kind::Option | Kind::Seq | Kind::Newtype(_) => 1,
                    _ => 0, // as many as its visitor has asked for
                };
                let is_whole = |part: &Part| {
                    part.completed.is_some() && part.children.len() >= least && !part.children.contains(&None)
                };
                node.parts.iter().all(is_whole)
            }
        }
    }

    /// Finds out how far each node is from one of which not all is known.
    pub(super) fn look_for_gaps(&mut self) {
        let mut users: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for child in node.parts.iter().flat_map(|part| &part.children).flatten() {
                users[*child].push(id);
            }
        }
        let mut near: VecDeque<NodeId> = VecDeque::new();
        for id in 0..self.nodes.len() {
            let explored = self.is_explored(&self.nodes[id]);
            self.nodes[id].gap = (!explored).then_some(0);
            near.extend((!explored).then_some(id));
        }
        while let Some(id) = near.pop_front() {
            let gap = self.nodes[id].gap.map(|gap| gap + 1);
            for user in &users[id] {
                if self.nodes[*user].gap.is_none() {
                    self.nodes[*user].gap = gap;
                    near.push_back(*user);
                }
            }
        }
    }

    /// Returns true if a place whose node may hold any number of values, or none, is to hold one.
    pub(super) fn wants_one(&mut self, place: Place, node: NodeId) -> bool {
        let it = &self.nodes[node];
        if it.open > 1 {
            return false; // it contains itself: here the value ends
        }
        let children = it.parts.first().map(|part| part.children.as_slice()).unwrap_or_default();
        let is_known = |child: &Option<NodeId>| child.is_some_and(|child| self.nodes[child].gap.is_none());
        let all_known = !children.is_empty() && children.iter().all(is_known);
        // Once in each value, else a type of many levels has a value of a number of parts that grows with each level.
        if !all_known && (self.eager || it.filled < self.pass) {
            self.nodes[node].filled = self.pass;
            return true;
        }
        self.choose(place, 2) == 1 // its owner may refuse to have none
    }

    /// Returns the variant that a value of an enum is to have; `None` if each would contain the enum itself.
    pub(super) fn choose_variant(&self, node: NodeId) -> Option<u32> {
        let it = &self.nodes[node];
        let part = |index: u32| it.parts.get(index as usize);
        let is_seen = |index: u32| part(index).is_some_and(|part| part.completed.is_some());
        let earliest = || {
            let seen = (0..it.variants).filter_map(|index| Some((part(index)?.completed?, index)));
            seen.min().map(|(_, index)| index)
        };
        if it.open > 1 {
            // The one that was complete first contains only what was complete before it: the value ends.
            let is_free = |index: &u32| part(*index).is_none_or(|part| part.open == 0);
            return earliest().or_else(|| (0..it.variants).rev().find(is_free));
        }
        // On the shortest way to a gap no node is met twice, so the way is never cut where a type contains itself.
        let gap = |index: u32| {
            let children = part(index).map(|part| part.children.as_slice()).unwrap_or_default();
            children.iter().flatten().filter_map(|child| self.nodes[*child].gap).min()
        };
        let nearest = || (0..it.variants).filter_map(|index| Some((gap(index)?, index))).min();
        let new = (0..it.variants).find(|index| !is_seen(*index));
        new.or_else(|| nearest().map(|(_, index)| index)).or_else(earliest)
    }

    /// Returns the part of a variant.
    pub(super) fn variant(&mut self, node: NodeId, index: u32) -> &mut Part {
        let (parts, index) = (&mut self.nodes[node].parts, index as usize);
        if parts.len() <= index {
            parts.resize_with(index + 1, Part::default);
        }
        &mut parts[index]
    }

    /// Notes that an enum has no variant of this number: some of its names are aliases.
    pub(super) fn no_variant(&mut self, node: NodeId, index: u32) {
        let it = &mut self.nodes[node];
        it.variants = it.variants.min(index);
        self.found += 1;
        self.learned = true;
        if index == 0 {
            let text = format!("{} has no variant that can be read", self.label(node));
            self.fail(Obstacle::Untraced(text));
        }
    }
}
