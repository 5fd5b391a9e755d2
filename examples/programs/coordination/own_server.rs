//! A handler that calls its own server while it holds a lock: the handler of that call waits for the same lock, and both
//! wait until the deadline. Fixed: read under the lock, release the lock, then call.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rpc_core::{CallError, Server, rpc};

use crate::steps::{ENDS, Steps};

/// Deadline of the inner call: without it, the wait would have no end.
const INNER: Duration = Duration::from_millis(500);

/// A bank with one account.
#[rpc]
pub(crate) trait Bank {
    /// Returns the money in the account.
    #[rpc(slow)]
    fn balance(&self) -> i64;
    /// Adds interest on the result of `balance`, which it calls at its own server; with `holding`, under the lock.
    #[rpc(slow)]
    fn add_interest(&self, holding: bool) -> Result<i64, String>;
}

struct Account {
    money: Mutex<i64>,
    own_server: OnceLock<BankClient>,
    steps: Steps,
}

impl Bank for Account {
    fn balance(&self) -> i64 {
        self.steps.say("balance", "wants the lock");
        let money = *self.money.lock().expect("no thread panics");
        self.steps.say("balance", ENDS);
        money
    }

    fn add_interest(&self, holding: bool) -> Result<i64, String> {
        let held = holding.then(|| self.money.lock().expect("no thread panics"));
        let lock = if holding { "holds the lock" } else { "holds no lock" };
        self.steps.say("interest", format!("{lock}, and calls balance at its own server"));
        let bank = self.own_server.get().ok_or("there is no client of the own server")?;
        let known = bank.call.with_deadline(INNER).balance();
        drop(held);
        self.steps.say("interest", ENDS);
        let added = known.map_err(|error: CallError| error.to_string())? / 10;
        let mut money = self.money.lock().expect("no thread panics");
        *money += added;
        Ok(*money)
    }
}

/// Runs the call and reports its result: a deadlock is an error here, because every call has a deadline.
pub(crate) fn run(steps: &Steps, holding: bool) -> Result<(), String> {
    let account = Account { money: Mutex::new(100), own_server: OnceLock::new(), steps: steps.clone() };
    let account = Arc::new(account);
    let service = BankServer::shared(Arc::clone(&account));
    let server = Server::builder().service(service).bind("127.0.0.1:0").and_then(Server::spawn);
    let server = server.map_err(|error| error.to_string())?;
    let addr = server.local_addr();
    let bank = BankClient::connect(addr).map_err(|error| error.to_string())?;
    let itself = BankClient::connect(addr).map_err(|error| error.to_string())?;
    let _ = account.own_server.set(itself); // empty until now
    let answer = bank.add_interest(holding).map_err(|error| error.to_string());
    bank.call.close();
    if let Some(itself) = account.own_server.get() {
        itself.call.close(); // a draining server waits for its clients, and this client is in the handler
    }
    let _ = server.stop(); // it has drained
    answer.map(|money| steps.say("caller", format!("is told {money}")))
}
