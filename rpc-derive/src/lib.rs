//! The `#[rpc]` attribute.
use proc_macro::TokenStream;

/// Writes the stubs of a trait.
#[proc_macro_attribute]
pub fn rpc(attribute: TokenStream, item: TokenStream) -> TokenStream {
    rpc_codegen::rpc(attribute.into(), item.into()).into()
}
