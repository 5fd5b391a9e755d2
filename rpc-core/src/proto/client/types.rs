//! Layer 2: the methods whose signatures are the same on both sides, and whose types are not.

use std::collections::BTreeMap;

use crate::contract::Contract;
use crate::ids::MethodId;
use crate::limits::MAX_DETAIL;
use crate::types::{MethodTypes, Traced, UNTRACED};
use crate::wire::message::{Table, TableTypes, cut};

/// Returns the methods whose types differ from those of the server, each with the difference. Types of which one side says nothing
/// do not differ.
pub(super) fn differences(contract: &Contract, table: &Table) -> BTreeMap<MethodId, String> {
    let own = contract.types().map(|types| types.methods.as_slice()).unwrap_or_default();
    let differing = contract.methods.iter().zip(own).filter_map(|(method, own)| {
        let theirs = table.types.get(&method.id)?;
        let differs = theirs.fingerprint != 0 && theirs.fingerprint != own.fingerprint;
        let difference = if differs { difference(own, theirs) } else { None };
        difference.map(|text| (method.id, cut(&text, MAX_DETAIL).to_owned()))
    });
    differing.collect()
}

/// Returns the difference, by its path if both sides have formats. There is none if only variants were appended.
fn difference(own: &MethodTypes, theirs: &TableTypes) -> Option<String> {
    let text = match (&own.traced, theirs.text.strip_prefix(UNTRACED)) {
        (Traced::Formats(_), Some(why)) => {
            format!("the server does not know the formats of its types ({why}), and this client does")
        }
        (Traced::Formats(own), None) => match theirs.text.parse() {
            Ok(theirs) => format!("its types differ: {}", own.difference(&theirs)?),
            Err(_) => format!("its types differ: `{own}` here, and others there"), // too long to be sent, or no such text
        },
        (Traced::Untraced(why) | Traced::Unsendable(why), _) => {
            format!("this client does not know the formats of its types ({why}), and the server does")
        }
    };
    Some(text + "; build both from the same types")
}
