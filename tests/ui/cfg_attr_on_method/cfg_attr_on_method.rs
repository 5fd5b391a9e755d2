//! A method, an argument and an option that are there in some builds only, by `cfg_attr`.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[cfg_attr(all(), doc = "Documentation may depend on the build.")]
    fn get(&self, key: &str) -> String;
    #[cfg_attr(all(), cfg(debug_assertions))]
    fn debug(&self) -> String;
    #[cfg_attr(all(), rpc(idempotent))]
    fn read(&self) -> String;
    fn put(&self, key: &str, #[cfg_attr(all(), cfg_attr(all(), cfg(debug_assertions)))] value: &str);
}

fn main() {}
