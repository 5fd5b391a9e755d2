//! Rules of calls with metadata: what is sent to a server that knows it, and to one that does not.

use super::*;
use crate::proto::tests::secs;
use crate::wire::frame::body_checksum;
use crate::wire::message::FEATURE_METADATA;
use crate::wire::metadata::{HAS_METADATA, Metadata};

/// A call with metadata, and the bytes of that.
fn labelled() -> (Request, Vec<u8>) {
    let mut metadata = Metadata::new();
    metadata.set("caller", "test").expect("it fits");
    let mut body = b"arguments".to_vec();
    let bytes = metadata.append_to(&mut body);
    let request = request(PLAIN, &body, LONG);
    (Request { metadata: bytes, ..request }, body)
}

/// A client whose server agrees to these features.
fn bench_with(features: u32) -> Bench {
    let mut bench = Bench::new(quiet(1));
    bench.grants.features = features;
    bench.connect();
    bench.welcome(false);
    bench
}

#[test]
fn metadata_is_sent_with_its_mark_and_again_with_each_retransmission() {
    let mut bench = bench_with(FEATURE_METADATA);
    let (request, body) = labelled();
    bench.ask(1, request);
    let first = bench.written();
    assert_eq!((first[0].header.code, &first[0].body[..]), (HAS_METADATA, &body[..]));
    bench.cut();
    bench.wait_until_it_connects();
    bench.core.handle_connected(bench.now);
    bench.written();
    bench.welcome(true);
    let again = bench.written();
    assert_eq!((again[0].header.code, &again[0].body), (HAS_METADATA, &first[0].body), "W26: the same body");
}

#[test]
fn a_server_that_does_not_know_metadata_gets_the_call_without_it() {
    let mut bench = bench_with(0);
    bench.ask(1, labelled().0);
    let frames = bench.written();
    assert_eq!((frames[0].header.code, &frames[0].body[..]), (0, &b"arguments"[..]));
    assert_eq!(frames[0].body_crc, body_checksum(b"arguments", true));
    bench.pass(secs(1));
}

#[test]
fn a_call_without_metadata_has_the_same_bytes_whatever_the_server_knows() {
    let sent = [0, FEATURE_METADATA].map(|features| {
        let mut bench = bench_with(features);
        bench.ask(1, request(PLAIN, b"arguments", LONG));
        let frames = bench.written();
        (frames[0].header, frames[0].body.clone())
    });
    assert_eq!(sent[0], sent[1]);
    assert_eq!(sent[0].0.code, 0);
}
