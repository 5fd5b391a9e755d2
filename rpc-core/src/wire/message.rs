//! Layer 1: the bodies of control frames, with fields at fixed offsets.
//! Rules W7 to W19 of `docs/wire.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Contract;
use crate::error::ProtocolError;
use crate::ids::{Incarnation, MethodId, SessionId, Token};
use crate::limits::{MAX_FORMATS_TEXT, MAX_TABLE_FORMATS};
use crate::types::MethodTypes;

use super::fields::Fields;

pub use super::hello::{Hello, MAGIC};
pub use super::status::{REPLY_NOT_KEPT, REPLY_NOT_KEPT_BEFORE, Status};

/// The version of the protocol. There is one so far.
pub const VERSION: u16 = 1;
/// Feature bit: bodies go without checksums.
pub const FEATURE_NO_BODY_CHECKSUM: u32 = 1;
/// Feature bit: TABLE has the properties of each method.
pub const FEATURE_PROPERTIES: u32 = 2;
/// Feature bit: the client knows the status [`Status::GivenUp`]. Without it the server says [`Status::Panicked`].
pub const FEATURE_GIVEN_UP: u32 = 4;
/// Feature bit: the client knows the status [`Reason::Denied`](crate::Reason::Denied). Without it the server says [`Reason::BadArguments`](crate::Reason::BadArguments).
pub const FEATURE_DENIED: u32 = 8;
/// Feature bit: a CALL may have metadata behind its arguments. Without it the client leaves that out.
pub const FEATURE_METADATA: u32 = 16;
/// Feature bit: HELLO may have the fingerprints of the types of its services, and TABLE has the formats of each method.
pub const FEATURE_TYPES: u32 = 32;
/// Bit 0 of `code` in a GOAWAY: the sessions of the server outlive it (W19b).
pub const SESSIONS_STAY: u8 = 1;

/// All feature bits that this implementation can agree to.
pub const FEATURES: u32 = FEATURE_NO_BODY_CHECKSUM
    | FEATURE_PROPERTIES
    | FEATURE_GIVEN_UP
    | FEATURE_DENIED
    | FEATURE_METADATA
    | FEATURE_TYPES;

/// The bit of a method's properties that says that it is idempotent (W11).
const IDEMPOTENT: u8 = 1;

/// The server's judgement on a client's contract (W10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// The same contract.
    Same,
    /// Another contract of the same name: methods with equal signatures still work.
    Differs,
    /// No service of that name.
    Missing,
}

/// The body of WELCOME, sent for a HELLO that the server accepts (W10).
#[derive(Clone, Debug)]
pub struct Welcome {
    /// The version from here on.
    pub version: u16,
    /// The features from here on.
    pub features: u32,
    /// The name of this life of the server.
    pub incarnation: Incarnation,
    /// The session.
    pub session: SessionId,
    /// The secret that lets the client resume it.
    pub token: Token,
    /// Slots granted.
    pub slots: u16,
    /// Longest body that the server accepts.
    pub max_frame: u32,
    /// The time that the session outlives a connection, in milliseconds.
    pub lease_ms: u32,
    /// True if the session is resumed, false if it is new.
    pub resumed: bool,
    /// One judgement for each service of the HELLO.
    pub agreements: Vec<Agreement>,
}

impl Welcome {
    /// Returns the encoded body.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.version.to_le_bytes().to_vec();
        body.extend(self.features.to_le_bytes());
        body.extend(self.incarnation.0.to_le_bytes());
        body.extend(self.session.0.to_le_bytes());
        body.extend(self.token.0);
        body.extend(self.slots.to_le_bytes());
        body.extend(self.max_frame.to_le_bytes());
        body.extend(self.lease_ms.to_le_bytes());
        body.push(u8::from(self.resumed));
        body.push(self.agreements.len() as u8); // as many as the HELLO named
        body.extend(self.agreements.iter().map(|agreement| *agreement as u8));
        body
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`ProtocolError`] if it is not a WELCOME (W10).
    pub fn decode(body: &[u8]) -> Result<Welcome, ProtocolError> {
        let mut fields = Fields::new(body, "WELCOME");
        let mut welcome = Welcome {
            version: fields.u16()?,
            features: fields.u32()?,
            incarnation: Incarnation(fields.u128()?),
            session: SessionId(fields.u128()?),
            token: Token(fields.array()?),
            slots: fields.u16()?,
            max_frame: fields.u32()?,
            lease_ms: fields.u32()?,
            resumed: fields.u8()? != 0,
            agreements: Vec::new(),
        };
        for _ in 0..fields.u8()? {
            welcome.agreements.push(match fields.u8()? {
                0 => Agreement::Same,
                1 => Agreement::Differs,
                2 => Agreement::Missing,
                _ => return Err(ProtocolError::BadBody("WELCOME")),
            });
        }
        fields.end()?;
        if welcome.version != VERSION || welcome.slots == 0 {
            return Err(ProtocolError::BadBody("WELCOME"));
        }
        Ok(welcome)
    }
}

/// The methods of a service, as the server has them (W11). The table of a service that it does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The service's name.
    pub service: String,
    /// Id, `Service.method`, signature.
    pub methods: Vec<(MethodId, String, String)>,
    /// The methods that are idempotent, as far as the table says it: only with [`FEATURE_PROPERTIES`].
    pub idempotent: BTreeSet<MethodId>,
    /// The types of the methods, as far as the table says them: only with [`FEATURE_TYPES`].
    pub types: BTreeMap<MethodId, TableTypes>,
}

/// The types of a method, as a TABLE has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableTypes {
    /// Their hash; 0 if it is not known.
    pub fingerprint: u64,
    /// Their formats as a text; empty if it is not known, or too long.
    pub text: String,
}

impl TableTypes {
    /// Returns the types of a method, with as much of the text as may be sent: all of it or nothing. `spare` is what is left of
    /// [`MAX_TABLE_FORMATS`].
    fn of(types: &MethodTypes, spare: &mut usize) -> Self {
        let fits = types.text.len() <= MAX_FORMATS_TEXT.min(*spare);
        let text = if fits { types.text.clone() } else { String::new() };
        *spare -= text.len();
        TableTypes { fingerprint: types.fingerprint, text }
    }
}

impl Table {
    /// Returns the table of a contract.
    pub fn of(contract: &Contract) -> Self {
        let methods = contract.methods.iter();
        let types = contract.types().map(|types| types.methods.as_slice()).unwrap_or_default();
        let mut spare = MAX_TABLE_FORMATS;
        let types =
            contract.methods.iter().zip(types).map(|(m, types)| (m.id, TableTypes::of(types, &mut spare)));
        Table {
            types: types.collect(),
            service: contract.service.to_owned(),
            methods: methods.map(|m| (m.id, m.name.to_owned(), m.signature.to_owned())).collect(),
            idempotent: contract.methods.iter().filter(|m| m.idempotent).map(|m| m.id).collect(),
        }
    }

    /// Returns the table of all services of a server. Each has the place of a method: its contract's hash, its name, and no
    /// signature. The name of such a table is empty.
    pub fn of_services(contracts: &[&'static Contract]) -> Self {
        let services = contracts.iter();
        let methods = services.map(|c| (MethodId(c.hash), c.service.to_owned(), String::new())).collect();
        let types = contracts.iter().filter_map(|c| {
            let types = TableTypes { fingerprint: c.types()?.fingerprint, text: String::new() };
            Some((MethodId(c.hash), types))
        });
        Table { methods, types: types.collect(), ..Table::default() }
    }

    /// Returns the encoded body, for a session with these features.
    pub fn encode(&self, features: u32) -> Vec<u8> {
        let mut body = Vec::new();
        put_name(&mut body, &self.service);
        body.extend((self.methods.len() as u16).to_le_bytes()); // at most MAX_METHODS: Directory checks it
        for (id, name, signature) in &self.methods {
            body.extend(id.0.to_le_bytes());
            put_name(&mut body, name);
            put_text(&mut body, cut(signature, usize::from(u16::MAX)));
            if features & FEATURE_PROPERTIES != 0 {
                body.push(if self.idempotent.contains(id) { IDEMPOTENT } else { 0 });
            }
            if features & FEATURE_TYPES != 0 {
                let types = self.types.get(id);
                body.extend(types.map_or(0, |types| types.fingerprint).to_le_bytes());
                put_text(&mut body, types.map_or("", |types| &types.text));
            }
        }
        body
    }

    /// Reads a body, of a session with these features.
    ///
    /// # Errors
    /// [`ProtocolError`] if it is not a TABLE (W11).
    pub fn decode(body: &[u8], features: u32) -> Result<Table, ProtocolError> {
        let mut fields = Fields::new(body, "TABLE");
        let service = fields.name()?.to_owned();
        let count = usize::from(fields.u16()?);
        let (mut idempotent, mut types) = (BTreeSet::new(), BTreeMap::new());
        let mut methods = Vec::new(); // grows with the bytes that are there, not with the claimed count
        for _ in 0..count {
            let id = MethodId(fields.u64()?);
            let name = fields.name()?.to_owned();
            let length = usize::from(fields.u16()?);
            methods.push((id, name, fields.text(length)?.to_owned()));
            if features & FEATURE_PROPERTIES != 0 && fields.u8()? & IDEMPOTENT != 0 {
                idempotent.insert(id);
            }
            if features & FEATURE_TYPES != 0 {
                let fingerprint = fields.u64()?;
                let length = usize::from(fields.u16()?);
                types.insert(id, TableTypes { fingerprint, text: fields.text(length)?.to_owned() });
            }
        }
        fields.end()?;
        Ok(Table { service, methods, idempotent, types })
    }
}

/// Returns the body of a METHODS frame: a service's name.
pub fn encode_name(name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_name(&mut body, name);
    body
}

/// Reads the body of a METHODS frame.
///
/// # Errors
/// [`ProtocolError`] if it is not a name (W11).
pub fn decode_name(body: &[u8]) -> Result<&str, ProtocolError> {
    let mut fields = Fields::new(body, "METHODS");
    let name = fields.name()?;
    fields.end()?;
    Ok(name)
}

/// Reads the body of a SESSION_LOST frame: the server's incarnation.
///
/// # Errors
/// [`ProtocolError`] if it is not an incarnation (W10).
pub fn decode_incarnation(body: &[u8]) -> Result<Incarnation, ProtocolError> {
    let mut fields = Fields::new(body, "SESSION_LOST");
    let incarnation = Incarnation(fields.u128()?);
    fields.end()?;
    Ok(incarnation)
}

/// Appends a length in one byte and as many bytes. A longer name is cut, which changes no hash.
pub(super) fn put_name(body: &mut Vec<u8>, name: &str) {
    let name = cut(name, usize::from(u8::MAX));
    body.push(name.len() as u8);
    body.extend(name.as_bytes());
}

/// Appends a length in two bytes and a text that is no longer than they can say.
fn put_text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as u16).to_le_bytes()); // cut, or at most MAX_FORMATS_TEXT
    body.extend(text.as_bytes());
}

/// Returns as much of a text as fits into `most` bytes without dividing a character.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_back_as_it_was() {
        let method = |id| (MethodId(id), format!("Kv.get{id}"), "fn get(key: &str) -> String".to_owned());
        let methods = vec![method(3), method(4)];
        let table =
            Table { service: "Kv".to_owned(), methods, idempotent: [MethodId(4)].into(), ..Table::default() };
        let plain = Table { idempotent: BTreeSet::new(), ..table.clone() };
        assert_eq!(Table::decode(&table.encode(0), 0), Ok(plain));
        let body = table.encode(FEATURE_PROPERTIES);
        assert_eq!(Table::decode(&body, FEATURE_PROPERTIES), Ok(table.clone()));
        assert!(
            Table::decode(&body, 0).is_err() && Table::decode(&table.encode(0), FEATURE_PROPERTIES).is_err()
        );
        let later = [&body[..body.len() - 1], &[0xff]].concat();
        assert_eq!(
            Table::decode(&later, FEATURE_PROPERTIES),
            Ok(table.clone()),
            "its other bits are not looked at"
        );
        let types = TableTypes { fingerprint: 9, text: "fn() -> u8".to_owned() };
        let known =
            Table { types: [(MethodId(3), types), (MethodId(4), TableTypes::default())].into(), ..table };
        let both = FEATURE_PROPERTIES | FEATURE_TYPES;
        assert_eq!(Table::decode(&known.encode(both), both), Ok(known));
    }
}
