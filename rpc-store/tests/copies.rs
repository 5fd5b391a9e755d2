//! An older copy of a store is told from it, and nothing runs twice in silence.

use std::fs;
use std::path::Path;

use rpc_core::Server;
use rpc_store::{Opened, Store};

use crate::ledger::{LedgerClient, LedgerServer, Texts};

/// Opens a store. A server that was stopped has let it go.
fn reopened(folder: &Path) -> Store {
    Store::open(folder).expect("a store that no server uses")
}

fn open(folder: &Path) -> Opened {
    reopened(folder).opened()
}

/// Opens the store, changes it once, and closes it: its commits go on.
fn change(folder: &Path) {
    let store = reopened(folder);
    let texts = Texts::default();
    texts.set(store.clone());
    let server = Server::builder().service(LedgerServer::new(texts)).durable(store);
    let server = server.bind("127.0.0.1:0").expect("a server").spawn().expect("it runs");
    let ledger = LedgerClient::connect(server.local_addr()).expect("a client");
    ledger.append("a", "1").expect("it ran");
    ledger.call.close();
    server.stop().expect("it drains");
}

#[test]
fn a_store_that_is_opened_again_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(open(folder.path()), Opened::New);
    change(folder.path());
    assert_eq!(open(folder.path()), Opened::Same);
}

#[test]
fn an_older_file_in_place_of_the_store_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    change(folder.path());
    drop(reopened(folder.path())); // a copy of a file that is written would be no store
    let (file, kept) = (folder.path().join("store.redb"), folder.path().join("kept"));
    fs::copy(&file, &kept).expect("a copy");
    change(folder.path());
    drop(reopened(folder.path()));
    fs::copy(&kept, &file).expect("the copy is put back");
    assert_eq!(open(folder.path()), Opened::Copied);
    assert_eq!(open(folder.path()), Opened::Same, "from then on it is a store of its own");
}

#[test]
fn a_copy_of_the_folder_and_a_store_without_its_mark_are_told() {
    let (folder, copy) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    change(folder.path());
    for name in ["store.redb", "mark"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).expect("a copy");
    }
    assert_eq!(open(copy.path()), Opened::Copied);
    fs::remove_file(folder.path().join("mark")).expect("it was there");
    assert_eq!(open(folder.path()), Opened::Copied);
}
