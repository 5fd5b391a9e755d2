//! The most that the event loop and the codec allow: an echo server and a store on bare mio and bincode, with no API, no
//! bounds, no checksums and no filter, and clients that are as bare.

mod client;
mod framing;
mod server;

pub(crate) use client::{fill, idle, load};
pub(crate) use framing::Language;
pub(crate) use server::serve;
