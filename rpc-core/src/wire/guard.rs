//! Layer 1: the guard around every encode and decode: it bounds the depth of a value, the number of its elements, and their memory.
//!
//! The codec has neither bound: 14 KB of nested enums overflow a stack, 8 bytes can claim 2,000,000,000 units. The
//! guard stands between a type and the codec on both sides, so that what is sent can also be read:
//! - **Depth.** Each option, sequence, map, newtype, tuple, struct and enum is one level below what holds it; there
//!   are at most as many as [`Nesting`] says. The levels that are left are handed down by value, and cost one comparison each.
//! - **Elements.** What the bytes claim for sequences and maps is charged, per collection and before its first
//!   element, to a budget of one element per byte and [`SPARE_ELEMENTS`]. Fields of tuples and structs are not
//!   charged: their type says how many there are, and `Vec<(u8, u8)>` has more of them than bytes.
//!
//! - **Memory.** The type of an element is known when the first one is read, and so its size. All elements of a collection
//!   are charged there, to a budget of [`MEMORY_PER_BYTE`] for each byte and [`SPARE_MEMORY`]. Only on the way in: a
//!   `Serialize` sees references, whose size says nothing. What an element owns by a pointer other than a collection, a
//!   `Box` of a large enum, is not charged; nor is the spare room of a vector that grows, at most as much again.
//!
//! It knows serde and no codec. It relies on two properties of the codec: collections give their length in `size_hint`,
//! and they yield no more elements than that.
//!
//! A reader of the source can skip this folder: its two files forward serde's methods one by one.
//!
//! [`Nesting`]: crate::limits::Nesting
//! [`MEMORY_PER_BYTE`]: crate::limits::MEMORY_PER_BYTE
//! [`SPARE_ELEMENTS`]: crate::limits::SPARE_ELEMENTS
//! [`SPARE_MEMORY`]: crate::limits::SPARE_MEMORY

mod de;
mod ser;
#[cfg(test)]
mod tests;

pub(super) use de::{Budget, Guarded};
pub(super) use ser::{Tally, Watched};
