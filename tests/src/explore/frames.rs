//! The frames that a search has met, each stored once, and the sets of frames that a connection may deliver.

use std::fmt;

use bytes::Bytes;
use rpc_core::limits::HEADER;
use rpc_core::wire::frame::Kind;
use rpc_core::wire::message::{Hello, Status};
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128;

/// Names a frame.
pub type FrameId = u32;
/// Names a set.
pub type SetId = u32;

/// A frame, and what is read from it for rules and diagrams.
#[derive(Clone, Debug)]
pub struct FrameInfo {
    /// Its bytes on the wire.
    pub bytes: Bytes,
    /// The name of its contents.
    pub hash: u128,
    /// Its kind; `None` if it is none that is known.
    pub kind: Option<Kind>,
    /// REPLY: its status.
    pub status: Option<Status>,
    /// The slot of a frame about a call.
    pub slot: u16,
    /// The number of a frame about a call.
    pub seq: u64,
    /// The call that a CALL or a value belongs to, as its caller named it.
    pub tag: Option<u8>,
    /// HELLO: asks for a session that exists.
    pub resumes: bool,
}

impl FrameInfo {
    fn read(bytes: &[u8]) -> Self {
        let kind = bytes.get(4).and_then(|kind| Kind::from_wire(*kind).ok());
        let status = (kind == Some(Kind::Reply)).then(|| Status::from_code(bytes[5]).ok()).flatten();
        let body = &bytes[HEADER..];
        let has_tag = kind == Some(Kind::Call) || status == Some(Status::Done);
        FrameInfo {
            bytes: Bytes::copy_from_slice(bytes),
            hash: xxh3_128(bytes),
            kind,
            status,
            slot: u16::from_le_bytes([bytes[6], bytes[7]]),
            seq: bytes[8..16].iter().rev().fold(0, |seq, byte| seq << 8 | u64::from(*byte)),
            tag: body.first().copied().filter(|_| has_tag),
            resumes: kind == Some(Kind::Hello) && Hello::decode(body).is_ok_and(|h| h.resume.is_some()),
        }
    }
}

impl fmt::Display for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(kind) = self.kind else { return f.write_str("?") };
        f.write_str(kind.name())?;
        match kind {
            Kind::Call | Kind::Cancel | Kind::Ack | Kind::Reply => write!(f, " {}/{}", self.slot, self.seq)?,
            Kind::Hello if self.resumes => f.write_str(" resume")?,
            _ => {}
        }
        match (self.status, self.tag) {
            (Some(Status::Refused(reason)), _) => write!(f, " refused ({reason:?})"),
            (Some(Status::ReplyLost), _) => f.write_str(" reply lost"),
            (Some(Status::Panicked), _) => f.write_str(" panicked"),
            (_, Some(tag)) => write!(f, " {}", call_name(tag)),
            _ => Ok(()),
        }
    }
}

/// Returns the name of a call in diagrams: `a`, `b`, ..
pub fn call_name(tag: u8) -> char {
    char::from(b'a' + tag)
}

/// Cuts what a machine has written into frames.
pub fn cut(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = first_frame(bytes)?;
        let (frame, rest) = bytes.split_at(length);
        bytes = rest;
        Some(frame)
    })
}

/// Returns the length of the first frame in `bytes`, if it is whole.
pub fn first_frame(bytes: &[u8]) -> Option<usize> {
    let length = 4 + u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    (length >= HEADER && length <= bytes.len()).then_some(length)
}

/// Every frame that was met.
#[derive(Debug, Default)]
pub struct Frames {
    all: Vec<FrameInfo>,
    ids: FxHashMap<u128, FrameId>,
}

impl Frames {
    /// Returns the name of a frame; the same bytes have the same name.
    pub fn id_of(&mut self, bytes: &[u8]) -> FrameId {
        let next = self.all.len() as FrameId; // a search has some thousands of frames
        let id = *self.ids.entry(xxh3_128(bytes)).or_insert(next);
        if id == next {
            self.all.push(FrameInfo::read(bytes));
        }
        id
    }

    /// Returns a frame.
    pub fn get(&self, id: FrameId) -> &FrameInfo {
        &self.all[id as usize]
    }
}

/// Every set that was met, each stored once. Set 0 is the empty one.
#[derive(Debug)]
pub struct Sets {
    all: Vec<(Box<[u32]>, u128)>,
    ids: FxHashMap<Box<[u32]>, SetId>,
    with: FxHashMap<(SetId, u32), SetId>,
}

/// The empty set.
pub const EMPTY: SetId = 0;

impl Default for Sets {
    fn default() -> Self {
        let none: Box<[u32]> = Box::default();
        Sets {
            all: vec![(none.clone(), 0)],
            ids: [(none, EMPTY)].into_iter().collect(),
            with: FxHashMap::default(),
        }
    }
}

impl Sets {
    /// Returns the set with one more element; `hash` names the element's contents.
    pub fn with(&mut self, set: SetId, element: u32, hash: u128) -> SetId {
        if let Some(known) = self.with.get(&(set, element)) {
            return *known;
        }
        let (old, old_hash) = &self.all[set as usize];
        let found = match old.binary_search(&element) {
            Ok(_) => set,
            Err(at) => {
                let mut elements = old.to_vec();
                elements.insert(at, element);
                // A sum, so that the name does not depend on the order in which elements were met.
                let hash = old_hash.wrapping_add(xxh3_128(&hash.to_le_bytes()));
                let elements = elements.into_boxed_slice();
                let next = self.all.len() as SetId; // below 2^32: each takes more than a byte of memory
                let id = *self.ids.entry(elements.clone()).or_insert(next);
                if id == next {
                    self.all.push((elements, hash));
                }
                id
            }
        };
        self.with.insert((set, element), found);
        found
    }

    /// Returns the elements, ascending.
    pub fn elements(&self, set: SetId) -> &[u32] {
        &self.all[set as usize].0
    }

    /// Returns the name of the set's contents.
    pub fn hash(&self, set: SetId) -> u128 {
        self.all[set as usize].1
    }
}
