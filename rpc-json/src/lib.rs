//! Calls in JSON, to any server that describes itself: no trait, no types, no source.
//!
//! ```
//! use rpc_core::{Connector, Server, rpc};
//! use rpc_json::JsonClient;
//! use serde_json::json;
//!
//! #[rpc]
//! pub trait Adder {
//!     fn add(&self, x: i64, y: i64) -> Option<i64>;
//! }
//!
//! struct Plain;
//!
//! impl Adder for Plain {
//!     fn add(&self, x: i64, y: i64) -> Option<i64> {
//!         x.checked_add(y)
//!     }
//! }
//!
//! let server = Server::builder().service(AdderServer::new(Plain)).bind("127.0.0.1:0")?.spawn()?;
//! let client = JsonClient::connect(Connector::new(), server.local_addr(), &["Adder"])?;
//! assert_eq!(client.call("Adder.add", &json!({"x": 20, "y": 22}))?, json!(42));
//! assert_eq!(client.call("Adder.add", &json!([i64::MAX, 1]))?, json!(null));
//! let mistake = client.call("Adder.add", &json!({"x": 1, "y": "two"})).expect_err("that is no number");
//! assert_eq!(mistake.to_string(), "Adder.add: y: expected i64, not the string \"two\"");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The forms of values
//! | value | in JSON |
//! |---|---|
//! | `()`, a struct without fields | `null` |
//! | `bool`, `str` | as they are |
//! | whole numbers | a number; one of `i128` or `u128` beyond 64 bits is a string. A string is read as well: `"18446744073709551615"` |
//! | `f32`, `f64` | a number; else `"NaN"`, `"inf"`, `"-inf"`, and `"NaN:7ff8000000000001"` for a NaN of other bits |
//! | `char` | a string of one character |
//! | bytes | a string, if they are a text without control characters; else `{"hex": "00ff"}`. `{"base64": "AP8="}` and a list of numbers are read as well |
//! | `Option` | `null`, or the value. If that may be `null` itself, it is in `{"some": ..}` |
//! | a list, set, array, tuple, or tuple struct | a list |
//! | a map | an object, if the keys are whole numbers, `bool`, `char` or `str`, and each is there once; else a list of pairs. Both are read |
//! | a struct | an object. A field that is an `Option` may be left out; one that is not there is refused |
//! | an enum | `"Empty"`, `{"Circle": 5}`, `{"Line": [1, 2]}`, `{"Text": {"at": 1}}` |
//! | a newtype | what is in it |
//!
//! The arguments of a call are an object by their names, or a list by their places.

mod client;
mod decode;
mod encode;
mod encoded;
mod floats;
mod mistake;
mod names;
mod text_of_bytes;

pub use client::{CallFailed, JsonClient, JsonError, JsonMethod, JsonPending};
pub use decode::Decoded;
pub use encode::{encode, encode_arguments};
pub use encoded::Encoded;
pub use mistake::Mistake;
pub use names::nearest;

/// Most levels of a value that is read or written: as many as a client or a server allows unless it is told otherwise, and few enough
/// for any thread's stack.
const MOST_LEVELS: usize = 64;
/// Parts of a value that are looked at for each byte of it: as many as a byte can be inside of. Types of a hostile server may have parts
/// without bytes without an end.
const PARTS_PER_BYTE: usize = MOST_LEVELS;
/// Parts that are looked at beside these: for values of few bytes and many parts without any.
const SPARE_PARTS: usize = 1 << 16;
