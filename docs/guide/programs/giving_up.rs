//! The page `calls.md`: a handler that gives its call up.

use std::thread;
use std::time::Duration;

use rpc_core::{CallContext, CallError, Server, rpc};

use crate::queue::Failure;

/// Searches pages.
#[rpc]
trait Search {
    /// Counts a word on all pages.
    #[rpc(slow)]
    fn count(&self, cx: &CallContext, word: &str) -> u64;

    /// Counts the pages, which takes longer than any caller waits.
    #[rpc(slow)]
    fn pages(&self, cx: &CallContext) -> u64;
}

/// The implementation of [`Search`].
struct Pages(Vec<String>);

impl Search for Pages {
    fn count(&self, cx: &CallContext, word: &str) -> u64 {
        let mut found = 0;
        for page in &self.0 {
            if cx.is_cancelled() {
                cx.give_up("no caller waits any longer"); // a count of some pages would be a wrong answer
            }
            found += page.matches(word).count() as u64;
        }
        found
    }

    fn pages(&self, cx: &CallContext) -> u64 {
        while !cx.is_cancelled() {
            thread::yield_now();
        }
        cx.give_up("no caller waits any longer")
    }
}

#[test]
fn a_handler_that_gives_up_has_a_verdict_of_its_own() -> Result<(), Failure> {
    let pages = Pages(vec!["a b a".to_owned(), "a".to_owned()]);
    let server = Server::builder().service(SearchServer::new(pages)).bind("127.0.0.1:0")?.spawn()?;
    let search = SearchClient::connect(server.local_addr())?;

    let text = match search.count("a") {
        Ok(count) => format!("{count} times"),
        Err(CallError::GivenUp(error)) => format!("it began, and was given up: {}", error.message),
        Err(other) => format!("{other}"),
    };
    assert_eq!(text, "3 times");

    let hasty = search.call.with_deadline(Duration::from_millis(50));
    match hasty.pages().or_else(|error| error.resolve(Duration::from_secs(30))) {
        Err(CallError::GivenUp(error)) => assert_eq!(error.message, "no caller waits any longer"),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}
