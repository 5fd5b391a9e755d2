//! Each way in which the type of an argument or a reply may be written.
#![deny(warnings, missing_docs, missing_debug_implementations)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use rpc_core::rpc;
use rpc_core::serde::{Deserialize, Serialize};

/// Of the user, with serde as the runtime re-exports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub struct Doc(String);

/// Borrows from the frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub struct View<'a> {
    #[serde(borrow)]
    name: &'a str,
    part: Option<&'a [u8]>,
}

/// Generic.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub struct Page<T> {
    items: Vec<T>,
    next: Option<u64>,
}

/// All spellings.
#[rpc]
pub trait Spellings {
    /// References.
    fn by_reference(
        &self, a: &str, b: &[u8], c: &Doc, d: &[Doc], e: &u64, f: &(u8, Doc), g: &[u8; 4], h: &String);
    /// References inside references.
    fn nested(&self, a: &[&str], b: &[(&str, u64)], c: &Option<&str>, d: &&str, e: &[&[u8]], f: &[[u8; 4]]);
    /// Borrowed from the frame, in something else.
    fn borrowed(&self, a: Option<&str>, b: Cow<'_, str>, c: View<'_>, d: (&str, &str), e: &View<'_>);
    /// Owned.
    fn owned(&self, a: Doc, b: Vec<Doc>, c: HashMap<Doc, Page<Doc>>, d: Box<Doc>, e: [Doc; 2], f: Duration);
    /// Bytes.
    fn bytes(&self, a: Vec<u8>, b: std::vec::Vec<u8>, c: &Vec<u8>) -> std::vec::Vec<u8>;
    /// Sixteen.
    #[allow(clippy::too_many_arguments)]
    fn many(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8, n: u8,
        o: u8, p: u8,
    ) -> u8;
    /// Nothing, in full.
    fn nothing(&self) -> ();
    /// A pair.
    fn pair(&self) -> (Doc, Option<Page<Doc>>);
    /// A result, with a path.
    fn result(&self) -> core::result::Result<Vec<u8>, (u32, Doc)>;
    /// A result as a value.
    fn within(&self) -> Option<Result<Doc, String>>;
    /// A result with an error of bytes.
    fn twice(&self) -> Result<Result<(), Doc>, Vec<u8>>;
}

mod renamed {
    //! The runtime under another name.
    pub mod runtime {
        //! As `my_rpc = { package = "rpc-core", .. }` would be.
        pub use rpc_core::*;
    }

    /// In quotes.
    #[rpc_core::rpc(crate = "crate::renamed::runtime")]
    pub trait Quoted {
        /// One method.
        fn method(&self, a: &super::Doc) -> super::Doc;
    }

    /// As a path.
    #[rpc_core::rpc(crate = crate::renamed::runtime)]
    pub trait Plain {
        /// One method.
        fn method(&self, cx: &runtime::CallContext) -> super::Doc;
    }
}

fn calls(client: &SpellingsClient) -> Result<(), rpc_core::CallError> {
    let doc = Doc(String::new());
    client.by_reference("", b"", &doc, &[], &1, &(1, doc.clone()), b"abcd", &String::new())?;
    client.nested(&["a"], &[("a", 1)], &Some("a"), &"a", &[b"a"], &[[1; 4]])?;
    let view = View { name: "", part: None };
    client.start.borrowed(Some(""), Cow::Borrowed("a"), view.clone(), ("a", "b"), &view).wait()?;
    let _: Vec<u8> = client.bytes(vec![], vec![], &vec![])?;
    let (_, page) = client.pair()?;
    let _: Option<u64> = page.and_then(|page| page.items.is_empty().then_some(page.next).flatten());
    let _: Result<Vec<u8>, rpc_core::CallError<(u32, Doc)>> = client.result();
    client.nothing()
}

fn main() {
    let _ = calls;
    let _ = <renamed::QuotedClient as rpc_core::Client>::CONTRACT;
    let _ = <renamed::PlainClient as rpc_core::Client>::CONTRACT;
    let _ = View { name: "", part: None }.name;
}
