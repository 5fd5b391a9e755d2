//! Writes calls as events for viewers of traces: the JSON array of the Trace Event Format. A process is a connection, a thread a slot.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use rpc_core::limits::MAX_SLOTS;
use rpc_frames::{Annotated, Way};
use serde_json::{Value, json};

/// Most calls that wait for their reply over all connections: beyond, a call is shown as an event without a length.
const MOST_CALLS: usize = 64 * MAX_SLOTS as usize;

/// The file, and the calls that have no reply yet.
#[derive(Debug)]
pub(super) struct Chrome {
    file: BufWriter<File>,
    /// True once an event was written.
    any: bool,
    /// The calls by connection and slot: their numbers, and when they left.
    calls: HashMap<(u32, u16), Call>,
}

#[derive(Debug)]
struct Call {
    seq: u64,
    began: Duration,
    says: String,
}

impl Chrome {
    /// Begins the file. A viewer reads it without its end as well.
    pub(super) fn begin(file: File) -> io::Result<Self> {
        let mut file = BufWriter::new(file);
        file.write_all(b"[")?;
        file.flush()?;
        Ok(Chrome { file, any: false, calls: HashMap::new() })
    }

    pub(super) fn frame(
        &mut self,
        at: Duration,
        connection: u32,
        way: Way,
        frame: &Annotated,
    ) -> io::Result<()> {
        match (way, frame.kind.as_str(), frame.slot, frame.seq) {
            (Way::ToServer, "CALL", Some(slot), Some(seq)) => {
                let known = self.calls.get(&(connection, slot)).is_some_and(|call| call.seq == seq);
                if known || self.calls.len() >= MOST_CALLS {
                    let name = if known { "duplicate" } else { "CALL" };
                    return self.instant(at, connection, slot, name, &frame.says);
                }
                let call = Call { seq, began: at, says: frame.says.clone() };
                match self.calls.insert((connection, slot), call) {
                    Some(before) => self.call(at, connection, slot, &before, "", "no reply was seen"),
                    None => Ok(()),
                }
            }
            (Way::ToClient, "REPLY", Some(slot), Some(seq)) => match self.calls.remove(&(connection, slot)) {
                Some(call) if call.seq == seq => {
                    self.call(at, connection, slot, &call, &frame.status, &frame.says)
                }
                other => {
                    self.calls.extend(other.map(|call| ((connection, slot), call)));
                    self.instant(at, connection, slot, "REPLY", &frame.says)
                }
            },
            (_, kind, slot, _) => self.instant(at, connection, slot.unwrap_or(0), kind, &frame.says),
        }
    }

    pub(super) fn event(&mut self, at: Duration, connection: u32, event: &str, text: &str) -> io::Result<()> {
        if event == "opened" {
            let name = format!("connection {connection}, {text}");
            let named =
                json!({ "name": "process_name", "ph": "M", "pid": connection, "args": { "name": name } });
            return self.put(&named);
        }
        let open: Vec<u16> = self.calls.keys().filter(|key| key.0 == connection).map(|key| key.1).collect();
        for slot in open {
            if let Some(call) = self.calls.remove(&(connection, slot)) {
                self.call(at, connection, slot, &call, "", "the connection ended without a reply")?;
            }
        }
        self.instant(at, connection, 0, event, text)
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.file.write_all(b"\n]\n")?;
        self.file.flush()
    }

    fn call(
        &mut self,
        at: Duration,
        connection: u32,
        slot: u16,
        call: &Call,
        status: &str,
        says: &str,
    ) -> io::Result<()> {
        let name = call.says.split('(').next().unwrap_or_default();
        let args = json!({ "call": call.says, "seq": call.seq, "status": status, "reply": says });
        let took = at.saturating_sub(call.began);
        self.put(&json!({
            "name": name, "cat": "call", "ph": "X", "ts": micros(call.began), "dur": micros(took),
            "pid": connection, "tid": slot, "args": args,
        }))
    }

    fn instant(
        &mut self,
        at: Duration,
        connection: u32,
        slot: u16,
        name: &str,
        says: &str,
    ) -> io::Result<()> {
        self.put(&json!({
            "name": name, "cat": "frame", "ph": "i", "s": "t", "ts": micros(at),
            "pid": connection, "tid": slot, "args": { "says": says },
        }))
    }

    /// Writes an event at once: the command may be interrupted.
    fn put(&mut self, event: &Value) -> io::Result<()> {
        let begin = if self.any { ",\n" } else { "\n" };
        self.any = true;
        write!(self.file, "{begin}{event}")?;
        self.file.flush()
    }
}

/// Microseconds with a fraction, as the format has times.
fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}
