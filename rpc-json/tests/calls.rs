//! Calls in JSON to a real server, whose trait the client does not have.

use std::time::Duration;

use rpc_core::{CallContext, Connector, RunningServer, Server, rpc};
use rpc_json::{JsonClient, JsonError};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Serialize, Deserialize)]
enum ShopError {
    SoldOut,
    TooMany { at_most: u32 },
}

/// Texts with options in options.
type Parts = Vec<(String, Option<Option<u8>>)>;

#[rpc]
trait Shop {
    fn buy(&self, item: &str, count: u32) -> Result<u64, ShopError>;
    #[rpc(deadline = "30ms")]
    fn wait(&self, cx: &CallContext, millis: u64) -> u64;
    fn echo(&self, parts: Parts, bytes: &[u8]) -> (Parts, Vec<u8>);
    fn panics(&self);
}

struct Small;

impl Shop for Small {
    fn buy(&self, item: &str, count: u32) -> Result<u64, ShopError> {
        match (item, count) {
            ("tea", 0..=9) => Ok(u64::from(count) * u64::MAX / 9),
            ("tea", _) => Err(ShopError::TooMany { at_most: 9 }),
            _ => Err(ShopError::SoldOut),
        }
    }
    fn wait(&self, _: &CallContext, millis: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(millis));
        millis
    }
    fn echo(&self, parts: Parts, bytes: &[u8]) -> (Parts, Vec<u8>) {
        (parts, bytes.to_vec())
    }
    fn panics(&self) {
        panic!("as it was asked to");
    }
}

fn serve(reflection: bool) -> (RunningServer, JsonClient) {
    let builder = Server::builder().service(ShopServer::new(Small)).reflection(reflection);
    let server = builder.bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port");
    let client = JsonClient::connect(Connector::new(), server.local_addr(), &["Shop"]).expect("it listens");
    (server, client)
}

#[test]
fn a_call_by_name_or_by_place_has_its_value_or_the_services_own_error() {
    let (_server, shop) = serve(true);
    assert_eq!(shop.call("Shop.buy", &json!({"item": "tea", "count": 1})).expect("tea"), json!(u64::MAX / 9));
    assert_eq!(shop.call("Shop.buy", &json!(["tea", 0])).expect("none"), json!(0));
    for (count, text) in [(10, r#"{"TooMany":{"at_most":9}}"#), (99, r#"{"TooMany":{"at_most":9}}"#)] {
        match shop.call("Shop.buy", &json!(["tea", count])) {
            Err(JsonError::Service(error)) => assert_eq!(error.to_string(), text),
            other => panic!("{other:?}"),
        }
    }
    let parts = json!([["a", null], ["b", {"some": null}], ["c", {"some": 7}]]);
    let echoed = shop.call("Shop.echo", &json!({"parts": parts, "bytes": {"hex": "00ff"}})).expect("an echo");
    assert_eq!(echoed, json!([parts, {"hex": "00ff"}]));
    assert_eq!(
        shop.call("ServerReflection.counters", &json!(null)).expect("itself").as_array().map(Vec::len),
        Some(46)
    );
}

#[test]
fn a_name_that_is_not_there_is_an_error_with_the_nearest_one() {
    let (server, shop) = serve(true);
    let text = |method: &str| shop.call(method, &json!([])).expect_err("no such name").to_string();
    assert_eq!(text("Shop.by"), "`Shop` has no method `Shop.by`; did you mean `Shop.buy`?");
    assert_eq!(
        text("Shopp.buy"),
        format!("the server at {} has no service `Shopp`; did you mean `Shop`?", server.local_addr())
    );
    assert_eq!(text("buy"), "`buy` names no method: write it as Service.method");
}

#[test]
fn a_server_that_does_not_describe_itself_is_an_error_of_its_own() {
    let (_server, shop) = serve(false);
    let error = shop.call("Shop.buy", &json!(["tea", 1])).expect_err("no formats");
    assert!(matches!(error, JsonError::NoReflection(_)), "{error}");
}

#[test]
fn a_call_that_may_have_run_can_be_resolved_and_one_that_panicked_has_its_verdict() {
    let (_server, shop) = serve(true);
    // Its own deadline is 30 ms, which the description says.
    match shop.call("Shop.wait", &json!([150])) {
        Err(JsonError::Call(failed)) => {
            assert!(failed.to_string().contains("may or may not have run"), "{failed}");
            assert_eq!(failed.resolve(Duration::from_secs(20)).expect("it ran").to_string(), "150");
        }
        other => panic!("{other:?}"),
    }
    let patient = shop.with_deadline(Duration::from_secs(20));
    assert_eq!(patient.call("Shop.wait", &json!([100])).expect("in time"), json!(100));
    let panicked = shop.call("Shop.panics", &json!([])).expect_err("it panics").to_string();
    assert!(panicked.contains("as it was asked to"), "{panicked}");
}
