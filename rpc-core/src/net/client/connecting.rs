//! Layer 4: how a client finds its server: attempts at each address, what follows a failure, and lookups of its name.
//!
//! ```text
//!  nothing comes on a connection for a while: the next address, if one is untried (`silence`)
//!  a connection fails:  a server had answered there? --yes--> the protocol's pause, then the same address first
//!                       another address is untried?  --yes--> it is tried at once
//!                       all speak other versions?    --yes--> no call waits for them
//!                       else: callers that fail fast are told, the name is looked up, the protocol's pause, then all of them again
//! ```

use super::address_book::Rejection;
use super::inner::ClientInner;
use super::transport::{Transport, TransportEvents};
use crate::ids::Time;
use crate::log;
use crate::net::os::{Registry, Token};
use crate::net::sync::atomic::Ordering;
use crate::net::sync::thread;
use crate::panics::contain;
use crate::proto::client::ClientCore;

/// The result of a round of attempts, of which none has found a server that serves the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RoundEnd {
    /// Nothing listens at any address.
    Refused,
    /// At each address nothing listens, or what listens there closes each connection without a byte.
    Silent,
    /// The servers at all addresses speak other versions.
    OtherVersions,
    /// Anything else: the next round may find a server.
    Failed,
}

impl ClientInner {
    /// Begins the attempts that are due. Returns true if the connection could not be made.
    pub(super) fn attempt(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        token: Token,
        now: Time,
    ) -> bool {
        if transport.is_connected() && transport.silence.is_too_long(now) {
            return self.leave_silent(core, transport, registry, now);
        }
        match transport.attempt(&self.book, registry, token, now) {
            Ok(false) => false,
            Ok(true) => {
                self.look_up(now);
                false
            }
            Err(why) => {
                core.handle_disconnected(&why, now);
                let end = self.end_of_round(transport);
                self.choose_address(core, transport, end, now);
                true
            }
        }
    }

    /// Leaves a connection on which nothing has come, if there is another address to be tried. Returns true if there was one.
    #[cold]
    fn leave_silent(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        now: Time,
    ) -> bool {
        let is_last = self.book.untried(transport.tried()).is_none();
        if is_last {
            transport.silence.wait();
        } else {
            transport.close(registry, false);
            self.lose(core, transport, "the server has not answered yet, and another address is tried", now);
        }
        !is_last
    }

    /// Ends the connection, since the protocol wants that. The last frame is sent if the kernel takes it at once.
    #[cold]
    pub(super) fn end_connection(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        now: Time,
    ) {
        transport.flush(&mut TransportEvents::default());
        transport.close(registry, false);
        let why = core.last_failure().to_owned();
        self.lose(core, transport, &why, now);
    }

    /// Tells the protocol that the connection is gone, and chooses the next address.
    #[cold]
    pub(super) fn lose(&self, core: &mut ClientCore, transport: &mut Transport, why: &str, now: Time) {
        let other_versions = self.note_rejection(core, transport);
        core.handle_disconnected(why, now);
        if !core.is_closed() {
            self.report_lost(core, transport.is_good(), why);
        }
        let end = if other_versions { RoundEnd::OtherVersions } else { self.end_of_round(transport) };
        self.choose_address(core, transport, end, now);
    }

    /// Returns what it means if the attempt that has failed was the last one of its round.
    fn end_of_round(&self, transport: &Transport) -> RoundEnd {
        match () {
            () if self.book.may_find_another() => RoundEnd::Failed,
            () if transport.was_refused() => RoundEnd::Refused,
            () if transport.silence.only_silent() => RoundEnd::Silent,
            () => RoundEnd::Failed,
        }
    }

    /// Chooses the address of the next attempt, after a connection could not be made or is gone. If none is left, the round has
    /// failed, and callers are told that do not wait for the next one. `end` is what that means then.
    #[cold]
    fn choose_address(&self, core: &mut ClientCore, transport: &mut Transport, end: RoundEnd, now: Time) {
        if core.is_closed() {
            return;
        }
        // After two losses without a reply between them the address is not good any more, although it greets.
        // A server that does not know the session has answered too: it was started anew, say.
        let failed = core.failed_attempts();
        if transport.take_good() && failed <= 1 || core.is_forgotten() && failed <= 2 {
            transport.forget_tried();
        } else if self.book.untried(transport.tried()).is_some() {
            core.connect_at_once(now);
        } else {
            transport.forget_tried();
            transport.silence.wait();
            self.rounds_failed.fetch_add(1, Ordering::Relaxed);
            if !core.is_forgotten() {
                self.report_unreachable(core, now);
            }
            match end {
                RoundEnd::OtherVersions => core.handle_other_versions(now),
                RoundEnd::Silent => core.handle_round_silent(now),
                RoundEnd::Refused | RoundEnd::Failed => {
                    core.handle_round_failed(end == RoundEnd::Refused, now);
                }
            }
            self.look_up(now);
        }
    }

    /// Notes that the server at this address has refused the client for good, if that is why the connection ends. The other
    /// addresses are tried all the same: during an upgrade, say, servers of two versions have one name. Returns true if this one
    /// and those at all other addresses speak other versions.
    fn note_rejection(&self, core: &ClientCore, transport: &Transport) -> bool {
        // The protocol keeps its last failure, which may be that of another address: a connection that it does not want to
        // close has none of its own.
        let is_refused = core.is_rejected() && core.wants_close() && !transport.is_good();
        let Some(address) = transport.address().filter(|_| is_refused) else { return false };
        let other_version = core.is_of_another_version();
        let why = core.last_failure().to_owned();
        self.book.note_rejection(Rejection { address, why, other_version });
        other_version && self.book.all_reject_version()
    }

    /// Looks the name of the server up again, in a thread of its own: it may wait for a name server for long, and deadlines
    /// hold meanwhile.
    pub(super) fn look_up(&self, now: Time) {
        let Some(source) = self.book.begin_lookup(now) else { return };
        let me = self.me();
        let started = thread::Builder::new().name("rpc-resolver".to_owned()).spawn(move || {
            let found = contain(|| source.resolve());
            if let Some(inner) = me.upgrade() {
                inner
                    .book
                    .learn(found.unwrap_or_else(|| Err(std::io::Error::other("the resolver panicked"))));
            }
        });
        if let Err(error) = started {
            log::error!(%error, "cannot start a thread that looks a name up");
            self.book.learn(Err(error));
        }
    }

    /// Notes the address of a connection on which a server has answered.
    #[cold]
    pub(super) fn note_good(&self, transport: &mut Transport) {
        if let Some(address) = transport.note_good() {
            self.book.prefer(&address);
        }
    }
}
