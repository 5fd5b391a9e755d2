//! Client and server built from different traits: what differs is refused by name, the rest works.

use rpc_core::error::Reason;
use rpc_core::{CallError, ConnectError, Connector};

use crate::client::{Running, eventually};

/// The same service as another program was built with it: `append` takes another argument, `read` is as it was.
mod older {
    use crate::client::Missing;

    #[rpc_core::rpc]
    pub(super) trait Store {
        fn append(&self, key: &str, value: &str, times: u32) -> usize;
        #[rpc(idempotent)]
        fn read(&self, key: &str) -> Result<String, Missing>;
        fn rename(&self, from: &str, to: &str);
    }
}

/// A service that the server does not have.
mod absent {
    #[rpc_core::rpc]
    pub(super) trait Nowhere {
        fn ping(&self);
    }
}

#[test]
fn a_method_that_differs_is_refused_with_both_signatures_and_the_others_work() {
    let running = Running::start();
    running.client().append("k", "v").expect("runs");
    let older = older::StoreClient::connect(running.address).expect("it listens");
    assert_eq!(older.read("k").expect("is the same in both"), "v");
    match older.append("k", "v", 3) {
        Err(CallError::NotExecuted(no)) => {
            assert_eq!(no.reason, Reason::Contract);
            let text = no.to_string();
            assert!(text.contains("fn append(key: &str, value: &str) -> usize"), "{text}");
            assert!(text.contains("fn append(key: &str, value: &str, times: u32) -> usize"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    match older.rename("a", "b") {
        Err(CallError::NotExecuted(no)) => assert!(no.to_string().contains("no method of that name"), "{no}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn to_connect_to_a_server_without_the_service_is_an_error_that_names_it_and_what_the_server_has() {
    let running = Running::start();
    let error = absent::NowhereClient::connect(running.address).expect_err("it has no such service");
    let text = error.to_string();
    let says = format!("{} has no service `Nowhere`; it has `Store`; check the address", running.address);
    assert!(text.starts_with(&says), "{text}");
    let also = Connector::new().also::<absent::NowhereClient>();
    let error =
        also.connect::<older::StoreClient>(running.address).expect_err("nor is it there beside another");
    assert!(
        matches!(&error, ConnectError::NoSuchService { services, .. } if services == &["Nowhere"]),
        "{error}"
    );
    eventually("both have said BYE", || running.handle.counters().sessions == 0);
}
