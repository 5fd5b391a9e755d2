//! A service that does everything a service can do, and a ledger of what really ran.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::contract::{Contract, Method};
use rpc_core::error::Reason;
use rpc_core::ids::{CallId, Time};
use rpc_core::proto::Request;
use rpc_core::service::{Dispatch, Dispatched, Later, Refused, Responder, Service};
use rpc_core::wire::codec;
use rpc_core::wire::frame::body_checksum;
use std::time::Duration;

/// The effects of the service's methods, in the order of its contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Does {
    /// Runs and gives a reply of the size asked for.
    Reply,
    /// The same; running it twice is harmless.
    Idempotent,
    /// Runs and panics.
    Panic,
    /// Refuses before it runs.
    Refuse,
    /// Runs, and gives up if it was cancelled; a quarter of them give up in any case.
    Look,
    /// Runs and gives the service's own error.
    Fail,
    /// Runs and gives a reply that no frame can carry.
    TooLarge,
    /// Begins, and is held until the run ends it.
    Hold,
    /// Is not there: its client was built from another trait.
    Gone,
}

/// All of them, those of the server first.
pub const ALL: [Does; 9] = [
    Does::Reply,
    Does::Idempotent,
    Does::Panic,
    Does::Refuse,
    Does::Look,
    Does::Fail,
    Does::TooLarge,
    Does::Hold,
    Does::Gone,
];

static METHODS: [Method; 9] = [
    Method::new("Work.reply", "fn reply(tag: u64, size: u32, pad: Vec<u8>) -> Vec<u8>"),
    Method::new("Work.idempotent", "fn idempotent(tag: u64, size: u32, pad: Vec<u8>) -> Vec<u8>")
        .idempotent(),
    Method::new("Work.panic", "fn panic(tag: u64, size: u32, pad: Vec<u8>)"),
    Method::new("Work.refuse", "fn refuse(tag: u64, size: u32, pad: Vec<u8>)"),
    Method::new("Work.look", "fn look(tag: u64, size: u32, pad: Vec<u8>) -> Vec<u8>").with_context(),
    Method::new("Work.fail", "fn fail(tag: u64, size: u32, pad: Vec<u8>) -> Result<(), Vec<u8>>"),
    Method::new("Work.too_large", "fn too_large(tag: u64, size: u32, pad: Vec<u8>) -> Vec<u8>"),
    Method::new("Work.hold", "fn hold(tag: u64, size: u32, pad: Vec<u8>) -> Vec<u8>").later(),
    Method::new("Work.gone", "fn gone(tag: u64, size: u32, pad: Vec<u8>)"),
];

static SERVED: Contract = Contract::new("Work", METHODS.split_at(8).0);
static NAMED: Contract = Contract::unknown("Work");
static OTHER: Contract = Contract::new("Work", &METHODS);

/// The contract that the server was built with.
pub fn served() -> &'static Contract {
    &SERVED
}

/// The contract of a client without a trait, that calls by name.
pub fn named_only() -> &'static Contract {
    &NAMED
}

/// The contract of a client that was built from another version of the trait.
pub fn other() -> &'static Contract {
    &OTHER
}

impl Does {
    /// The method that does it.
    pub fn method(self) -> &'static Method {
        &METHODS[self as usize]
    }

    /// A call of it; one in eight fails fast.
    pub fn request(self, tag: u64, size: u32, pad: usize, within: Duration) -> Request {
        let mut body = Vec::new();
        codec::encode(&(tag, sealed(tag, size), vec![0u8; pad]), &mut body, usize::MAX)
            .expect("plain values");
        Request {
            method: self.method(),
            body_crc: body_checksum(&body, true),
            body,
            metadata: 0,
            within,
            repeat: self == Does::Idempotent,
            retry: true,
            fail_fast: fails_fast(tag),
        }
    }
}

/// Returns true if the call of this tag fails fast: one in eight, but none that is made when all faults are over.
pub fn fails_fast(tag: u64) -> bool {
    tag < crate::plan::CALLS && tag % 8 == 5
}

/// Tags from here on are the hostile client's, which checks nothing: a reply with a lower one is another client's.
pub const HOSTILE_TAGS: u64 = 1 << 40;

/// Bits of a size: few, so that a bit that was turned on the way cannot ask for gigabytes.
const SIZE_BITS: u32 = 16;

/// A size that carries a check of itself and of its tag, so that the service knows a call whose arguments were changed
/// on the way. The check of an honest call has at least two bits: one turned bit does not make it 0, which is none.
fn sealed(tag: u64, size: u32) -> u32 {
    assert!(size < 1 << SIZE_BITS, "a reply of {size} bytes");
    let mixed = (tag ^ u64::from(size) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    size | (mixed as u32 | 0x8001) << SIZE_BITS
}

/// The size asked for. `None`: tag or size were changed on the way.
fn unsealed(tag: u64, sent: u32) -> Option<u32> {
    let size = sent & ((1 << SIZE_BITS) - 1);
    let unchecked = tag >= HOSTILE_TAGS && sent == size;
    (unchecked || sent == sealed(tag, size)).then_some(size)
}

/// One entry into a handler.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The call, by its name in the filter.
    pub call: CallId,
    /// The bytes of its reply.
    pub reply: Vec<u8>,
}

/// A call that is held.
#[derive(Debug)]
pub struct Held {
    /// Its tag.
    pub tag: u64,
    /// The value of its reply.
    pub value: Vec<u8>,
    /// The responder that ends it.
    pub responder: Responder<Vec<u8>>,
    /// The time at which the run ends it, once that is decided.
    pub due: Option<Time>,
}

/// The runs as they happened, whatever their callers were told.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By the tag that its caller gave it: a tag has several calls if its client repeated it.
    pub by_tag: HashMap<u64, Vec<Execution>>,
    /// The number of runs of each call that the filter guards.
    pub by_call: HashMap<CallId, u32>,
    /// Calls that ran with arguments that no client sent.
    pub changed: u64,
    /// Handlers that saw that they were cancelled.
    pub saw_cancel: u64,
    /// The tags of calls whose handler or holder gave them up.
    pub gave_up: HashSet<u64>,
    /// The calls that are held.
    pub held: Vec<Held>,
}

impl Ledger {
    /// The number of runs of the call with this tag.
    pub fn runs(&self, tag: u64) -> usize {
        self.by_tag.get(&tag).map_or(0, Vec::len)
    }
}

/// The service.
#[derive(Clone, Debug, Default)]
pub struct Work {
    ledger: Arc<Mutex<Ledger>>,
}

impl Work {
    /// Reads the ledger.
    pub fn read<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a call runs, and makes its reply: no two are equal.
    fn enter(&self, call: CallId, tag: u64, sent: u32) -> Vec<u8> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        *ledger.by_call.entry(call).or_default() += 1;
        let Some(size) = unsealed(tag, sent) else {
            ledger.changed += 1;
            return Vec::new();
        };
        let runs = ledger.by_tag.entry(tag).or_default();
        let mut value = tag.to_le_bytes().to_vec();
        value.extend((runs.len() as u64).to_le_bytes());
        value.resize(16 + size as usize, tag as u8);
        let mut reply = Vec::new();
        codec::encode(&value, &mut reply, usize::MAX).expect("plain values");
        runs.push(Execution { call, reply });
        value
    }
}

impl Service for Work {
    fn contract(&self) -> &'static Contract {
        &SERVED
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        let does = ALL[call.method()];
        if does == Does::Refuse {
            return Err(Refused { reason: Reason::BadArguments, detail: "as asked".to_owned() });
        }
        let (tag, size, _) = call.arguments::<(u64, u32, Vec<u8>)>()?;
        let context = call.context();
        let value = self.enter(context.call(), tag, size);
        match does {
            Does::Panic => std::panic::resume_unwind(Box::new("as asked")), // says nothing on the terminal
            Does::Fail => call.reply_result::<(), Vec<u8>>(Err(value)),
            Does::TooLarge => call.reply::<Vec<u8>>(vec![0; 1 << 20]),
            Does::Look => {
                let cancelled = context.is_cancelled();
                if cancelled || tag % 4 == 0 {
                    let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
                    ledger.saw_cancel += u64::from(cancelled);
                    ledger.gave_up.insert(tag);
                    drop(ledger);
                    context.give_up("as asked");
                }
                call.reply::<Vec<u8>>(value)
            }
            Does::Hold => {
                let (responder, later) = Later::pair();
                let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
                ledger.held.push(Held { tag, value, responder, due: None });
                drop(ledger);
                call.reply_later::<Vec<u8>>(later)
            }
            _ => call.reply::<Vec<u8>>(value),
        }
    }
}

/// The longest time for which a call is held, in milliseconds: most deadlines of a run are longer, and some are shorter.
const LONGEST_HOLD: u64 = 6_000;

impl Work {
    /// Ends the held calls whose time has come, and half of those whose caller waits no longer. Returns true if there was one.
    ///
    /// The tag decides the time and the end, so that a call that is held draws nothing from the run's source of chance.
    pub fn end_held(&self, now: Time) -> bool {
        let mut ending = Vec::new();
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        for at in (0..ledger.held.len()).rev() {
            let held = &mut ledger.held[at];
            let mixed = held.tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let due = *held.due.get_or_insert(now.plus(Duration::from_millis(mixed % LONGEST_HOLD)));
            if due <= now || (held.tag % 2 == 0 && held.responder.is_cancelled()) {
                ending.push(ledger.held.swap_remove(at));
            }
        }
        let gives_up = |held: &Held| held.tag % 4 > 1;
        ledger.gave_up.extend(ending.iter().filter(|held| gives_up(held)).map(|held| held.tag));
        drop(ledger); // the responders call into the server
        let ended = !ending.is_empty();
        for held in ending {
            match held.tag % 4 {
                0 | 1 => held.responder.reply(held.value),
                2 => held.responder.give_up("as asked"),
                _ => drop(held.responder),
            }
        }
        ended
    }
}
