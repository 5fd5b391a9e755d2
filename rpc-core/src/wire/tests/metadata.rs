//! Rules of the metadata of a call: it is read as it was written, and no other bytes are metadata (W13a).

use crate::limits::MAX_METADATA;
use crate::wire::metadata::{Metadata, MetadataError};

fn metadata(entries: &[(&str, &str)]) -> Metadata {
    let mut metadata = Metadata::new();
    entries.iter().for_each(|(key, value)| metadata.set(key, value).expect("it fits"));
    metadata
}

/// Returns the body of a call with these arguments and this metadata.
fn body(arguments: &[u8], metadata: &Metadata) -> Vec<u8> {
    let mut body = arguments.to_vec();
    metadata.append_to(&mut body);
    body
}

#[test]
fn w13a_metadata_is_behind_the_arguments_in_the_order_of_its_keys() {
    let both = metadata(&[("b", "2"), ("a", "")]);
    let bytes = [&b"args"[..], &[1, b'a', 0, 0], &[1, b'b', 1, 0, b'2'], &[9, 0]].concat();
    assert_eq!(body(b"args", &both), bytes);
    assert_eq!(Metadata::split(&bytes), Some((&b"args"[..], both)));
    assert_eq!(body(b"args", &Metadata::new()), b"args", "no metadata is no byte");
}

#[test]
fn a_key_is_there_once_with_its_last_value() {
    let mut changed = metadata(&[("b", "2"), ("a", "1"), ("c", "3")]);
    changed.set("b", "two").expect("it fits");
    assert_eq!(changed.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "two"), ("c", "3")]);
    assert_eq!((changed.get("b"), changed.get("d")), (Some("two"), None));
    assert_eq!(changed, metadata(&[("a", "1"), ("b", "two"), ("c", "3")]));
}

#[test]
fn metadata_that_is_too_long_is_refused_and_changes_nothing() {
    let most = "v".repeat(MAX_METADATA - 4);
    let mut full = metadata(&[("k", &most)]);
    let before = full.clone();
    assert_eq!(full.set("l", ""), Err(MetadataError::TooLong(MAX_METADATA + 4)));
    assert_eq!(full.set("", "x"), Err(MetadataError::Key(0)));
    assert_eq!(full.set(&"k".repeat(256), ""), Err(MetadataError::Key(256)));
    assert_eq!(full.set("k", &"v".repeat(70_000)), Err(MetadataError::TooLong(70_000)));
    assert_eq!(full, before);
    assert_eq!(Metadata::split(&body(b"x", &full)), Some((&b"x"[..], before)));
    let long = [&[1, b'k', 253, 3][..], &vec![b'v'; 1021], &[1, 4]].concat();
    assert_eq!(Metadata::split(&long), None, "1,025 bytes");
}

#[test]
fn bytes_that_are_no_metadata_are_refused() {
    let bad: &[&[u8]] = &[
        b"",
        b"\0",
        &[5, 0],                               // longer than the body
        &[0, 0, 0, 3, 0],                      // an empty key
        &[1, b'a', 2, 0, b'x', 5, 0],          // a value that is cut off
        &[2, b'a', 2, 0],                      // a key that is cut off
        &[1, 0xff, 0, 0, 4, 0],                // no UTF-8
        &[1, b'a', 1, 0, 0xff, 5, 0],          // no UTF-8
        &[1, b'a', 0, 0, 1, b'a', 0, 0, 8, 0], // a key twice
        &[1, b'b', 0, 0, 1, b'a', 0, 0, 8, 0], // not in order
        &[b'x', 1, b'a', 0, 0, 5, 0],          // a byte too many
    ];
    for bytes in bad {
        assert_eq!(Metadata::split(bytes), None, "{bytes:?}");
    }
    assert_eq!(Metadata::split(&[0, 0]), Some((&[][..], Metadata::new())));
}

#[test]
fn what_is_read_is_what_was_written_and_whatever_can_be_read_is_written_as_the_same_bytes() {
    let mut random = fastrand::Rng::with_seed(13);
    let mut read = 0;
    for _ in 0..20_000 {
        let mut written = Metadata::new();
        for _ in 0..random.usize(1..6) {
            let text = |random: &mut fastrand::Rng, most: usize| {
                (0..random.usize(0..most)).map(|_| random.char('a'..'e')).collect::<String>()
            };
            let (key, value) = (text(&mut random, 4) + "k", text(&mut random, 9));
            written.set(&key, &value).expect("it fits");
        }
        let arguments: Vec<u8> = (0..random.usize(0..9)).map(|_| random.u8(..)).collect();
        let mut bytes = body(&arguments, &written);
        assert_eq!(Metadata::split(&bytes), Some((&arguments[..], written)));
        let at = random.usize(..bytes.len());
        match random.u8(0..3) {
            0 => bytes[at] ^= 1 << random.u8(0..8),
            1 => bytes.truncate(at),
            _ => bytes.insert(at, random.u8(..)),
        }
        if let Some((arguments, metadata)) = Metadata::split(&bytes).filter(|(_, found)| !found.is_empty()) {
            assert_eq!(body(arguments, &metadata), bytes);
            read += 1;
        }
    }
    assert!(read > 1000, "{read} of the changed bodies are metadata");
}
