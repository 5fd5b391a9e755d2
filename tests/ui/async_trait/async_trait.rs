//! Methods as `#[async_trait]` above `#[rpc]` leaves them.

use std::future::Future;
use std::pin::Pin;

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get<'life0, 'life1, 'async_trait>(
        &'life0 self,
        key: &'life1 str,
    ) -> Pin<Box<dyn Future<Output = String> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait;
}

fn main() {}
