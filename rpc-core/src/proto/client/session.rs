//! Layer 2: the session as WELCOME described it, and the services whose contracts differ from the server's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ClientConfig;
use super::types::differences;
use crate::contract::Method;
use crate::error::Reason;
use crate::ids::{Incarnation, MethodId, SessionId, Token};
use crate::limits::MAX_SLOTS;
use crate::wire::message::{
    Agreement, FEATURE_DENIED, FEATURE_GIVEN_UP, FEATURE_METADATA, FEATURE_NO_BODY_CHECKSUM, FEATURE_TYPES,
    Status, Table, Welcome,
};

/// A service whose contract is not the same on both sides.
#[derive(Clone, Debug)]
pub(super) struct Differing {
    /// The service.
    pub(super) service: &'static str,
    /// The server's judgement.
    pub(super) agreement: Agreement,
    /// The server's methods, once its table has arrived.
    pub(super) table: Option<Arc<Table>>,
    /// The methods that both sides have with other types, with the differences.
    pub(super) types: BTreeMap<MethodId, String>,
}

/// The session of a client.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Its name on the wire.
    pub(super) id: SessionId,
    /// The secret that lets the client resume it.
    pub(super) token: Token,
    /// The name of the server's life.
    pub(super) incarnation: Incarnation,
    /// True if the last WELCOME has resumed it.
    pub(super) resumed: bool,
    /// The longest body that the server accepts, in bytes.
    pub(super) max_frame: usize,
    /// The feature bits that were agreed on.
    pub(super) features: u32,
    /// The services whose contracts differ.
    pub(super) differing: Vec<Differing>,
    /// The names of the server's services, once they were asked for and have arrived.
    pub(super) services: Option<Vec<String>>,
    /// True if it was taken from a journal, and no WELCOME has resumed it yet.
    pub(super) is_restored: bool,
}

impl Session {
    /// The session that a WELCOME describes. `previous`: the session that it resumes, whose tables are still right.
    pub(super) fn new(welcome: &Welcome, config: &ClientConfig, previous: Option<Session>) -> Self {
        Session {
            id: welcome.session,
            token: welcome.token,
            incarnation: welcome.incarnation,
            resumed: welcome.resumed,
            features: welcome.features,
            max_frame: welcome.max_frame as usize,
            // A resumed session is in the same life of the server, whose contracts do not change.
            // Of one from a journal nothing is known yet.
            differing: previous
                .filter(|session| !session.is_restored)
                .map_or_else(|| differing(welcome, config), |session| session.differing),
            services: None,
            is_restored: false,
        }
    }

    /// Returns true if bodies carry checksums.
    pub(super) fn has_checksums(&self) -> bool {
        self.features & FEATURE_NO_BODY_CHECKSUM == 0
    }

    /// Returns true if a call may have metadata (W13a).
    pub(super) fn knows_metadata(&self) -> bool {
        self.features & FEATURE_METADATA != 0
    }

    /// Returns true if a reply may have this status: some are agreed on (W12).
    pub(super) fn knows(&self, status: Status) -> bool {
        match status {
            Status::GivenUp => self.features & FEATURE_GIVEN_UP != 0,
            Status::Refused(Reason::Denied) => self.features & FEATURE_DENIED != 0,
            _ => true,
        }
    }

    /// Returns true if the methods of every service that differs are known.
    pub(super) fn has_all_tables(&self) -> bool {
        self.differing.iter().all(|d| d.agreement == Agreement::Missing || d.table.is_some())
    }

    /// Returns the indices of the services whose methods the client must ask for.
    pub(super) fn missing_tables(&self, config: &ClientConfig) -> Vec<usize> {
        let is_missing = |service: &str| {
            let mut differing = self.differing.iter();
            differing.any(|d| d.service == service && d.agreement == Agreement::Differs && d.table.is_none())
        };
        let contracts = config.contracts.iter().enumerate();
        contracts.filter(|(_, contract)| is_missing(contract.service)).map(|(index, _)| index).collect()
    }

    /// Returns the services that the client has stubs for and that the server does not have.
    pub(super) fn missing_services(&self, config: &ClientConfig) -> Vec<&'static str> {
        let is_typed =
            |service: &str| config.contracts.iter().any(|c| c.service == service && !c.is_unknown());
        let missing = self.differing.iter().filter(|d| d.agreement == Agreement::Missing);
        missing.map(|d| d.service).filter(|service| is_typed(service)).collect()
    }

    /// Returns true if calls may be sent although they were not compared with the server's methods: it refuses a signature that it
    /// does not have. It cannot tell types apart, so with these the tables come first.
    pub(super) fn may_send(&self) -> bool {
        self.differing.is_empty() || self.features & FEATURE_TYPES == 0 || self.has_all_tables()
    }

    /// Stores the server's methods of a service, or the names of its services.
    pub(super) fn store_table(&mut self, table: Table, config: &ClientConfig) {
        if table.service.is_empty() {
            self.services = Some(table.methods.into_iter().map(|(_, name, _)| name).collect());
            return;
        }
        if let Some(known) = self.differing.iter_mut().find(|d| d.service == table.service) {
            let mut contracts = config.contracts.iter().filter(|contract| contract.service == known.service);
            let typed = contracts.find(|contract| !contract.is_unknown());
            known.types = typed.map(|contract| differences(contract, &table)).unwrap_or_default();
            known.table = Some(Arc::new(table));
        }
    }

    /// Returns the server's methods of a service that differs. A service that the server does not have has none.
    pub(super) fn table(&self, service: &str) -> Option<Arc<Table>> {
        let known = self.differing.iter().find(|d| d.service == service)?;
        match known.agreement {
            Agreement::Missing => Some(Arc::new(Table { service: service.to_owned(), ..Table::default() })),
            Agreement::Same | Agreement::Differs => known.table.clone(),
        }
    }

    /// Returns the difference between client and server in a method; `None` if none is known.
    pub(super) fn disagreement(&self, method: &Method) -> Option<String> {
        // The common case, once for each call: nothing is compared.
        if self.differing.is_empty() {
            return None;
        }
        let service = method.name.split('.').next().unwrap_or_default();
        let known = self.differing.iter().find(|d| d.service == service)?;
        if known.agreement == Agreement::Missing {
            return Some(format!("the server has no service `{service}`; check its address"));
        }
        // Until the table is here nothing is refused: the server refuses by itself, with less to say.
        let table = known.table.as_ref()?;
        if table.methods.iter().any(|(id, ..)| *id == method.id) {
            return known.types.get(&method.id).cloned();
        }
        let theirs = table.methods.iter().find(|(_, name, _)| name == method.name);
        Some(match theirs {
            Some((_, _, signature)) => format!(
                "the server has `{signature}`, this client was built for `{}`; build both from the same trait",
                method.signature
            ),
            None => {
                format!("the server's `{service}` has no method of that name; build both from the same trait")
            }
        })
    }
}

/// Returns true if a WELCOME fits the client: it resumes the session that it has, or opens one if it has none.
///
/// A session is resumed or lost, but never replaced: calls wait in it.
pub(super) fn fits(welcome: &Welcome, known: Option<&Session>, config: &ClientConfig, slots: usize) -> bool {
    // A server that resumes another session, or the same with other slots, would take this client's numbers for those of
    // other calls.
    let is_ours = match known {
        Some(known) => welcome.resumed && known.id == welcome.session && usize::from(welcome.slots) == slots,
        None => !welcome.resumed,
    };
    let wanted = config.limits.slots.clamp(1, MAX_SLOTS); // no more is granted than was asked for (W10)
    is_ours
        && (welcome.resumed || welcome.slots <= wanted)
        && welcome.features & !config.features == 0
        && welcome.agreements.len() == config.contracts.len()
}

/// Returns the services that differ, and logs them.
fn differing(welcome: &Welcome, config: &ClientConfig) -> Vec<Differing> {
    let mut differing = Vec::new();
    for (contract, agreement) in config.contracts.iter().zip(&welcome.agreements) {
        if *agreement == Agreement::Same {
            continue;
        }
        if !contract.is_unknown() {
            crate::log::warn!(
                service = contract.service,
                ?agreement,
                "client and server were built from different traits"
            );
        }
        differing.push(Differing {
            service: contract.service,
            agreement: *agreement,
            table: None,
            types: BTreeMap::new(),
        });
    }
    differing
}
