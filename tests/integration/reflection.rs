//! A server describes itself, unless it is told not to.

use rpc_core::limits::MAX_SERVICES;
use rpc_core::reflection::{LimitValue, ReflectionClient};
use rpc_core::service::{Dispatch, Dispatched};
use rpc_core::{
    CallError, ConnectError, Connector, Contract, ContractError, Health, HealthState, Refused, RunningServer,
    ServeError, Server, ServerBuilder, Service, rpc,
};

use crate::test_service::test_limits;

/// Sells things.
///
/// A second paragraph.
#[rpc]
trait Shop {
    /// Buys an item.
    ///
    /// Twice if it is called twice.
    #[rpc(deadline = "250ms")]
    fn buy(&self, item: &str, count: u32) -> Result<u64, String>;
    #[rpc(idempotent, slow)]
    fn price(&self, item: String) -> Option<u64>;
}

struct Empty;

impl Shop for Empty {
    fn buy(&self, _: &str, _: u32) -> Result<u64, String> {
        Err("sold out".to_owned())
    }
    fn price(&self, _: String) -> Option<u64> {
        None
    }
}

fn serve(builder: ServerBuilder) -> RunningServer {
    let builder = builder.service(ShopServer::new(Empty)).limits(test_limits());
    builder.bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port")
}

fn client(server: &RunningServer) -> Result<ReflectionClient, ConnectError> {
    Connector::new().connect(server.local_addr())
}

#[test]
fn a_server_describes_its_services_unless_it_is_told_not_to() {
    let server = serve(Server::builder());
    let asks = client(&server).expect("it describes itself");
    let told = asks.server().expect("a description");
    let names: Vec<_> = told.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["Shop", "ServerReflection"]);
    assert_eq!((told.health, told.at_most_once, told.durable, told.loops), (None, true, false, 1));
    assert!(told.limits.contains(&("slots".to_owned(), LimitValue::Number(u64::from(test_limits().slots)))));

    let silent = serve(Server::builder().reflection(false));
    match client(&silent) {
        Err(ConnectError::NoSuchService { .. }) => {}
        other => panic!("{other:?}"),
    }
    let shop: ShopClient =
        Connector::new().connect(silent.local_addr()).expect("the service itself is there");
    assert!(matches!(shop.buy("tea", 1), Err(CallError::Service(_))));
}

#[test]
fn a_service_is_described_with_its_documentation_its_policies_and_its_formats() {
    let server = serve(Server::builder());
    let asks = client(&server).expect("it describes itself");
    let shop = asks.whole_service("Shop").expect("a description").expect("it is there");
    assert_eq!(shop.docs, "Sells things.\n\nA second paragraph.");
    let [buy, price] = shop.methods.as_slice() else { panic!("{shop:?}") };
    assert_eq!(buy.docs, "Buys an item.\n\nTwice if it is called twice.");
    assert_eq!((buy.deadline_millis, buy.idempotent, buy.slow), (Some(250), false, false));
    assert_eq!(buy.formats().expect("traced").to_string(), "fn(str, u32) -> Result<u64, str>");
    assert_eq!((price.docs.as_str(), price.idempotent, price.slow), ("", true, true));
    assert_eq!(asks.whole_service("Kv").expect("an answer"), None);
}

#[test]
fn the_counters_and_the_health_are_those_of_this_server() {
    let health = Health::new();
    for loops in [1, 3] {
        let server = serve(Server::builder().loops(loops).service(health.clone()));
        health.set(HealthState::Serving);
        let asks = client(&server).expect("it describes itself");
        assert_eq!(asks.server().expect("a description").health, Some(HealthState::Serving));
        let counters = asks.counters().expect("counters");
        let count = |name: &str| counters.iter().find(|(known, _)| known == name).map(|(_, count)| *count);
        assert_eq!((count("calls"), count("opened")), (Some(2), Some(1)), "{counters:?}");
    }
}

/// A service without methods, of any name.
struct Named(&'static Contract);

impl Service for Named {
    fn contract(&self) -> &'static Contract {
        self.0
    }
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        call.no_such_method()
    }
}

fn named(number: usize) -> Named {
    Named(Box::leak(Box::new(Contract::new(Box::leak(format!("S{number}").into_boxed_str()), &[]))))
}

#[test]
fn a_server_may_have_as_many_services_as_a_hello_names_and_describes_itself_beside_them() {
    let builder =
        |count| (0..count).fold(Server::builder(), |builder, number| builder.service(named(number)));
    let server = builder(MAX_SERVICES).bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port");
    let asks = client(&server).expect("it describes itself");
    assert_eq!(asks.server().expect("a description").services.len(), MAX_SERVICES + 1);
    let refused = builder(MAX_SERVICES + 1).bind("127.0.0.1:0").map(drop);
    assert!(matches!(&refused, Err(ServeError::Contract(ContractError::TooManyServices(65)))), "{refused:?}");
}
