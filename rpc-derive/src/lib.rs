//! The `#[rpc]` attribute.
use proc_macro::TokenStream;

/// Generates stubs.
#[proc_macro_attribute]
pub fn rpc(_attribute: TokenStream, item: TokenStream) -> TokenStream {
    item
}
