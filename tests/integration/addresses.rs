//! A server with several addresses: its clients try one after the other.

use std::net::{SocketAddr, TcpListener};

use rpc_core::{Connector, RunningServer, Server, rpc};

use crate::raw_client::PATIENCE;
use crate::test_service::{own_host, test_limits};

/// Tells which server answers.
#[rpc]
pub(crate) trait Place {
    fn number(&self) -> u8;
}

struct Here(u8);

impl Place for Here {
    fn number(&self) -> u8 {
        self.0
    }
}

fn serve(number: u8) -> RunningServer {
    let server = Server::builder().service(PlaceServer::new(Here(number))).limits(test_limits());
    server.bind((own_host(6), 0)).and_then(Server::spawn).expect("a free port")
}

/// An address at which no server listens.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind((own_host(6), 0)).expect("a free port");
    listener.local_addr().expect("bound")
}

#[test]
fn a_client_tries_every_address_of_its_server_before_it_gives_up() {
    let server = serve(1);
    for addresses in [[server.local_addr(), refusing()], [refusing(), server.local_addr()]] {
        let place: PlaceClient = Connector::new().connect(&addresses[..]).expect("one of them listens");
        assert_eq!(place.number().expect("it answers"), 1);
    }
}

#[test]
fn a_client_whose_server_has_ended_goes_on_at_the_next_address() {
    let (first, second) = (serve(1), serve(2));
    let addresses = [first.local_addr(), second.local_addr()];
    let connector = Connector::new().deadline(PATIENCE);
    let place: PlaceClient = connector.connect(&addresses[..]).expect("both listen");
    assert_eq!(place.number().expect("it answers"), 1);
    first.stop().expect("it drains");
    assert_eq!(place.number().expect("the other one answers"), 2);
}
