//! `docs/at_most_once.md`: its limits, reasons and counters are those of the code.

use std::time::Duration;

use rpc_core::error::Reason;
use rpc_core::limits::{ClientLimits, DEFAULT_DEADLINE, ServerLimits};

use crate::text;

const PAGE: &str = "docs/at_most_once.md";

fn time(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{} s", duration.as_secs()),
        _ => format!("{} ms", duration.as_millis()),
    }
}

/// Every limit that the page should name, with its default.
fn limits() -> Vec<(&'static str, String)> {
    let (server, client) = (ServerLimits::default(), ClientLimits::default());
    vec![
        ("ServerLimits::slots", server.slots.to_string()),
        ("ServerLimits::sessions", server.sessions.to_string()),
        ("ServerLimits::max_cached_reply", server.max_cached_reply.to_string()),
        ("ServerLimits::session_replies", server.session_replies.to_string()),
        ("ServerLimits::reply_budget", server.reply_budget.to_string()),
        ("ServerLimits::replies", server.replies.to_string()),
        ("ServerLimits::reply_age", time(server.reply_age)),
        ("ServerLimits::queue", server.queue.to_string()),
        ("ServerLimits::held", server.held.to_string()),
        ("ServerLimits::queue_bytes", server.queue_bytes.to_string()),
        ("ServerLimits::max_frame", server.max_frame.to_string()),
        ("ServerLimits::nesting", server.nesting.to_string()),
        ("ServerLimits::frames_budget", server.frames_budget.to_string()),
        ("ServerLimits::connections", server.connections.to_string()),
        (
            "ServerLimits::connections_per_source",
            server.connections_per_source.map_or("half".to_owned(), |most| most.to_string()),
        ),
        ("ServerLimits::queue_pause", server.queue_pause.to_string()),
        ("ServerLimits::unsent_pause", server.unsent_pause.to_string()),
        ("ServerLimits::unsent_most", server.unsent_most.to_string()),
        ("ServerLimits::unsent_budget", server.unsent_budget.to_string()),
        ("ServerLimits::unsent_stall", time(server.unsent_stall)),
        ("ServerLimits::lease", time(server.lease)),
        ("ServerLimits::grace", time(server.grace)),
        ("ServerLimits::drain_linger", time(server.drain_linger)),
        ("ServerLimits::drain_detached", time(server.drain_detached)),
        ("ServerLimits::retry_after", time(server.retry_after)),
        ("ServerLimits::threads", server.threads.to_string()),
        ("ServerLimits::spin", time(server.spin)),
        ("ClientLimits::slots", client.slots.to_string()),
        ("ClientLimits::waiting", client.waiting.to_string()),
        ("ClientLimits::resend_first", time(client.resend_first)),
        ("ClientLimits::resend_cap", time(client.resend_cap)),
        ("ClientLimits::ack_delay", time(client.ack_delay)),
        ("ClientLimits::ack_at_once", client.ack_at_once.to_string()),
        ("ClientLimits::ping_after", time(client.ping_after)),
        ("ClientLimits::ping_limit", client.ping_limit.to_string()),
        ("ClientLimits::backoff_cap", time(client.backoff_cap)),
        ("ClientLimits::all_orphaned", time(client.all_orphaned)),
        ("ClientLimits::nesting", client.nesting.to_string()),
        ("ClientLimits::spin", time(client.spin)),
        ("DEFAULT_DEADLINE", time(DEFAULT_DEADLINE)),
    ]
}

#[test]
fn the_limits_of_the_page_are_those_of_the_code() {
    let rows = text::table(&text::of(PAGE), &["limit", "default", "bounds"]);
    let shown: Vec<_> = rows.iter().map(|row| (row[0].as_str(), row[1].clone())).collect();
    assert_eq!(shown, limits());
}

#[test]
fn every_reason_is_on_the_page_with_its_text() {
    let rows = text::table(&text::of(PAGE), &["reason", "text", "said by"]);
    let known = Reason::ALL.map(|reason| (format!("{reason:?}"), reason.to_string()));
    let shown: Vec<_> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(shown, known);
}

#[test]
fn every_counter_of_the_page_is_one_of_the_server() {
    let counters = format!("{:?}", rpc_core::proto::server::ServerCounters::default());
    let mut named = 0;
    for row in text::table(&text::of(PAGE), &["arriving", "record", "server does", "counter"]) {
        for name in row[3].split(", ") {
            assert!(counters.contains(&format!(" {name}: ")), "the server has no counter `{name}`");
            named += 1;
        }
    }
    assert!(named > 15, "the table was not read");
}

/// The rules that the page lists: V1, V2 ..
fn rules() -> Vec<String> {
    let rows = text::table(&text::of(PAGE), &["rule", "what holds", "checked by"]);
    rows.iter().map(|row| row[0].clone()).collect()
}

/// The names of rules in a source: `V` and a number, with no word character before or after.
fn names_in(source: &str) -> Vec<String> {
    let words = source.split(|c: char| !c.is_ascii_alphanumeric());
    let is_rule = |word: &&str| {
        word.strip_prefix('V').is_some_and(|number| number.parse::<u8>().is_ok_and(|number| number > 0))
    };
    words.filter(is_rule).map(str::to_owned).collect()
}

/// Folders with sources that assert rules: the protocol, and the harness.
const SOURCES: &[&str] = &["rpc-core/src/proto", "tests/src", "tests/simulation"];

#[test]
fn the_rules_of_the_page_are_v1_to_v20_in_order() {
    let expected: Vec<_> = (1..=20).map(|number| format!("V{number}")).collect();
    assert_eq!(rules(), expected);
}

#[test]
fn each_rule_that_code_and_tests_name_is_on_the_page_and_each_of_the_page_is_named_there() {
    let named: std::collections::BTreeSet<String> =
        text::below(SOURCES, "rs").iter().flat_map(|(_, source)| names_in(source)).collect();
    let listed: std::collections::BTreeSet<String> = rules().into_iter().collect();
    let unlisted: Vec<_> = named.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not on the page: {unlisted:?}");
    let durable = "V13".to_owned(); // says on the page that nothing checks it
    let unnamed: Vec<_> = listed.difference(&named).filter(|rule| **rule != durable).collect();
    assert!(unnamed.is_empty(), "on the page only: {unnamed:?}");
}
