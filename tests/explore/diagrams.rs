//! A broken rule is found by the shortest way, and shown: with a rule that is planted here.

use rpc_tests::explore::diagram::Diagram;
use rpc_tests::explore::rules::Planted;
use rpc_tests::explore::scenarios::find;
use rpc_tests::explore::search::{End, search};
use rpc_tests::explore::svg::svg;
use rpc_tests::explore::system::System;
use rpc_tests::explore::trace::follow;

use crate::limits;

/// The shortest way to a call that runs after its connection was replaced.
const EXPECTED: &str = include_str!("planted.txt");

fn planted() -> Diagram {
    let mut system = System::new(find("resume").expect("it is in the list").bounds);
    system.planted = Planted::NoRunAfterResume;
    let outcome = search(&mut system, &limits(), &mut |_| ());
    assert_eq!(outcome.end, End::Found);
    let finding = outcome.finding.expect("a call runs after a resume");
    let trace = follow(&mut system, &finding.path, finding.in_calm);
    assert_eq!(trace.rule.as_deref(), Some(finding.rule.as_str()), "the way leads to what was found");
    Diagram::of(&system, &trace)
}

#[test]
fn a_planted_rule_is_found_by_the_shortest_way_and_shown_as_text() {
    let text = planted().text();
    assert_eq!(text, EXPECTED, "the diagram is now:\n{text}");
}

#[test]
fn the_same_diagram_as_a_picture_has_an_arrow_for_each_arrival() {
    let diagram = planted();
    let picture = svg(&diagram);
    let picture = roxmltree::Document::parse(&picture).expect("it is well formed");
    let arrows = picture.descendants().filter(|node| node.attribute("marker-end").is_some()).count();
    let arrivals = diagram
        .lines
        .iter()
        .filter(|line| matches!(line.place, rpc_tests::explore::diagram::Place::Arrives(_)));
    assert_eq!(arrows, arrivals.count());
    let says =
        |words: &str| picture.descendants().any(|node| node.text().is_some_and(|text| text.contains(words)));
    assert!(says("CALL 0/1 a") && says("broken: planted"));
}

#[test]
fn a_search_that_is_ended_says_so() {
    let mut system = System::new(find("resume").expect("it is in the list").bounds);
    let few = rpc_tests::explore::search::Limits { states: 1000, ..limits() };
    assert_eq!(search(&mut system, &few, &mut |_| ()).end, End::States);
}
