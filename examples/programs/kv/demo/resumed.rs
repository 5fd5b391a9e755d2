//! A client process of `kv demo --crash`: it may be killed at any time, and the next one goes on with its journal and its notes.
//!
//! The notes are the application's own: a line for each call whose answer it knows. A call is noted first, and then it is done
//! for the journal; so the next process finds each call in one of the two, or has never made it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rpc_core::RecoveredCall;
use rpc_examples::status::{Failure, Status};
use rpc_store::Journal;

use super::client::{Verdict, resolve};
use super::plan::Token;
use crate::api::{KvClient, KvError};

/// The journal of a client, and its notes.
pub(super) struct Resumed {
    /// The journal.
    pub(super) journal: Journal,
    notes: Mutex<Notes>,
}

struct Notes {
    file: File,
    verdicts: BTreeMap<u32, Verdict>,
    puts: BTreeSet<String>,
}

impl Resumed {
    /// Opens what the process before has left.
    pub(super) fn open(folder: &Path, index: u32) -> Result<Resumed, Failure> {
        let journal = Journal::open(folder.join(format!("client-{index}.journal")))
            .map_err(|error| Failure::new(Status::Server, error))?;
        let path = folder.join(format!("client-{index}.notes"));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        let (mut verdicts, mut puts) = (BTreeMap::new(), BTreeSet::new());
        let whole = text.rfind('\n').map_or("", |end| &text[..end]); // the last line may be cut short
        for line in whole.lines() {
            match line.split_once('\t') {
                Some(("put", key)) => drop(puts.insert(key.to_owned())),
                Some((number, verdict)) => {
                    let number = number.parse().map_err(|error| Failure::new(Status::Server, error))?;
                    let verdict =
                        serde_json::from_str(verdict).map_err(|error| Failure::new(Status::Server, error))?;
                    verdicts.insert(number, verdict);
                }
                None => {}
            }
        }
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
        let kept = if whole.is_empty() { 0 } else { whole.len() as u64 + 1 };
        file.set_len(kept)?;
        let mut file = file;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        Ok(Resumed { journal, notes: Mutex::new(Notes { file, verdicts, puts }) })
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if the verdict on an append is known.
    pub(super) fn knows(&self, token: Token) -> bool {
        self.notes().verdicts.contains_key(&token.number)
    }

    /// Returns true if a pair was put.
    pub(super) fn has_put(&self, key: &str) -> bool {
        self.notes().puts.contains(key)
    }

    /// Returns the client whose call of this append is kept in the journal.
    pub(super) fn keyed(&self, kv: &KvClient, token: Token) -> KvClient {
        let metadata = Journal::keyed(&token.number.to_string()).expect("a number is a short text");
        kv.call.with_metadata(metadata)
    }

    /// Notes a verdict. The journal is done with the call then.
    pub(super) fn note(&self, number: u32, verdict: Verdict) -> io::Result<()> {
        let text = serde_json::to_string(&verdict).map_err(io::Error::other)?;
        let mut notes = self.notes();
        writeln!(notes.file, "{number}\t{text}")?;
        notes.verdicts.insert(number, verdict);
        drop(notes);
        self.journal.done(&number.to_string());
        Ok(())
    }

    /// Notes a pair that was put. It may be put again, so its call needs no key.
    pub(super) fn note_put(&self, key: &str) -> io::Result<()> {
        let mut notes = self.notes();
        writeln!(notes.file, "put\t{key}")?;
        notes.puts.insert(key.to_owned());
        Ok(())
    }

    /// Takes the answers to the calls that the process before had under way.
    pub(super) fn take_answers(&self, kv: &KvClient) -> io::Result<u64> {
        let calls = kv.call.recovered();
        let count = calls.len() as u64;
        for call in calls {
            let Some(number): Option<u32> = Journal::key_of(&call).and_then(|key| key.parse().ok()) else {
                let _ = call.into_pending::<(), KvError>().wait(); // a put: it is made again if it did not run
                continue;
            };
            match answer(call) {
                Verdict::NotExecuted => self.journal.done(&number.to_string()), // it is made again below
                verdict => self.note(number, verdict)?,
            }
        }
        Ok(count)
    }

    /// Returns all verdicts.
    pub(super) fn verdicts(&self) -> BTreeMap<u32, Verdict> {
        self.notes().verdicts.clone()
    }
}

/// Waits for the answer to an append.
fn answer(call: RecoveredCall) -> Verdict {
    match call.into_pending::<u64, KvError>().wait() {
        Ok(length) => Verdict::Ran(length),
        Err(error) => super::client::verdict(&error, resolve),
    }
}
