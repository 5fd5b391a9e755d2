//! Client and server built from one trait, and from types that differ: what differs is refused by its path, the rest works.

use rpc_core::error::Reason;
use rpc_core::{CallError, Client, ConnectError, RunningServer, ServeError, Server, Service};
use serde::{Deserialize, Serialize};

/// The trait, in a module with the types that it names.
macro_rules! shop {
    ($name:ident { $($types:tt)* }) => {
        mod $name {
            use serde::{Deserialize, Serialize};

            $($types)*

            #[rpc_core::rpc]
            pub(super) trait Shop {
                fn put(&self, job: Job) -> u64;
                fn kind(&self, kinds: Vec<Kind>) -> Result<Option<Kind>, String>;
                fn price(&self, price: Price) -> Price;
                fn count(&self, word: &str, bytes: Vec<u8>) -> u64;
            }
        }
    };
}

shop!(served {
    #[derive(Serialize, Deserialize)]
    pub(super) struct Job { pub(super) low: u8, pub(super) high: u8 }
    #[derive(Serialize, Deserialize)]
    pub(super) enum Kind { A, B }
    #[derive(Serialize, Deserialize)]
    pub(super) enum Price { Buy(u64), Sell(u64) }
});

shop!(swapped {
    #[derive(Serialize, Deserialize)]
    pub(super) struct Job { pub(super) high: u8, pub(super) low: u8 }
    #[derive(Serialize, Deserialize)]
    pub(super) enum Kind { New, A, B }
    #[derive(Serialize, Deserialize)]
    pub(super) enum Price { Buy(u64), Sell(u32) }
});

shop!(renamed {
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "Task")]
    pub(super) struct Job { pub(super) low: u8, pub(super) high: u8 }
    #[derive(Serialize, Deserialize)]
    pub(super) enum Kind { A, B }
    #[derive(Serialize, Deserialize)]
    pub(super) enum Price { Buy(u64), #[serde(alias = "Give")] Sell(u64) }
});

struct Counter;

impl served::Shop for Counter {
    fn put(&self, job: served::Job) -> u64 {
        u64::from(job.low) * 1000 + u64::from(job.high)
    }

    fn kind(&self, kinds: Vec<served::Kind>) -> Result<Option<served::Kind>, String> {
        Ok(kinds.into_iter().next())
    }

    fn price(&self, price: served::Price) -> served::Price {
        price
    }

    fn count(&self, word: &str, bytes: Vec<u8>) -> u64 {
        (word.len() + bytes.len()) as u64
    }
}

fn start() -> RunningServer {
    let server =
        Server::builder().service(served::ShopServer::new(Counter)).bind("127.0.0.1:0").expect("a free port");
    server.spawn().expect("a thread")
}

/// Asserts that a call was refused because the types differ, with this text.
#[track_caller]
fn is_refused<T, E: std::fmt::Debug>(result: Result<T, CallError<E>>, difference: &str) {
    match result {
        Err(CallError::NotExecuted(no)) => {
            assert_eq!(no.reason, Reason::Contract);
            assert!(no.to_string().contains(difference), "{no}");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it ran: {difference}"),
    }
}

#[test]
fn fields_that_have_changed_places_and_a_variant_in_front_are_refused_by_name_and_the_others_work() {
    let server = start();
    let client = swapped::ShopClient::connect(server.local_addr()).expect("the trait is the same");
    let job = swapped::Job { low: 1, high: 2 };
    is_refused(client.put(job), "`Job`: the fields `high, low` here, the fields `low, high` there");
    is_refused(
        client.kind(vec![swapped::Kind::A]),
        "`Kind`: the variants `New, A, B` here, the variants `A, B` there",
    );
    is_refused(client.price(swapped::Price::Buy(1)), "`Price::Sell.0`: u32 here, u64 there");
    assert_eq!(client.count("word", vec![1]).expect("it is the same on both sides"), 5);
    let _ = (swapped::Kind::New, swapped::Kind::B, swapped::Price::Sell(1));
    client.call.close();
    server.stop().expect("it ends");
}

#[test]
fn another_name_of_a_type_and_an_alias_change_nothing() {
    let server = start();
    let client = renamed::ShopClient::connect(server.local_addr()).expect("the trait is the same");
    assert_eq!(client.put(renamed::Job { low: 1, high: 2 }).expect("it is the same"), 1002);
    let first = client.kind(vec![renamed::Kind::B, renamed::Kind::A]).expect("it is the same");
    assert!(matches!(first, Some(renamed::Kind::B)));
    assert!(matches!(client.price(renamed::Price::Sell(7)), Ok(renamed::Price::Sell(7))));
    let _ = renamed::Price::Buy(1);
    client.call.close();
    server.stop().expect("it ends");
}

#[test]
fn a_client_that_says_nothing_of_types_is_judged_by_its_signatures() {
    let server = start();
    let names =
        rpc_core::Connector::new().connect_by_name(server.local_addr(), &["Shop"]).expect("it is there");
    assert_eq!(names.call::<u64, rpc_core::Never>("Shop.put", &((9_u8, 8_u8),)).expect("it runs"), 9008);
    assert_eq!(served::ShopClient::CONTRACT.untraced(), []);
    names.close();
    server.stop().expect("it ends");
}

#[derive(Serialize, Deserialize)]
enum Trade {
    #[serde(skip)]
    #[allow(dead_code, reason = "it is never sent")]
    Cached(u64),
    Buy(u64),
    Sell(u64),
    Hold(u64),
}

#[rpc_core::rpc]
trait Market {
    fn trade(&self, trade: Trade) -> Trade;
}

struct Echo;

impl Market for Echo {
    fn trade(&self, trade: Trade) -> Trade {
        trade
    }
}

#[test]
fn a_variant_that_is_skipped_in_the_middle_is_found_when_the_service_is_built_and_when_a_client_connects() {
    let words = "`Trade::Buy` is written as number 1, and read as number 0";
    let error = Server::builder()
        .service(MarketServer::new(Echo))
        .bind("127.0.0.1:0")
        .expect_err("it cannot be served");
    assert!(matches!(error, ServeError::Contract(_)), "{error:?}");
    assert!(error.to_string().contains(words) && error.to_string().contains("`Market.trade`"), "{error}");
    let error = MarketClient::connect("127.0.0.1:9").expect_err("before it looks for a server");
    assert!(matches!(error, ConnectError::Unsendable { method: "Market.trade", .. }), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
    let _ = (Trade::Buy(1), Trade::Sell(1), Trade::Hold(1), MarketServer::new(Echo).contract());
}
