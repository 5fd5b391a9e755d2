//! Client and server built from different traits: what differs is refused by name, the rest works.

use rpc_core::CallError;
use rpc_core::error::Reason;

use crate::client::Running;

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
    let absent = absent::NowhereClient::connect(running.address).expect("it listens");
    match absent.ping() {
        Err(CallError::NotExecuted(no)) => assert!(no.to_string().contains("no service `Nowhere`"), "{no}"),
        other => panic!("{other:?}"),
    }
}
