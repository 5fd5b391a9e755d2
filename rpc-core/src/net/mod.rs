//! Floor 4: sockets, threads and the clock. The only floor that knows them; the protocol below it is handed what they give.

pub mod clock;
pub mod server;
