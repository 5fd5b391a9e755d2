//! A subscriber that panics at each step costs its spans, and no call.

use std::sync::atomic::{AtomicU64, Ordering};

use rpc_sim::Faults;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::service::{back, traced};

/// Panics from one step on: 0 when a span is made, 1 when it is entered, 2 when it is left, 3 when a value is recorded, 4 when it ends.
struct Broken {
    from: u64,
    panics: &'static AtomicU64,
}

impl Broken {
    fn step(&self, step: u64) {
        if step >= self.from {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("the disk is full");
        }
    }
}

impl Subscriber for Broken {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.step(0);
        Id::from_u64(1)
    }
    fn enter(&self, _: &Id) {
        self.step(1);
    }
    fn exit(&self, _: &Id) {
        self.step(2);
    }
    fn record(&self, _: &Id, _: &Record<'_>) {
        self.step(3);
    }
    fn try_close(&self, _: Id) -> bool {
        self.step(4);
        true
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

#[test]
fn a_subscriber_that_panics_costs_no_call() {
    for from in 0..5 {
        static PANICS: AtomicU64 = AtomicU64::new(0);
        PANICS.store(0, Ordering::Relaxed);
        let (network, _) = back(1, Faults::none());
        let back = traced(&network);
        tracing::subscriber::with_default(Broken { from, panics: &PANICS }, || {
            assert_eq!(back.add(1).ok(), Some(1), "from step {from}");
            assert!(back.panic().is_err());
            assert_eq!(back.add(1).ok(), Some(2), "from step {from}");
        });
        assert!(PANICS.load(Ordering::Relaxed) >= 3, "from step {from}");
    }
}
