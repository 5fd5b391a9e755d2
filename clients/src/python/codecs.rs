//! The module of the codecs: a constant for each type.

use std::collections::HashSet;

use rpc_core::reflection::{Fields, Format, Leaf, Shape};

use super::{Python, quoted};
use crate::lines::Lines;
use crate::python::types::field_names;
use crate::types::has_only_names;

/// The codecs that are defined already; others are looked up when they are needed.
pub(super) type Defined = HashSet<usize>;

pub(super) fn module(python: &Python<'_>) -> String {
    let mut lines = Lines::default();
    lines.put(0, "\"\"\"How the types are written and read.\"\"\"");
    lines.gap(1);
    lines.put(0, "from __future__ import annotations");
    lines.gap(1);
    let mut defined = Defined::new();
    let mut body = Lines::default();
    for index in python.types.in_order() {
        let (shape, name) = (&python.types.definitions[index].shape, &python.names[index]);
        let codec = match shape {
            Shape::Same(format) => python.codec(format, &defined, ""),
            Shape::Struct(fields) => python.record(&name.class, fields, &defined),
            Shape::Enum(variants) if has_only_names(variants) => format!("codec.names(types.{})", name.class),
            Shape::Enum(variants) => {
                let variants = variants.iter().zip(&name.variants).map(|(variant, class)| {
                    format!("    (types.{class}, {}),\n", python.record(class, &variant.fields, &defined))
                });
                format!("codec.variants(\n    {},\n{})", quoted(&name.class), variants.collect::<String>())
            }
        };
        body.put(0, format!("{}: codec.Codec[types.{}] = {codec}", name.codec, name.class));
        defined.insert(index);
    }
    let body = body.into_text();
    if !body.is_empty() {
        lines.put(0, "from . import types");
        lines.put(
            0,
            if body.contains("Some[") {
                "from .runtime import Some, codec"
            } else {
                "from .runtime import codec"
            },
        );
        lines.gap(1);
    }
    lines.into_text() + &body
}

impl Python<'_> {
    fn record(&self, class: &str, fields: &Fields, defined: &Defined) -> String {
        let names = field_names(self, fields);
        let codecs = names.iter().zip(fields.iter());
        let codecs =
            codecs.map(|(name, (_, format))| format!(", {name}={}", self.codec(format, defined, "")));
        format!("codec.record(types.{class}{})", codecs.collect::<String>())
    }

    /// Returns the codec of a format. `prefix` is put before codecs of the package's types.
    pub(super) fn codec(&self, format: &Format, defined: &Defined, prefix: &str) -> String {
        let inner = |format: &Format| self.codec(format, defined, prefix);
        match format {
            Format::Leaf(leaf) => format!("codec.{}", leaf_codec(*leaf)),
            Format::Named(index) if defined.contains(index) => {
                format!("{prefix}{}", self.names[*index].codec)
            }
            Format::Named(index) => format!("codec.lazy(lambda: {prefix}{})", self.names[*index].codec),
            Format::Option(of) if self.types.is_nullable(of) => format!("codec.some({})", inner(of)),
            Format::Option(of) => format!("codec.option({})", inner(of)),
            Format::Seq(of) => format!("codec.listed({})", inner(of)),
            Format::Map(key, value) => {
                let map = if self.types.is_hashable(key) { "mapping" } else { "pairs" };
                format!("codec.{map}({}, {})", inner(key), inner(value))
            }
            Format::Array(of, length) if **of == Format::Leaf(Leaf::U8) => {
                format!("codec.byte_array({length})")
            }
            Format::Array(of, length) => format!("codec.array({}, {length})", inner(of)),
            Format::Tuple(of) => {
                format!("codec.fixed({})", of.iter().map(inner).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn leaf_codec(leaf: Leaf) -> String {
    match leaf {
        Leaf::Unit => "UNIT".to_owned(),
        leaf => leaf.name().to_uppercase(),
    }
}
