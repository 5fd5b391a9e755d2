//! A quiet client whose only frame is lost: the retransmission is due by its own timer, and waits for nothing else.

use std::thread;
use std::time::{Duration, Instant};

use rpc_core::limits::ClientLimits;
use rpc_core::{Connector, Server};
use rpc_sim::{FaultProxy, Faults};

use crate::echo::{EchoClient, EchoServer, Wall};
use crate::raw_client::PATIENCE;

const RESEND: Duration = Duration::from_millis(200);
/// Nothing is acknowledged by a timer, and no sign of life asked for: that would be an event too.
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_lost_call_is_sent_again_although_nothing_else_happens() {
    let server = Server::builder().service(EchoServer::new(Wall)).bind("127.0.0.1:0");
    let server = server.and_then(Server::spawn).expect("a port");
    let here = "127.0.0.1:0".parse().expect("an address");
    let proxy = FaultProxy::start(here, server.local_addr(), Faults::none(), 7).expect("it listens");
    let limits = ClientLimits {
        connect: LONG,
        resend_first: RESEND,
        ack_delay: LONG,
        ping_after: LONG,
        ..ClientLimits::default()
    };
    let connector = Connector::new().limits(limits).deadline(PATIENCE);
    let echo: EchoClient = connector.connect(proxy.addr()).expect("it listens");

    assert_eq!(echo.echo("once").expect("it gets through"), "once");
    thread::sleep(RESEND * 2); // until no timer of that call is left to wake the next one by accident
    proxy.set_faults(Faults::none().drop(1.0));
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            while proxy.seen().dropped == 0 && begun.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(1));
            }
            proxy.heal(); // only the first retransmission was lost
        });
        assert_eq!(echo.echo("again").expect("a retransmission gets through before the deadline"), "again");
    });
    assert!(proxy.seen().dropped >= 1);
    echo.call.close();
    server.stop().expect("it drains");
}
