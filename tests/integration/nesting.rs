//! Values that nest deeper than is usual: both sides allow them by a setting, and threads have the stack for them.

use std::thread;

use rpc_core::call::Never;
use rpc_core::error::Reason;
use rpc_core::limits::{DEFAULT_NESTING, MOST_NESTING, STACK_PER_LEVEL};
use rpc_core::{
    ByName, CallError, Client, ClientLimits, Connector, Handle, Later, RunningServer, Server, ServerLimits,
};
use rpc_sim::{Faults, Network};
use serde::{Deserialize, Serialize};

/// A level for each link, and one for the end.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Chain {
    End,
    Link(Box<Chain>),
}

impl Chain {
    fn of(levels: u32) -> Self {
        (1..levels).fold(Chain::End, |next, _| Chain::Link(Box::new(next)))
    }

    fn levels(&self) -> u32 {
        let (mut levels, mut here) = (1, self);
        while let Chain::Link(next) = here {
            (levels, here) = (levels + 1, next);
        }
        levels
    }
}

/// Two levels for each knot, and one for the numbers of the last: 1 KiB of fields each, so that its levels take much of the stack.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wide {
    numbers: [[u64; 16]; 8],
    next: Option<Box<Wide>>,
}

impl Wide {
    fn of(knots: u32) -> Self {
        let last = Wide { numbers: [[7; 16]; 8], next: None };
        (1..knots).fold(last, |next, _| Wide { numbers: [[7; 16]; 8], next: Some(Box::new(next)) })
    }
}

#[rpc_core::rpc]
trait Deep {
    fn levels(&self, chain: Chain) -> u32;
    fn chain(&self, levels: u32) -> Chain;
    fn later(&self, levels: u32) -> Later<Chain>;
    fn failed(&self, levels: u32) -> Result<(), Chain>;
    fn echo(&self, wide: Wide) -> Wide;
    #[rpc(slow)]
    fn echo_slowly(&self, wide: Wide) -> Wide;
}

struct Plain;

impl Deep for Plain {
    fn levels(&self, chain: Chain) -> u32 {
        chain.levels()
    }
    fn chain(&self, levels: u32) -> Chain {
        Chain::of(levels)
    }
    fn later(&self, levels: u32) -> Later<Chain> {
        let (responder, later) = Later::pair();
        responder.reply(Chain::of(levels));
        later
    }
    fn failed(&self, levels: u32) -> Result<(), Chain> {
        Err(Chain::of(levels))
    }
    fn echo(&self, wide: Wide) -> Wide {
        wide
    }
    fn echo_slowly(&self, wide: Wide) -> Wide {
        wide
    }
}

/// A setting of each side.
const CLIENT: &str = "the client's setting `ClientLimits::nesting`";
const SERVER: &str = "the server's setting `ServerLimits::nesting`";

fn server(nesting: u32) -> RunningServer {
    let limits = ServerLimits { nesting, ..ServerLimits::default() };
    let bound = Server::builder().service(DeepServer::new(Plain)).limits(limits).bind("127.0.0.1:0");
    bound.expect("bound").spawn().expect("started")
}

fn of_client(nesting: u32) -> ClientLimits {
    ClientLimits { nesting, ..ClientLimits::default() }
}

fn client(server: &RunningServer, nesting: u32) -> DeepClient {
    let connector = Connector::new().limits(of_client(nesting));
    connector.connect(server.local_addr()).expect("connected")
}

/// Runs on a thread with the stack of a client that allows so many levels.
fn on_a_stack_of(levels: u32, work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(levels as usize * STACK_PER_LEVEL).spawn(work);
    thread.expect("started").join().expect("it fits");
}

/// Asserts that the call was refused before it ran, with the setting of this side.
fn refused<T: std::fmt::Debug>(result: Result<T, CallError>, reason: Reason, levels: u32, setting: &str) {
    let error = result.expect_err("too deep");
    assert!(matches!(&error, CallError::NotExecuted(error) if error.reason == reason), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("at most {levels} levels, which is {setting}")), "{text}");
}

/// Asserts that the call ran and its reply is lost, with the setting of this side.
fn lost<T: std::fmt::Debug, E: std::fmt::Debug + 'static>(
    result: Result<T, CallError<E>>,
    levels: u32,
    setting: &str,
) -> Result<(), String> {
    let text = match result {
        Err(error @ CallError::ReplyLost(_)) => error.to_string(),
        other => return Err(format!("{other:?}")),
    };
    if text.contains(&format!("at most {levels} levels, which is {setting}")) { Ok(()) } else { Err(text) }
}

/// Asserts that arguments and replies of so many levels pass, and none of one more. Arguments are a tuple, which is a level.
fn draws_the_line(deep: &DeepClient, levels: u32) {
    assert_eq!(deep.levels(Chain::of(levels - 1)).expect("it fits"), levels - 1);
    refused(deep.levels(Chain::of(levels)), Reason::Encode, levels, CLIENT);
    assert_eq!(deep.chain(levels).expect("it fits").levels(), levels);
    assert_eq!(lost(deep.chain(levels + 1), levels, SERVER), Ok(()));
    assert_eq!(deep.start.chain(levels).wait().expect("it fits").levels(), levels);
    assert_eq!(deep.later(levels).expect("it fits").levels(), levels);
    assert_eq!(lost(deep.later(levels + 1), levels, SERVER), Ok(()));
    let failed = deep.failed(levels).expect_err("its error");
    assert!(matches!(failed, CallError::Service(chain) if chain.levels() == levels));
    assert_eq!(lost(deep.failed(levels + 1), levels, SERVER), Ok(()));
}

#[test]
fn both_sides_draw_the_line_at_64_levels_unless_a_setting_says_another_number() {
    let server = Server::builder().service(DeepServer::new(Plain)).bind("127.0.0.1:0");
    let server = server.expect("bound").spawn().expect("started");
    draws_the_line(&DeepClient::connect(server.local_addr()).expect("connected"), DEFAULT_NESTING);
}

#[test]
fn values_of_1000_levels_pass_if_both_sides_allow_them() {
    on_a_stack_of(1000, || {
        let server = server(1000);
        draws_the_line(&client(&server, 1000), 1000);
    });
}

#[test]
fn the_side_that_allows_less_refuses_and_names_its_setting() {
    on_a_stack_of(1000, || {
        let (deep, usual) = (server(1000), server(DEFAULT_NESTING));
        let to_usual = client(&usual, 1000);
        refused(to_usual.levels(Chain::of(500)), Reason::BadArguments, DEFAULT_NESTING, SERVER);
        let from_deep = client(&deep, DEFAULT_NESTING);
        assert_eq!(lost(from_deep.chain(500), DEFAULT_NESTING, CLIENT), Ok(()));
        assert_eq!(lost(from_deep.failed(500), DEFAULT_NESTING, CLIENT), Ok(()));
        assert_eq!(lost(from_deep.start.chain(500).wait(), DEFAULT_NESTING, CLIENT), Ok(()));
        let less = client(&deep, 5);
        refused(less.levels(Chain::of(5)), Reason::Encode, 5, CLIENT);
    });
}

#[test]
fn a_call_by_name_has_the_nesting_of_its_client() {
    on_a_stack_of(1000, || {
        let server = server(1000);
        let connect = |nesting| -> ByName {
            let connector = Connector::new().limits(of_client(nesting));
            connector.connect_by_name(server.local_addr(), &["Deep"]).expect("connected")
        };
        let (deep, usual) = (connect(1000), connect(DEFAULT_NESTING));
        let levels = deep.call::<u32, Never>("Deep.levels", &(Chain::of(999),));
        assert_eq!(levels.expect("it fits"), 999);
        let levels = usual.call::<u32, Never>("Deep.levels", &(Chain::of(64),));
        refused(levels, Reason::Encode, DEFAULT_NESTING, CLIENT);
        assert_eq!(lost(usual.call::<Chain, Never>("Deep.chain", &(500,)), DEFAULT_NESTING, CLIENT), Ok(()));
    });
}

#[test]
fn the_simulator_has_the_same_bounds() {
    on_a_stack_of(1000, || {
        let limits = ServerLimits { nesting: 1000, ..ServerLimits::default() };
        let network = Network::with_limits(7, Faults::none(), limits);
        network.serve(DeepServer::new(Plain));
        let deep = DeepClient::from_caller(network.caller(&[DeepClient::CONTRACT], of_client(1000)));
        draws_the_line(&deep, 1000);
        let usual: DeepClient = network.client();
        refused(usual.levels(Chain::of(64)), Reason::Encode, DEFAULT_NESTING, CLIENT);
        assert_eq!(lost(usual.chain(500), DEFAULT_NESTING, CLIENT), Ok(()));
    });
}

#[test]
fn handlers_have_the_stack_for_the_deepest_values_of_a_type_with_large_fields() {
    on_a_stack_of(MOST_NESTING, || {
        let server = server(MOST_NESTING);
        let deep = client(&server, MOST_NESTING);
        let knots = MOST_NESTING / 2 - 2;
        let wide = || Wide::of(knots);
        assert!(deep.echo(wide()).expect("it fits") == wide());
        assert!(deep.echo_slowly(wide()).expect("it fits") == wide());
        let handle: &Handle<DeepClient> = &deep.call;
        handle.close();
    });
}
