//! The form of a trace context: what W3C Trace Context allows is read, and nothing else; identities do not repeat.

use std::collections::HashSet;
use std::panic::catch_unwind;

use rpc_trace::TraceContext;

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

#[test]
fn a_traceparent_of_a_known_form_is_read_and_written_as_version_00() {
    let version_00 = format!("00-{TRACE}-{SPAN}-01");
    let read = |text: &str| TraceContext::parse(text).map(|context| context.to_string());
    assert_eq!(read(&version_00), Some(version_00.clone()));
    assert_eq!(read(&format!("00-{TRACE}-{SPAN}-00")), Some(format!("00-{TRACE}-{SPAN}-00")));
    assert_eq!(read(&format!("00-{TRACE}-{SPAN}-ff")), Some(version_00.clone()), "unknown flags are dropped");
    for later in ["cc-T-S-01", "cc-T-S-01-", "cc-T-S-01-what-is-this", "01-T-S-01"] {
        let later = later.replace('T', TRACE).replace('S', SPAN);
        assert_eq!(read(&later), Some(version_00.clone()), "{later}");
    }
}

#[test]
fn a_traceparent_of_any_other_form_is_ignored() {
    let wrong = [
        "",
        "00",
        "00-T-S",
        "00-T-S-",
        "00-T-S-0",
        "00-T-S-01-",
        "00-T-S-01-what",
        "00-T-S-01.",
        "ff-T-S-01",
        "cc-T-S-01.what",
        "cc-T-S-01what",
        "0-T-S-01",
        "000-T-S-1",
        "00_T-S-01",
        "00-T_S-01",
        "00-T-S_01",
        "T-00-S-01",
        " 00-T-S-01",
        "00-T-S-01 ",
        "0x-T-S-01",
        "00-00000000000000000000000000000000-S-01",
        "00-T-0000000000000000-01",
        "00-.2345678901234567890123456789012-S-01",
        "00-A2345678901234567890123456789012-S-01",
        "00-T-.234567890123456-01",
        "00-T-123456789012345F-01",
        "00-T-S-0G",
        "00-T-S-.0",
        "00-T-S-+1",
        "00-T-S-0\u{e9}",
        "\u{1F980}0-T-S-01",
        "00-T-S-0\0",
    ];
    for text in wrong {
        let text = text.replace('T', TRACE).replace('S', SPAN);
        assert_eq!(TraceContext::parse(&text), None, "{text}");
    }
    assert_eq!(TraceContext::parse(&"0".repeat(1000)), None);
}

#[test]
fn identities_are_not_zero_and_do_not_repeat() {
    let roots: Vec<_> = (0..1000).map(|_| TraceContext::root()).collect();
    let traces: HashSet<_> = roots.iter().map(TraceContext::trace_id).collect();
    let children = roots.iter().map(|root| (root, root.child()));
    let spans: HashSet<_> = children.flat_map(|(root, child)| [root.span_id(), child.span_id()]).collect();
    assert_eq!((traces.len(), spans.len()), (1000, 2000));
    assert!(!traces.contains(&0) && !spans.contains(&0));
}

#[test]
fn a_scope_ends_with_its_code_also_if_that_panics() {
    let (outer, inner) = (TraceContext::root(), TraceContext::root());
    outer.in_scope(|| {
        assert!(catch_unwind(|| inner.in_scope(|| panic!("as planned"))).is_err());
        assert_eq!(inner.in_scope(TraceContext::current), Some(inner));
        assert_eq!(TraceContext::current(), Some(outer));
    });
    assert_eq!(TraceContext::current(), None);
}
