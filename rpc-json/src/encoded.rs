//! A value in its encoded form, as a type with serde's traits: so it is an argument, a reply or an error of any call by name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// A value in its encoded form (W14). It is written as it is, and reads all bytes that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded(pub Vec<u8>);

/// As a tuple, which has no length of its own on the wire.
impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

/// As a tuple without an end: it is read until there are no more bytes.
impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ToTheEnd;

        impl<'de> Visitor<'de> for ToTheEnd {
            type Value = Encoded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Encoded, A::Error> {
                let mut bytes = Vec::new();
                // The error after the last byte says that there is none.
                while let Ok(Some(byte)) = access.next_element::<u8>() {
                    bytes.push(byte);
                }
                Ok(Encoded(bytes))
            }
        }

        deserializer.deserialize_tuple(usize::MAX, ToTheEnd)
    }
}
