//! Rules of contracts that differ: the table is asked for, asked for again, and says which calls cannot work.

use super::*;
use crate::contract::Method;
use crate::proto::tests::LOOK;
use crate::wire::message::{Table, decode_name};

static ASK: Method = Method::new("Other.ask", "fn ask()");
static OTHER: Contract = Contract::new("Other", std::slice::from_ref(&ASK));
static LIKE: Contract = Contract::new("Work", &[]);

/// A client of two services, the first of which the server has in another version.
fn differing() -> Bench {
    let mut bench = Bench::of(quiet(2), 1, vec![&WORK, &OTHER]);
    bench.grants.agreements = vec![Agreement::Differs, Agreement::Missing];
    bench.connect();
    bench.welcome(false);
    bench
}

/// The server's table: the plain method as it is, `read` with another signature, and nothing else.
fn table() -> Table {
    Table {
        service: "Work".to_owned(),
        methods: vec![
            (PLAIN.id, PLAIN.name.to_owned(), PLAIN.signature.to_owned()),
            (crate::ids::MethodId(1), READ.name.to_owned(), "fn read()".to_owned()),
        ],
        ..Table::default()
    }
}

#[test]
fn the_table_of_a_service_that_differs_is_asked_for_and_of_no_other() {
    let mut bench = differing();
    let frames = bench.written();
    assert_eq!(kinds(&frames), [Kind::Methods]);
    assert_eq!(decode_name(&frames[0].body), Ok("Work"));
    assert!(!bench.core.is_ready(), "not before the table is here");
    bench.hears(&Header::new(Kind::Table), &table().encode(0));
    assert!(bench.core.is_ready());
    assert_eq!(bench.core.table("Work").as_deref(), Some(&table()));
    assert_eq!(bench.core.table("Other").map(|table| table.methods.len()), Some(0));
    assert!(bench.core.table("Else").is_none());
}

#[test]
fn with_equal_contracts_nothing_is_asked() {
    let mut bench = Bench::with_slots(1);
    assert!(bench.core.is_ready() && bench.written().is_empty());
    assert!(bench.core.table("Work").is_none());
}

#[test]
fn calls_that_cannot_work_are_refused_before_they_are_sent_and_the_text_says_why() {
    let mut bench = differing();
    bench.written();
    bench.start(1, LONG); // the table is not here yet: it goes
    bench.hears(&Header::new(Kind::Table), &table().encode(0));
    for (method, text) in
        [(READ, "the server has `fn read()`"), (LOOK, "no method of that name"), (&ASK, "no service `Other`")]
    {
        let refused = bench.core.start(9, request(method, b"", LONG), bench.now).expect_err("it cannot work");
        assert!(
            matches!(&refused, Outcome::NotExecuted(Reason::Contract, why) if why.contains(text)),
            "{refused:?}"
        );
    }
    bench.start(2, LONG);
    assert_eq!(kinds(&bench.written()), [Kind::Call, Kind::Call]);
}

#[test]
fn a_call_that_waited_for_the_session_is_looked_at_when_it_gets_its_slot() {
    let mut bench = Bench::of(quiet(1), 1, vec![&OTHER]);
    bench.grants.agreements = vec![Agreement::Missing];
    bench.grants.max_frame = 100;
    bench.connect();
    bench.ask(1, request(&ASK, b"", LONG));
    bench.ask(2, request(PLAIN, &[1; 101], LONG));
    bench.ask(3, request(PLAIN, &[1; 100], LONG));
    bench.welcome(false);
    let events = bench.events();
    assert_eq!((events[0].0, reason(&events[0].2)), (1, Some(Reason::Contract)));
    assert_eq!((events[1].0, reason(&events[1].2)), (2, Some(Reason::TooLarge)));
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
}

#[test]
fn a_table_that_was_lost_with_its_connection_is_asked_for_again_and_one_that_is_here_is_not() {
    let mut bench = differing();
    bench.written();
    bench.resume();
    assert_eq!(kinds(&bench.written()), [Kind::Methods]);
    bench.hears(&Header::new(Kind::Table), &table().encode(0));
    bench.start(1, LONG);
    bench.resume();
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
    assert!(bench.core.is_ready(), "the table outlives the connection");
}

#[test]
fn v16_a_client_without_calls_comes_back_for_a_table_that_it_lacks() {
    let mut bench = differing();
    bench.written();
    bench.cut();
    bench.connect();
    bench.welcome(true);
    bench.hears(&Header::new(Kind::Table), &table().encode(0));
    bench.cut();
    bench.pass(crate::proto::tests::secs(10));
    assert!(!bench.core.poll_connect(bench.now), "it has all that it wanted");
}

#[test]
fn a_refusal_as_unknown_method_is_called_a_contract_that_differs_if_the_table_says_so() {
    let mut bench = differing();
    bench.written();
    bench.ask(1, request(READ, b"", LONG));
    bench.start(2, LONG);
    bench.written();
    bench.hears(&Header::new(Kind::Table), &table().encode(0));
    bench.reply(0, 1, Status::Refused(Reason::NoSuchMethod), b"");
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Contract));
    bench.reply(1, 1, Status::Refused(Reason::NoSuchMethod), b"");
    assert_eq!(reason(&bench.verdict().1), Some(Reason::NoSuchMethod), "the table has it");
}

#[test]
fn a_table_of_a_service_that_was_not_asked_for_changes_nothing() {
    let mut bench = differing();
    bench.written();
    let other = Table { service: "Else".to_owned(), methods: Vec::new(), ..Table::default() };
    bench.hears(&Header::new(Kind::Table), &other.encode(0));
    assert!(!bench.core.is_ready() && !bench.core.wants_close());
    assert_ne!(LIKE.hash, WORK.hash);
}
