//! A service's own error as a program passes it on: through `?`, as a text, and as the source in a chain of errors.

use std::error::Error;
use std::fmt;

use rpc_core::{CallError, rpc};
use rpc_sim::in_process;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Full(u32);

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the queue has {} jobs already", self.0)
    }
}

impl Error for Full {}

#[derive(Debug, PartialEq)]
struct NoShelf;

impl fmt::Display for NoShelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such shelf")
    }
}

impl Error for NoShelf {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Bare(u32);

#[rpc]
trait Queue {
    fn add(&self) -> Result<(), Full>;
    fn remove(&self) -> Result<(), Bare>;
}

struct Small;

impl Queue for Small {
    fn add(&self) -> Result<(), Full> {
        Err(Full(7))
    }
    fn remove(&self) -> Result<(), Bare> {
        Err(Bare(8))
    }
}

/// Passes an error on as most programs do.
fn anyhow<E: std::fmt::Debug + Send + Sync + 'static>(result: Result<(), CallError<E>>) -> anyhow::Error {
    let passed_on = || -> anyhow::Result<()> {
        result?;
        Ok(())
    };
    passed_on().expect_err("it is an error")
}

/// The same with the standard library alone.
fn boxed<E: std::fmt::Debug + 'static>(result: Result<(), CallError<E>>) -> Box<dyn Error> {
    let passed_on = || -> Result<(), Box<dyn Error>> {
        result?;
        Ok(())
    };
    passed_on().expect_err("it is an error")
}

#[test]
fn an_error_of_a_service_is_passed_on_with_its_text_and_its_source() {
    let queue: QueueClient = in_process(QueueServer::new(Small));
    let text = "the queue has 7 jobs already";
    let error = boxed(queue.add());
    assert_eq!(
        (error.to_string().as_str(), error.source().map(ToString::to_string).as_deref()),
        (text, Some(text))
    );
    let error = anyhow(queue.add());
    assert_eq!(format!("{error}"), text);
    assert_eq!(error.root_cause().downcast_ref(), Some(&Full(7)));
}

#[test]
fn an_error_without_display_is_passed_on_as_its_debug_and_has_no_source() {
    let queue: QueueClient = in_process(QueueServer::new(Small));
    let error = boxed(queue.remove());
    assert_eq!((error.to_string().as_str(), error.source().is_none()), ("Bare(8)", true));
    let error = anyhow(queue.remove());
    assert_eq!((format!("{error}").as_str(), error.chain().count()), ("Bare(8)", 1));
}

#[test]
fn an_error_that_was_made_by_hand_is_passed_on_as_one_that_was_received() {
    let made = || Err(CallError::service(NoShelf));
    let error = boxed(made());
    let source = error.source().and_then(|source| source.downcast_ref());
    assert_eq!((error.to_string().as_str(), source), ("no such shelf", Some(&NoShelf)));
    let error = anyhow(made());
    assert_eq!(format!("{error}"), "no such shelf");
    assert_eq!(error.root_cause().downcast_ref(), Some(&NoShelf));
}
