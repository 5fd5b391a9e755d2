//! A client without a server, over real sockets: it fails fast, says why, reports events, and notices a restart.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_core::{
    CallError, Connector, NotExecuted, Pending, Reason, RunningServer, Server, UnknownCause, rpc,
};
use rpc_sim::{FaultProxy, Faults};

use crate::client::eventually;
use crate::raw_client::PATIENCE;
use crate::test_service::Gate;

#[rpc]
trait Gated {
    fn echo(&self, text: &str) -> String;
    #[rpc(slow)]
    fn wait(&self) -> u64;
}

/// A service whose method `wait` blocks until the gate is open.
struct Behind(Arc<Gate>);

impl Gated for Behind {
    fn echo(&self, text: &str) -> String {
        text.to_owned()
    }
    fn wait(&self) -> u64 {
        self.0.pass();
        7
    }
}

/// A deadline that a call which fails fast is far from.
const LONG: Duration = Duration::from_secs(3600);

fn serve(address: &str, gate: &Arc<Gate>) -> RunningServer {
    let service = GatedServer::new(Behind(Arc::clone(gate)));
    Server::builder().service(service).bind(address).expect("a free port").spawn().expect("it runs")
}

/// A client that fails fast.
fn hasty(addresses: &[SocketAddr]) -> GatedClient {
    Connector::new().fail_fast(true).deadline(LONG).connect(addresses).expect("it listens")
}

/// Returns an address at which nothing listens.
fn nothing_there() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

fn not_executed<T: std::fmt::Debug>(reply: Result<T, CallError>) -> NotExecuted {
    match reply {
        Err(CallError::NotExecuted(error)) => error,
        other => panic!("no server is there: {other:?}"),
    }
}

#[test]
fn a_call_that_fails_fast_is_told_when_each_address_has_refused_and_the_error_says_why() {
    let server = serve("127.0.0.1:0", &Arc::default());
    let (address, dead) = (server.local_addr(), nothing_there());
    let client = hasty(&[dead, address]);
    assert_eq!(client.echo("a").expect("it is there"), "a");
    assert_eq!(&*client.call.peer(), address.to_string());
    server.drain_within(Duration::ZERO);
    server.wait().expect("no error");

    // This one may be sent before the end of the connection is read: then it is unknown.
    assert_ne!(client.echo("b").expect_err("no server is there").ran(), Some(true));
    let error = not_executed(client.echo("c"));
    assert!(matches!(error.reason, Reason::Unreachable | Reason::Draining), "{error}");
    let outage = error.outage.as_ref().expect("there is no connection");
    assert!(outage.attempts >= 1 && outage.lasts < PATIENCE, "{outage:?}");
    for address in [address, dead] {
        assert!(outage.failure.contains(&address.to_string()), "{outage:?}");
    }
    let text = outage.to_string();
    assert!(text.contains("there has been no connection for") && text.contains("refused"), "{text}");
    assert_eq!(text.matches("failed:").count(), 2, "each address once: {text}");
    let waits = client.call.with_fail_fast(false).call.with_deadline(Duration::from_millis(20));
    let error = not_executed(waits.echo("d"));
    assert!(error.outage.is_some(), "{error}");
}

/// Asks this binary to become the process that restarts a server: the limits on the rate of events are those of a process, and
/// other tests have clients that cannot connect as well.
const RESTARTS: &str = "RPC_TEST_RESTARTS";

/// Not a test: the body of that process.
#[test]
fn restarting_process() {
    if std::env::var_os(RESTARTS).is_none() {
        return;
    }
    tracing_subscriber::fmt().with_writer(io::stdout).with_ansi(false).with_target(false).init();
    let server = serve("127.0.0.1:0", &Arc::default());
    let address = server.local_addr();
    let client = hasty(&[address]);
    assert_eq!(client.echo("a").expect("it is there"), "a");
    let first = client.call.incarnation();
    assert!(first.is_some());
    server.drain_within(Duration::ZERO);
    server.wait().expect("no error");
    // It may be sent before the end of the connection is read: then it is unknown, and the server took the answer with it.
    assert_ne!(client.echo("b").expect_err("no server is there").ran(), Some(true));
    assert!(client.call.outage().is_some());

    let server = serve(&address.to_string(), &Arc::default());
    let begun = Instant::now();
    while client.echo("c").is_err() {
        assert!(begun.elapsed() < PATIENCE, "the server is there again");
    }
    assert_ne!(client.call.incarnation(), first);
    assert_eq!(client.call.outage(), None);
    drop(server);
}

#[test]
fn a_restart_between_two_calls_is_another_incarnation_and_each_step_is_an_event() {
    let ended = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "fail_fast::restarting_process", "--nocapture", "--test-threads=1"])
        .env(RESTARTS, "yes")
        .output()
        .expect("it starts");
    let log = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{log}\n{}", String::from_utf8_lossy(&ended.stderr));
    for text in ["INFO connected, with a new session", "WARN cannot connect", "Connection refused"] {
        assert!(log.contains(text), "no line has `{text}`:\n{log}");
    }
}

/// A call that runs at a gate, and whose client has lost the way to its server.
struct CutOff {
    server: RunningServer,
    way: SocketAddr,
    client: GatedClient,
    pending: Pending<u64>,
}

fn cut_off(gate: &Arc<Gate>) -> CutOff {
    let server = serve("127.0.0.1:0", gate);
    let proxy =
        FaultProxy::start(nothing_there(), server.local_addr(), Faults::none(), 1).expect("it listens");
    let way = proxy.addr();
    let client = hasty(&[way]);
    let mut pending = client.start.wait();
    while gate.arrivals() == 0 {
        assert!(pending.wait_for(Duration::from_millis(5)).is_none(), "the gate is shut");
    }
    drop(proxy); // the server lives, and no way leads to it
    CutOff { server, way, client, pending }
}

#[test]
fn a_sent_call_that_fails_fast_is_unknown_and_is_resolved_when_the_way_is_there_again() {
    let gate = Arc::new(Gate::default());
    let CutOff { server, way, pending, .. } = cut_off(&gate);

    let Err(CallError::Unknown(unknown)) = pending.wait() else { panic!("it was sent, and has no reply") };
    assert_eq!(unknown.cause, UnknownCause::Unreachable);
    let text = unknown.to_string();
    assert!(text.contains("there has been no connection for") && text.contains("resolve()"), "{text}");
    assert!(unknown.is_open() && unknown.ran(Duration::from_millis(1)).is_none());

    gate.open();
    let _proxy = FaultProxy::start(way, server.local_addr(), Faults::none(), 1).expect("it listens again");
    assert_eq!(unknown.resolve::<u64>(PATIENCE).expect("it ran"), 7);
    assert_eq!(unknown.clone().ran(Duration::ZERO), Some(true));
    assert_eq!(server.counters().executions, 1);
}

#[test]
fn v11_a_reply_that_comes_after_a_call_has_failed_fast_is_no_verdict_though_its_caller_takes_it_later() {
    let gate = Arc::new(Gate::default());
    let CutOff { server, way, client, pending } = cut_off(&gate);
    let orphaned = || client.call.counters().orphaned_slots;
    eventually("it has failed fast", || orphaned() == 1);
    gate.open();
    let _proxy = FaultProxy::start(way, server.local_addr(), Faults::none(), 1).expect("it listens again");
    eventually("its reply has come", || orphaned() == 0);

    let Err(CallError::Unknown(unknown)) = pending.wait() else {
        panic!("its verdict came before its reply")
    };
    assert_eq!(unknown.cause, UnknownCause::Unreachable);
    assert_eq!(unknown.resolve::<u64>(Duration::ZERO).expect("it ran"), 7);
    assert_eq!(server.counters().executions, 1);
}
