//! `kv load` and `kv dump`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::programs::{KV, KvServe, run};
use crate::relay::{Fate, relay};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/timezones.tsv");

fn data() -> String {
    std::fs::read_to_string(Path::new(DATA)).expect("the file that is shipped")
}

#[test]
fn what_is_loaded_is_dumped() {
    let server = KvServe::start();
    let said = server.kv(&["load", DATA]).expect(0);
    assert!(said.err.contains("loaded 5305 pairs"), "{}", said.err);
    assert_eq!(said.out, "");
    assert_eq!(server.kv(&["dump"]).expect(0).out, data());
    assert_eq!(server.kv(&["dump", "country/", "--page", "7"]).expect(0).out.lines().count(), 249);
}

#[test]
fn tabs_and_line_ends_survive() {
    let server = KvServe::start();
    let text = "a\\tb\tc\\nd\ne\ttwo\\\\three\\r\n";
    server.kv_with_input(&["load", "-"], text).expect(0);
    assert_eq!(server.kv(&["get", "a\tb"]).expect(0).out, "c\nd\n");
    assert_eq!(server.kv(&["dump"]).expect(0).out, text);
}

#[test]
fn of_two_lines_of_one_key_the_later_one_counts() {
    let server = KvServe::start();
    let text: String = (0..500).map(|n| format!("key/{}\t{n}\n", n % 7)).collect();
    server.kv_with_input(&["load", "-"], &text).expect(0);
    assert_eq!(server.kv(&["get", "key/6"]).expect(0).out, "496\n");
    assert_eq!(server.kv(&["get", "key/2"]).expect(0).out, "499\n");
}

#[test]
fn a_bad_line_is_named_by_its_number() {
    let server = KvServe::start();
    let said = server.kv_with_input(&["load", "-"], "a\t1\nb\t2\nno tab\nc\t3\n").expect(2);
    assert!(said.err.contains("line 3: it has no tab between key and value"), "{}", said.err);
    assert_eq!(server.kv(&["dump"]).expect(0).out, "a\t1\nb\t2\n");
    let said = server.kv_with_input(&["load", "-"], "a\t1\nb\tC:\\files\n").expect(2);
    assert!(said.err.contains("line 2: \\f is no escape"), "{}", said.err);
    server.kv_with_input(&["load", "--raw", "-"], "b\tC:\\files\n").expect(0);
    assert_eq!(server.kv(&["get", "b"]).expect(0).out, "C:\\files\n");
    let large = format!("a\t1\nb\t{}\n", "x".repeat(2 << 20));
    let said = server.kv_with_input(&["load", "-"], &large).expect(1);
    assert!(said.err.contains("line 2: a value of 2097152 bytes is over the limit"), "{}", said.err);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let server = KvServe::start();
    let said = server.kv(&["load", "no/such/file.tsv"]).expect(2);
    assert!(said.err.contains("cannot read no/such/file.tsv"), "{}", said.err);
}

/// The first connections are cut after some bytes, in the middle of a frame as often as not, and for half a second
/// nothing gets through at all.
#[test]
fn a_load_rides_out_an_outage() {
    let server = KvServe::start();
    let begun = Instant::now();
    let policy = move |connection: usize, passed: usize| match connection {
        1..=3 if passed > 40_000 * connection => Fate::Cut,
        4.. if begun.elapsed() < Duration::from_millis(500) => Fate::Cut,
        _ => Fate::Pass,
    };
    let addr = relay(&server.addr, Box::new(policy)).to_string();
    let said = run(KV, ["load", DATA, "--addr", &addr]).expect(0);
    assert!(said.err.contains("loaded 5305 pairs"), "{}", said.err);
    assert_eq!(server.kv(&["dump"]).expect(0).out, data());
}

#[test]
fn a_load_that_nothing_answers_gives_up_and_says_so() {
    let server = KvServe::start();
    let policy = |connection: usize, passed: usize| match connection {
        1 if passed <= 20_000 => Fate::Pass,
        _ => Fate::Cut,
    };
    let addr = relay(&server.addr, Box::new(policy)).to_string();
    let said = run(KV, ["load", DATA, "--addr", &addr, "--patience", "1s", "--deadline", "500ms"]);
    assert!(matches!(said.status, Some(3 | 4)), "{said:?}");
    assert!(said.err.contains("kv: line ") && said.err.contains("nothing got through for"), "{}", said.err);
}
