//! The page `first_service.md`: types that travel, and types that cannot.

use std::collections::HashMap;

use rpc_core::{Server, Service, rpc};
use rpc_sim::in_process;
use serde::{Deserialize, Serialize};

/// A type whose attributes change nothing in the bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    first_name: String,
    #[serde(rename = "AGE", default)]
    age: u8,
    #[serde(skip)]
    cache: Option<u64>,
}

/// A type that leaves a field out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LeftOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A type whose variant is told from the bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
}

/// A type whose variant is a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Number { value: u64 },
}

/// A type whose number of fields is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    rest: HashMap<String, String>,
}

/// A service with one method, which returns what it is given.
macro_rules! echo {
    ($name:ident, $value:ty) => {
        mod $name {
            use super::*;

            #[rpc]
            pub(super) trait Echo {
                fn echo(&self, value: $value) -> $value;
            }

            impl Echo for Same {
                fn echo(&self, value: $value) -> $value {
                    value
                }
            }
        }
    };
}

/// The implementation of all of them.
struct Same;

echo!(renamed, Renamed);
echo!(left_out, LeftOut);
echo!(untagged, Untagged);
echo!(tagged, Tagged);
echo!(flat, Flat);

/// Asserts that a server with this service is not built, and that the error says why.
fn is_refused(service: impl Service + 'static, why: &str) {
    let Err(error) = Server::builder().service(service).bind("127.0.0.1:0") else {
        panic!("a service that cannot be served is served")
    };
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn attributes_that_change_nothing_in_the_bytes_may_be_there() {
    let echo: renamed::EchoClient = in_process(renamed::EchoServer::new(Same));
    let ada = Renamed { first_name: "Ada".to_owned(), age: 36, cache: Some(1) };
    assert_eq!(echo.echo(ada.clone()).expect("it travels"), Renamed { cache: None, ..ada });
}

#[test]
fn a_service_with_a_type_that_cannot_travel_is_refused_when_its_server_is_built() {
    is_refused(left_out::EchoServer::new(Same), "the field `note` of `LeftOut` is left out of some values");
    is_refused(untagged::EchoServer::new(Same), "`#[serde(untagged)]`");
    is_refused(tagged::EchoServer::new(Same), "`tag`");
    is_refused(flat::EchoServer::new(Same), "flatten");
}
