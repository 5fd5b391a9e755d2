//! Feeds bytes of libFuzzer to [`rpc_tests::bytes::server`].
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| rpc_tests::bytes::server(data));
