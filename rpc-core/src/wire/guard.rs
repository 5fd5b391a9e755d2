//! Layer 1: the guard around every encode and decode: it bounds the depth of a value and the number of its elements.
//!
//! The codec has neither bound: 14 KB of nested enums overflow a stack, 8 bytes can claim 2,000,000,000 units. The
//! guard stands between a type and the codec on both sides, so that what is sent can also be read:
//! - **Depth.** Each option, sequence, map, newtype, tuple, struct and enum is one level below what holds it; there
//!   are at most [`MAX_DEPTH`]. The depth is handed down by value: where the types are known it costs nothing.
//! - **Elements.** What the bytes claim for sequences and maps is charged, per collection and before its first
//!   element, to a budget of one element per byte and [`SPARE_ELEMENTS`]. Fields of tuples and structs are not
//!   charged: their type says how many there are, and `Vec<(u8, u8)>` has more of them than bytes.
//!
//! It knows serde and no codec. It relies on two properties of the codec: collections give their length in `size_hint`,
//! and they yield no more elements than that.
//!
//! A reader of the source can skip this folder: its two files forward serde's methods one by one.
//!
//! [`MAX_DEPTH`]: crate::limits::MAX_DEPTH
//! [`SPARE_ELEMENTS`]: crate::limits::SPARE_ELEMENTS

mod de;
mod ser;
#[cfg(test)]
mod tests;

pub(super) use de::{Budget, Guarded};
pub(super) use ser::{Tally, Watched};
