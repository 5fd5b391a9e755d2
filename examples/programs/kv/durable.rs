//! The implementation of [`Kv`] for `kv serve --data`: the pairs are in a file, and change with the records of their calls.

use std::ops::{Bound, ControlFlow};
use std::path::Path;

use rpc_examples::messages::say;
use rpc_examples::status::{Failure, Status};
use rpc_store::{Opened, Store};

use crate::api::{Kv, KvError, Page};
use crate::store::{MAX_PAGE, MAX_VALUE, PAGE_BYTES, check_key, check_length, no_such_key};

/// Keys and values in a file. They are there when the server starts again, and so are the sessions of its clients.
#[derive(Debug)]
pub(crate) struct DurableStore(Store);

/// Opens the store in a folder.
pub(crate) fn open(folder: &Path) -> Result<Store, Failure> {
    let store = Store::open(folder).map_err(|error| Failure::new(Status::Usage, error))?;
    if store.opened() == Opened::Copied {
        say(format_args!(
            "{}: this is a copy, perhaps an older one: the pairs are as they were copied, and clients of before are told that \
             their sessions are lost",
            folder.display()
        ));
    }
    Ok(store)
}

impl DurableStore {
    /// The pairs in a store.
    pub(crate) fn new(store: Store) -> Self {
        DurableStore(store)
    }
}

/// Returns the number of pairs in a store.
pub(crate) fn pairs(store: &Store) -> u64 {
    let mut count = 0;
    store.range(Bound::Unbounded, |_, _| {
        count += 1;
        ControlFlow::Continue(())
    });
    count
}

/// A value is text that came from a call.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Kv for DurableStore {
    fn get(&self, key: &str) -> Result<String, KvError> {
        self.0.get(key.as_bytes()).map(text).ok_or_else(|| no_such_key(key))
    }

    fn put(&self, key: &str, value: &str) -> Result<(), KvError> {
        check_key(key)?;
        check_length("value", value.len(), MAX_VALUE)?;
        self.0.transaction().put(key.as_bytes(), value.as_bytes());
        Ok(())
    }

    fn append(&self, key: &str, value: &str) -> Result<u64, KvError> {
        check_key(key)?;
        let mut tx = self.0.transaction();
        let mut whole = tx.get(key.as_bytes()).unwrap_or_default();
        check_length("value", whole.len() + value.len(), MAX_VALUE)?;
        whole.extend_from_slice(value.as_bytes());
        tx.put(key.as_bytes(), &whole);
        Ok(whole.len() as u64)
    }

    fn delete(&self, key: &str) -> Result<String, KvError> {
        let mut tx = self.0.transaction();
        let value = tx.get(key.as_bytes()).ok_or_else(|| no_such_key(key))?;
        tx.delete(key.as_bytes());
        Ok(text(value))
    }

    fn list(&self, prefix: &str, after: &str, limit: u32) -> Page {
        let from = match after < prefix {
            true => Bound::Included(prefix.as_bytes()),
            false => Bound::Excluded(after.as_bytes()),
        };
        let mut page = Page::default();
        let mut bytes = 0;
        self.0.range(from, |key, value| {
            if !key.starts_with(prefix.as_bytes()) {
                return ControlFlow::Break(());
            }
            if page.pairs.len() >= limit.clamp(1, MAX_PAGE) as usize || bytes >= PAGE_BYTES {
                page.more = true;
                return ControlFlow::Break(());
            }
            bytes += key.len() + value.len();
            page.pairs.push((text(key.to_vec()), text(value.to_vec())));
            ControlFlow::Continue(())
        });
        page
    }
}
