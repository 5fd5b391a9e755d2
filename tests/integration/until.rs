//! Serving until a signal, and the health that a load balancer asks for.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rpc_core::{
    CallError, Connector, Health, HealthState, Never, ServeError, Server, ServerLimits, rpc,
    serve_with_shutdown,
};

use crate::raw_client::PATIENCE;
use crate::test_service::test_limits;

#[rpc]
trait Hall {
    /// Returns once the test lets it.
    #[rpc(slow)]
    fn wait(&self) -> u8;
    fn ping(&self);
}

/// Tells the test about each call that waits, and waits for the test.
struct Doors {
    entered: Sender<()>,
    leave: Mutex<Receiver<()>>,
}

impl Hall for Doors {
    fn wait(&self) -> u8 {
        self.entered.send(()).expect("the test is there");
        self.leave.lock().expect("not poisoned").recv_timeout(PATIENCE).expect("the test lets it");
        7
    }

    fn ping(&self) {}
}

/// Returns a service, the channel that tells of each call that waits, and the one that lets it go on.
fn hall() -> (HallServer<Doors>, Receiver<()>, Sender<()>) {
    let ((entered, has_entered), (let_go, leave)) = (channel(), channel());
    (HallServer::new(Doors { entered, leave: Mutex::new(leave) }), has_entered, let_go)
}

/// Runs `serves` on a thread of its own. Returns its result, which the test waits for with a limit.
fn beside(
    serves: impl FnOnce() -> Result<(), ServeError> + Send + 'static,
) -> Receiver<Result<(), ServeError>> {
    let (end, ended) = channel();
    thread::spawn(move || end.send(serves()));
    ended
}

#[test]
fn a_server_whose_signal_came_finishes_what_runs_and_takes_nothing_new() {
    let (service, entered, let_go) = hall();
    let limits = ServerLimits { grace: PATIENCE, ..test_limits() };
    let server = Server::builder().service(service).limits(limits).bind("127.0.0.1:0").expect("a free port");
    let address = server.local_addr();
    let (stop, stopped) = channel::<()>();
    let ended = beside(move || {
        server.run_until(move || {
            let _ = stopped.recv();
        })
    });

    let hall = HallClient::connect(address).expect("it listens");
    let waits = hall.start.wait();
    entered.recv_timeout(PATIENCE).expect("it runs");
    stop.send(()).expect("the server waits for it");
    let soon = hall.call.with_deadline(Duration::from_millis(100));
    let refused = std::iter::repeat_with(|| soon.ping()).find_map(Result::err).expect("it drains at last");
    assert!(matches!(refused, CallError::NotExecuted(_)), "{refused}");
    assert!(ended.try_recv().is_err(), "a call is under way");
    let_go.send(()).expect("it waits");
    assert_eq!(waits.wait().expect("it was finished"), 7);
    drop((hall, soon));
    ended.recv_timeout(PATIENCE).expect("it has ended").expect("drained");
}

#[test]
fn a_signal_that_panics_drains_since_nothing_else_would_end_the_server() {
    let server = Server::builder().service(Health::new()).bind("127.0.0.1:0").expect("a free port");
    let ended = beside(move || server.run_until(|| panic!("as planned")));
    ended.recv_timeout(PATIENCE).expect("it has ended").expect("drained");
}

#[test]
fn serving_with_a_signal_that_is_there_already_ends_at_once() {
    let ended = beside(|| serve_with_shutdown("127.0.0.1:0", Health::new(), || ()));
    ended.recv_timeout(PATIENCE).expect("it has ended").expect("drained");
}

#[test]
fn health_is_asked_for_by_name() {
    let health = Health::new();
    let server = Server::builder().service(health.clone()).limits(test_limits()).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).expect("a free port");
    let client =
        Connector::new().connect_by_name(server.local_addr(), &["ServerHealth"]).expect("it listens");
    for state in [HealthState::Starting, HealthState::Serving, HealthState::Draining] {
        health.set(state);
        let told: HealthState = client.call::<_, Never>("ServerHealth.check", &()).expect("an answer");
        assert_eq!(told, state);
    }
}
