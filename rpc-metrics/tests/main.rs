//! The metrics of a server and of a client over real sockets: the counts, the format of the page, and the side port against bad clients.

mod client;
mod counts;
mod page;
mod port;
mod service;
mod text_format;
