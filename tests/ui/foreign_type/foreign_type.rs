//! Types of the standard library that cannot be sent: no derive of the user's can help.

use std::fs::File;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, key: Rc<String>, at: Instant);
    fn watch(&self, to: Sender<String>);
    fn open(&self) -> Result<File, String>;
}

fn main() {}
