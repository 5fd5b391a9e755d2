//! tarpc, with its codec for bincode, and as its own example has it: each request runs as a task.

use std::sync::Arc;

use futures::StreamExt;
use tarpc::context::{self, Context};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::drive::{Caller, IN_FLIGHT};
use crate::store::Store;
use crate::work::{Op, key, value};

#[tarpc::service]
trait Peer {
    async fn echo(bytes: Vec<u8>) -> Vec<u8>;
    async fn get(key: String) -> Option<Vec<u8>>;
    async fn put(key: String, value: Vec<u8>);
}

#[derive(Clone)]
struct Service(Arc<Store>);

impl Peer for Service {
    async fn echo(self, _: Context, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn get(self, _: Context, key: String) -> Option<Vec<u8>> {
        self.0.get(&key)
    }

    async fn put(self, _: Context, key: String, value: Vec<u8>) {
        self.0.put(key, value);
    }
}

pub(crate) async fn serve(address: String) -> Result<(), Failure> {
    let service = Service(Arc::new(Store::filled()));
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let frames = LengthDelimitedCodec::builder().new_framed(stream);
        let transport = tarpc::serde_transport::new(frames, Bincode::default());
        let requests = BaseChannel::with_defaults(transport).execute(service.clone().serve());
        tokio::spawn(requests.for_each(|request| async move {
            tokio::spawn(request);
        }));
    }
}

#[derive(Clone)]
pub(crate) struct Client(PeerClient);

impl Caller for Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let frames = LengthDelimitedCodec::builder().new_framed(stream);
        let transport = tarpc::serde_transport::new(frames, Bincode::default());
        let mut config = tarpc::client::Config::default();
        config.max_in_flight_requests = IN_FLIGHT;
        config.pending_request_buffer = IN_FLIGHT;
        Ok(Client(PeerClient::new(config, transport).spawn()))
    }

    async fn call(&self, op: Op, i: usize, payload: &[u8]) -> Result<usize, Failure> {
        Ok(match op {
            Op::Echo(_) => self.0.echo(context::current(), payload.to_vec()).await?.len(),
            Op::Get => self.0.get(context::current(), key(i)).await?.map_or(0, |value| value.len()),
            Op::Put => self.0.put(context::current(), key(i), value(i)).await.map(|()| 0)?,
        })
    }
}
