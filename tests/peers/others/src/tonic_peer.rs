//! tonic: gRPC over HTTP/2.

use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::Failure;
use crate::drive::{Caller, IN_FLIGHT};
use crate::store::Store;
use crate::work::{Op, key, value};

mod peer {
    tonic::include_proto!("peer");
}
use peer::peer_client::PeerClient;
use peer::peer_server::{Peer, PeerServer};
use peer::{Bytes, Key, Nothing, Pair, Value};

#[tonic::async_trait]
impl Peer for Store {
    async fn echo(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn get(&self, request: Request<Key>) -> Result<Response<Value>, Status> {
        Ok(Response::new(Value { value: Store::get(self, &request.get_ref().key) }))
    }

    async fn put(&self, request: Request<Pair>) -> Result<Response<Nothing>, Status> {
        let Pair { key, value } = request.into_inner();
        Store::put(self, key, value);
        Ok(Response::new(Nothing {}))
    }
}

pub(crate) async fn serve(address: String) -> Result<(), Failure> {
    let server = Server::builder().tcp_nodelay(true).max_concurrent_streams(Some(IN_FLIGHT as u32));
    let mut server = server;
    server.add_service(PeerServer::new(Store::filled())).serve(address.parse()?).await?;
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Client(PeerClient<Channel>);

impl Caller for Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        Ok(Client(PeerClient::new(endpoint.connect().await?)))
    }

    async fn call(&self, op: Op, i: usize, payload: &[u8]) -> Result<usize, Failure> {
        let mut client = self.0.clone(); // as tonic wants it: a clone for each call
        Ok(match op {
            Op::Echo(_) => client.echo(Bytes { bytes: payload.to_vec() }).await?.into_inner().bytes.len(),
            Op::Get => {
                let reply = client.get(Key { key: key(i) }).await?.into_inner();
                reply.value.map_or(0, |value| value.len())
            }
            Op::Put => client.put(Pair { key: key(i), value: value(i) }).await.map(|_| 0)?,
        })
    }
}
