//! The lecture's `kv.go` with one connection kept: the same server, and a client that many calls and threads share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::{error::Error, fmt, thread};

use rpc_core::{Server, rpc};

#[rpc] // Go: type PutArgs, PutReply, GetArgs, GetReply: written here by the macro, from the arguments
trait Kv {
    fn put(&self, key: &str, value: &str); // Go: func (kv *KV) Put(args *PutArgs, reply *PutReply) error
    fn get(&self, key: &str) -> Result<String, ErrNoKey>; // Go: reply.Err and reply.Value, one of them empty
}

#[derive(Debug, serde::Serialize, serde::Deserialize)] // Go: const ErrNoKey = "ErrNoKey"; type Err string
struct ErrNoKey;

impl fmt::Display for ErrNoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrNoKey")
    }
}
impl Error for ErrNoKey {}

#[derive(Default)]
struct Store(Mutex<HashMap<String, String>>); // Go: type KV struct { mu sync.Mutex; data map[string]string }

impl Kv for Store {
    fn put(&self, key: &str, value: &str) {
        let mut data = self.0.lock().unwrap_or_else(PoisonError::into_inner); // Go: kv.mu.Lock()
        data.insert(key.to_owned(), value.to_owned()); // Go: kv.data[args.Key] = args.Value
    } // Go: defer kv.mu.Unlock(): here the guard goes out of scope

    fn get(&self, key: &str) -> Result<String, ErrNoKey> {
        let data = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        data.get(key).cloned().ok_or(ErrNoKey) // Go: val, ok := kv.data[args.Key]; if ok { .. } else { ErrNoKey }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Go: rpcs := rpc.NewServer(); rpcs.Register(kv); l, e := net.Listen("tcp", ":1234")
    let server = Server::builder().service(KvServer::new(Store::default())).bind("127.0.0.1:0")?;
    let address = server.local_addr();
    thread::spawn(move || server.run()); // Go: go func() { for { conn, err := l.Accept(); go rpcs.ServeConn(conn) } }()

    let kv = KvClient::connect(address)?; // Go: client := connect(), once, outside get and put
    kv.put("subject", "6.824")?;
    println!("Put(subject, 6.824) done");
    thread::scope(|scope| {
        for key in ["subject", "object"] {
            let kv = &kv; // many calls under way over one connection: Go's rpc.Client allows it as well
            scope.spawn(move || match kv.get(key) {
                Ok(value) => println!("get({key}) -> {value}"),
                Err(error) => println!("get({key}) -> {error}"),
            });
        }
    });
    Ok(())
}
