//! The metrics of a server over real sockets: the counts, the format of the page, and the side port against bad clients.

mod counts;
mod page;
mod port;
mod service;
mod text_format;
