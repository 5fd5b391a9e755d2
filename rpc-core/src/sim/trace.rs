//! What happened, as a hash that two runs of one seed must share, and as lines for a reader when asked for.

use crate::ids::{FNV_START, Time, fnv1a};

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

/// The frames in some bytes, for a reader.
pub(super) fn describe(mut bytes: &[u8]) -> String {
    const NAMES: [&str; 16] = [
        "?",
        "HELLO",
        "WELCOME",
        "CALL",
        "REPLY",
        "CANCEL",
        "ACK",
        "PING",
        "PONG",
        "GOAWAY",
        "SESSION_LOST",
        "BUSY",
        "BYE",
        "METHODS",
        "TABLE",
        "REJECT",
    ];
    let mut text = Vec::new();
    while let Some(head) = bytes.first_chunk::<36>() {
        let total = 4 + u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let name = NAMES.get(usize::from(head[4])).unwrap_or(&"?");
        let slot = u16::from_le_bytes([head[6], head[7]]);
        let seq = head[8..16].iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
        let code = if head[4] == 4 { format!(" code {}", head[5]) } else { String::new() };
        text.push(format!("{name} {slot}/{seq}{code}"));
        bytes = bytes.get(total..).unwrap_or_default();
    }
    if !bytes.is_empty() {
        text.push(format!("{} bytes more", bytes.len()));
    }
    text.join(", ")
}
