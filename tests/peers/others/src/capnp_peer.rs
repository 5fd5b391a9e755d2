//! capnp-rpc, which has one thread: its client and its server are not `Send`.

use std::rc::Rc;

use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, twoparty};
use futures::AsyncReadExt;
use futures::io::{BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::Failure;
use crate::drive::Caller;
use crate::store::Store;
use crate::work::{Op, key, value};

mod peer_capnp {
    include!(concat!(env!("OUT_DIR"), "/peer_capnp.rs"));
}
use peer_capnp::peer;

struct Service(Store);

impl peer::Server for Service {
    async fn echo(
        self: Rc<Self>,
        arguments: peer::EchoParams,
        mut results: peer::EchoResults,
    ) -> Result<(), capnp::Error> {
        results.get().set_bytes(arguments.get()?.get_bytes()?);
        Ok(())
    }

    async fn get(
        self: Rc<Self>,
        arguments: peer::GetParams,
        mut results: peer::GetResults,
    ) -> Result<(), capnp::Error> {
        if let Some(value) = self.0.get(arguments.get()?.get_key()?.to_str()?) {
            results.get().set_value(&value);
        }
        Ok(())
    }

    async fn put(
        self: Rc<Self>,
        arguments: peer::PutParams,
        _: peer::PutResults,
    ) -> Result<(), capnp::Error> {
        let arguments = arguments.get()?;
        self.0.put(arguments.get_key()?.to_string()?, arguments.get_value()?.to_vec());
        Ok(())
    }
}

fn system(stream: TcpStream, side: Side, service: Option<capnp::capability::Client>) -> RpcSystem<Side> {
    let (reader, writer) = stream.compat().split();
    let (reader, writer) = (BufReader::new(reader), BufWriter::new(writer));
    let network = twoparty::VatNetwork::new(reader, writer, side, capnp::message::ReaderOptions::new());
    RpcSystem::new(Box::new(network), service)
}

pub(crate) async fn serve(address: String) -> Result<(), Failure> {
    let service: peer::Client = capnp_rpc::new_client(Service(Store::filled()));
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(system(stream, Side::Server, Some(service.clone().client)));
    }
}

#[derive(Clone)]
pub(crate) struct Client(peer::Client);

impl Caller for Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut system = system(stream, Side::Client, None);
        let client = system.bootstrap(Side::Server);
        tokio::task::spawn_local(system);
        Ok(Client(client))
    }

    async fn call(&self, op: Op, i: usize, payload: &[u8]) -> Result<usize, Failure> {
        Ok(match op {
            Op::Echo(_) => {
                let mut request = self.0.echo_request();
                request.get().set_bytes(payload);
                let reply = request.send().promise.await?;
                reply.get()?.get_bytes()?.to_vec().len()
            }
            Op::Get => {
                let mut request = self.0.get_request();
                request.get().set_key(&key(i)[..]);
                let reply = request.send().promise.await?;
                reply.get()?.get_value()?.to_vec().len()
            }
            Op::Put => {
                let mut request = self.0.put_request();
                request.get().set_key(&key(i)[..]);
                request.get().set_value(&value(i));
                request.send().promise.await.map(|_| 0)?
            }
        })
    }
}
