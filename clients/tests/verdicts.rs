//! What a caller in another language is told, in each of the cases.

use std::time::Duration;

use rpc_clients::{Language, ServiceDescription};
use rpc_core::{Around, RunningServer, Server, Service};

use crate::folder::{fresh, generated, python, said};
use crate::services::{EchoServer, JournalServer, Lines, Mirror, gate};

/// The descriptions of both services.
pub(crate) fn descriptions() -> Vec<ServiceDescription> {
    let journal = JournalServer::new(Lines::default());
    let echo = EchoServer::new(Mirror);
    vec![ServiceDescription::of(journal.contract()), ServiceDescription::of(echo.contract())]
}

/// A server of both services.
pub(crate) fn server(lines: &Lines) -> RunningServer {
    let journal = Around::new(JournalServer::new(lines.clone()), gate);
    let builder = Server::builder().service(journal).service(EchoServer::new(Mirror));
    builder.bind("127.0.0.1:0").and_then(Server::spawn).expect("a free port")
}

#[test]
fn a_caller_in_python_is_told_the_verdict_that_is_true() {
    let folder = fresh("python-verdicts");
    generated(Language::Python, &descriptions(), &folder);
    let lines = Lines::default();
    let server = server(&lines);
    let address = server.local_addr().to_string();
    let output = python(&folder, "verdicts.py", &[&address]).output().expect("python3");
    let said = said(output);
    assert!(said.ends_with("all verdicts are right\n"), "{said}");
    server.drain_within(Duration::ZERO);
}
