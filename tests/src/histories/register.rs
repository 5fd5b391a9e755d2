//! The service of `prove histories`: registers that hold lists of ids; its server can be given a fault.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rpc_core::rpc;

use crate::processes::journal::Journal;
use crate::processes::once::serve_with;
use crate::processes::words::Words;

/// The word after `prove` that serves it.
pub(crate) const SERVER: &str = "register-server";
/// A planted fault meets one call in so many of its kind.
const PLANTED: u64 = 5;

/// Registers by their keys. A value is an id that no other call has, so that each effect is told from all others.
#[rpc]
pub(crate) trait Registers {
    /// Returns the list of a key.
    #[rpc(idempotent)]
    fn get(&self, key: u64) -> Vec<u64>;
    /// Sets the list to this id alone.
    fn put(&self, key: u64, id: u64);
    /// Appends the id, and returns the new length.
    fn append(&self, key: u64, id: u64) -> u64;
    /// Sets the list to this id alone, and returns the one before.
    fn swap(&self, key: u64, id: u64) -> Vec<u64>;
}

/// A fault of the service, or of the framework.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Planted {
    /// No fault.
    #[default]
    Nothing,
    /// The duplicate filter is off.
    FilterOff,
    /// A read returns the list as it was before the last change.
    StaleRead,
    /// A write is acknowledged and not done.
    LostWrite,
}

impl Planted {
    /// All of them with their names.
    pub(crate) const ALL: [(Planted, &'static str); 4] = [
        (Planted::Nothing, "nothing"),
        (Planted::FilterOff, "filter-off"),
        (Planted::StaleRead, "stale-read"),
        (Planted::LostWrite, "lost-write"),
    ];

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(planted, _)| *planted == self).map_or("", |(_, name)| name)
    }
}

impl FromStr for Planted {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(planted, _)| *planted).ok_or(())
    }
}

#[derive(Default)]
struct Register {
    now: Vec<u64>,
    /// The list before the last change.
    before: Vec<u64>,
}

impl Register {
    fn change(&mut self, change: impl FnOnce(&mut Vec<u64>)) {
        self.before.clone_from(&self.now);
        change(&mut self.now);
    }
}

struct Store {
    registers: Mutex<HashMap<u64, Register>>,
    runs: Journal,
    planted: Planted,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Register>> {
        self.registers.lock().unwrap_or_else(PoisonError::into_inner) // a list is valid at every step
    }

    fn met(&self, planted: Planted, id: u64) -> bool {
        self.planted == planted && id % PLANTED == 0
    }
}

impl Registers for Store {
    fn get(&self, key: u64) -> Vec<u64> {
        let registers = self.lock();
        let Some(register) = registers.get(&key) else { return Vec::new() };
        let stale = self.met(Planted::StaleRead, register.now.iter().sum());
        if stale { register.before.clone() } else { register.now.clone() }
    }
    fn put(&self, key: u64, id: u64) {
        self.runs.append_id(id);
        if !self.met(Planted::LostWrite, id) {
            self.lock().entry(key).or_default().change(|list| *list = vec![id]);
        }
    }
    fn append(&self, key: u64, id: u64) -> u64 {
        self.runs.append_id(id);
        let mut registers = self.lock();
        let register = registers.entry(key).or_default();
        register.change(|list| list.push(id));
        register.now.len() as u64
    }
    fn swap(&self, key: u64, id: u64) -> Vec<u64> {
        self.runs.append_id(id);
        let mut registers = self.lock();
        let register = registers.entry(key).or_default();
        register.change(|list| *list = vec![id]);
        register.before.clone()
    }
}

/// Serves until it is killed: the words of the other server, and `planted=NAME`.
pub(crate) fn serve(words: &Words) -> Result<(), String> {
    let runs = Journal::open(words.get::<PathBuf>("runs")?)?;
    let store = Store { registers: Mutex::default(), runs, planted: words.get("planted")? };
    serve_with(words, RegistersServer::new(store))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{Planted, Registers, Store};
    use crate::processes::journal::{Folder, Journal};

    fn store(folder: &Folder, planted: Planted) -> Store {
        let runs = Journal::open(folder.file("runs")).expect("a file");
        Store { registers: Mutex::default(), runs, planted }
    }

    #[test]
    fn a_register_does_what_the_checker_takes_for_granted() {
        let folder = Folder::new("register").expect("a directory");
        let store = store(&folder, Planted::Nothing);
        assert_eq!(store.get(1), Vec::<u64>::new());
        assert_eq!((store.append(1, 20), store.append(1, 21)), (1, 2));
        store.put(1, 40);
        assert_eq!((store.swap(1, 60), store.get(1), store.get(2)), (vec![40], vec![60], vec![]));
    }

    #[test]
    fn each_planted_fault_of_the_service_can_be_seen() {
        let folder = Folder::new("planted").expect("a directory");
        let lost = store(&folder, Planted::LostWrite);
        lost.put(1, 20);
        assert_eq!(lost.get(1), Vec::<u64>::new());
        let stale = store(&folder, Planted::StaleRead);
        stale.put(1, 7);
        stale.put(1, 20);
        assert_eq!(stale.get(1), vec![7]);
    }
}
