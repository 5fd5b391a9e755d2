//! The lecture's `kv.go` line by line: Put, Get and ErrNoKey, and a client that connects anew for each call.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::{fmt, thread};

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

    let connect = || KvClient::connect(address); // Go: client, err := rpc.Dial("tcp", ":1234")
    connect()?.put("subject", "6.824")?; // Go: client.Call("KV.Put", &args, &reply); client.Close()
    println!("Put(subject, 6.824) done");
    println!("get(subject) -> {}", connect()?.get("subject")?);
    if let Err(error) = connect()?.get("object") {
        println!("get(object) -> {error}"); // Go: reply.Err == ErrNoKey, if the caller looks
    }
    Ok(()) // Go and Rust alike: when main returns, the server's thread ends with the process
}
