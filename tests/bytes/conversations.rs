//! First inputs of the two protocol targets: conversations, written as the steps that the targets read.

const LINE: u8 = 0; // the first connection
const WHOLE: u8 = 255; // the frame is handed in as one part

/// Steps of the server's target; `tests/src/bytes/server.rs` reads them.
mod server {
    use super::{LINE, WHOLE};

    pub(super) const CONNECT: &[u8] = &[0];
    pub(super) const HELLO: &[u8] = &[2, LINE, 4, WHOLE];
    pub(super) const HELLO_WITHOUT_CHECKSUMS: &[u8] = &[2, LINE, 0x14, WHOLE];
    pub(super) const HELLO_FOR_FOUR: &[u8] = &[2, LINE, 8, WHOLE];
    pub(super) const RESUME: &[u8] = &[2, LINE, 0x84, 0, WHOLE];
    pub(super) const READ: &[u8] = &[25, LINE, 255];
    pub(super) const BEGIN: &[u8] = &[18];
    pub(super) const DONE: &[u8] = &[22, 0, 20];
    pub(super) const KEPT: &[u8] = &[22, 0, 60];
    pub(super) const LARGE: &[u8] = &[22, 0, 255];
    pub(super) const REFUSED: &[u8] = &[22, 13, 4];
    pub(super) const LOSE: &[u8] = &[29, LINE];
    pub(super) const HELLO_AGAIN: &[u8] = &[30, LINE, WHOLE];
    pub(super) const DRAIN: &[u8] = &[31, 0];
    pub(super) const PING: &[u8] = &[16, LINE, 0, WHOLE];
    pub(super) const METHODS: &[u8] = &[16, LINE, 1, WHOLE];
    pub(super) const BYE: &[u8] = &[16, LINE, 3, WHOLE];
    pub(super) const SECOND: &[u8] = &[27, 4];
    pub(super) const LEASE: &[u8] = &[27, 7];

    pub(super) fn call(slot: u8, method: u8, seq: u8) -> Vec<u8> {
        vec![5, LINE, 0xc0 | method << 3 | slot, seq, 2, 9, 9, WHOLE]
    }
    pub(super) fn cancel(slot: u8, seq: u8) -> Vec<u8> {
        vec![12, LINE, slot, seq, WHOLE]
    }
    pub(super) fn ack(slot: u8, seq: u8) -> Vec<u8> {
        vec![14, LINE, slot, seq, WHOLE]
    }
}

/// Conversations with a server.
pub(crate) fn with_a_server() -> Vec<Vec<u8>> {
    use server::*;
    let greeted = [&[3][..], CONNECT, HELLO, READ].concat();
    let then = |steps: &[&[u8]]| [&greeted[..], &steps.concat()].concat();
    vec![
        then(&[&call(0, 0, 1), BEGIN, DONE, READ, &ack(0, 1)]),
        then(&[
            &call(0, 0, 1),
            &call(0, 0, 1),
            BEGIN,
            &call(0, 0, 1),
            DONE,
            &call(0, 0, 1),
            READ,
            &call(0, 0, 1),
        ]),
        then(&[&call(0, 1, 1), BEGIN, LARGE, READ, &call(0, 1, 1), READ]),
        then(&[&call(0, 2, 1), BEGIN, &cancel(0, 1), DONE, &cancel(0, 1), READ]),
        then(&[&cancel(0, 1), &call(0, 0, 1), READ, &call(0, 0, 2), &cancel(0, 2)]),
        then(&[&call(0, 0, 1), LOSE, RESUME, READ, &call(0, 0, 1), BEGIN, DONE, READ]),
        then(&[&call(1, 3, 1), BEGIN, LOSE, DONE, RESUME, &call(1, 3, 1), READ]),
        then(&[&call(0, 0, 1), BEGIN, DRAIN, &call(1, 0, 1), DONE, READ, SECOND, SECOND, SECOND]),
        then(&[&call(0, 0, 1), BEGIN, REFUSED, READ, HELLO_AGAIN, PING, METHODS, BYE, READ]),
        then(&[&call(0, 0, 1), BEGIN, DONE, LOSE, LEASE, RESUME, READ]),
        crowded(&[]),
        crowded(&[LEASE, &call(3, 0, 1), BEGIN, KEPT, READ]),
        then(&[&METHODS.repeat(16), READ]), // it asks and does not listen
        [&[3][..], CONNECT, HELLO_WITHOUT_CHECKSUMS, READ, &call(0, 0, 1), BEGIN, DONE, READ].concat(),
        [&[0x3b][..], CONNECT, HELLO, READ, &call(0, 0, 1), &call(0, 0, 1), BEGIN, BEGIN, DONE, DONE]
            .concat(),
    ]
}

/// Three replies where the budget keeps two, and what comes then.
fn crowded(then: &[&[u8]]) -> Vec<u8> {
    use server::{BEGIN, CONNECT, HELLO_FOR_FOUR, KEPT, READ, call};
    let calls = [call(0, 0, 1), call(1, 0, 1), call(2, 0, 1)].concat();
    let steps = [&[3][..], CONNECT, HELLO_FOR_FOUR, READ, &calls, &BEGIN.repeat(3), &KEPT.repeat(3)];
    [&steps.concat()[..], &then.concat()].concat()
}

/// Steps of the client's target; `tests/src/bytes/client.rs` reads them.
mod client {
    use super::WHOLE;

    pub(super) const ONCE: &[u8] = &[0, 0x20];
    pub(super) const OFTEN: &[u8] = &[0, 0x27];
    pub(super) const CONNECT: &[u8] = &[5, 0];
    pub(super) const REFUSE: &[u8] = &[5, 7];
    pub(super) const WRITE: &[u8] = &[8, 0];
    pub(super) const WELCOME: &[u8] = &[12, 0, WHOLE];
    pub(super) const DIFFERS: &[u8] = &[12, 4, WHOLE];
    pub(super) const GOAWAY: &[u8] = &[21, 0, 0, WHOLE];
    pub(super) const SESSION_LOST: &[u8] = &[21, 1, 0, WHOLE];
    pub(super) const BUSY: &[u8] = &[21, 2, 5, WHOLE];
    pub(super) const PONG: &[u8] = &[21, 4, 0, WHOLE];
    pub(super) const TABLE: &[u8] = &[30, 0, WHOLE];
    pub(super) const SECOND: &[u8] = &[24, 4];
    pub(super) const LONG: &[u8] = &[24, 5];
    pub(super) const ABANDON: &[u8] = &[27, 0];
    pub(super) const LOSE: &[u8] = &[28];
    pub(super) const CLOSE: &[u8] = &[31, 0];
    pub(super) const FORK: &[u8] = &[31, 1];

    /// A reply to the first call that left, with the code at this place of the target's list.
    pub(super) fn reply(code: u8) -> Vec<u8> {
        vec![15, 0, code, WHOLE]
    }
}

/// Conversations with a client.
pub(crate) fn with_a_client() -> Vec<Vec<u8>> {
    use client::*;
    let greeted = [&[0][..], ONCE, CONNECT, WELCOME, WRITE].concat();
    let then = |steps: &[&[u8]]| [&greeted[..], &steps.concat()].concat();
    vec![
        then(&[&reply(0)]),
        then(&[SECOND, WRITE, &reply(4), ONCE, WRITE, &reply(5), SECOND]),
        then(&[LOSE, CONNECT, WELCOME, WRITE, &reply(0)]),
        then(&[LOSE, REFUSE, SECOND, CONNECT, SESSION_LOST, SECOND, CONNECT, WELCOME]),
        then(&[OFTEN, WRITE, LOSE, CONNECT, SESSION_LOST, SECOND, CONNECT, WELCOME, WRITE, &reply(6)]),
        then(&[ABANDON, WRITE, SECOND, WRITE, &reply(8)]),
        then(&[LONG, WRITE, &reply(0), LONG, PONG]),
        then(&[ONCE, ONCE, ONCE, WRITE, GOAWAY, &reply(0), WRITE]),
        then(&[&reply(10), SECOND, WRITE, &reply(11)]),
        then(&[CLOSE, WRITE]),
        then(&[FORK, SECOND, CONNECT, WELCOME, WRITE]),
        [&[1][..], OFTEN, CONNECT, DIFFERS, WRITE, TABLE, WRITE, &reply(12)].concat(),
        [&[0][..], ONCE, CONNECT, BUSY, SECOND, CONNECT, SECOND, SECOND, SECOND].concat(),
    ]
}
