//! The page on changing a service: a variant that is appended to a reply or to an error type, and a client that is older.

use rpc_core::{CallError, Server, rpc};
use serde::{Deserialize, Serialize};

/// The service of the next test, as its server was built later.
mod newer {
    use super::{Deserialize, Serialize, rpc};

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) enum Kind {
        Food,
        Books,
        Toys,
    }
    #[derive(Debug, Serialize, Deserialize)]
    pub(super) enum NotSold {
        Empty,
        Closed,
    }
    #[rpc]
    pub(super) trait Shelf {
        fn kind(&self, number: u8) -> Kind;
        fn buy(&self, number: u8) -> Result<u32, NotSold>;
    }

    pub(super) struct Shelves;

    impl Shelf for Shelves {
        fn kind(&self, number: u8) -> Kind {
            if number == 1 { Kind::Food } else { Kind::Toys }
        }
        fn buy(&self, number: u8) -> Result<u32, NotSold> {
            Err(if number == 1 { NotSold::Empty } else { NotSold::Closed })
        }
    }
}

#[test]
fn a_variant_is_appended_to_a_reply_or_to_an_error() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Food,
        Books,
    }
    #[derive(Debug, Serialize, Deserialize)]
    enum NotSold {
        Empty,
    }
    #[rpc]
    trait Shelf {
        fn kind(&self, number: u8) -> Kind;
        fn buy(&self, number: u8) -> Result<u32, NotSold>;
    }
    let server = Server::builder().service(newer::ShelfServer::new(newer::Shelves)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).expect("a free port");
    let shelf = ShelfClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shelf.kind(1).expect("an old variant"), Kind::Food);
    assert!(matches!(shelf.buy(1), Err(CallError::Service(NotSold::Empty))));
    // The new ones: the call has run, and is told so.
    let (kind, bought) = (shelf.kind(2), shelf.buy(2));
    assert_eq!(kind.as_ref().map_err(CallError::ran), Err(Some(true)));
    let Err(CallError::ReplyLost(lost)) = bought else { panic!("{bought:?}") };
    assert!(lost.detail.ends_with("the two programs may define its type differently"), "{lost}");
    assert!(matches!(kind, Err(CallError::ReplyLost(_))));
}
