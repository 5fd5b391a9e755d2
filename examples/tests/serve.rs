//! `kv serve` and the commands that are one call each.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::programs::{KV, KvServe, run};

#[test]
fn serve_prints_its_address_on_one_line() {
    let server = KvServe::start();
    assert!(server.first_line.starts_with("listening on 127.0.0.1:"), "{}", server.first_line);
    let port = server.addr.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    assert!(port.is_some_and(|port| port > 0), "{}", server.addr);
}

#[test]
fn as_json_the_address_is_an_object() {
    let server = KvServe::start_with(&["--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&server.first_line).expect("an object");
    let addr = said["listening"].as_str().expect("an address");
    run(KV, ["put", "a", "1", "--addr", addr]).expect(0);
}

/// The framework's events are shown: warnings by default, more or less on request.
#[test]
fn events_are_shown_on_standard_error() {
    let cases: [(&[&str], bool, bool); 3] =
        [(&[], true, false), (&["--verbose"], true, true), (&["--quiet"], false, false)];
    for (options, warnings, more) in cases {
        let server = KvServe::start_with(&[&["--no-filter"], options].concat());
        let (status, err) = server.terminate();
        assert_eq!(status, Some(0), "{err}");
        let has = |text: &str| err.contains(text);
        assert_eq!(has("WARN") && has("the duplicate filter is off"), warnings, "{options:?}: {err}");
        assert_eq!(has("INFO") && has("serving"), more, "{options:?}: {err}");
    }
}

#[test]
fn what_is_put_is_there_until_it_is_deleted() {
    let server = KvServe::start();
    assert_eq!(server.kv(&["put", "colour", "blue"]).expect(0).out, "");
    assert_eq!(server.kv(&["get", "colour"]).expect(0).out, "blue\n");
    assert_eq!(server.kv(&["append", "colour", "ish"]).expect(0).out, "7\n");
    assert_eq!(server.kv(&["get", "colour"]).expect(0).out, "blueish\n");
    server.kv(&["delete", "colour"]).expect(0);
    let gone = server.kv(&["get", "colour"]).expect(1);
    assert_eq!((gone.out.as_str(), gone.err.as_str()), ("", "kv: no such key: \"colour\"\n"));
}

#[test]
fn json_is_one_object_a_line() {
    let server = KvServe::start();
    assert_eq!(
        server.kv(&["put", "a", "1", "--format", "json"]).expect(0).out,
        "{\"key\":\"a\",\"put\":true}\n"
    );
    server.kv(&["put", "b", "tab\there"]).expect(0);
    assert_eq!(
        server.kv(&["get", "a", "--format", "json"]).expect(0).out,
        "{\"key\":\"a\",\"value\":\"1\"}\n"
    );
    let list = server.kv(&["list", "--format", "json"]).expect(0).out;
    assert_eq!(list, "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"tab\\there\"}\n");
    let stats = server.kv(&["stats", "--format", "json"]).expect(0).out;
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("an object");
    assert_eq!(stats["keys"], 2);
    assert!(stats["handler_runs"].as_u64().is_some_and(|runs| runs >= 5), "{stats}");
}

#[test]
fn lists_come_in_pages() {
    let server = KvServe::start();
    for key in ["x/1", "x/2", "x/3", "y"] {
        server.kv(&["put", key, "v"]).expect(0);
    }
    let first = server.kv(&["list", "x/", "--limit", "2"]).expect(0);
    assert_eq!(first.out, "x/1\tv\nx/2\tv\n");
    assert!(first.err.contains("--after \"x/2\""), "{}", first.err);
    let rest = server.kv(&["list", "x/", "--after", "x/2"]).expect(0);
    assert_eq!((rest.out.as_str(), rest.err.as_str()), ("x/3\tv\n", ""));
}

#[test]
fn sigterm_drains() {
    let server = KvServe::start();
    server.kv(&["put", "a", "1"]).expect(0);
    let (status, err) = server.terminate();
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("draining"), "{err}");
    assert!(err.contains(" calls arrived, 1 ran"), "{err}"); // a duplicate may have arrived as well
}

#[test]
fn each_limit_of_the_library_is_an_option_with_its_default() {
    let (short, long) = (run(KV, ["serve", "-h"]).expect(0).out, run(KV, ["serve", "--help"]).expect(0).out);
    let limits = format!("{:?}", rpc_core::ServerLimits::default());
    let fields = limits.split([' ', ',']).filter_map(|word| word.strip_suffix(':'));
    let options: Vec<String> = fields.map(|field| format!("--{} <", field.replace('_', "-"))).collect();
    assert!(options.len() > 20, "{limits}");
    for option in &options {
        assert!(long.contains(option) && !short.contains(option), "{option} in {long}");
    }
    for usual in ["[default: 1024]", "[default: 256MiB]", "[default: 1m]", "[default: 50ms]"] {
        assert!(long.contains(usual), "{usual} in {long}");
    }
}

#[test]
fn a_limit_outside_its_bounds_is_refused_with_the_name_of_its_option() {
    let cases = [
        ("--slots", "0", "--slots is 0, but must be from 1 to 1024: without a slot no client can call"),
        ("--slots", "many", "invalid digit"),
        ("--lease", "50days", "--lease is 4320000s, but must be from 1ms to"),
        ("--connections-per-source", "0", "--connections-per-source is 0, but must be from 1 to"),
        ("--queue-bytes", "1MiB", "at least --max-frame, which is 4194304"),
        ("--reply-budget", "1TiB", "write for example 4096, 16KiB, 4MiB or 1GiB"),
        ("--reply-budget", "99999999999GiB", "more bytes than any memory has"),
    ];
    for (option, value, text) in cases {
        let refused = run(KV, ["serve", "--addr", "127.0.0.1:0", option, value]).expect(2);
        assert!(refused.err.contains(text), "{option} {value}: {}", refused.err);
    }
}

#[test]
fn a_server_has_the_limits_of_its_command_line() {
    let server = KvServe::start_with(&["--max-frame", "2KiB", "--sessions-per-source", "9"]);
    server.kv(&["put", "a", &"x".repeat(1_000)]).expect(0);
    let refused = server.kv(&["put", "a", &"x".repeat(3_000)]).expect(2);
    assert!(refused.err.contains("2048"), "{}", refused.err);
}

#[test]
fn an_address_that_has_its_share_is_told_in_the_log() {
    let server = KvServe::start_with(&["--connections-per-source", "1"]);
    let _held = std::net::TcpStream::connect(&server.addr).expect("it listens");
    server.kv(&["get", "a", "--deadline", "300ms"]).expect(3);
    let (status, err) = server.terminate();
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("WARN") && err.contains("connections_per_source"), "{err}");
}

#[test]
fn help_leads_with_examples() {
    let help = run(KV, ["--help"]).expect(0).out;
    let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{help}"));
    assert!(at("Examples:") < at("Usage:"));
    assert!(help.lines().count() <= 45, "one screen, but it is {} lines", help.lines().count());
}

/// For a load balancer: a server that was told to end says so, and serves on for the time of the notice.
#[test]
fn the_health_of_a_server_that_was_told_to_end_says_so_while_calls_go_on() {
    let server = KvServe::start_with(&["--notice", "1h"]);
    assert_eq!(server.kv(&["health"]).expect(0).out, "serving\n");
    let said = server.kv(&["health", "--format", "json"]).expect(0).out;
    assert_eq!(said, "{\"state\":\"serving\"}\n");
    server.signal("TERM");
    while server.kv(&["health"]).status == Some(0) {} // the signal is on its way
    let said = server.kv(&["health"]).expect(1);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("draining\n", ""));
    server.kv(&["put", "a", "1"]).expect(0);
    let (status, err) = server.terminate();
    assert_eq!(status, Some(128 + 15), "the second signal ends it at once: {err}");
    run(KV, ["health", "--addr", "127.0.0.1:1", "--deadline", "1s"]).expect(3);
}

#[test]
fn each_of_two_signals_drains() {
    for name in ["INT", "TERM"] {
        let server = KvServe::start();
        server.kv(&["put", "a", "1"]).expect(0);
        server.signal(name);
        let (status, err) = server.wait();
        assert_eq!(status, Some(0), "{err}");
        assert!(err.contains("draining") && err.contains(" calls arrived, 1 ran"), "{err}");
    }
}

#[test]
fn metrics_are_shown_at_a_port_that_is_asked_for() {
    let mut server = KvServe::start_with(&["--metrics", "127.0.0.1:0"]);
    let said = server.error_line();
    let address = said.strip_prefix("metrics at http://").and_then(|rest| rest.strip_suffix("/metrics"));
    server.kv(&["put", "a", "1"]).expect(0);
    let mut port = TcpStream::connect(address.unwrap_or_else(|| panic!("{said}"))).expect("it listens");
    port.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is read");
    let mut page = String::new();
    port.read_to_string(&mut page).expect("text");
    assert!(page.contains("\nrpc_calls_ended_total{method=\"Kv.put\",status=\"done\"} 1\n"), "{page}");
    assert!(page.contains("\nrpc_server_executions_total 1\n"), "{page}");
    let (status, err) = server.terminate();
    assert_eq!(status, Some(0), "{err}");
    let (_, err) = KvServe::start().terminate();
    assert!(!err.contains("metrics"), "off by default: {err}");
    let refused = run(KV, ["serve", "--addr", "127.0.0.1:0", "--metrics", "nowhere"]).expect(2);
    assert!(refused.err.contains("--metrics nowhere"), "{}", refused.err);
}

#[test]
fn with_a_folder_the_pairs_are_there_after_a_kill_and_a_second_server_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = format!("--data={}", folder.path().display());
    let server = KvServe::start_with(&[&data]);
    server.kv(&["append", "a", "1"]).expect(0);
    let second = run(KV, ["serve", "--addr", "127.0.0.1:0", &data]).expect(2);
    assert!(second.err.contains("is in use by another server"), "{}", second.err);
    server.signal("KILL");
    server.wait();
    let server = KvServe::start_with(&[&data]);
    assert_eq!(server.kv(&["append", "a", "2"]).expect(0).out, "2\n");
    assert_eq!(server.kv(&["get", "a"]).expect(0).out, "12\n");
}

#[test]
fn a_folder_with_another_file_in_the_place_of_the_store_is_refused_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("store.redb"), "no store").expect("written");
    let data = format!("--data={}", folder.path().display());
    let said = run(KV, ["serve", "--addr", "127.0.0.1:0", &data]).expect(2);
    assert!(said.err.contains("cannot open the store"), "{}", said.err);
}
