//! Swarm testing: each run has a random subset of all faults and random limits, so that a fault that hides another one
//! is often not there. (A. Groce et al., *Swarm Testing*, ISSTA 2012.)

use std::time::Duration;

use rpc_core::limits::ServerLimits;
use rpc_sim::{Faults, Handlers};

use crate::setup::{LONG_LEASE, NO_CAP, Setup, Trouble};

/// Replaces what the fixed profiles say by what the seed draws.
pub(crate) fn swarm(setup: &mut Setup, random: &mut fastrand::Rng) {
    setup.world.faults = faults(random);
    setup.world.limits = limits(setup.world.limits.clone(), random);
    setup.world.loops = *pick(&[1, 1, 2, 3], random);
    setup.world.window = *pick(&[1 << 10, 8 << 10, 128 << 10], random);
    setup.world.handlers = Handlers {
        slow: *pick(&[0.0, 0.2, 0.7], random),
        longest: Duration::from_millis(random.u64(1..4_000)),
        at_once: *pick(&[1, 2, 8], random),
    };
    setup.trouble = trouble(random);
    let grace = setup.world.limits.grace;
    setup.world.limits.drain_linger = setup.world.limits.drain_linger.min(grace);
    let detached =
        [Duration::ZERO, Duration::from_millis(100), Duration::from_secs(5), Duration::from_secs(40)];
    // Drawn from a copy, so that all other draws of a seed stay what they were.
    setup.world.limits.drain_detached = *pick(&detached, &mut random.clone());
    let slots = *pick(&[1, 3, 8], random);
    let first = Duration::from_millis(*pick(&[50, 200, 1_000], random));
    for client in &mut setup.clients {
        let limits = &mut client.limits;
        limits.slots = random.u16(1..=slots);
        limits.waiting = *pick(&[0, 1, 6, 4_096], random);
        limits.resend_first = first;
        limits.resend_cap = first * *pick(&[1, 4, 30], random);
        limits.retry_budget = *pick(&[0.0, 1.0, 10.0], random);
        limits.all_orphaned = Duration::from_millis(*pick(&[100, 2_000, 10_000], random));
        limits.ack_delay = Duration::from_millis(*pick(&[1, 1_000], random));
        limits.ping_after = Duration::from_millis(*pick(&[500, 5_000], random));
        limits.write_batch = *pick(&[64, 1 << 10, 256 << 10], random);
    }
}

/// Returns one of a few values.
fn pick<'a, T>(of: &'a [T], random: &mut fastrand::Rng) -> &'a T {
    &of[random.usize(0..of.len())]
}

/// Returns a probability that is 0 two times out of three.
fn often(most: f64, random: &mut fastrand::Rng) -> f64 {
    if random.u8(0..3) == 0 { random.f64() * most } else { 0.0 }
}

fn faults(random: &mut fastrand::Rng) -> Faults {
    Faults::none()
        .delay(Duration::ZERO, Duration::from_millis(*pick(&[1, 20, 200], random)))
        .late(Duration::from_millis(random.u64(1..3_000)))
        .drop(often(0.15, random))
        .duplicate(often(0.3, random))
        .reorder(often(0.3, random))
        .stall(often(0.1, random))
        .cut(often(0.05, random))
        .half_open(often(1.0, random))
        .refuse(often(0.5, random))
        .split(often(0.5, random))
        .short_write(often(0.5, random))
}

fn limits(usual: ServerLimits, random: &mut fastrand::Rng) -> ServerLimits {
    let seconds = Duration::from_secs;
    ServerLimits {
        slots: *pick(&[1, 2, 8], random),
        max_cached_reply: *pick(&[0, 64, 512, 8 << 10], random),
        reply_budget: *pick(&[0, 512, 64 << 10], random),
        reply_age: *pick(&[Duration::ZERO, seconds(2), seconds(60)], random),
        lease: *pick(&[Duration::from_millis(300), seconds(5), LONG_LEASE, LONG_LEASE], random),
        queue: *pick(&[1, 2, 16, 64], random),
        queue_bytes: *pick(&[4 << 10, 64 << 10], random),
        sessions: *pick(&[6, 20, NO_CAP, NO_CAP], random),
        sessions_per_source: *pick(&[Some(NO_CAP), Some(NO_CAP), Some(6)], random),
        unsent_pause: *pick(&[256, 4 << 10, 256 << 10], random),
        unsent_stall: *pick(&[seconds(1), seconds(30)], random),
        retry_after: Duration::from_millis(*pick(&[0, 50, 500], random)),
        grace: *pick(&[seconds(1), seconds(10)], random),
        drain_linger: *pick(&[Duration::ZERO, Duration::from_millis(100), seconds(2)], random),
        ..usual
    }
}

fn trouble(random: &mut fastrand::Rng) -> Trouble {
    let mut up_to = |most: u64| if random.u8(0..3) == 0 { random.u64(1..=most) } else { 0 };
    Trouble {
        partitions: up_to(4),
        cuts: up_to(5),
        crashes: up_to(3),
        client_crashes: up_to(2),
        drains: up_to(2),
        hostile: up_to(60),
        strangers: up_to(12),
        replays: 0, // a server that was started again knows no nonces
        deaf: up_to(5),
        pauses: up_to(5),
        clocks: up_to(5),
    }
}
