//! `kv dump`: writes all pairs, page by page and sorted by key, in the form that `kv load` reads.

use rpc_examples::status::Failure;

use crate::api::{KvClient, Page};
use crate::arguments::{ClientOptions, DumpOptions};
use crate::commands::connect;
use crate::output::PairWriter;

/// Writes every pair to standard output.
pub(crate) fn dump(client: &ClientOptions, options: &DumpOptions) -> Result<(), Failure> {
    let kv = connect(client)?;
    let mut out = PairWriter::new(client.format);
    let mut written = 0;
    for page in pages(&kv, &options.prefix, options.page) {
        let page = page.map_err(|failure| failure.during(format!("after {written} pairs")))?;
        for (key, value) in &page.pairs {
            out.write(key, value)?;
        }
        written += page.pairs.len();
    }
    out.finish()?;
    kv.call.close();
    Ok(())
}

/// Returns the pages of all pairs whose keys begin with `prefix`. Each page is one call, so that no reply is large. A
/// pair that changes between two pages appears as it is when its page is read.
pub(crate) fn pages(kv: &KvClient, prefix: &str, size: u32) -> impl Iterator<Item = Result<Page, Failure>> {
    let mut after = Some(String::new());
    std::iter::from_fn(move || {
        let from = after.take()?;
        let page = match kv.list(prefix, &from, size) {
            Ok(page) => page,
            Err(error) => return Some(Err(error.into())),
        };
        if page.more {
            after = page.pairs.last().map(|(key, _)| key.clone());
        }
        Some(Ok(page))
    })
}
