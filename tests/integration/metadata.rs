//! Metadata beside the arguments of calls: it arrives with its call whatever the network does, and hostile bytes are refused.

use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::Status;
use rpc_core::wire::metadata::HAS_METADATA;
use rpc_core::{Around, CallContext, CallError, Client, Later, Metadata, Reason, Refused, Server, rpc};
use rpc_sim::{Faults, Network, in_process};

use crate::raw_client::RawClient;

#[rpc]
trait Echo {
    /// Returns its argument and the value of the key `number`.
    fn number(&self, cx: &CallContext, argument: u64) -> (u64, Option<String>);

    #[rpc(idempotent)]
    fn again(&self, cx: &CallContext, argument: u64) -> (u64, Option<String>);

    fn later(&self, cx: &CallContext) -> Later<usize>;

    fn plain(&self, argument: u64) -> u64;
}

struct Echoes;

impl Echo for Echoes {
    fn number(&self, cx: &CallContext, argument: u64) -> (u64, Option<String>) {
        (argument, cx.metadata().get("number").map(str::to_owned))
    }

    fn again(&self, cx: &CallContext, argument: u64) -> (u64, Option<String>) {
        self.number(cx, argument)
    }

    fn later(&self, cx: &CallContext) -> Later<usize> {
        Later::now(cx.metadata().iter().count())
    }

    fn plain(&self, argument: u64) -> u64 {
        argument
    }
}

fn numbered(number: u64) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.set("number", &number.to_string()).expect("it fits");
    metadata
}

#[test]
fn metadata_arrives_with_its_call_and_with_no_other_whatever_the_network_does() {
    for seed in 0..30 {
        let network = Network::new(seed, Faults::bad());
        network.serve(EchoServer::new(Echoes));
        let echo: EchoClient = network.client();
        let mut seen = 0;
        for number in 0..15 {
            let with = echo.call.with_metadata(numbered(number));
            let (own, none) = ((number, Some(number.to_string())), (number, None));
            let replies =
                [(with.number(number), &own), (with.again(number), &own), (echo.number(number), &none)];
            for (reply, expected) in replies {
                if let Ok(reply) = reply {
                    assert_eq!(&reply, expected, "seed {seed}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 5, "seed {seed}: {seen} replies");
    }
}

#[test]
fn hooks_see_metadata_and_methods_without_a_context_do_not_mind_it() {
    let known = |cx: &CallContext| match cx.metadata().get("number") {
        Some("7") => Ok(()),
        _ => Err(Refused::denied("this number is not known")),
    };
    let echo: EchoClient = in_process(Around::new(EchoServer::new(Echoes), known));
    assert!(matches!(echo.plain(1), Err(CallError::NotExecuted(why)) if why.reason == Reason::Denied));
    let seven = echo.call.with_metadata(numbered(7));
    assert_eq!(seven.plain(1).expect("it is known"), 1);
    assert_eq!(seven.later().expect("it is known"), 1);
    let without = seven.call.with_metadata(Metadata::new());
    assert!(without.plain(1).is_err(), "no entry is no metadata");
}

#[test]
fn a_call_whose_metadata_cannot_be_read_does_not_run_and_its_connection_lives() {
    let server = Server::builder().service(EchoServer::new(Echoes)).bind("127.0.0.1:0").expect("bound");
    let server = server.spawn().expect("started");
    let contract = EchoClient::CONTRACT;
    let plain = contract.methods.iter().find(|method| method.name == "Echo.plain").expect("a method");
    let (mut raw, _) = RawClient::connect(server.local_addr(), contract, 1);
    let argument = 5_u64.to_le_bytes();
    let mut call = |seq: u64, code: u8, behind: &[u8]| {
        let header =
            Header { code, method: plain.id, millis: 60_000, ..Header::for_call(Kind::Call, 0, seq) };
        raw.queue(&header, &[&argument, behind].concat());
        raw.flush();
        raw.reply()
    };
    let hostile: [&[u8]; 5] = [
        &[0xff, 0xff],
        &[1, b'a', 0, 0, 1, b'a', 0, 0, 8, 0],
        &[1, 0xff, 0, 0, 4, 0],
        &[0, 0, 0, 3, 0],
        &[&[1, b'a', 0xfe, 0x3][..], &[b'v'; 1022], &[2, 4]].concat(),
    ];
    for (behind, seq) in hostile.into_iter().zip(1..) {
        let reply = call(seq, HAS_METADATA, behind);
        assert_eq!(reply.status, Status::Refused(Reason::BadArguments), "{behind:?}");
        assert_eq!(reply.text(), "the metadata of the call cannot be read");
    }
    let none = call(6, HAS_METADATA, &[0, 0]);
    assert_eq!(none.value::<u64>(), 5, "no entry is metadata too");
    assert_eq!(call(7, HAS_METADATA, &[1, b'a', 0, 0, 4, 0]).value::<u64>(), 5);
    let unmarked = call(8, 0, &[1, b'a', 0, 0, 4, 0]);
    assert_eq!(
        unmarked.status,
        Status::Refused(Reason::BadArguments),
        "bytes behind the arguments, without the mark"
    );
    assert_eq!(call(9, 0, &[]).value::<u64>(), 5);
}
