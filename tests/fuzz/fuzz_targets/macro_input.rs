//! Feeds bytes of libFuzzer to [`rpc_tests::bytes::macro_input`].
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| rpc_tests::bytes::macro_input(data));
