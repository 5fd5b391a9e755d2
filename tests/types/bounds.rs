//! Tracing ends: with large types, types without an end, types that refuse all values, and code that panics.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{formats, text, untraced};

#[derive(Serialize, Deserialize)]
struct Endless {
    next: Box<Endless>,
}

#[derive(Serialize, Deserialize)]
enum Rounds {
    Again(Box<Rounds>),
}

#[test]
fn a_type_without_an_end_is_refused() {
    assert!(untraced::<Endless>().contains("200 types are inside each other"));
    assert!(untraced::<Rounds>().contains("`Rounds` has no end"));
    let of = |endless: Endless| endless.next;
    let _ = (of, |rounds: Box<Rounds>| Rounds::Again(rounds));
}

#[derive(Serialize, Deserialize)]
enum Never {}

#[derive(Serialize)]
struct Serial(String);

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.starts_with("KX-") {
            Ok(Serial(text))
        } else {
            Err(D::Error::custom("a serial number begins with KX-"))
        }
    }
}

#[derive(Serialize)]
struct Careless(u8);

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Careless(100 / u8::deserialize(deserializer)?))
    }
}

#[test]
fn a_type_that_accepts_no_value_or_panics_is_refused_with_its_own_words() {
    assert!(untraced::<Never>().contains("`Never` has no variant"));
    assert!(untraced::<Serial>().contains("begins with KX-"));
    assert!(untraced::<(u8, Careless)>().contains("divide by zero"));
}

struct Loose;

impl Serialize for Loose {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a value that was made up is not written"))
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (is_long, _) = <(bool, Odd)>::deserialize(deserializer)?;
        let _ = is_long;
        Ok(Loose)
    }
}

/// Asks for another type each time.
struct Odd;

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use std::sync::atomic::{AtomicBool, Ordering};
        static TURN: AtomicBool = AtomicBool::new(false);
        if TURN.fetch_xor(true, Ordering::Relaxed) {
            u8::deserialize(deserializer).map(|_| Odd)
        } else {
            String::deserialize(deserializer).map(|_| Odd)
        }
    }
}

#[test]
fn a_format_that_depends_on_the_value_is_refused() {
    assert!(untraced::<Loose>().contains("the format of a tuple depends on the value"));
}

/// Writes an enum of so many variants, some with fields.
macro_rules! large_enum {
    ($name:ident: $($letter:ident)*) => {
        large_enum!(@ $name: $($letter)*; A B C D E F G H I J);
    };
    (@ $name:ident: $($letter:ident)*; $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident $i:ident $j:ident) => {
        #[allow(dead_code, reason = "it is only traced")]
        mod large {
            $(pub(super) mod $letter {
                #[derive(serde::Serialize, serde::Deserialize)]
                pub(in super::super) enum Ten { $a, $b(u8), $c { x: u16 }, $d, $e, $f(String), $g, $h(Box<Ten>), $i, $j(u8, u8) }
            })*
        }
        #[derive(Serialize, Deserialize)]
        #[allow(non_camel_case_types, dead_code, reason = "the letters are modules as well; it is only traced")]
        enum $name { $($letter(large::$letter::Ten)),* }
    };
}

large_enum!(Large: a b c d e f g h i j k l m n o p q r s t u v w x y z aa ab ac ad);

#[test]
fn an_enum_of_three_hundred_variants_is_traced() {
    let formats = formats::<Large>();
    assert_eq!(formats.definitions.len(), 31);
    let text = formats.to_string();
    assert_eq!(text.matches("J(u8, u8)").count(), 30, "{text}");
    assert!(
        text.contains("Ten'30 { A, B(u8), C { x: u16 }, D, E, F(str), G, H(Ten'30), I, J(u8, u8) }"),
        "{text}"
    );
}

/// A type of another shape for each `N`, that contains `INNER`.
#[derive(Serialize, Deserialize)]
struct Level<T> {
    inner: T,
    more: Vec<T>,
    other: Option<Box<T>>,
}

type L4<T> = Level<Level<Level<Level<T>>>>;

#[test]
fn a_type_of_many_levels_is_traced_in_few_values() {
    let text = text::<L4<L4<L4<u8>>>>();
    assert_eq!(text.matches("struct Level").count(), 12);
}

/// Sixteen of a type.
#[derive(Serialize, Deserialize)]
struct Wide<T>(T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T);

/// Sixteen of a type that are not on the stack.
type Boxed<T> = Wide<Box<T>>;

#[test]
fn a_type_whose_smallest_value_is_large_is_refused() {
    assert!(untraced::<Wide<Boxed<Wide<Boxed<Wide<u8>>>>>>().contains("simple values"));
    assert!(
        text::<Wide<Wide<Wide<u8>>>>().contains("struct Wide(Wide'2, "),
        "65 values are well within the bounds"
    );
}
