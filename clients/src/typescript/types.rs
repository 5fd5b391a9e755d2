//! The module of the types: interfaces, unions, and a class for each type of error.

use rpc_core::reflection::{Fields, Format, Leaf, Shape, Variant};

use super::{TypeScript, docs, quoted};
use crate::lines::Lines;
use crate::names::{Scope, camel};
use crate::types::has_only_names;

/// Tuples of equal formats up to this length are written with each of their parts: as many as serde's tuples have.
pub(super) const LONGEST_TUPLE: usize = 16;

pub(super) fn module(typescript: &TypeScript<'_>, source: &str) -> String {
    let body = body(typescript);
    let mut lines = Lines::default();
    lines.put(0, format!("/** The types of {}. */", docs(source)));
    lines.gap(1);
    let some = body.contains("Some<").then_some("type Some");
    let error = body.contains("extends ServiceError<").then_some("ServiceError");
    let imports: Vec<_> = error.into_iter().chain(some).collect();
    match imports.is_empty() {
        true => lines.put(0, "export {};"),
        false => lines.put(0, format!("import {{ {} }} from \"./runtime/index.js\";", imports.join(", "))),
    }
    lines.into_text() + &body
}

fn body(typescript: &TypeScript<'_>) -> String {
    let mut lines = Lines::default();
    for (definition, name) in typescript.types.definitions.iter().zip(&typescript.names) {
        lines.gap(1);
        lines.put(0, format!("/** `{}`. */", docs(&definition.name)));
        match &definition.shape {
            Shape::Same(format) => {
                lines.put(0, format!("export type {} = {};", name.ty, typescript.ty(format, "")))
            }
            Shape::Struct(fields) => {
                lines.put(0, format!("export interface {} {{", name.ty));
                for (name, (_, format)) in field_names(fields).iter().zip(fields.iter()) {
                    lines.put(1, format!("readonly {name}: {};", typescript.ty(format, "")));
                }
                lines.put(0, "}");
            }
            Shape::Enum(variants) if has_only_names(variants) => {
                let names: Vec<_> = variants.iter().map(|variant| quoted(&variant.name)).collect();
                let names = if names.is_empty() { "never".to_owned() } else { names.join(" | ") };
                lines.put(0, format!("export type {} = {names};", name.ty));
            }
            Shape::Enum(variants) => {
                lines.put(0, format!("export type {} =", name.ty));
                for (at, variant) in variants.iter().enumerate() {
                    let end = if at + 1 == variants.len() { ";" } else { "" };
                    lines.put(1, format!("| {}{end}", union_member(typescript, variant)));
                }
            }
        }
    }
    for name in &typescript.names {
        let Some(thrown) = &name.thrown else { continue };
        lines.gap(1);
        lines.put(0, format!("/** A method ran, and returned a `{}`. */", name.ty));
        lines.put(0, format!("export class {thrown} extends ServiceError<{}> {{}}", name.ty));
    }
    lines.into_text()
}

fn union_member(typescript: &TypeScript<'_>, variant: &Variant) -> String {
    let fields = field_names(&variant.fields);
    let fields = fields.iter().zip(variant.fields.iter());
    let fields =
        fields.map(|(name, (_, format))| format!("; readonly {name}: {}", typescript.ty(format, "")));
    format!("{{ readonly kind: {}{} }}", quoted(&variant.name), fields.collect::<String>())
}

/// Returns the names of fields. None is `kind`, which names the variant of an enum.
pub(super) fn field_names(fields: &Fields) -> Vec<String> {
    let mut scope = Scope::of_properties(&["kind", "__proto__"]);
    let unnamed = |at| if fields.len() == 1 { "value".to_owned() } else { format!("f{at}") };
    let names = fields.iter().enumerate();
    names.map(|(at, (name, _))| scope.give(&name.map_or_else(|| unnamed(at), camel))).collect()
}

impl TypeScript<'_> {
    /// Returns the type of a format. `prefix` is put before types of the package.
    pub(super) fn ty(&self, format: &Format, prefix: &str) -> String {
        let inner = |format: &Format| self.ty(format, prefix);
        match format {
            Format::Leaf(leaf) => leaf_type(*leaf).to_owned(),
            Format::Named(index) => format!("{prefix}{}", self.names[*index].ty),
            Format::Option(of) if self.types.is_nullable(of) => format!("Some<{}> | null", inner(of)),
            Format::Option(of) => format!("{} | null", inner(of)),
            Format::Seq(of) => format!("readonly {}[]", element(inner(of))),
            Format::Map(key, value) if self.types.is_primitive(key) => {
                format!("ReadonlyMap<{}, {}>", inner(key), inner(value))
            }
            Format::Map(key, value) => format!("readonly (readonly [{}, {}])[]", inner(key), inner(value)),
            Format::Array(of, _) if **of == Format::Leaf(Leaf::U8) => "Uint8Array".to_owned(),
            Format::Array(of, length) if *length <= LONGEST_TUPLE => {
                format!("readonly [{}]", vec![inner(of); *length].join(", "))
            }
            Format::Array(of, _) => format!("readonly {}[]", element(inner(of))),
            Format::Tuple(of) => {
                format!("readonly [{}]", of.iter().map(inner).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Puts a type of several words into parentheses.
fn element(ty: String) -> String {
    if ty.contains(' ') { format!("({ty})") } else { ty }
}

fn leaf_type(leaf: Leaf) -> &'static str {
    match leaf {
        Leaf::Unit => "undefined",
        Leaf::Bool => "boolean",
        Leaf::I64 | Leaf::U64 | Leaf::I128 | Leaf::U128 => "bigint",
        Leaf::Char | Leaf::Str => "string",
        Leaf::Bytes => "Uint8Array",
        _ => "number",
    }
}
