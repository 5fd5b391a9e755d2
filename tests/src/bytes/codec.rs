//! The guarded codec: whatever decodes is within the bounds, encodes, and decodes again as the same.

use std::collections::BTreeMap;

use rpc_core::limits::{DEFAULT_NESTING, SPARE_ELEMENTS};
use rpc_core::wire::codec::{EncodeError, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::input::Input;
use super::values::{Borrowed, Chain, Extent, Shapes, Value};

/// An input is a byte that chooses a type, and the bytes that are decoded as a value of it.
///
/// # Panics
/// Panics if the codec panics, if a value is deeper or has more elements than the limits say, if what was decoded cannot
/// be encoded or is another value then, or when a borrowed part does not lie in the input.
pub fn codec(data: &[u8]) {
    let mut input = Input::new(data);
    let chosen = input.below(12);
    let bytes = input.rest();
    match chosen {
        0..3 => bounded(bytes, Value::extent),
        3 => exact(bytes, Chain::extent),
        4 | 5 => bounded(bytes, Shapes::extent),
        6 => exact(bytes, |units: &Vec<()>| Extent { depth: 1, elements: units.len() }),
        7 => borrowed(bytes),
        8 => bounded(bytes, maps),
        9 => exact(bytes, |(_, _, numbers): &(String, Option<Option<char>>, Option<Vec<u16>>)| Extent {
            depth: 3,
            elements: numbers.as_ref().map_or(0, Vec::len),
        }),
        10 => exact(bytes, |_: &Numbers| Extent::default()),
        _ => exact_bounds(Input::new(bytes)),
    }
}

type Numbers = (u128, i128, f32, f64, (bool, [Option<()>; 2]));
type Maps = BTreeMap<i8, BTreeMap<bool, Vec<()>>>;

fn maps(maps: &Maps) -> Extent {
    let inner = maps.values().map(|map| map.len() + map.values().map(Vec::len).sum::<usize>());
    Extent { depth: 3, elements: maps.len() + inner.sum::<usize>() }
}

fn bounded<T: Serialize + DeserializeOwned>(bytes: &[u8], extent: impl Fn(&T) -> Extent) {
    let Ok(value) = decode::<T>(bytes) else { return };
    within_bounds(extent(&value), bytes);
    let mut first = Vec::new();
    match encode(&value, &mut first, bytes.len()) {
        Ok(()) => {}
        // Keys that came twice are there once: the value takes fewer bytes than it came from, which allow it fewer units.
        Err(EncodeError::TooManyElements { limit, .. }) if limit < bytes.len() + SPARE_ELEMENTS => return,
        Err(error) => panic!("decoded, but not encoded: {error}"),
    }
    let again: T = decode(&first).unwrap_or_else(|error| panic!("encoded, but not decoded: {error}"));
    assert_eq!(encoded(&again, first.len()), first, "decoded again as another value");
}

/// Of a type without sets and maps no value has two encodings: what decodes is encoded as the very bytes it came from.
fn exact<T: Serialize + DeserializeOwned>(bytes: &[u8], extent: impl Fn(&T) -> Extent) {
    let Ok(value) = decode::<T>(bytes) else { return };
    within_bounds(extent(&value), bytes);
    assert_eq!(encoded(&value, bytes.len()), bytes, "other bytes than it was decoded from");
}

fn within_bounds(extent: Extent, bytes: &[u8]) {
    assert!(extent.depth <= DEFAULT_NESTING as usize, "{extent:?} is deeper than {DEFAULT_NESTING}");
    let most = bytes.len() + SPARE_ELEMENTS;
    assert!(extent.elements <= most, "{extent:?}: {} bytes may claim {most} elements", bytes.len());
}

/// The bytes of a value that was decoded from `most` bytes: no more than those. They stand for the value when two are
/// compared, since a NaN is not equal to itself.
fn encoded<T: Serialize>(value: &T, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes, most).unwrap_or_else(|error| panic!("decoded, but not encoded: {error}"));
    bytes
}

fn borrowed(bytes: &[u8]) {
    let Ok(value) = decode::<Borrowed<'_>>(bytes) else { return };
    let range = bytes.as_ptr_range();
    for (start, length) in value.parts() {
        let inside = range.start as usize <= start && start + length <= range.end as usize;
        assert!(inside || length == 0, "a part of {value:?} does not lie in the input");
    }
    assert_eq!(encoded(&value, bytes.len()), bytes, "other bytes than it was decoded from");
}

/// The bounds lie exactly where the limits say: one level or one element more is refused, on both sides.
fn exact_bounds(mut input: Input<'_>) {
    let links = usize::from(input.below(48));
    let mut chain = Chain::End;
    let mut bytes = 1_u32.to_le_bytes().repeat(links);
    bytes.extend(0_u32.to_le_bytes());
    for _ in 0..links {
        chain = chain.behind();
    }
    let fits = chain.extent().depth <= DEFAULT_NESTING as usize;
    assert_eq!(encode(&chain, &mut Vec::new(), usize::MAX).is_ok(), fits, "{links} links");
    assert_eq!(decode::<Chain>(&bytes).ok(), fits.then_some(chain), "{links} links");

    let claims = [0; 2].map(|_: usize| usize::from(input.u16()) & 0x7ff);
    let mut bytes = 2_u64.to_le_bytes().to_vec();
    claims.iter().for_each(|claim| bytes.extend((*claim as u64).to_le_bytes()));
    let lists = claims.map(|claim| vec![(); claim]);
    let fits = 2 + claims[0] + claims[1] <= bytes.len() + SPARE_ELEMENTS;
    assert_eq!(encode(&lists.to_vec(), &mut Vec::new(), usize::MAX).is_ok(), fits, "{claims:?} units");
    assert_eq!(decode::<Vec<Vec<()>>>(&bytes).ok(), fits.then(|| lists.to_vec()), "{claims:?} units");
}
