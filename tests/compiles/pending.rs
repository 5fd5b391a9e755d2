//! A started call is stored under a type that names what the caller gets, and nothing of the runtime's inside.
#![deny(warnings)]

use std::collections::VecDeque;

use rpc_core::{CallError, Pending, Race, rpc};
use serde::{Deserialize, Serialize};

/// An error of the service's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum KvError {
    NotFound,
}

#[rpc]
trait Kv {
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;
    fn len(&self) -> u64;
    fn read(&self, key: &str) -> Vec<u8>;
    fn find(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
}

struct Store;

impl Kv for Store {
    fn put(&self, key: &str, _value: &str) -> Result<(), KvError> {
        if key.is_empty() { Err(KvError::NotFound) } else { Ok(()) }
    }
    fn len(&self) -> u64 {
        3
    }
    fn read(&self, key: &str) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
    fn find(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(Some(key.as_bytes().to_vec()))
    }
}

/// One field for each kind of reply.
struct Started {
    put: VecDeque<Pending<(), KvError>>,
    len: Pending<u64>,
    read: Option<Pending<Vec<u8>>>,
    find: Pending<Option<Vec<u8>>, KvError>,
    race: Race<&'static str, (), KvError>,
}

fn main() {
    let kv: KvClient = rpc_sim::in_process(KvServer::new(Store));
    let mut started = Started {
        put: VecDeque::from([kv.start.put("a", "1"), kv.start.put("", "1")]),
        len: kv.start.len(),
        read: Some(kv.start.read("abc")),
        find: kv.start.find("abc"),
        race: Race::new(),
    };
    started.race.add("b", kv.start.put("b", "1"));
    let replies: Vec<Result<(), CallError<KvError>>> = started.put.drain(..).map(Pending::wait).collect();
    assert!(matches!(replies[..], [Ok(()), Err(CallError::Service(KvError::NotFound))]));
    assert_eq!(started.len.wait().expect("a reply"), 3);
    assert_eq!(started.read.take().map(|read| read.wait().expect("a reply")), Some(b"abc".to_vec()));
    assert_eq!(started.find.wait().expect("a reply").as_deref(), Some(&b"abc"[..]));
    assert!(matches!(started.race.next(), Some(("b", Ok(())))));
}
