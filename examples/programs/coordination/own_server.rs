//! A handler that calls its own server while it holds a lock: the call's handler wants the same lock, and both wait until
//! the deadline. Mended: take what is needed out of the lock, give the lock back, then call.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rpc_core::{CallError, Server, rpc};

use crate::steps::{ENDS, Steps};

/// How long the inner call waits: without a deadline it would be for ever.
const INNER: Duration = Duration::from_millis(500);

/// A bank with one account.
#[rpc]
pub(crate) trait Bank {
    /// What is in the account.
    #[rpc(slow)]
    fn balance(&self) -> i64;
    /// Adds interest on what `balance` says, which it asks its own server for; holding the lock meanwhile, or not.
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
        let money = *self.money.lock().expect("nobody panics");
        self.steps.say("balance", ENDS);
        money
    }

    fn add_interest(&self, holding: bool) -> Result<i64, String> {
        let held = holding.then(|| self.money.lock().expect("nobody panics"));
        let lock = if holding { "holds the lock" } else { "holds no lock" };
        self.steps.say("interest", format!("{lock}, and calls balance at its own server"));
        let bank = self.own_server.get().ok_or("not connected to itself")?;
        let known = bank.call.within(INNER).balance();
        drop(held);
        self.steps.say("interest", ENDS);
        let added = known.map_err(|error: CallError| error.to_string())? / 10;
        let mut money = self.money.lock().expect("nobody panics");
        *money += added;
        Ok(*money)
    }
}

/// Runs the call, and says what came of it: a deadlock is an error here, because every call has a deadline.
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
        itself.call.close(); // the server waits for its clients when it drains, and this one is its own
    }
    let _ = server.stop(); // drained: there is nothing more to say
    answer.map(|money| steps.say("caller", format!("is told {money}")))
}
