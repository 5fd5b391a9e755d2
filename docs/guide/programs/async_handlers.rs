//! The page `replies_later.md`: handlers that are tasks of an async runtime.

use std::future::Future;
use std::time::Duration;

use rpc_core::{CallError, Later, Responder, RunningServer, Server, rpc};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::queue::Failure;

/// The prices of things, which another system knows.
#[rpc]
trait Prices {
    /// Returns the price of a thing.
    fn price(&self, thing: String) -> Later<Result<u64, String>>;
}

/// The implementation of [`Prices`]: each call is a task.
struct Shop {
    runtime: Handle, // of the program's own runtime
    dropped: UnboundedSender<String>,
}

impl Prices for Shop {
    fn price(&self, thing: String) -> Later<Result<u64, String>> {
        let (responder, later) = Later::pair();
        self.runtime.spawn(answer(responder, ask(thing, self.dropped.clone())));
        later // the thread of the server is free, and the task ends the call
    }
}

/// Ends a call with the result of a future, or drops the future as soon as no caller waits for it.
async fn answer<T: Send + 'static>(responder: Responder<T>, work: impl Future<Output = T>) {
    tokio::select! {
        value = work => responder.reply(value),
        () = responder.cancelled() => responder.give_up("no caller waits any longer"),
    }
}

/// Asks the other system, which never answers for a thing that is called `slow`.
async fn ask(thing: String, dropped: UnboundedSender<String>) -> Result<u64, String> {
    let _guard = SaysIfDropped(thing.clone(), dropped);
    match thing.as_str() {
        "slow" => std::future::pending().await,
        "bug" => panic!("the price of a bug"),
        "pear" => {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(30)
        }
        _ => Err(format!("there is no {thing}")),
    }
}

/// Tells that a future has ended, or was dropped.
struct SaysIfDropped(String, UnboundedSender<String>);

impl Drop for SaysIfDropped {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.clone()); // a test that does not look has no receiver
    }
}

/// Returns a shop, its client, and the futures that have ended.
fn shop() -> Result<(RunningServer, PricesClient, UnboundedReceiver<String>), Failure> {
    let (dropped, ended) = unbounded_channel();
    let shop = Shop { runtime: Handle::current(), dropped };
    let server = Server::builder().service(PricesServer::new(shop)).bind("127.0.0.1:0")?.spawn()?;
    let prices = PricesClient::connect(server.local_addr())?;
    Ok((server, prices, ended))
}

#[tokio::test]
async fn a_task_ends_the_call() -> Result<(), Failure> {
    let (_server, prices, _) = shop()?;
    assert_eq!(prices.start.price("pear".to_owned()).await?, 30);
    let error = prices.start.price("yeti".to_owned()).await.expect_err("there is none");
    assert!(matches!(error, CallError::Service(why) if why == "there is no yeti"));
    Ok(())
}

#[tokio::test]
async fn calls_wait_without_a_thread_for_each() -> Result<(), Failure> {
    let (_server, prices, mut ended) = shop()?;
    let mut waiting: Vec<_> = (0..50).map(|_| prices.start.price("slow".to_owned())).collect();
    assert_eq!(prices.start.price("pear".to_owned()).await?, 30, "on a runtime of one thread");
    assert_eq!(ended.recv().await.as_deref(), Some("pear"));
    waiting.clear(); // cancels them
    for _ in 0..50 {
        assert_eq!(ended.recv().await.as_deref(), Some("slow"));
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_drops_the_future_of_the_handler() -> Result<(), Failure> {
    let (_server, prices, mut ended) = shop()?;
    let hasty = prices.call.with_deadline(Duration::from_millis(50));
    let error = hasty.start.price("slow".to_owned()).await.expect_err("it never ends by itself");
    assert!(matches!(error, CallError::Unknown(_) | CallError::GivenUp(_)), "{error}");
    assert_eq!(ended.recv().await.as_deref(), Some("slow"));

    if matches!(error, CallError::Unknown(_)) {
        let limit = Duration::from_secs(30);
        let known = tokio::task::spawn_blocking(move || error.resolve::<u64>(limit)).await?;
        assert!(matches!(known, Err(CallError::GivenUp(_))), "{known:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_task_that_panics_gives_its_call_up() -> Result<(), Failure> {
    let (_server, prices, _) = shop()?;
    let error = prices.start.price("bug".to_owned()).await.expect_err("the task panics");
    assert!(matches!(error, CallError::GivenUp(_)), "{error}");
    Ok(())
}
