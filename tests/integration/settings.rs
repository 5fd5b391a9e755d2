//! Settings outside their bounds are refused where they are given, by name, before a socket is opened.

use std::time::Duration;

use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::{ByName, ConnectError, Connector, ServeError, Server};

use crate::test_service::{TestServer, test_limits};

#[rpc_core::rpc]
trait Idle {
    fn nothing(&self);
}

struct Plain;

impl Idle for Plain {
    fn nothing(&self) {}
}

fn bind(limits: ServerLimits) -> Result<Server, ServeError> {
    Server::builder().service(IdleServer::new(Plain)).limits(limits).bind("127.0.0.1:0")
}

#[test]
fn a_server_with_a_setting_outside_its_bounds_is_not_bound() {
    let usual = ServerLimits::default;
    let long = Duration::MAX;
    let cases = [
        ("slots", ServerLimits { slots: 0, ..usual() }),
        ("slots", ServerLimits { slots: 1025, ..usual() }),
        ("max_frame", ServerLimits { max_frame: 10, ..usual() }),
        ("max_frame", ServerLimits { max_frame: usize::MAX, ..usual() }),
        ("nesting", ServerLimits { nesting: 0, ..usual() }),
        ("nesting", ServerLimits { nesting: 4097, ..usual() }),
        ("sessions", ServerLimits { sessions: 0, ..usual() }),
        ("sessions_per_source", ServerLimits { sessions_per_source: Some(0), ..usual() }),
        ("lease", ServerLimits { lease: Duration::ZERO, ..usual() }),
        ("lease", ServerLimits { lease: long, ..usual() }),
        ("queue", ServerLimits { queue: 0, ..usual() }),
        ("queue_bytes", ServerLimits { queue_bytes: 0, ..usual() }),
        ("retry_after", ServerLimits { retry_after: long, ..usual() }),
        ("unsent_pause", ServerLimits { unsent_pause: 0, ..usual() }),
        ("unsent_stall", ServerLimits { unsent_stall: Duration::ZERO, ..usual() }),
        ("grace", ServerLimits { grace: long, ..usual() }),
        ("threads", ServerLimits { threads: 0, ..usual() }),
        ("connections", ServerLimits { connections: 0, ..usual() }),
    ];
    for (field, limits) in cases {
        let error = bind(limits).expect_err(field);
        assert!(
            matches!(&error, ServeError::Setting(error) if error.setting == format!("ServerLimits::{field}"))
        );
        assert!(error.to_string().contains(field) && error.to_string().contains("must be"), "{error}");
    }
    drop(bind(test_limits()).expect("the bounds of these tests are allowed"));
}

#[test]
fn a_client_with_a_setting_outside_its_bounds_does_not_connect() {
    let server = TestServer::start();
    let usual = Connector::new;
    let with = |limits| Connector::new().limits(limits);
    let cases = [
        ("ClientLimits::slots", usual().slots(0)),
        ("ClientLimits::slots", usual().slots(u16::MAX)),
        ("ClientLimits::write_batch", with(ClientLimits { write_batch: 0, ..ClientLimits::default() })),
        ("ClientLimits::connect", with(ClientLimits { connect: Duration::ZERO, ..ClientLimits::default() })),
        ("ClientLimits::ping_limit", with(ClientLimits { ping_limit: 0, ..ClientLimits::default() })),
        (
            "ClientLimits::retry_budget",
            with(ClientLimits { retry_budget: f64::NAN, ..ClientLimits::default() }),
        ),
        ("Connector::deadline", usual().deadline(Duration::ZERO)),
        ("Connector::connect_timeout", usual().connect_timeout(Duration::MAX)),
    ];
    for (setting, connector) in cases {
        let error: Result<ByName, _> = connector.connect_by_name(server.address, &["Test"]);
        let error = error.expect_err(setting);
        assert!(matches!(&error, ConnectError::Setting(error) if error.setting == setting), "{error}");
    }
    assert_eq!(server.handle.counters().opened, 0);
}

#[test]
fn the_longest_duration_is_no_deadline_for_a_client_as_for_a_call() {
    let server = bind(test_limits()).and_then(Server::spawn).expect("a free port");
    let connector = Connector::new().deadline(Duration::MAX);
    let client: IdleClient = connector.connect(server.local_addr()).expect("a deadline that never comes");
    client.nothing().expect("it ran");
    client.start.nothing().wait().expect("it ran");
}
