//! Methods that cannot fail by themselves, without documentation, and names that meet those of the stubs.

use rpc_core::rpc;

#[rpc]
pub trait PlainReturns {
    fn ping(&self);
    fn add(&self, a: u32, b: u32) -> u32;
    fn call(&self, call: String) -> Vec<String>;
    fn r#type(&self, r#match: &str) -> (u8, [bool; 2]);
}
