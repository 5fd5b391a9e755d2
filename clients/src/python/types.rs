//! The module of the types: dataclasses, enums, aliases, and an exception for each type of error.

use rpc_core::reflection::{Definition, Fields, Format, Leaf, Shape, Variant};

use super::{Named, Python, docs};
use crate::Language;
use crate::lines::Lines;
use crate::names::{Scope, snake, upper};
use crate::types::has_only_names;

/// Tuples of equal formats up to this length are written with each of their parts: as many as serde's tuples have.
const LONGEST_TUPLE: usize = 16;

pub(super) fn module(python: &Python<'_>, source: &str) -> String {
    let mut lines = Lines::default();
    lines.put(0, format!("\"\"\"The types of {}.\"\"\"", docs(source)));
    lines.gap(1);
    lines.put(0, "from __future__ import annotations");
    lines.gap(1);
    let text = body(python);
    if text.contains("@dataclass") {
        lines.put(0, "from dataclasses import dataclass");
    }
    if text.contains("(Enum):") {
        lines.put(0, "from enum import Enum");
    }
    if text.contains(": TypeAlias = ") {
        lines.put(0, "from typing import TypeAlias");
    }
    let runtime: Vec<_> = [("ServiceError", "(ServiceError):"), ("Some", "Some[")]
        .iter()
        .filter(|(_, used)| text.contains(used))
        .map(|(name, _)| *name)
        .collect();
    if !runtime.is_empty() {
        lines.gap(1);
        lines.put(0, format!("from .runtime import {}", runtime.join(", ")));
    }
    lines.into_text() + &text
}

fn body(python: &Python<'_>) -> String {
    let mut lines = Lines::default();
    for (definition, name) in python.types.definitions.iter().zip(&python.names) {
        match &definition.shape {
            Shape::Same(format) => {
                lines.gap(2);
                lines.put(0, format!("{}: TypeAlias = \"{}\"", name.class, python.annotation(format, "")));
            }
            Shape::Struct(fields) => {
                put_class(&mut lines, python, &name.class, fields, &format!("`{}`.", definition.name))
            }
            Shape::Enum(variants) if has_only_names(variants) => {
                put_enum(&mut lines, definition, variants, name)
            }
            Shape::Enum(variants) => put_union(&mut lines, python, definition, variants, name),
        }
    }
    for name in &python.names {
        let Some(raised) = &name.raised else { continue };
        lines.gap(2);
        lines.put(0, format!("class {raised}(ServiceError):"));
        lines.put(1, format!("\"\"\"A method ran, and returned a `{}`.\"\"\"", name.class));
        lines.gap(1);
        lines.put(1, format!("def __init__(self, target: str, error: {}) -> None:", name.class));
        lines.put(2, "super().__init__(target, error)");
        lines.put(2, format!("self.error: {} = error", name.class));
    }
    lines.into_text()
}

fn put_class(lines: &mut Lines, python: &Python<'_>, class: &str, fields: &Fields, text: &str) {
    lines.gap(2);
    lines.put(0, "@dataclass(frozen=True, slots=True)");
    lines.put(0, format!("class {class}:"));
    lines.put(1, format!("\"\"\"{}\"\"\"", docs(text)));
    let names = field_names(python, fields);
    if !names.is_empty() {
        lines.gap(1);
    }
    for (name, (_, format)) in names.iter().zip(fields.iter()) {
        lines.put(1, format!("{name}: {}", python.annotation(format, "")));
    }
}

fn put_enum(lines: &mut Lines, definition: &Definition, variants: &[Variant], name: &Named) {
    lines.gap(2);
    lines.put(0, format!("class {}(Enum):", name.class));
    lines.put(1, format!("\"\"\"`{}`.\"\"\"", docs(&definition.name)));
    let mut scope = Scope::new(Language::Python, &[]);
    for (number, variant) in variants.iter().enumerate() {
        if number == 0 {
            lines.gap(1);
        }
        lines.put(1, format!("{} = {number}", scope.give(&upper(&variant.name))));
    }
}

fn put_union(
    lines: &mut Lines,
    python: &Python<'_>,
    definition: &Definition,
    variants: &[Variant],
    name: &Named,
) {
    for (variant, class) in variants.iter().zip(&name.variants) {
        put_class(
            lines,
            python,
            class,
            &variant.fields,
            &format!("`{}::{}`.", definition.name, variant.name),
        );
    }
    lines.gap(2);
    lines.put(0, format!("{}: TypeAlias = \"{}\"", name.class, name.variants.join(" | ")));
}

/// Returns the names of fields. None is that of a type, since Python would look for the type in the class.
pub(super) fn field_names(python: &Python<'_>, fields: &Fields) -> Vec<String> {
    let classes = python.names.iter().flat_map(|name| name.variants.iter().chain([&name.class]));
    let taken: Vec<&str> = classes.map(String::as_str).collect();
    let mut scope = Scope::new(Language::Python, &taken);
    let unnamed = |at| if fields.len() == 1 { "value".to_owned() } else { format!("f{at}") };
    let names = fields.iter().enumerate();
    names.map(|(at, (name, _))| scope.give(&name.map_or_else(|| unnamed(at), snake))).collect()
}

impl Python<'_> {
    /// Returns the annotation of a format. `prefix` is put before types of the package.
    pub(super) fn annotation(&self, format: &Format, prefix: &str) -> String {
        let inner = |format: &Format| self.annotation(format, prefix);
        match format {
            Format::Leaf(leaf) => leaf_annotation(*leaf).to_owned(),
            Format::Named(index) => format!("{prefix}{}", self.names[*index].class),
            Format::Option(of) if self.types.is_nullable(of) => format!("Some[{}] | None", inner(of)),
            Format::Option(of) => format!("{} | None", inner(of)),
            Format::Seq(of) => format!("list[{}]", inner(of)),
            Format::Map(key, value) if self.types.is_hashable(key) => {
                format!("dict[{}, {}]", inner(key), inner(value))
            }
            Format::Map(key, value) => format!("list[tuple[{}, {}]]", inner(key), inner(value)),
            Format::Array(of, _) if **of == Format::Leaf(Leaf::U8) => "bytes".to_owned(),
            Format::Array(_, 0) => "tuple[()]".to_owned(),
            Format::Array(of, length) if *length <= LONGEST_TUPLE => {
                format!("tuple[{}]", vec![inner(of); *length].join(", "))
            }
            Format::Array(of, _) => format!("tuple[{}, ...]", inner(of)),
            Format::Tuple(of) if of.is_empty() => "tuple[()]".to_owned(),
            Format::Tuple(of) => format!("tuple[{}]", of.iter().map(inner).collect::<Vec<_>>().join(", ")),
        }
    }
}

fn leaf_annotation(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Unit => "None",
        Leaf::Bool => "bool",
        Leaf::F32 | Leaf::F64 => "float",
        Leaf::Char | Leaf::Str => "str",
        Leaf::Bytes => "bytes",
        _ => "int",
    }
}
