//! The verdicts that a caller in another language gets, one test for each case.

use std::time::Duration;

use rpc_clients::{Language, ServiceDescription, describe};
use rpc_core::reflection::ReflectionClient;
use rpc_core::{Around, Connector, RunningServer, Server};

use crate::folder::{compiled, fresh, generated, node, python, said};
use crate::services::{EchoServer, JournalServer, Lines, Mirror, gate};

/// The descriptions of the services of a server.
pub(crate) fn descriptions(server: &RunningServer) -> Vec<ServiceDescription> {
    let asks: ReflectionClient = Connector::new().connect(server.local_addr()).expect("it is there");
    let described = describe(&asks, &[]).expect("it describes itself");
    asks.call.close();
    described
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
    let lines = Lines::default();
    let server = server(&lines);
    generated(Language::Python, &descriptions(&server), &folder);
    let address = server.local_addr().to_string();
    let output = python(&folder, "verdicts.py", &[&address]).output().expect("python3");
    let said = said(output);
    assert!(said.ends_with("all verdicts are right\n"), "{said}");
    server.drain_within(Duration::ZERO);
}

#[test]
fn a_caller_in_typescript_is_told_the_verdict_that_is_true() {
    let folder = fresh("typescript-verdicts");
    let lines = Lines::default();
    let server = server(&lines);
    generated(Language::TypeScript, &descriptions(&server), &folder);
    if compiled(&folder, &["verdicts.ts"]) {
        let address = server.local_addr().to_string();
        let output = node(&folder, "verdicts.js", &[&address]).output().expect("node");
        assert!(said(output).ends_with("all verdicts are right\n"));
    }
    server.drain_within(Duration::ZERO);
}
