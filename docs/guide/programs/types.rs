//! The page `first_service.md`: types that travel, and types that cannot.

use std::collections::HashMap;
use std::fmt::Debug;

use rpc_core::{CallError, rpc};
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

/// Returns what it is given.
#[rpc]
trait Echo {
    fn renamed(&self, value: Renamed) -> Renamed;
    fn left_out(&self, value: LeftOut) -> LeftOut;
    fn untagged(&self, value: Untagged) -> Untagged;
    fn tagged(&self, value: Tagged) -> Tagged;
    fn flat(&self, value: Flat) -> Flat;
}

/// The implementation of [`Echo`].
struct Same;

impl Echo for Same {
    fn renamed(&self, value: Renamed) -> Renamed {
        value
    }
    fn left_out(&self, value: LeftOut) -> LeftOut {
        value
    }
    fn untagged(&self, value: Untagged) -> Untagged {
        value
    }
    fn tagged(&self, value: Tagged) -> Tagged {
        value
    }
    fn flat(&self, value: Flat) -> Flat {
        value
    }
}

fn is_refused<T: Debug>(outcome: Result<T, CallError>) {
    assert!(matches!(outcome, Err(CallError::NotExecuted(_))), "{outcome:?}");
}

#[test]
fn names_do_not_travel_and_what_is_told_from_the_bytes_is_refused() {
    let echo: EchoClient = in_process(EchoServer::new(Same));
    let ada = Renamed { first_name: "Ada".to_owned(), age: 36, cache: Some(1) };
    assert_eq!(echo.renamed(ada.clone()).expect("it travels"), Renamed { cache: None, ..ada });

    is_refused(echo.left_out(LeftOut { note: None }));
    is_refused(echo.untagged(Untagged::Number(1)));
    is_refused(echo.untagged(Untagged::Text("one".to_owned())));
    is_refused(echo.tagged(Tagged::Number { value: 1 }));
    is_refused(echo.flat(Flat { rest: HashMap::new() }));
}
