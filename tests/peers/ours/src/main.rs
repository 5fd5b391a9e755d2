//! The peer alone, small, for counting its instructions: `rpc-ours serve ADDR`, `rpc-ours load ADDR WORK CALLS`.

use std::time::Duration;

use rpc_ours::meter::Length;
use rpc_ours::{Failure, load, serve, work};

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", address] => serve(address.parse()?, Duration::ZERO),
        ["load", address, name, calls] => {
            let work = work::find(name).ok_or("no such work")?;
            load(address.parse()?, work, Length::Calls(calls.parse()?), Duration::ZERO)
        }
        _ => Err("usage: rpc-ours serve ADDR, or rpc-ours load ADDR WORK CALLS".into()),
    }
}
