//! The page on changing a service: each row of its tables is a test here, and each of its blocks stands here.

use std::fmt::Debug;

use rpc_core::error::Reason;
use rpc_core::{CallContext, CallError, Client, RunningServer, Server, rpc};
use serde::{Deserialize, Serialize};

/// A wish of a customer, with its lowest and its highest price.
#[derive(Debug, Serialize, Deserialize)]
struct Wish {
    low: u32,
    high: u32,
}

/// A kind of goods.
#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    /// Food.
    Food,
    /// Books.
    Books,
}

/// The service, as the server of these tests was built with it.
#[rpc]
trait Shop {
    /// The sum of the prices, in cents. Version 1 gave it in euros.
    #[rpc(version = 2)]
    fn total(&self, items: &[&str]) -> u64;

    /// The price in cents.
    #[deprecated = "use `price_in`, which has a currency"]
    fn price(&self, item: &str) -> u32;
    /// The price in the smallest coin of a currency.
    fn price_in(&self, item: &str, currency: &str) -> u32;

    /// Moves all from a shelf to another, and says so.
    fn move_all(&self, cx: &CallContext, from: &str, to: &str) -> String;
    /// Notes a wish, and says it.
    fn note(&self, wish: Wish) -> String;
    /// The wish that was noted.
    fn noted(&self) -> Wish;
    /// The name of a kind.
    fn name(&self, kind: Kind) -> String;
}

/// A shop where all has one price.
struct OnePrice;

impl Shop for OnePrice {
    fn total(&self, items: &[&str]) -> u64 {
        items.len() as u64 * 100
    }
    fn price(&self, item: &str) -> u32 {
        self.price_in(item, "EUR")
    }
    fn price_in(&self, _item: &str, currency: &str) -> u32 {
        if currency == "EUR" { 100 } else { 110 }
    }
    fn move_all(&self, _cx: &CallContext, from: &str, to: &str) -> String {
        format!("from {from} to {to}")
    }
    fn note(&self, wish: Wish) -> String {
        format!("low {}, high {}", wish.low, wish.high)
    }
    fn noted(&self) -> Wish {
        Wish { low: 1, high: 2 }
    }
    fn name(&self, kind: Kind) -> String {
        format!("{kind:?}")
    }
}

/// Starts the server.
fn serve() -> RunningServer {
    let server = Server::builder().service(ShopServer::new(OnePrice)).bind("127.0.0.1:0");
    server.and_then(Server::spawn).expect("a free port")
}

/// Returns the reason and the text of a call that was not executed.
fn refused<T: Debug, E: Debug>(outcome: Result<T, CallError<E>>) -> (Reason, String) {
    match outcome {
        Err(CallError::NotExecuted(no)) => (no.reason, no.detail),
        other => panic!("it was not refused: {other:?}"),
    }
}

#[test]
fn methods_stand_in_another_order() {
    #[rpc]
    trait Shop {
        fn name(&self, kind: Kind) -> String;
        fn price(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(
        (shop.price("tea").expect("runs"), shop.name(Kind::Food).expect("runs").as_str()),
        (100, "Food")
    );
}

#[test]
fn the_server_has_more_methods() {
    #[rpc]
    trait Shop {
        fn price(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shop.price("tea").expect("runs"), 100);
}

#[test]
fn an_argument_is_renamed() {
    #[rpc]
    trait Shop {
        fn price(&self, name: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shop.price("tea").expect("runs"), 100);
}

#[test]
fn a_handler_takes_a_context() {
    #[rpc]
    trait Shop {
        fn move_all(&self, from: &str, to: &str) -> String;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shop.move_all("a", "b").expect("runs"), "from a to b");
}

#[test]
fn a_deadline_or_slow_changes() {
    #[rpc]
    trait Shop {
        #[rpc(slow, deadline = "2s", max_cached_reply = 100)]
        fn price(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shop.price("tea").expect("runs"), 100);
}

#[test]
fn an_argument_is_added_or_removed() {
    #[rpc]
    trait Shop {
        fn price(&self, item: &str, count: u32) -> u32;
        fn price_in(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    let (reason, text) = refused(shop.price("tea", 2));
    assert_eq!(reason, Reason::Contract);
    assert!(text.contains("the server has `fn price(item: &str) -> u32`"), "{text}");
    assert_eq!(refused(shop.price_in("tea")).0, Reason::Contract);
}

#[test]
fn a_type_is_another() {
    #[rpc]
    trait Shop {
        fn price(&self, item: &str) -> u64;
        fn name(&self, kind: Kind) -> Result<String, String>;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(refused(shop.price("tea")).0, Reason::Contract);
    assert_eq!(refused(shop.name(Kind::Food)).0, Reason::Contract);
}

#[test]
fn a_type_is_spelled_otherwise() {
    #[rpc]
    trait Shop {
        fn name(&self, kind: self::Kind) -> std::string::String;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(refused(shop.name(Kind::Food)).0, Reason::Contract);
}

#[test]
fn a_method_is_renamed() {
    #[rpc]
    trait Shop {
        fn cost(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    let (reason, text) = refused(shop.cost("tea"));
    let says = "the server's `Shop` has no method of that name; build both from the same trait";
    assert_eq!((reason, text.as_str()), (Reason::Contract, says));
}

#[test]
fn a_trait_is_renamed() {
    #[rpc]
    trait Store {
        fn price(&self, item: &str) -> u32;
    }
    let server = serve();
    let text = match StoreClient::connect(server.local_addr()) {
        Ok(store) => refused(store.price("tea")).1,
        Err(error) => error.to_string(),
    };
    assert!(text.contains("no service `Store`"), "{text}");
}

#[test]
fn a_version_is_raised() {
    #[rpc]
    trait Shop {
        fn total(&self, items: &[&str]) -> u64;
        fn price(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    let (reason, text) = refused(shop.total(&["tea"]));
    assert_eq!(reason, Reason::Contract);
    let expected = "the server has `fn total(items: &[&str]) -> u64; version 2`, this client was built for \
                    `fn total(items: &[&str]) -> u64`";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(shop.price("tea").expect("is the same in both"), 100);
}

#[test]
fn a_method_changes_its_meaning() {
    /// Gives the total in euros, under the version that says cents.
    struct InEuros;

    #[rpc]
    trait Shop {
        #[rpc(version = 2)]
        fn total(&self, items: &[&str]) -> u64;
    }
    impl Shop for InEuros {
        fn total(&self, items: &[&str]) -> u64 {
            items.len() as u64
        }
    }
    let server = Server::builder().service(ShopServer::new(InEuros)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).expect("a free port");
    let shop = super_shop(&server);
    assert_eq!(shop.total(&["tea"]).expect("runs"), 1, "not the 100 cents that the client expects");
}

/// Returns a client that was built from the trait of this file.
fn super_shop(server: &RunningServer) -> ShopClient {
    ShopClient::connect(server.local_addr()).expect("it listens")
}

#[test]
fn arguments_of_one_type_change_places() {
    #[rpc]
    trait Shop {
        fn move_all(&self, to: &str, from: &str) -> String;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    let (from, to) = ("a", "b");
    assert_eq!(shop.move_all(to, from).expect("runs"), "from b to a");
}

#[test]
fn a_method_is_no_longer_idempotent() {
    #[rpc]
    trait Shop {
        #[rpc(idempotent)]
        fn price(&self, item: &str) -> u32;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shop.price("tea").expect("runs"), 100);
    let [price] = ShopClient::CONTRACT.methods else { panic!("one method") };
    assert!(price.idempotent, "this client repeats a call whose outcome is unknown, and it may run twice");
}

#[test]
fn fields_change_places() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Wish {
        high: u32,
        low: u32,
    }
    #[rpc]
    trait Shop {
        fn note(&self, wish: Wish) -> String;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    let (reason, text) = refused(shop.note(Wish { low: 1, high: 2 }));
    assert_eq!(reason, Reason::Contract);
    assert!(text.contains("`Wish`: the fields `high, low` here, the fields `low, high` there"), "{text}");
}

#[test]
fn a_field_is_added() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Wish {
        low: u32,
        high: u32,
        color: Option<String>,
    }
    #[rpc]
    trait Shop {
        fn note(&self, wish: Wish) -> String;
        fn noted(&self) -> Wish;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    let (reason, _) = refused(shop.note(Wish { low: 1, high: 2, color: None }));
    assert_eq!((reason, refused(shop.noted()).0), (Reason::Contract, Reason::Contract));
}

#[test]
fn a_variant_is_put_in_front() {
    #[derive(Debug, Serialize, Deserialize)]
    enum Kind {
        Toys,
        Food,
        Books,
    }
    #[rpc]
    trait Shop {
        fn name(&self, kind: Kind) -> String;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    for kind in [Kind::Toys, Kind::Food, Kind::Books] {
        assert_eq!(refused(shop.name(kind)).0, Reason::Contract);
    }
}

#[test]
fn a_variant_is_appended() {
    #[derive(Debug, Serialize, Deserialize)]
    enum Kind {
        Food,
        Books,
        Toys,
    }
    #[rpc]
    trait Shop {
        fn name(&self, kind: Kind) -> String;
    }
    let server = serve();
    let shop = ShopClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(shop.name(Kind::Food).expect("runs"), "Food");
    assert_eq!(shop.name(Kind::Books).expect("runs"), "Books");
    assert_eq!(refused(shop.name(Kind::Toys)).0, Reason::BadArguments);
}
