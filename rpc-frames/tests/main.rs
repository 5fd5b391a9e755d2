//! The annotator against `docs/wire.md` and against the decoder: what it calls right is what the decoder accepts, byte for byte.

mod bodies;
mod damage;
#[allow(dead_code, reason = "the page is read by two test binaries, and this one needs its vectors alone")]
#[path = "../../tests/wire/page.rs"]
mod page;
mod pcap;
mod streams;
mod wireshark;
mod words;
