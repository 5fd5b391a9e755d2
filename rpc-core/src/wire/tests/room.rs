//! Rules of the room that a frame takes while it arrives, and of the progress that is seen meanwhile.

use bytes::Bytes;

use super::{agreed, call};
use crate::limits::{HEADER, ROOM_STEP};

#[test]
fn a_claimed_length_reserves_little() {
    let mut decoder = agreed(4 << 20);
    decoder.push(Bytes::from(call(&vec![0; 4 << 20])[..HEADER + 1].to_vec()));
    assert!(decoder.next_frame().expect("not yet whole").is_none());
    decoder.push(Bytes::from_static(&[0]));
    assert!(decoder.next_frame().expect("not yet whole").is_none());
    assert!(decoder.room() <= ROOM_STEP);
}

#[test]
fn the_room_of_a_long_frame_is_at_most_twice_what_has_arrived_and_never_more_than_the_frame() {
    let frame = call(&vec![7; 3_000_000]);
    for step in [1_000, 10_000, 65_536, 700_000] {
        let mut decoder = agreed(4 << 20);
        let mut arrived = 0;
        for part in frame[..frame.len() - 1].chunks(step) {
            decoder.push(Bytes::copy_from_slice(part));
            assert!(decoder.next_frame().expect("well formed").is_none());
            arrived += part.len();
            let most = (2 * arrived).max(ROOM_STEP).min(frame.len());
            assert!(decoder.room() <= most, "{} bytes for {arrived}", decoder.room());
            assert_eq!(decoder.progress(), (0, arrived as u64));
        }
        decoder.push(Bytes::copy_from_slice(&frame[frame.len() - 1..]));
        let whole = decoder.next_frame().expect("well formed").expect("whole");
        assert_eq!(whole.body[..], frame[HEADER..]);
        assert_eq!((decoder.room(), decoder.progress()), (0, (1, frame.len() as u64)));
    }
}

#[test]
fn a_frame_that_has_begun_does_not_keep_the_chunk_that_it_came_in() {
    let whole = call(b"whole");
    let mut stream = whole.clone();
    stream.extend_from_slice(&whole[..20]);
    let chunk = Bytes::from(stream);
    let mut decoder = agreed(1000);
    decoder.push(chunk.clone());
    assert!(decoder.next_frame().expect("well formed").is_some());
    assert!(decoder.next_frame().expect("well formed").is_none());
    assert!(decoder.is_mid_frame() && chunk.is_unique(), "another reference to it is left");
}

#[test]
fn frames_are_numbered_and_a_skipped_body_belongs_to_its_frame() {
    let mut decoder = agreed(1000);
    let mut stream = call(b"first");
    stream.extend(call(&[1; 5000]));
    stream.extend_from_slice(&call(b"third")[..10]);
    let mut numbers = Vec::new();
    for part in stream.chunks(1000) {
        decoder.push(Bytes::copy_from_slice(part));
        while decoder.next_frame().expect("well formed").is_some() {}
        numbers.push((decoder.progress().0, decoder.is_mid_frame()));
    }
    assert_eq!(numbers, [1, 1, 1, 1, 1, 2].map(|number| (number, true)));
}
