//! The module of the codecs: a constant for each type.

use std::collections::HashSet;

use rpc_core::reflection::{Fields, Format, Leaf, Shape};

use super::types::{LONGEST_TUPLE, field_names};
use super::{TypeScript, quoted};
use crate::lines::Lines;
use crate::types::has_only_names;

/// The codecs that are defined already; others are looked up when they are needed.
pub(super) type Defined = HashSet<usize>;

pub(super) fn module(typescript: &TypeScript<'_>) -> String {
    let mut lines = Lines::default();
    lines.put(0, "/** How the types are written and read. */");
    lines.gap(1);
    if typescript.names.is_empty() {
        lines.put(0, "export {};");
        return lines.into_text();
    }
    lines.put(0, "import { codec } from \"./runtime/index.js\";");
    lines.put(0, "import type * as types from \"./types.js\";");
    lines.gap(1);
    let mut defined = Defined::new();
    for index in typescript.types.in_order() {
        let (definition, name) = (&typescript.types.definitions[index], &typescript.names[index]);
        let shown = quoted(&name.ty);
        let codec = match &definition.shape {
            Shape::Same(format) => typescript.codec(format, &defined, ""),
            Shape::Struct(fields) => typescript.record(&name.ty, fields, &defined),
            Shape::Enum(variants) if has_only_names(variants) => {
                let names: Vec<_> = variants.iter().map(|variant| quoted(&variant.name)).collect();
                format!("codec.names({shown}, [{}])", names.join(", "))
            }
            Shape::Enum(variants) => {
                let variants = variants.iter().map(|variant| {
                    let record = typescript.record(&variant.name, &variant.fields, &defined);
                    format!("    [{}, {record}],\n", quoted(&variant.name))
                });
                format!("codec.variants({shown}, [\n{}])", variants.collect::<String>())
            }
        };
        lines.put(0, format!("export const {}: codec.Codec<types.{}> = {codec};", name.codec, name.ty));
        defined.insert(index);
    }
    lines.into_text()
}

impl TypeScript<'_> {
    fn record(&self, name: &str, fields: &Fields, defined: &Defined) -> String {
        let names = field_names(fields);
        let codecs = names.iter().zip(fields.iter());
        let codecs = codecs.map(|(name, (_, format))| format!("{name}: {}", self.codec(format, defined, "")));
        format!("codec.record({}, {{ {} }})", quoted(name), codecs.collect::<Vec<_>>().join(", "))
    }

    /// Returns the codec of a format. `prefix` is put before codecs of the package's types.
    pub(super) fn codec(&self, format: &Format, defined: &Defined, prefix: &str) -> String {
        let inner = |format: &Format| self.codec(format, defined, prefix);
        match format {
            Format::Leaf(Leaf::Unit) => "codec.UNIT".to_owned(),
            Format::Leaf(leaf) => format!("codec.{}", leaf.name().to_uppercase()),
            Format::Named(index) if defined.contains(index) => {
                format!("{prefix}{}", self.names[*index].codec)
            }
            Format::Named(index) => format!("codec.lazy(() => {prefix}{})", self.names[*index].codec),
            Format::Option(of) if self.types.is_nullable(of) => format!("codec.some({})", inner(of)),
            Format::Option(of) => format!("codec.option({})", inner(of)),
            Format::Seq(of) => format!("codec.list({})", inner(of)),
            Format::Map(key, value) => {
                let map = if self.types.is_primitive(key) { "map" } else { "pairs" };
                format!("codec.{map}({}, {})", inner(key), inner(value))
            }
            Format::Array(of, length) if **of == Format::Leaf(Leaf::U8) => {
                format!("codec.byteArray({length})")
            }
            Format::Array(of, length) if *length <= LONGEST_TUPLE => {
                format!("codec.tuple({})", vec![inner(of); *length].join(", "))
            }
            Format::Array(of, length) => format!("codec.array({}, {length})", inner(of)),
            Format::Tuple(of) => {
                format!("codec.tuple({})", of.iter().map(inner).collect::<Vec<_>>().join(", "))
            }
        }
    }
}
