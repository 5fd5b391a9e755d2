//! Files that are not stores, torn, locked, without permission, or on a disk that is full: a clear error, and nothing lost.

use std::fs;
use std::path::Path;

use rpc_store::{Opened, RedbBackend, Store, StoreError};

use crate::ledger::{LedgerClient, Texts};
use crate::power::Disk;

fn error(folder: &Path) -> StoreError {
    Store::open(folder).expect_err("it cannot be opened")
}

#[test]
fn two_servers_cannot_use_one_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Store::open(folder.path()).expect("a store");
    let second = error(folder.path());
    assert!(matches!(second, StoreError::InUse(_)), "{second}");
    assert!(second.to_string().contains("is in use by another server"), "{second}");
    drop(first);
    assert_eq!(Store::open(folder.path()).expect("it is free").opened(), Opened::Same);
}

#[test]
fn a_file_that_is_no_store_is_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("store.redb");
    fs::write(&file, "the notes of a user, which are no store").expect("written");
    let wrong = error(folder.path());
    assert!(matches!(wrong, StoreError::Open { .. }), "{wrong}");
    assert_eq!(fs::read(&file).expect("still there"), b"the notes of a user, which are no store");
}

#[test]
fn a_store_that_is_cut_short_is_an_error_and_no_new_store() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Store::open(folder.path()).expect("a store"));
    let file = folder.path().join("store.redb");
    let whole = fs::read(&file).expect("a file");
    for length in [1, 100, 4096, whole.len() / 2] {
        fs::write(&file, &whole[..length]).expect("cut");
        let torn = error(folder.path());
        assert!(torn.to_string().contains("cannot"), "{length}: {torn}");
    }
}

#[test]
fn pages_that_do_not_belong_together_are_an_error_and_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Store::open(folder.path()).expect("a store"));
    let file = folder.path().join("store.redb");
    let whole = fs::read(&file).expect("a file");
    let mut damaged = 0;
    for page in 1..3 {
        // Those that name the others.
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(1);
        fs::write(&file, &torn).expect("torn");
        match Store::open(folder.path()) {
            Ok(store) => drop(store), // the page is not in use
            Err(error) => {
                assert!(error.to_string().contains("cannot"), "page {page}: {error}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0, "some pages are in use");
}

#[test]
fn a_folder_that_is_a_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let wrong = error(&file);
    assert!(wrong.to_string().contains(&file.display().to_string()), "{wrong}");
}

#[test]
fn a_disk_that_is_full_ends_the_server_before_a_reply_leaves_and_loses_nothing() {
    let disk = Disk::default();
    let of_store = disk.clone();
    let network = Texts::network(3, rpc_sim::Faults::none(), move || {
        let backend = RedbBackend::on(of_store.handle()).expect("a file");
        Store::with_backend(backend).expect("a store")
    });
    let ledger: LedgerClient = network.client();
    let ledger = ledger.call.with_deadline(std::time::Duration::from_secs(600));
    assert_eq!(ledger.append("a", "1").expect("it ran"), "1");
    disk.fill();
    let mut call = ledger.start.append("a", "2");
    for _ in 0..200 {
        network.run_for(std::time::Duration::from_millis(10));
        let answered = call.poll_now();
        assert!(answered.is_none(), "no reply without a commit: {answered:?}");
    }
    disk.empty();
    network.restart_server();
    let answered = loop {
        match call.poll_now() {
            Some(answered) => break answered,
            None => network.run_for(std::time::Duration::from_millis(10)),
        }
    };
    assert_eq!(answered.expect("the server that came back ran it"), "12");
}

#[test]
fn a_store_whose_commit_has_failed_is_not_used_again() {
    let disk = Disk::default();
    let store = Store::with_backend(RedbBackend::on(disk.handle()).expect("a file")).expect("a store");
    disk.fill();
    assert!(matches!(store.forget_sessions(), Err(StoreError::Write(_))));
    disk.empty();
    let again = store.forget_sessions().expect_err("a second try proves nothing");
    assert!(matches!(again, StoreError::Failed(_)), "{again}");
}
