//! Rules of types that differ: no call goes before the table is here, and those of methods that differ do not go at all.

use super::*;
use crate::contract::{Method, TypesOf};
use crate::types::trace;
use crate::wire::message::{FEATURE_TYPES, Hello, Table, TableTypes};

static METHODS: [Method; 2] = [
    Method::new("Typed.put", "fn put(job: Job)").types(|| trace::<((u8, u16),), (), ()>(false)),
    Method::new("Typed.get", "fn get() -> Job").types(|| trace::<(), (u8, u16), ()>(false)),
];
static TYPES: TypesOf = TypesOf::new("Typed", &METHODS);
static TYPED: Contract = Contract::new("Typed", &METHODS).with_types(|| TYPES.get());

/// A client whose server has the service with other types, if both sides know types.
fn differing(features: u32) -> Bench {
    let mut bench = Bench::of(quiet(2), 1, vec![&TYPED]);
    bench.grants.agreements = vec![Agreement::Differs];
    bench.grants.features = features;
    bench.connect();
    bench.welcome(false);
    assert_eq!(kinds(&bench.written()), [Kind::Methods]);
    bench
}

/// The server's table, in which the types of `put` are these.
fn table(fingerprint: u64, text: &str) -> Vec<u8> {
    let mut table = Table::of(&TYPED);
    table.types.insert(METHODS[0].id, TableTypes { fingerprint, text: text.to_owned() });
    table.encode(FEATURE_TYPES)
}

#[test]
fn w9_hello_has_the_fingerprints_of_the_types() {
    let mut bench = Bench::of(quiet(2), 1, vec![&TYPED, &WORK]);
    bench.wait_until_it_connects();
    bench.core.handle_connected(bench.now);
    let hello = Hello::decode(&bench.written()[0].body).expect("it is one");
    assert_eq!(hello.types, [TYPES.get().fingerprint, 0]);
}

#[test]
fn w17_no_call_goes_before_it_is_known_which_types_differ_and_those_that_differ_do_not_go() {
    let mut bench = differing(FEATURE_TYPES);
    bench.ask(1, request(&METHODS[0], b"", LONG));
    bench.ask(2, request(&METHODS[1], b"", LONG));
    assert!(bench.written().is_empty(), "the server would read the arguments as something else");
    bench.hears(&Header::new(Kind::Table), &table(1, "fn((u8, u32)) -> ()"));
    let events = bench.events();
    assert_eq!((events.len(), events[0].0, reason(&events[0].2)), (1, 1, Some(Reason::Contract)));
    assert_eq!(kinds(&bench.written()), [Kind::Call], "the other method is the same");
    let refused = bench.core.start(3, request(&METHODS[0], b"", LONG), bench.now).expect_err("it differs");
    let Outcome::NotExecuted(Reason::Contract, text) = refused else { panic!("{refused:?}") };
    assert!(text.contains("`argument 1.1`: u16 here, u32 there"), "{text}");
}

#[test]
fn w17_types_that_a_server_does_not_know_or_cannot_show_are_judged_by_their_fingerprints() {
    for (fingerprint, text, refused) in [
        (0, "", None),
        (1, "", Some("and others there")),
        (1, "no formats", Some("and others there")),
        (
            1,
            "untraced: a serial number",
            Some("the server does not know the formats of its types (a serial number)"),
        ),
    ] {
        let mut bench = differing(FEATURE_TYPES);
        bench.hears(&Header::new(Kind::Table), &table(fingerprint, text));
        let started = bench.core.start(1, request(&METHODS[0], b"", LONG), bench.now);
        match (started, refused) {
            (Ok(()), None) => {}
            (Err(Outcome::NotExecuted(Reason::Contract, why)), Some(part)) => {
                assert!(why.contains(part), "{why}")
            }
            (other, _) => panic!("{other:?} for {text}"),
        }
    }
}

#[test]
fn a_server_that_does_not_know_types_gets_calls_at_once_as_before() {
    let mut bench = differing(0);
    bench.ask(1, request(&METHODS[0], b"", LONG));
    assert_eq!(kinds(&bench.written()), [Kind::Call]);
}
