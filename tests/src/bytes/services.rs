//! The services and the small bounds that the two protocol targets are made with.

/// Those of the server's target.
pub(super) mod served {
    use std::sync::LazyLock;

    use rpc_core::contract::{Contract, Directory, Method};
    use rpc_core::limits::ServerLimits;

    pub(in crate::bytes) static METHODS: [Method; 4] = [
        Method::new("Work.reply", "fn reply(size: u8)"),
        Method::new("Work.idempotent", "fn idempotent(size: u8)").idempotent(),
        Method::new("Work.look", "fn look(size: u8)").with_context(),
        Method::new("Work.small", "fn small(size: u8)").max_cached_reply(8),
    ];
    pub(in crate::bytes) static WORK: Contract = Contract::new("Work", &METHODS);
    pub(in crate::bytes) static DIRECTORY: LazyLock<Directory> =
        LazyLock::new(|| Directory::new(vec![&WORK]).expect("one service"));

    /// Small bounds, so that a short input reaches each of them.
    pub(in crate::bytes) fn limits(flags: u8) -> ServerLimits {
        ServerLimits {
            slots: 1 + u16::from(flags & 3),
            max_frame: 512,
            sessions: 3,
            sessions_per_source: (flags & 4 != 0).then_some(2),
            max_cached_reply: 64,
            reply_budget: 160,
            queue: 3,
            queue_bytes: 600,
            unsent_pause: 600,
            ..ServerLimits::default()
        }
    }
}

/// Those of the client's target.
pub(super) mod called {
    use rpc_core::contract::{Contract, Method};
    use rpc_core::limits::ClientLimits;

    pub(in crate::bytes) static METHODS: [Method; 2] = [
        Method::new("Work.once", "fn once(tag: u64)"),
        Method::new("Work.often", "fn often(tag: u64)").idempotent(),
    ];
    pub(in crate::bytes) static WORK: Contract = Contract::new("Work", &METHODS);
    pub(in crate::bytes) static OTHER: Contract = Contract::new("Work", METHODS.split_at(1).0);
    pub(in crate::bytes) static BY_NAME: Contract = Contract::unknown("Other");

    /// Small bounds, so that a short input reaches each of them.
    pub(in crate::bytes) fn limits() -> ClientLimits {
        ClientLimits {
            slots: 2,
            waiting: 4,
            write_batch: 200,
            max_frame: 256,
            ack_at_once: 32,
            ..ClientLimits::default()
        }
    }
}
