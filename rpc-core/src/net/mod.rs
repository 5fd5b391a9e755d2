//! Floor 4: sockets, time and threads.

#[cfg(feature = "sim")]
pub mod fault_proxy;
