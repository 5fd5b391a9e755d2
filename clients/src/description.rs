//! What a service says of itself, as far as a client in another language needs it.

use std::time::Duration;

use rpc_core::Contract;
use rpc_core::types::{Formats, MethodTypes, ParseError};

/// A service.
#[derive(Clone, Debug, Default)]
pub struct ServiceDescription {
    /// Its name.
    pub name: String,
    /// Its documentation; may be empty.
    pub docs: String,
    /// The hash of its contract.
    pub contract: u64,
    /// The hash over its types; 0 if it is not known.
    pub fingerprint: u64,
    /// Its methods.
    pub methods: Vec<MethodDescription>,
}

/// A method.
#[derive(Clone, Debug)]
pub struct MethodDescription {
    /// `Service.method`.
    pub name: String,
    /// Its id on the wire.
    pub id: u64,
    /// Its signature, with the names of its arguments.
    pub signature: String,
    /// Its documentation; may be empty.
    pub docs: String,
    /// True if running it twice does no harm.
    pub idempotent: bool,
    /// Its own deadline.
    pub deadline: Option<Duration>,
    /// The hash of its types; 0 if it is not known.
    pub fingerprint: u64,
    /// The formats of its types as a text, or the reason for which they are not known.
    pub formats: Result<String, String>,
}

/// The methods whose types are known.
pub(crate) struct KnownService<'a> {
    pub(crate) service: &'a ServiceDescription,
    pub(crate) methods: Vec<KnownMethod<'a>>,
}

/// A method whose types are known.
pub(crate) struct KnownMethod<'a> {
    pub(crate) method: &'a MethodDescription,
    /// The text of its formats.
    pub(crate) text: &'a str,
    /// Its formats.
    pub(crate) formats: Formats,
}

impl KnownMethod<'_> {
    /// Returns the name without that of the service.
    pub(crate) fn short_name(&self) -> &str {
        self.method.name.rsplit('.').next().unwrap_or_default()
    }
}

/// Divides methods into those whose types are known, and the reasons for the others.
pub(crate) fn known(services: &[ServiceDescription]) -> (Vec<KnownService<'_>>, Vec<String>) {
    let mut left_out = Vec::new();
    let mut known = Vec::new();
    for service in services {
        let mut methods = Vec::new();
        for method in &service.methods {
            let formats = match &method.formats {
                Ok(text) => {
                    text.parse().map(|formats| (text, formats)).map_err(|error: ParseError| error.to_string())
                }
                Err(why) => Err(why.clone()),
            };
            match formats {
                Ok((text, formats)) => methods.push(KnownMethod { method, text, formats }),
                Err(why) => left_out.push(format!("{}: its types are not known: {why}", method.name)),
            }
        }
        known.push(KnownService { service, methods });
    }
    (known, left_out)
}

impl ServiceDescription {
    /// Returns the description of a service of this program: `ServiceDescription::of(KvServer::<Store>::CONTRACT)`.
    pub fn of(contract: &Contract) -> Self {
        let types = contract.types();
        let methods = contract.methods.iter().map(|method| {
            let types: Option<&MethodTypes> = contract.types_of(method);
            MethodDescription {
                name: method.name.to_owned(),
                id: method.id.0,
                signature: method.signature.to_owned(),
                docs: String::new(),
                idempotent: method.idempotent,
                deadline: method.deadline,
                fingerprint: types.map_or(0, |types| types.fingerprint),
                formats: match types.map(|types| types.text.as_str()) {
                    None => Err("its stub was written by hand, and does not name them".to_owned()),
                    Some(text) => text
                        .strip_prefix("untraced: ")
                        .map_or_else(|| Ok(text.to_owned()), |why| Err(why.to_owned())),
                },
            }
        });
        ServiceDescription {
            name: contract.service.to_owned(),
            docs: String::new(),
            contract: contract.hash,
            fingerprint: types.map_or(0, |types| types.fingerprint),
            methods: methods.collect(),
        }
    }
}
