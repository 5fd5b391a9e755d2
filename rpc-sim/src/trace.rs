//! The events of a run, as a hash that two runs of one seed must share, and as lines for a reader when asked for.

use rpc_core::ids::{FNV_START, Seq, Slot, Time, fnv1a};
use rpc_core::limits::HEADER;
use rpc_core::wire::frame::Kind;

/// The record of a run.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(lines: bool) -> Self {
        Trace { hash: FNV_START, lines: lines.then(Vec::new) }
    }

    /// Notes an event: `parts` go into the hash, `text` is only made when lines are kept.
    pub(super) fn note(&mut self, now: Time, parts: &[u64], text: impl FnOnce() -> String) {
        self.hash = fnv1a(self.hash, &now.0.to_le_bytes());
        for part in parts {
            self.hash = fnv1a(self.hash, &part.to_le_bytes());
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.6} {}", now.0 as f64 / 1e6, text()));
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

/// The header of a frame, as far as a trace needs it; nothing in it was checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: Option<Kind>,
    pub(super) slot: Slot,
    pub(super) seq: Seq,
    pub(super) code: u8,
}

/// Takes the first frame off `bytes`, and gives its header. `None`: less than a header is left.
pub(super) fn next_head(bytes: &mut &[u8]) -> Option<Head> {
    let head = bytes.first_chunk::<HEADER>()?;
    let total = 4 + u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let seq = head[8..16].iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let found = Head {
        kind: Kind::from_wire(head[4]).ok(),
        slot: u16::from_le_bytes([head[6], head[7]]),
        seq,
        code: head[5],
    };
    *bytes = bytes.get(total..).unwrap_or_default();
    Some(found)
}

/// The frames in some bytes, for a reader.
pub(super) fn describe(mut bytes: &[u8]) -> String {
    let mut text = Vec::new();
    while let Some(Head { kind, slot, seq, code }) = next_head(&mut bytes) {
        let name = kind.map_or("?", Kind::name);
        let code = if kind == Some(Kind::Reply) { format!(" code {code}") } else { String::new() };
        text.push(format!("{name} {slot}/{seq}{code}"));
    }
    if !bytes.is_empty() {
        text.push(format!("{} bytes more", bytes.len()));
    }
    text.join(", ")
}
