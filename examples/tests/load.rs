//! `kv load` and `kv dump`.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::exit_status::StrangeServer;
use crate::programs::{KV, KvServe, run, run_with_input};
use crate::relay::{Fate, relay, relay_by_connection};

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
    assert!(said.err.contains("line 2: \\f is not an escape"), "{}", said.err);
    server.kv_with_input(&["load", "--raw", "-"], "b\tC:\\files\n").expect(0);
    assert_eq!(server.kv(&["get", "b"]).expect(0).out, "C:\\files\n");
    let large = format!("a\t1\nb\t{}\n", "x".repeat(2 << 20));
    let said = server.kv_with_input(&["load", "-"], &large).expect(1);
    assert!(
        said.err.contains("standard input: line 2: a value of 2097152 bytes is over the limit"),
        "{}",
        said.err
    );
    assert!(said.err.contains("correct it and load again"), "{}", said.err);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let server = KvServe::start();
    let said = server.kv(&["load", "no/such/file.tsv"]).expect(2);
    assert!(said.err.contains("cannot read no/such/file.tsv"), "{}", said.err);
}

/// The first connections are cut after some bytes, often in the middle of a frame, and for half a second
/// no byte passes at all.
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
    assert!(
        said.err.contains("timezones.tsv: line ") && said.err.contains("nothing got through for"),
        "{}",
        said.err
    );
}

/// A relay that leads to another server, with an empty store, from the second connection on: this is what a client
/// sees of a restart. The first connection ends when it has passed this many bytes.
fn restarted(first: &KvServe, second: &KvServe, after: usize) -> String {
    let servers = [first.addr.clone(), second.addr.clone()];
    let server = move |connection: usize| servers[usize::from(connection > 1)].clone();
    let policy = move |connection: usize, passed: usize| match connection {
        1 if passed > after => Fate::Cut,
        _ => Fate::Pass,
    };
    relay_by_connection(Box::new(server), Box::new(policy)).to_string()
}

#[test]
fn a_file_is_loaded_anew_when_the_server_was_restarted() {
    let (first, second) = (KvServe::start(), KvServe::start());
    let addr = restarted(&first, &second, 40_000);
    let said = run(KV, ["load", DATA, "--addr", &addr]).expect(0);
    assert!(said.err.contains("the server was restarted during the load"), "{}", said.err);
    assert!(said.err.contains("loaded 5305 pairs") && said.err.contains("began again once"), "{}", said.err);
    assert_eq!(second.kv(&["dump"]).expect(0).out, data());
}

#[test]
fn what_cannot_be_read_twice_is_not_called_loaded_when_the_server_was_restarted() {
    let (first, second) = (KvServe::start(), KvServe::start());
    let addr = restarted(&first, &second, 40_000);
    let said = run_with_input(KV, ["load", "-", "--addr", &addr], &data()).expect(4);
    assert!(!said.err.contains("loaded 5305"), "{}", said.err);
    assert!(said.err.contains("those before this line may be missing; load again"), "{}", said.err);
}

#[test]
fn a_mark_of_the_byte_order_is_no_part_of_the_first_key() {
    let server = KvServe::start();
    server.kv_with_input(&["load", "-"], "\u{feff}a\t1\nb\t2\n").expect(0);
    assert_eq!(server.kv(&["dump"]).expect(0).out, "a\t1\nb\t2\n");
}

#[test]
fn a_key_that_begins_with_a_mark_of_the_byte_order_survives() {
    let (server, other) = (KvServe::start(), KvServe::start());
    server.kv(&["put", "\u{feff}a", "1"]).expect(0);
    let dump = server.kv(&["dump"]).expect(0).out;
    other.kv_with_input(&["load", "-"], &dump).expect(0);
    assert_eq!(other.kv(&["get", "\u{feff}a"]).expect(0).out, "1\n");
}

#[test]
fn a_load_that_waits_for_a_server_says_so_once() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    let said = run(KV, ["load", DATA, "--patience", "300ms", "--addr", &closed.to_string()]).expect(3);
    assert_eq!(said.err.matches("Trying for 300ms").count(), 1, "{}", said.err);
}

#[test]
fn advice_that_cannot_help_is_not_given() {
    let server = StrangeServer::start();
    let said = server.kv(&["load", DATA]).expect(6);
    assert!(!said.err.contains("correct it"), "{}", said.err);
}
