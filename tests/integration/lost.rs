//! A quiet client whose only frame is lost: the copy is due by its own timer, not when something else happens.

use std::thread;
use std::time::{Duration, Instant};

use rpc_core::limits::ClientLimits;
use rpc_core::sim::Faults;
use rpc_core::{Connector, FaultProxy, Server, rpc};

const RESEND: Duration = Duration::from_millis(200);
/// Nothing is acknowledged by a timer, which would be an event too.
const LONG: Duration = Duration::from_secs(60);

#[rpc]
pub trait Echo {
    fn echo(&self, text: &str) -> String;
}

struct Wall;

impl Echo for Wall {
    fn echo(&self, text: &str) -> String {
        text.to_owned()
    }
}

#[test]
fn a_lost_call_is_sent_again_although_nothing_else_happens() {
    let server = Server::builder().service(EchoServer::new(Wall)).bind("127.0.0.1:0").expect("a port");
    let (address, handle) = (server.local_addr(), server.handle());
    let serving = thread::spawn(move || server.run());
    let here = "127.0.0.1:0".parse().expect("an address");
    let proxy = FaultProxy::start(here, address, Faults::none(), 7).expect("it listens");
    let limits = ClientLimits { resend_first: RESEND, ack_delay: LONG, ..ClientLimits::default() };
    let echo: EchoClient = Connector::new().limits(limits).connect(proxy.addr()).expect("it listens");

    assert_eq!(echo.echo("once").expect("it gets through"), "once");
    thread::sleep(RESEND * 2); // until no timer of that call is left to wake the next one by accident
    proxy.set_faults(Faults::none().drop(1.0));
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            while proxy.stats().dropped == 0 && begun.elapsed() < Duration::from_secs(5) {
                thread::sleep(Duration::from_millis(1));
            }
            proxy.heal(); // only the first copy was lost
        });
        assert_eq!(echo.echo("again").expect("it gets through"), "again");
    });
    let took = begun.elapsed();
    assert!(proxy.stats().dropped >= 1 && took < Duration::from_secs(3), "the copy came after {took:?}");
    echo.call.close();
    handle.drain();
    serving.join().expect("it does not panic").expect("it drains");
}
