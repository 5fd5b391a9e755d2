//! Layer 2: the decision on a HELLO: a new session, one that stands, another loop, or none; and the frame that goes back.
//!
//! ```text
//! HELLO without a session  --> its nonce belongs to another loop? that loop reads the HELLO again
//!                              the nonce of a session that stands? WELCOME : of one that has ended? SESSION_LOST
//!                              else: room? WELCOME : BUSY
//! HELLO with id and token  --> another loop's number? that loop reads the HELLO again
//!                              known, and all terms the same? WELCOME (resumed) : SESSION_LOST
//! ```

use super::ServerConfig;
use super::keys::SessionKey;
use super::nonces::Known;
use super::session::Session;
use super::sessions::Sessions;
use super::terms::Terms;
use crate::error::ProtocolError;
use crate::ids::{SessionId, Time, Token};
use crate::limits::MAX_SLOTS;
use crate::proto::peer::SourceId;
use crate::wire::frame::{self, FrameDecoder, Header, Kind};
use crate::wire::message::{Agreement, FEATURES, Hello, VERSION, Welcome};

/// The decision on a HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// The client asks for a new session.
    Open,
    /// The client resumes this session, or it has opened it already with the same nonce.
    Resume(SessionKey),
    /// There is no session that the client may resume. Unknown, expired and wrong token get the same frame.
    Lost,
    /// The session belongs to this other loop, or would.
    HandOver(u8),
}

/// Decides what a HELLO asks for, and if it may have it.
pub(super) fn decide(hello: &Hello, config: &ServerConfig, sessions: &Sessions, now: Time) -> Greeting {
    let Some((id, token)) = &hello.resume else { return decide_opening(hello, config, sessions, now) };
    // The id names its loop, so no table is shared between loops. A number that no loop has is an id from another life.
    let number = id.loop_number();
    if number != config.loop_number && usize::from(number) < config.loops {
        return Greeting::HandOver(number);
    }
    let known = sessions.find(*id).filter(|key| {
        sessions.get(*key).is_some_and(|session| {
            // The token in constant time. The terms as well: a resumed session goes on with the contracts and features that it
            // began with, and a client that was built anew asks for other ones.
            sessions.is_token_of(session, &Token(*token))
                && session.terms.features == hello.features & FEATURES
                && session.terms.services == hello.services
        })
    });
    known.map_or(Greeting::Lost, Greeting::Resume)
}

/// Decides on a HELLO that opens a session. One whose nonce is known was sent or delivered twice: it gets the session that
/// the first one opened, so that no call on the same connection can run again.
fn decide_opening(hello: &Hello, config: &ServerConfig, sessions: &Sessions, now: Time) -> Greeting {
    let Some(nonce) = hello.nonce else { return Greeting::Open };
    let number = nonce.loop_number(config.loops);
    if number != config.loop_number && usize::from(number) < config.loops {
        return Greeting::HandOver(number);
    }
    let has_same_terms = |key: &SessionKey| {
        // The token of one that was restored is not known here. Its client has it, and resumes with it.
        sessions.get(*key).filter(|session| !session.is_restored).is_some_and(|session| {
            session.terms.features == hello.features & FEATURES && session.terms.services == hello.services
        })
    };
    match sessions.nonces.find(sessions.stored_nonce(nonce), now) {
        Known::Never => Greeting::Open,
        Known::Open(key) if has_same_terms(&key) => Greeting::Resume(key),
        Known::Open(_) | Known::Ended => Greeting::Lost,
    }
}

/// Makes the session that a HELLO asks for.
///
/// `entropy` gives its name and its token.
pub(super) fn new_session(
    hello: &Hello,
    config: &ServerConfig,
    source: Option<SourceId>,
    mut entropy: impl FnMut() -> [u8; 32],
) -> Session {
    let mut random = [0; 16];
    random.copy_from_slice(&entropy()[..16]);
    // The id and the token are drawn apart: the id is logged and seen in dumps, and must tell nothing of the token.
    let id = SessionId::new(config.loop_number, random);
    let slots = hello.slots.clamp(1, config.limits.slots.min(MAX_SLOTS));
    let terms = Terms {
        features: hello.features & FEATURES,
        services: hello.services.clone(),
        agreements: agreements(&hello.services, config),
    };
    Session { nonce: hello.nonce, ..Session::new(id, Token(entropy()), slots, terms, source) }
}

/// Returns the server's judgement on each service that a client names.
pub(super) fn agreements(services: &[(String, u64)], config: &ServerConfig) -> Vec<Agreement> {
    let judge = |(name, hash): &(String, u64)| match config.directory.contract(name) {
        // Judged by the hash alone. A client that differs asks for the table and compares method by method (W11).
        None => Agreement::Missing,
        Some(contract) if contract.hash == *hash => Agreement::Same,
        Some(_) => Agreement::Differs,
    };
    services.iter().map(judge).collect()
}

/// Returns the WELCOME for a session.
pub(super) fn welcome(session: &Session, config: &ServerConfig, resumed: bool) -> Welcome {
    Welcome {
        version: VERSION,
        features: session.terms.features,
        incarnation: config.incarnation,
        session: session.id,
        token: session.token,
        slots: session.sums.slots,
        max_frame: config.limits.max_frame as u32,
        lease_ms: frame::millis(config.limits.lease),
        resumed,
        agreements: session.terms.agreements.clone(),
    }
}

/// Returns the bytes that another loop must read for a connection that is handed over: its HELLO, written anew, and
/// everything behind it.
pub(super) fn replay_input(hello: &[u8], decoder: FrameDecoder) -> Vec<u8> {
    let mut input = Vec::new();
    // Written anew, since the decoder has cut it off already. The other loop then takes the usual way, without a special case.
    frame::append(&mut input, &Header::new(Kind::Hello), hello, true);
    input.extend_from_slice(&decoder.into_rest());
    input
}

/// Returns true if a peer that has made this mistake before its HELLO speaks another protocol, and not this one with a
/// mistake in it. Lengths and header checksums say nothing about that: HTTP has them wrong too. The magic at its place does.
pub(super) fn is_stranger(error: &ProtocolError, has_magic_in_place: bool) -> bool {
    let judges_header = matches!(
        error,
        ProtocolError::ShortFrame(_) | ProtocolError::LongFrame { .. } | ProtocolError::HeaderChecksum
    );
    *error == ProtocolError::Foreign || (judges_header && !has_magic_in_place)
}

/// Returns the text of a REJECT: a person may read it in a dump of the bytes.
pub(super) fn reject_text(error: &ProtocolError) -> String {
    match error {
        ProtocolError::Version { .. } => format!("{error}: this server speaks version {VERSION}"),
        ProtocolError::Foreign => {
            "this port speaks the rpc-core protocol (not HTTP, not TLS); see docs/wire.md".to_owned()
        }
        _ => error.to_string(),
    }
}
