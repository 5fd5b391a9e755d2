//! Frames of `rpc-core` for a reader: every byte has its field, with a name, its value in words, and its mistake if it has one.
//!
//! One place says what the bytes mean, for a page, a terminal and a proxy. It also builds for WebAssembly.
//!
//! ```text
//! bytes of a frame --annotate--> Annotated: fields from the first byte to the last --lines--> text, --serde--> JSON
//! bytes of both directions --Dialogue--> Annotated, one after the other
//! ```
//! Arguments and values are opened if the formats of their types are known: [`Methods`] has them from a contract of this program, or
//! from the TABLE of a server. Nothing that the bytes say makes this code panic, or take more memory than its bounds.
//!
//! ```
//! use rpc_frames::{Known, annotate};
//!
//! let ack = [
//!     32, 0, 0, 0, 6, 0, 3, 0, // length, kind, code, slot 3
//!     7, 0, 0, 0, 0, 0, 0, 0, // seq 7
//!     0, 0, 0, 0, 0, 0, 0, 0, // method
//!     0, 0, 0, 0, 0, 0, 0, 0, // milliseconds, checksum of the body
//!     0x1e, 0x94, 0xaf, 0xba, // checksum of the header
//! ];
//! let frame = annotate(&ack, &Known::default());
//! assert_eq!((frame.kind.as_str(), frame.slot, frame.seq), ("ACK", Some(3), Some(7)));
//! assert!(frame.wrong.is_empty());
//! ```
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn, clippy::indexing_slicing, clippy::panic)]

mod annotated;
mod body;
mod calls;
mod control;
mod cutter;
mod dialogue;
mod header;
mod methods;
mod reader;
mod text;
mod value;

pub use annotated::{Annotated, Field};
pub use cutter::MOST_KEPT;
pub use dialogue::{Dialogue, Way};
pub use header::{Known, annotate};
pub use methods::{Methods, Shape};
pub use text::{Style, head, lines};
