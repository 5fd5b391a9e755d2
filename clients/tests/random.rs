//! Random types, and random values of them that the real codec writes.

use rpc_core::reflection::{Definition, Fields, Format, Formats, Leaf, Shape, Variant};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStructVariant, SerializeTuple, Serializer};
use serde_json::{Value as Json, json};

/// Most levels of a random format, and of a random value beyond them, so that types that contain themselves end.
const DEPTH: usize = 4;

/// A random type and a value of it.
pub(crate) struct Sample {
    pub(crate) formats: Formats,
    pub(crate) bytes: Vec<u8>,
    /// The value as another language has read and printed it.
    pub(crate) said: Json,
}

/// Draws a sample, whose types have names of their own.
pub(crate) fn sample(random: &mut fastrand::Rng, number: usize) -> Sample {
    let count = random.usize(0..4);
    let mut draw = Draw { random, count, own: None };
    let definitions: Vec<Definition> = (0..count)
        .map(|index| {
            draw.own = Some(index);
            Definition { name: format!("M{number}T{index}"), shape: draw.shape() }
        })
        .collect();
    draw.own = None;
    let root = if count > 0 && draw.random.bool() { Format::Named(0) } else { draw.format(DEPTH) };
    let formats = in_order(vec![root], &definitions);
    let mut value = Values { random, definitions: &formats.definitions, depth: 0 };
    let root = &formats.arguments[0];
    let value = value.draw(root);
    let mut bytes = Vec::new();
    rpc_core::wire::codec::encode(&value, &mut bytes, 1 << 20).expect("a value within the bounds");
    let said = value.said();
    Sample { formats, bytes, said }
}

/// Draws types. Directly inside each other they only name later ones, so that each has finite values.
struct Draw<'r> {
    random: &'r mut fastrand::Rng,
    count: usize,
    own: Option<usize>,
}

impl Draw<'_> {
    fn shape(&mut self) -> Shape {
        match self.random.u8(0..5) {
            0 | 1 => Shape::Struct(self.fields(1)),
            2 => {
                let count = self.random.usize(1..5);
                Shape::Enum(
                    (0..count)
                        .map(|at| Variant { name: format!("Only{at}"), fields: Fields::Unit })
                        .collect(),
                )
            }
            _ => {
                let count = self.random.usize(1..5);
                let mut variants: Vec<Variant> =
                    (0..count).map(|at| Variant { name: format!("V{at}"), fields: self.fields(0) }).collect();
                // One with fields, so that the enum is none of names alone.
                variants
                    .push(Variant { name: "Last".to_owned(), fields: Fields::Tuple(vec![self.format(1)]) });
                Shape::Enum(variants)
            }
        }
    }

    fn fields(&mut self, least: usize) -> Fields {
        const NAMES: [&str; 6] = ["class", "bytes", "value", "self", "int", "größe"];
        let count = self.random.usize(least.max(1)..5);
        match self.random.u8(0..3) {
            0 if least == 0 => Fields::Unit,
            1 => Fields::Tuple((0..count.max(2)).map(|_| self.format(DEPTH - 2)).collect()),
            _ => Fields::Named((0..count).map(|at| (NAMES[at].to_owned(), self.format(DEPTH - 2))).collect()),
        }
    }

    fn format(&mut self, depth: usize) -> Format {
        let first = self.own.map_or(0, |own| own + 1);
        if self.random.u8(0..4) == 0 && first < self.count {
            return Format::Named(self.random.usize(first..self.count));
        }
        if depth == 0 {
            return Format::Leaf(self.leaf());
        }
        match self.random.u8(0..9) {
            0 => Format::Option(Box::new(self.guarded(depth - 1))),
            1 => Format::Seq(Box::new(not_bytes(self.guarded(depth - 1)))),
            2 => Format::Map(Box::new(self.format(depth - 1)), Box::new(self.guarded(depth - 1))),
            3 => Format::Array(Box::new(self.format(depth - 1)), self.random.usize(1..20)),
            4 => {
                let first = self.format(depth - 1);
                let second = self.format(depth - 1);
                if first == second {
                    Format::Array(Box::new(first), 2)
                } else {
                    Format::Tuple(vec![first, second])
                }
            }
            _ => Format::Leaf(self.leaf()),
        }
    }

    /// A format that a value may do without, so that it may be any type.
    fn guarded(&mut self, depth: usize) -> Format {
        match self.random.u8(0..3) {
            0 if self.count > 0 => Format::Named(self.random.usize(0..self.count)),
            _ => self.format(depth),
        }
    }

    fn leaf(&mut self) -> Leaf {
        use Leaf::{
            Bool, Bytes, Char, F32, F64, I8, I16, I32, I64, I128, Str, U8, U16, U32, U64, U128, Unit,
        };
        let all = [Unit, Bool, I8, I16, I32, I64, I128, U8, U16, U32, U64, U128, F32, F64, Char, Str, Bytes];
        all[self.random.usize(0..all.len())]
    }
}

/// A list of bytes is `bytes`.
fn not_bytes(format: Format) -> Format {
    if format == Format::Leaf(Leaf::U8) { Format::Leaf(Leaf::U16) } else { format }
}

/// Puts the definitions into the order of the text, and leaves out those that nothing names.
fn in_order(roots: Vec<Format>, definitions: &[Definition]) -> Formats {
    let mut order = Vec::new();
    let value = Format::Leaf(Leaf::Unit);
    let mut arguments = roots;
    for root in &mut arguments {
        renumber(root, &mut order);
    }
    let mut ordered: Vec<Definition> = Vec::new();
    while let Some(index) = order.get(ordered.len()).copied() {
        let mut definition: Definition = definitions[index].clone();
        match &mut definition.shape {
            Shape::Same(format) => renumber(format, &mut order),
            Shape::Struct(fields) => renumber_fields(fields, &mut order),
            Shape::Enum(variants) => {
                variants.iter_mut().for_each(|v| renumber_fields(&mut v.fields, &mut order))
            }
        }
        ordered.push(definition);
    }
    Formats { arguments, value, error: None, definitions: ordered }
}

fn renumber(format: &mut Format, order: &mut Vec<usize>) {
    match format {
        Format::Leaf(_) => {}
        Format::Option(inner) | Format::Seq(inner) | Format::Array(inner, _) => renumber(inner, order),
        Format::Map(key, value) => {
            renumber(key, order);
            renumber(value, order);
        }
        Format::Tuple(formats) => formats.iter_mut().for_each(|format| renumber(format, order)),
        Format::Named(index) => {
            let place = order.iter().position(|known| known == index);
            let place = place.unwrap_or_else(|| {
                order.push(*index);
                order.len() - 1
            });
            *index = place;
        }
    }
}

fn renumber_fields(fields: &mut Fields, order: &mut Vec<usize>) {
    match fields {
        Fields::Unit => {}
        Fields::Tuple(formats) => formats.iter_mut().for_each(|format| renumber(format, order)),
        Fields::Named(fields) => fields.iter_mut().for_each(|(_, format)| renumber(format, order)),
    }
}

/// A value, as serde's traits see it.
enum Value {
    Unit,
    Bool(bool),
    Signed(Leaf, i128),
    Unsigned(Leaf, u128),
    F32(f32),
    F64(f64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    /// An array of bytes of one length.
    ByteArray(Vec<u8>),
    None,
    Some(Box<Value>),
    Seq(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Tuple(Vec<Value>),
    Struct(String, Vec<Value>),
    Name(String, u32),
    Variant(String, u32, Vec<Value>),
}

struct Values<'a> {
    random: &'a mut fastrand::Rng,
    definitions: &'a [Definition],
    depth: usize,
}

impl Values<'_> {
    fn draw(&mut self, format: &Format) -> Value {
        self.depth += 1;
        let value = match format {
            Format::Leaf(leaf) => self.leaf(*leaf),
            Format::Option(inner) if self.goes_on() => Value::Some(Box::new(self.draw(inner))),
            Format::Option(_) => Value::None,
            Format::Seq(inner) => Value::Seq(self.several().map(|()| self.draw(inner)).collect()),
            Format::Map(key, value) => {
                let mut entries: Vec<(Value, Value)> = Vec::new();
                for () in self.several() {
                    let (key, value) = (self.draw(key), self.draw(value));
                    let said = key.said();
                    if entries.iter().all(|(known, _)| known.said() != said) {
                        entries.push((key, value));
                    }
                }
                Value::Map(entries)
            }
            Format::Array(inner, length) if **inner == Format::Leaf(Leaf::U8) => {
                Value::ByteArray((0..*length).map(|_| self.random.u8(..)).collect())
            }
            Format::Array(inner, length) => Value::Tuple((0..*length).map(|_| self.draw(inner)).collect()),
            Format::Tuple(formats) => Value::Tuple(formats.iter().map(|format| self.draw(format)).collect()),
            Format::Named(index) => self.named(*index),
        };
        self.depth -= 1;
        value
    }

    fn named(&mut self, index: usize) -> Value {
        let definitions = self.definitions;
        let definition = &definitions[index];
        let mut all =
            |fields: &Fields| fields.iter().map(|(_, format)| self.draw(format)).collect::<Vec<_>>();
        match &definition.shape {
            Shape::Same(format) => self.draw(format),
            Shape::Struct(fields) => Value::Struct(definition.name.clone(), all(fields)),
            Shape::Enum(variants) => {
                let number = self.random.usize(0..variants.len());
                let variant = &variants[number];
                if variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) {
                    return Value::Name(definition.name.clone(), number as u32);
                }
                let name = format!("{}{}", definition.name, variant.name);
                let fields = variant.fields.iter().map(|(_, format)| self.draw(format)).collect();
                Value::Variant(name, number as u32, fields)
            }
        }
    }

    fn goes_on(&mut self) -> bool {
        self.depth < 3 * DEPTH && self.random.bool()
    }

    fn several(&mut self) -> impl Iterator<Item = ()> + use<> {
        let most = if self.depth < 3 * DEPTH { 4 } else { 1 };
        std::iter::repeat_n((), self.random.usize(0..most))
    }

    fn leaf(&mut self, leaf: Leaf) -> Value {
        let bits = self.random.u128(..) >> self.random.u32(0..128);
        let sign = if self.random.bool() { -1 } else { 1 };
        let size = |bits_of: u32| {
            (
                bits & (u128::MAX >> (128 - bits_of)),
                (bits >> 1) as i128 % (1 << (bits_of - 1).min(126)) * sign,
            )
        };
        match leaf {
            Leaf::Unit => Value::Unit,
            Leaf::Bool => Value::Bool(bits & 1 == 1),
            Leaf::I8 => Value::Signed(leaf, size(8).1),
            Leaf::I16 => Value::Signed(leaf, size(16).1),
            Leaf::I32 => Value::Signed(leaf, size(32).1),
            Leaf::I64 => Value::Signed(leaf, size(64).1),
            Leaf::I128 => Value::Signed(leaf, self.random.i128(..)),
            Leaf::U8 => Value::Unsigned(leaf, size(8).0),
            Leaf::U16 => Value::Unsigned(leaf, size(16).0),
            Leaf::U32 => Value::Unsigned(leaf, size(32).0),
            Leaf::U64 => Value::Unsigned(leaf, size(64).0),
            Leaf::U128 => Value::Unsigned(leaf, bits),
            Leaf::F32 => Value::F32(
                [0.0, -0.0, 1.1, f32::MAX, f32::MIN_POSITIVE, f32::NEG_INFINITY][self.random.usize(0..6)],
            ),
            Leaf::F64 => {
                Value::F64([0.0, -0.0, 1.1, f64::MAX, f64::EPSILON, f64::INFINITY][self.random.usize(0..6)])
            }
            Leaf::Char => Value::Char(['a', '\0', 'é', '€', '😀', '\u{10ffff}'][self.random.usize(0..6)]),
            Leaf::Str => Value::Str((0..self.random.usize(0..6)).map(|_| self.random.char(..)).collect()),
            Leaf::Bytes => Value::Bytes((0..self.random.usize(0..6)).map(|_| self.random.u8(..)).collect()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unit => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Signed(Leaf::I8, value) => serializer.serialize_i8(*value as i8),
            Value::Signed(Leaf::I16, value) => serializer.serialize_i16(*value as i16),
            Value::Signed(Leaf::I32, value) => serializer.serialize_i32(*value as i32),
            Value::Signed(Leaf::I64, value) => serializer.serialize_i64(*value as i64),
            Value::Signed(_, value) => serializer.serialize_i128(*value),
            Value::Unsigned(Leaf::U8, value) => serializer.serialize_u8(*value as u8),
            Value::Unsigned(Leaf::U16, value) => serializer.serialize_u16(*value as u16),
            Value::Unsigned(Leaf::U32, value) => serializer.serialize_u32(*value as u32),
            Value::Unsigned(Leaf::U64, value) => serializer.serialize_u64(*value as u64),
            Value::Unsigned(_, value) => serializer.serialize_u128(*value),
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::Char(value) => serializer.serialize_char(*value),
            Value::Str(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::None => serializer.serialize_none(),
            Value::Some(value) => serializer.serialize_some(&**value),
            Value::Seq(values) => {
                let mut seq = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| seq.serialize_element(value))?;
                seq.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Value::ByteArray(bytes) => {
                let mut tuple = serializer.serialize_tuple(bytes.len())?;
                bytes.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
                tuple.end()
            }
            Value::Tuple(values) | Value::Struct(_, values) => {
                let mut tuple = serializer.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
            Value::Name(_, number) => serializer.serialize_unit_variant("", *number, ""),
            Value::Variant(_, number, values) => {
                let mut variant = serializer.serialize_struct_variant("", *number, "", values.len())?;
                values.iter().try_for_each(|value| variant.serialize_field("", value))?;
                variant.end()
            }
        }
    }
}

impl Value {
    /// Returns the value as another language prints it: numbers as texts, maps as lists of pairs.
    fn said(&self) -> Json {
        let all = |first: &str, values: &[Value]| -> Json {
            [json!(first)].into_iter().chain(values.iter().map(Value::said)).collect()
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Value::Unit | Value::None => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Signed(_, value) => json!(value.to_string()),
            Value::Unsigned(_, value) => json!(value.to_string()),
            Value::F32(value) => json!(format!("f:{}", hex(&f64::from(*value).to_be_bytes()))),
            Value::F64(value) => json!(format!("f:{}", hex(&value.to_be_bytes()))),
            Value::Char(value) => json!(format!("s:{value}")),
            Value::Str(value) => json!(format!("s:{value}")),
            Value::Bytes(value) | Value::ByteArray(value) => json!(format!("b:{}", hex(value))),
            Value::Some(value) => value.said(),
            Value::Seq(values) | Value::Tuple(values) => all("list", values),
            Value::Map(entries) => {
                let pairs = entries.iter().map(|(key, value)| json!(["list", key.said(), value.said()]));
                [json!("list")].into_iter().chain(pairs).collect()
            }
            Value::Struct(name, values) | Value::Variant(name, _, values) => all(name, values),
            Value::Name(name, number) => json!([name, number]),
        }
    }
}
