//! The description of a service, as far as a client in another language needs it.

use std::time::Duration;

use rpc_core::reflection::{
    Formats, ParseError, ReflectionClient, ServiceDescription as Described, ServiceSummary, TypesDescription,
};

use crate::GenerateError;

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
    /// Its signature.
    pub signature: String,
    /// The names of its arguments.
    pub arguments: Vec<String>,
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
    /// Returns the names of the arguments. Those that the signature does not name are numbered.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let count = self.formats.arguments.len();
        match self.method.arguments.len() == count {
            true => self.method.arguments.clone(),
            false => (1..=count).map(|number| format!("argument{number}")).collect(),
        }
    }

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

/// Asks a server for its services: those of these names, or all but the description itself if no name is given.
///
/// # Errors
/// Returns an error if a call fails, or the server has no service of a name.
pub fn describe(asks: &ReflectionClient, names: &[String]) -> Result<Vec<ServiceDescription>, GenerateError> {
    let all = asks.server()?.services;
    if let Some(name) = names.iter().find(|&name| all.iter().all(|service| service.name != *name)) {
        let known: Vec<_> = all.iter().map(|service| format!("`{}`", service.name)).collect();
        return Err(GenerateError::NoService { name: name.clone(), known: known.join(", ") });
    }
    let wanted = |service: &ServiceSummary| match names {
        [] => service.name != rpc_core::contract::REFLECTION,
        names => names.contains(&service.name),
    };
    let mut services = Vec::new();
    for summary in all.iter().filter(|&summary| wanted(summary)) {
        // A service that has gone meanwhile has no methods.
        let whole = asks.whole_service(&summary.name)?;
        services.extend(whole.map(|whole| ServiceDescription::new(summary, whole)));
    }
    Ok(services)
}

impl ServiceDescription {
    fn new(summary: &ServiceSummary, whole: Described) -> Self {
        let methods = whole.methods.into_iter().map(|method| MethodDescription {
            arguments: method.arguments().iter().map(|argument| argument.name.to_owned()).collect(),
            deadline: method.deadline_millis.map(Duration::from_millis),
            formats: match method.types {
                TypesDescription::Known(text) => Ok(text),
                TypesDescription::Unknown(why) => Err(why),
            },
            name: method.name,
            id: method.id,
            signature: method.signature,
            docs: method.docs,
            idempotent: method.idempotent,
            fingerprint: method.fingerprint,
        });
        ServiceDescription {
            methods: methods.collect(),
            name: whole.name,
            docs: whole.docs,
            contract: summary.contract,
            fingerprint: summary.fingerprint,
        }
    }
}
