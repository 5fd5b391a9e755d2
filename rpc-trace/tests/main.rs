//! Spans of calls in the simulator: they join into one trace, one for each call, whatever the network and the peer do.

mod broken;
mod collector;
mod context;
mod joined;
mod service;
