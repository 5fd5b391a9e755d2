//! A measurement, not a test: what the server costs per call. Run it alone, optimised, pinned to one core:
//! `taskset -c 0 cargo test --release -p rpc-tests --test integration -- --ignored --nocapture throughput`

use std::time::Instant;

use crate::raw_client::RawClient;
use crate::test_service::{CONTRACT, ECHO, TestServer};

#[test]
#[ignore = "a measurement"]
fn throughput() {
    for depth in [1_u16, 16, 64] {
        let server = TestServer::start();
        let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 1024);
        let mut seq = 0;
        let mut best = f64::MAX;
        let mut all = Vec::new();
        for _ in 0..7 {
            let turns = 200_000 / (u32::from(depth) * 4).min(200);
            let began = Instant::now();
            for _ in 0..turns {
                seq += 1;
                for slot in 0..depth {
                    client.queue_call(&ECHO, slot, seq, &("0123456789abcdef",));
                }
                client.flush();
                for _ in 0..depth {
                    client.answer();
                }
            }
            let each = began.elapsed().as_nanos() as f64 / f64::from(turns * u32::from(depth));
            best = best.min(each);
            all.push(each);
        }
        all.sort_by(f64::total_cmp);
        eprintln!("depth {depth:3}: {best:7.0} ns a call at best, {:7.0} in the middle", all[all.len() / 2]);
    }
}
