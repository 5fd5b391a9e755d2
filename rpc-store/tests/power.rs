//! V13 on a disk that loses power: what was not synced is kept in part, in any order, or torn; effect and record are there together.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;
use rpc_core::DurableFilter;
use rpc_sim::Faults;
use rpc_store::{RedbBackend, Store};

use crate::ledger::{LedgerClient, Texts};

/// Calls of a run.
const CALLS: u32 = 12;
/// Random subsets of the unsynced writes that are tried at each write.
const SUBSETS: u32 = 6;
/// The unit that a disk writes whole: a write that is longer may be torn between two.
const SECTOR: usize = 512;

/// One operation on the disk.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

#[derive(Debug, Default)]
struct Inner {
    bytes: Vec<u8>,
    log: Vec<Operation>,
    full: bool,
    /// Handles of earlier lives do nothing.
    life: u64,
}

/// A disk that notes all that is done to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

/// The disk as one life of a server has it.
#[derive(Debug)]
pub(crate) struct DiskHandle(Disk, u64);

impl Disk {
    fn with(bytes: Vec<u8>) -> Disk {
        Disk(Arc::new(Mutex::new(Inner { bytes, ..Inner::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn handle(&self) -> DiskHandle {
        let mut inner = self.lock();
        inner.life += 1;
        let life = inner.life;
        drop(inner);
        DiskHandle(self.clone(), life)
    }

    pub(crate) fn fill(&self) {
        self.lock().full = true;
    }

    pub(crate) fn empty(&self) {
        self.lock().full = false;
    }
}

impl DiskHandle {
    fn change(&self, operation: Operation) -> io::Result<()> {
        let mut inner = self.0.lock();
        if inner.life != self.1 {
            return Err(io::Error::other("its process is dead"));
        }
        if inner.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        apply(&mut inner.bytes, &operation);
        inner.log.push(operation);
        Ok(())
    }
}

fn apply(bytes: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write(at, data) => {
            let at = *at as usize;
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            bytes[at..at + data.len()].copy_from_slice(data);
        }
        Operation::Length(length) => bytes.resize(*length as usize, 0),
        Operation::Sync => {}
    }
}

impl StorageBackend for DiskHandle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.0.lock();
        let from = offset as usize;
        let found = inner.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Operation::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Operation::Write(offset, data.to_vec()))
    }
}

/// A run without a crash: the log of its disk, and for each call the length of the log when its reply was there.
fn recorded() -> (Vec<Operation>, Vec<usize>) {
    let disk = Disk::default();
    let of_store = disk.clone();
    let network = Texts::network(1, Faults::none(), move || {
        Store::with_backend(RedbBackend::on(of_store.handle()).expect("a file")).expect("a store")
    });
    let ledger: LedgerClient = network.client();
    let mut answered = Vec::new();
    for number in 1..=CALLS {
        ledger.append("a", &format!("<{number}>")).expect("it ran");
        answered.push(disk.lock().log.len());
    }
    let log = disk.lock().log.clone();
    (log, answered)
}

/// Opens the store on what the disk has kept. Returns the number of calls of which the effect is there; asserts that the record of
/// the last of them is there too, and no other one.
fn found(bytes: Vec<u8>, why: &str) -> Option<u32> {
    // A file of which not even the creation was synced is no store, and no promise was given.
    let backend = RedbBackend::on(Disk::with(bytes).handle()).ok()?;
    let store = Store::with_backend(backend).unwrap_or_else(|error| panic!("{why}: {error}"));
    let text = store.get(b"a").map(|bytes| String::from_utf8(bytes).expect("a text")).unwrap_or_default();
    let ran = (0..=CALLS).find(|ran| (1..=*ran).map(|n| format!("<{n}>")).collect::<String>() == text);
    let ran = ran.unwrap_or_else(|| panic!("{why}: not a prefix of the calls: {text}"));
    let restored = store.load(1).unwrap_or_else(|error| panic!("{why}: {error}"));
    let records = restored.sessions.iter().flat_map(|(_, records)| records);
    let last = records.map(|record| record.seq).max().unwrap_or(0);
    assert_eq!(last, u64::from(ran), "{why}: effect and record");
    Some(ran)
}

/// Writes a part of an operation, as a disk does that loses power while it writes.
fn torn(operation: &Operation, random: &mut fastrand::Rng) -> Operation {
    match operation {
        Operation::Write(at, data) if data.len() > SECTOR => {
            let sectors = data.len() / SECTOR;
            Operation::Write(*at, data[..random.usize(0..=sectors) * SECTOR].to_vec())
        }
        other => other.clone(),
    }
}

#[test]
fn v13_effect_and_record_are_there_together_after_every_prefix_and_subset_of_unsynced_writes() {
    let (log, answered) = recorded();
    let mut random = fastrand::Rng::with_seed(5);
    let (mut synced, mut unsynced) = (Vec::new(), Vec::new());
    let (mut states, mut seen) = (0, 0);
    for (at, operation) in log.iter().enumerate() {
        if matches!(operation, Operation::Sync) {
            for operation in unsynced.drain(..) {
                apply(&mut synced, operation);
            }
        } else {
            unsynced.push(operation);
        }
        let promised = answered.iter().filter(|length| **length <= at + 1).count() as u32;
        for subset in 0..=SUBSETS {
            let mut bytes = synced.clone();
            for operation in &unsynced {
                match (subset, random.u8(0..4)) {
                    (0, _) | (_, 0 | 1) => apply(&mut bytes, operation), // 0: all of them, so each prefix is tried
                    (_, 2) => apply(&mut bytes, &torn(operation, &mut random)),
                    _ => {}
                }
            }
            let why = format!("write {at} of {}, subset {subset}", log.len());
            let ran = found(bytes, &why);
            assert!(
                ran.unwrap_or(0) >= promised,
                "{why}: {promised} replies had left, {ran:?} calls are there"
            );
            states += 1;
            seen += u32::from(ran.is_some_and(|ran| ran > promised));
        }
    }
    assert!(states > 500 && seen > 0, "{states} states, of which {seen} were between a commit and its reply");
}
