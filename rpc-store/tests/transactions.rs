//! The reads and writes of calls, and what is left of one that fails.

use rpc_core::{CallError, Server};
use rpc_sim::{Faults, Network};
use rpc_store::{MemoryBackend, Store};

use crate::ledger::{LedgerClient, LedgerServer, Texts};

fn network(backend: &MemoryBackend) -> Network {
    let backend = backend.clone();
    Texts::network(1, Faults::none(), move || Store::with_backend(backend.clone()).expect("a store"))
}

#[test]
fn v13_a_call_that_fails_has_written_nothing_and_has_a_record() {
    let network = network(&MemoryBackend::default());
    let ledger: LedgerClient = network.client();
    assert_eq!(ledger.append("a", "1").expect("it ran"), "1");
    assert!(matches!(ledger.fail("a", "2"), Err(CallError::Service(text)) if text == "12"));
    assert!(matches!(ledger.panic("a", "3"), Err(CallError::Panicked(_))));
    assert!(matches!(ledger.give_up("a", "4"), Err(CallError::GivenUp(_))));
    assert_eq!(ledger.append("a", "5").expect("it ran"), "15");
    network.restart_server();
    assert_eq!(ledger.read("a").expect("it ran").as_deref(), Some("15"));
}

#[test]
fn a_transaction_sees_its_own_writes_and_all_that_ended_before() {
    let network = network(&MemoryBackend::default());
    let ledger: LedgerClient = network.client();
    for key in ["a", "c", "e"] {
        ledger.append(key, "1").expect("it ran");
    }
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let seen = [pair("a", "1"), pair("b", "2"), pair("e", "1")];
    assert_eq!(ledger.swap("b", "2", "c").expect("it ran"), seen);
    assert_eq!(ledger.all().expect("it ran"), seen);
    assert_eq!(ledger.swap("z", "3", "a").expect("it ran"), [pair("b", "2"), pair("e", "1"), pair("z", "3")]);
    network.restart_server();
    assert_eq!(ledger.all().expect("it ran"), [pair("b", "2"), pair("e", "1"), pair("z", "3")]);
}

#[test]
fn an_idempotent_method_has_no_transaction() {
    let network = network(&MemoryBackend::default());
    let ledger: LedgerClient = network.client();
    let Err(CallError::Panicked(panic)) = ledger.wrong() else { panic!("it had one") };
    assert!(panic.message.contains("a method that is `idempotent` has none"), "{}", panic.message);
}

#[test]
fn a_server_that_was_not_given_the_store_has_no_transactions() {
    let texts = Texts::default();
    texts.set(Store::with_backend(MemoryBackend::default()).expect("a store"));
    let ledger: LedgerClient = rpc_sim::in_process(LedgerServer::new(texts));
    let Err(CallError::Panicked(panic)) = ledger.append("a", "1") else { panic!("it had one") };
    assert!(panic.message.contains("no call with a transaction runs on this thread"), "{}", panic.message);
}

#[test]
fn the_filter_cannot_be_off_and_one_server_uses_a_store() {
    let store = Store::with_backend(MemoryBackend::default()).expect("a store");
    let build = |store: &Store| {
        let texts = Texts::default();
        texts.set(store.clone());
        Server::builder().service(LedgerServer::new(texts)).durable(store.clone())
    };
    let error = build(&store).at_most_once(false).bind("127.0.0.1:0").expect_err("the filter is off");
    assert!(error.to_string().contains("at_most_once"), "{error}");
    let first = build(&store).bind("127.0.0.1:0").expect("a server");
    let error = build(&store).bind("127.0.0.1:0").expect_err("it is in use");
    assert!(error.to_string().contains("is in use by a server"), "{error}");
    assert!(store.forget_sessions().is_err());
    drop(first);
    build(&store).bind("127.0.0.1:0").expect("it is free again");
}
