//! Tests of the guard: the memory that decoded elements take.

use std::collections::BTreeMap;

use super::{length, refusal};
use crate::limits::{MEMORY_PER_BYTE, SPARE_MEMORY};
use crate::wire::codec::decode;

/// 264 bytes in memory, and one byte on the wire if it is absent.
type Fat = Option<[u64; 32]>;

/// A list that is as long as it may be, and one that is longer by one: `count` elements of `size` bytes, `wire` on the wire.
fn longest(size: usize, wire: usize) -> usize {
    // count * size <= (8 + count * wire) * MEMORY_PER_BYTE + SPARE_MEMORY
    (8 * MEMORY_PER_BYTE + SPARE_MEMORY) / (size - wire * MEMORY_PER_BYTE)
}

fn absent(count: usize) -> Vec<u8> {
    let mut bytes = length(count as u64);
    bytes.resize(8 + count, 0);
    bytes
}

#[test]
fn memory_of_decoded_elements_is_at_most_32_bytes_for_each_byte_and_8_mib() {
    assert_eq!(
        (MEMORY_PER_BYTE, SPARE_MEMORY),
        (32, 8 << 20),
        "the figures of docs/wire.md and of the guide"
    );
    let most = longest(size_of::<Fat>(), 1);
    assert_eq!(decode::<Vec<Fat>>(&absent(most)).expect("it is at the bound").len(), most);
    let refused = refusal::<Vec<Fat>>(&absent(most + 1));
    assert!(
        refused.starts_with("too large in memory: ") && refused.contains("elements of 264 bytes"),
        "{refused}"
    );
    refusal::<Vec<Fat>>(&absent((4 << 20) - 64)); // would take 1.1 GB
}

#[test]
fn lists_of_absent_numbers_and_texts_are_decoded_at_any_length() {
    for count in [100_000, (4 << 20) - 64] {
        assert_eq!(decode::<Vec<Option<u64>>>(&absent(count)).expect("16 bytes each").len(), count);
        assert_eq!(decode::<Vec<Option<String>>>(&absent(count)).expect("24 bytes each").len(), count);
    }
    let empty = [length(500_000), vec![0; 8 * 500_000]].concat();
    assert_eq!(decode::<Vec<String>>(&empty).expect("24 bytes for 8").len(), 500_000);
}

#[test]
fn memory_of_all_collections_of_a_value_is_charged_to_one_budget() {
    let half = longest(size_of::<Fat>(), 1) / 2 + 1000;
    let two = [absent(half), absent(half)].concat();
    assert!(decode::<Vec<Fat>>(&absent(half)).is_ok());
    assert!(refusal::<(Vec<Fat>, Vec<Fat>)>(&two).starts_with("too large in memory"));
    let nested = [length(2), two].concat();
    assert!(refusal::<Vec<Vec<Fat>>>(&nested).starts_with("too large in memory"));
}

#[test]
fn memory_of_keys_and_of_values_of_a_map_is_charged() {
    let count = 100_000_u64;
    let values =
        [length(count), (0..count as u32).flat_map(|key| [&key.to_le_bytes()[..], &[0]].concat()).collect()];
    assert!(refusal::<BTreeMap<u32, Fat>>(&values.concat()).starts_with("too large in memory"));
    let keys = [length(count), vec![0; count as usize]].concat();
    assert!(refusal::<BTreeMap<Fat, ()>>(&keys).starts_with("too large in memory"));
}

#[test]
fn parts_of_an_element_are_not_charged_again() {
    let count = 200_000_usize; // 96 bytes for 4: charged twice it would be more than 32 a byte and 8 MiB
    let bytes = [length(count as u64), vec![0; 4 * count]].concat();
    assert!(decode::<Vec<[Option<(u64, u8)>; 4]>>(&bytes).is_ok());
}
