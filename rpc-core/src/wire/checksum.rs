//! Layer 1: CRC32C: from tables for a few bytes, by the processor's own instruction for many.
//!
//! Most frames are short: a header and some tens of bytes. The crate that knows the processor's instruction spends more on finding
//! the best way than on so few bytes. The tables are those of M. E. Kounavis and F. L. Berry, *Novel Table Lookup-Based Algorithms
//! for High-Performance CRC Generation* (IEEE Transactions on Computers 2008): the bytes of a block are looked up side by side.

use crate::limits::HEADER;

/// The longest run of bytes that is looked up, in bytes: a header, and the arguments of many calls. Beyond it the instruction wins.
const FEW: usize = 40;

/// The number of bytes that are looked up side by side.
const BLOCK: usize = 16;

/// The polynomial of CRC32C, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// For each place in a block, counted from its end, the remainder that each byte leaves there: 16 KiB.
static TABLES: [[u32; 256]; BLOCK] = tables();

/// Returns the CRC32C of `bytes`.
#[inline]
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    if bytes.len() <= FEW { of_few(bytes) } else { crc32c::crc32c(bytes) }
}

/// Returns the CRC32C of the fields of a header, which are before it there.
#[inline]
pub(super) fn of_header(header: &[u8; HEADER]) -> u32 {
    let [fields @ .., _, _, _, _] = header;
    of_few(fields)
}

/// Returns the CRC32C of `bytes` by the tables.
#[inline(always)] // so that the loop over a header becomes a row of look-ups
fn of_few(bytes: &[u8]) -> u32 {
    let (mut crc, mut rest) = (!0, bytes);
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        (crc, rest) = (step(crc, block), after);
    }
    if let Some((block, after)) = rest.split_first_chunk::<8>() {
        (crc, rest) = (step(crc, block), after);
    }
    if let Some((block, after)) = rest.split_first_chunk::<4>() {
        (crc, rest) = (step(crc, block), after);
    }
    for byte in rest {
        let [first, _, _, _] = crc.to_le_bytes();
        crc = crc >> 8 ^ look_up(0, first ^ byte);
    }
    !crc
}

/// Goes on with a block of at least four bytes: the remainder so far is in the first four.
#[inline(always)] // so that the loops over a block become a row of look-ups
fn step<const N: usize>(crc: u32, block: &[u8; N]) -> u32 {
    let mut places = (0..N).rev().zip(*block);
    let (mut next, before) = (0, crc.to_le_bytes());
    for ((place, byte), before) in places.by_ref().take(before.len()).zip(before) {
        next ^= look_up(place, byte ^ before);
    }
    for (place, byte) in places {
        next ^= look_up(place, byte);
    }
    next
}

/// Returns the remainder that `byte` leaves at this place.
#[inline(always)]
fn look_up(place: usize, byte: u8) -> u32 {
    // Both are there: a place is below BLOCK, and each table has an entry for every byte.
    TABLES.get(place).and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
}

/// Returns the tables. The compiler calls it, and no index is out of bounds there.
#[expect(clippy::indexing_slicing, reason = "a const function has no iterators, and is run by the compiler")]
const fn tables() -> [[u32; 256]; BLOCK] {
    let mut tables = [[0; 256]; BLOCK];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut place = 1;
    while place < BLOCK {
        byte = 0;
        while byte < 256 {
            let before: u32 = tables[place - 1][byte];
            tables[place][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        place += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::{FEW, crc32c, of_few};

    #[test]
    fn both_ways_agree_on_every_length_and_every_place_of_a_byte() {
        let mut random = fastrand::Rng::with_seed(7);
        for length in 0..=3 * FEW {
            let mut bytes = vec![0; length];
            for _ in 0..20 {
                assert_eq!(of_few(&bytes), ::crc32c::crc32c(&bytes), "{bytes:?}");
                assert_eq!(crc32c(&bytes), ::crc32c::crc32c(&bytes), "{bytes:?}");
                random.fill(&mut bytes);
            }
            for place in 0..length {
                let mut one = vec![0; length];
                one[place] = 1 << (place % 8);
                assert_eq!(of_few(&one), ::crc32c::crc32c(&one), "{place} of {length}");
            }
        }
        assert_eq!(of_few(b"123456789"), 0xe306_9283, "the published value");
    }
}
