//! Damaged frames: what the annotator calls wrong is what the decoders refuse, and nothing is left without a field.

use rpc_core::Status;
use rpc_core::wire::frame::{Frame, Kind};
use rpc_core::wire::message::{
    FEATURE_PROPERTIES, FEATURE_TYPES, Hello, Table, Welcome, decode_incarnation, decode_name,
};
use rpc_core::wire::metadata::{HAS_METADATA, Metadata};
use rpc_core::wire::parts::judge;

use crate::bodies::covers;
use crate::page::{text, vectors};
use rpc_frames::{Known, annotate};

/// Returns true if the decoders of a frame and of its body accept these bytes. Arguments and values are not looked at.
fn is_accepted(bytes: &[u8], features: u32) -> bool {
    let Ok(Some(Frame { header, body, .. })) = judge(bytes.to_vec().into()) else { return false };
    let length =
        usize::try_from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).expect("32 bits");
    if bytes.len() != 4 + length {
        return false; // more than one frame
    }
    match header.kind {
        Kind::Hello => Hello::decode(&body).is_ok(),
        Kind::Welcome => Welcome::decode(&body).is_ok(),
        Kind::Call => header.code & HAS_METADATA == 0 || Metadata::split(&body).is_some(),
        Kind::Reply => Status::from_code(header.code).is_ok(),
        Kind::SessionLost => decode_incarnation(&body).is_ok(),
        Kind::Methods => decode_name(&body).is_ok(),
        Kind::Table => Table::decode(&body, features).is_ok(),
        _ => true,
    }
}

/// Writes both checksums anew, so that a change of the body or of the header reaches its own decoder.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() >= 36 {
        let length = (bytes.len() - 4) as u32;
        let body = rpc_core::wire::frame::body_checksum(&bytes[36..], true);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[28..32].copy_from_slice(&body.to_le_bytes());
        let header = rpc_core::wire::frame::body_checksum(&bytes[..32], true);
        bytes[32..36].copy_from_slice(&header.to_le_bytes());
    }
    bytes
}

#[test]
fn what_is_wrong_is_what_the_decoders_refuse() {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut accepted, mut refused) = (0, 0);
    for (name, original) in vectors(&text()) {
        if name.contains("unchecked") {
            continue; // `judge` is of a session with checksums
        }
        let mut features = 0;
        features |= if name.contains("properties") { FEATURE_PROPERTIES } else { 0 };
        features |= if name.contains("types") { FEATURE_TYPES } else { 0 };
        for _ in 0..2000 {
            let mut bytes = original.clone();
            for _ in 0..random.usize(1..3) {
                match random.u8(..8) {
                    0 => bytes.truncate(random.usize(..=bytes.len())),
                    1 => bytes.extend((0..random.usize(1..40)).map(|_| random.u8(..))),
                    _ if bytes.is_empty() => {}
                    2 => {
                        let at = random.usize(..bytes.len());
                        bytes[at] = random.u8(..);
                    }
                    _ => {
                        let at = random.usize(..bytes.len());
                        bytes[at] = random.choice([0, 1, 2, 16, 64, 0xff]).unwrap_or_default();
                    }
                }
            }
            let bytes = if random.bool() { sealed(bytes) } else { bytes };
            let frame = annotate(&bytes, &Known { features: Some(features), ..Known::default() });
            covers(&frame);
            assert!(frame.fields.len() < 1100 && frame.says.len() < 1000, "{name}: {frame:?}");
            let is_right = is_accepted(&bytes, features);
            assert_eq!(frame.wrong.is_empty(), is_right, "{name}: {frame:#?}");
            *(if is_right { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(accepted > 3000 && refused > 10_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn text_of_the_other_side_moves_no_cursor() {
    let mut random = fastrand::Rng::with_seed(3);
    for (_, original) in vectors(&text()) {
        for _ in 0..200 {
            let mut bytes = original.clone();
            for byte in bytes.iter_mut().skip(36) {
                if random.u8(..4) == 0 {
                    *byte = random.choice([0x1b, b'\n', b'\r', 7, 0x9b]).unwrap_or_default();
                }
            }
            let frame = annotate(&sealed(bytes), &Known::default());
            let all = rpc_frames::head(&frame) + &rpc_frames::lines(&frame, rpc_frames::Style::default());
            assert!(!all.replace('\n', "").chars().any(char::is_control), "{all:?}");
            assert_eq!(rpc_frames::head(&frame).lines().count(), 1);
        }
    }
}
