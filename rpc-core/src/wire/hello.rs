//! Layer 1: the body of HELLO, the first frame of a client, which later clients can extend. Rule W9 of `docs/wire.md`.

use super::fields::Fields;
use super::message::{FEATURE_TYPES, VERSION, put_name};
use crate::contract::Contract;
use crate::error::ProtocolError;
use crate::ids::{Nonce, SessionId};
use crate::limits::{MAX_OPENING_HELLO, MAX_SERVICES};

/// The first bytes of a HELLO's body.
pub const MAGIC: [u8; 4] = *b"AMO\x01";
/// The kind of the extension that carries the nonce.
const EXTENSION_NONCE: u8 = 1;
/// The kind of the extension that carries the fingerprints of the types.
const EXTENSION_TYPES: u8 = 2;

/// The body of HELLO, the first frame of a client (W9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Lowest version that the client speaks.
    pub version_min: u16,
    /// Highest version that the client speaks.
    pub version_max: u16,
    /// Feature bits that the client asks for.
    pub features: u32,
    /// Slots that the client asks for.
    pub slots: u16,
    /// Services that the client was built for, with the hashes of their contracts.
    pub services: Vec<(String, u64)>,
    /// The session to resume, with its token.
    pub resume: Option<(SessionId, [u8; 32])>,
    /// The nonce of the session that is to be opened. It is not looked at when a session is resumed.
    pub nonce: Option<Nonce>,
    /// The fingerprints of the types of the services, in their order, 0 for one that is not known; empty if none is sent.
    pub types: Vec<u64>,
}

impl Hello {
    /// Returns the HELLO of a client of these services.
    pub fn new(slots: u16, features: u32, contracts: &[&Contract]) -> Self {
        let services = contracts.iter().map(|c| (c.service.to_owned(), c.hash)).collect();
        Hello {
            version_min: VERSION,
            version_max: VERSION,
            features,
            slots,
            services,
            resume: None,
            nonce: None,
            types: if features & FEATURE_TYPES != 0 { fingerprints(contracts) } else { Vec::new() },
        }
    }

    /// Returns the encoded body.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = MAGIC.to_vec();
        body.extend(self.version_min.to_le_bytes());
        body.extend(self.version_max.to_le_bytes());
        body.extend(self.features.to_le_bytes());
        body.extend(self.slots.to_le_bytes());
        body.push(u8::from(self.resume.is_some()));
        if let Some((session, token)) = &self.resume {
            body.extend(session.0.to_le_bytes());
            body.extend(token);
        }
        body.push(self.services.len() as u8); // at most MAX_SERVICES: Connector and Directory check it
        for (name, hash) in &self.services {
            body.extend(hash.to_le_bytes());
            put_name(&mut body, name);
        }
        if let Some(nonce) = &self.nonce {
            body.push(EXTENSION_NONCE);
            body.extend((nonce.0.len() as u16).to_le_bytes()); // 16
            body.extend(nonce.0);
        }
        if !self.types.is_empty() {
            body.push(EXTENSION_TYPES);
            body.extend(((self.types.len() * 8) as u16).to_le_bytes()); // at most 8 times MAX_SERVICES
            self.types.iter().for_each(|types| body.extend(types.to_le_bytes()));
        }
        body
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`ProtocolError`] if it is not a HELLO (W9).
    pub fn decode(body: &[u8]) -> Result<Hello, ProtocolError> {
        let mut fields = Fields::new(body, "HELLO");
        if fields.array()? != MAGIC {
            return Err(ProtocolError::Foreign);
        }
        let (version_min, version_max) = (fields.u16()?, fields.u16()?);
        if version_min > VERSION || version_max < VERSION {
            return Err(ProtocolError::Version { min: version_min, max: version_max });
        }
        let (features, slots) = (fields.u32()?, fields.u16()?);
        let resume = match fields.u8()? {
            0 => None,
            1 => Some((SessionId(fields.u128()?), fields.array()?)),
            _ => return Err(ProtocolError::BadHello("its resume byte is neither 0 nor 1")),
        };
        if resume.is_none() && body.len() > MAX_OPENING_HELLO {
            return Err(ProtocolError::HelloTooLong(body.len()));
        }
        let services = services(&mut fields)?;
        let (nonce, types) = extensions(&mut fields, services.len())?;
        Ok(Hello { version_min, version_max, features, slots, services, resume, nonce, types })
    }
}

/// Reads the services of a HELLO, with their hashes.
fn services(fields: &mut Fields<'_>) -> Result<Vec<(String, u64)>, ProtocolError> {
    let count = usize::from(fields.u8()?);
    if count > MAX_SERVICES {
        return Err(ProtocolError::TooManyServices(count));
    }
    let mut services = Vec::with_capacity(count);
    for _ in 0..count {
        let hash = fields.u64()?;
        let length = usize::from(fields.u8()?);
        let name = std::str::from_utf8(fields.bytes(length)?)
            .map_err(|_| ProtocolError::BadHello("the name of a service is not UTF-8"))?;
        services.push((name.to_owned(), hash));
    }
    Ok(services)
}

/// Returns the fingerprints of the types of these services; none if none is known.
fn fingerprints(contracts: &[&Contract]) -> Vec<u64> {
    let known = contracts.iter().map(|contract| contract.types().map_or(0, |types| types.fingerprint));
    let known: Vec<u64> = known.collect();
    if known.iter().any(|types| *types != 0) { known } else { Vec::new() }
}

/// Reads the extensions of a HELLO of so many services, to its end. Those of unknown kinds are skipped, so that later clients can
/// add some.
fn extensions(fields: &mut Fields<'_>, services: usize) -> Result<(Option<Nonce>, Vec<u64>), ProtocolError> {
    let (mut nonce, mut types) = (None, Vec::new());
    while !fields.is_empty() {
        let not_whole = |_| ProtocolError::BadHello("bytes are left over that are no whole extension");
        let kind = fields.u8().map_err(not_whole)?;
        let length = usize::from(fields.u16().map_err(not_whole)?);
        let value = fields.bytes(length).map_err(not_whole)?;
        if kind == EXTENSION_NONCE {
            let value = value.try_into().map_err(|_| ProtocolError::BadHello("its nonce is not 16 bytes"))?;
            if nonce.replace(Nonce(value)).is_some() {
                return Err(ProtocolError::BadHello("it has two nonces"));
            }
        }
        if kind == EXTENSION_TYPES {
            if !types.is_empty() || services == 0 || value.len() != 8 * services {
                return Err(ProtocolError::BadHello("it has not one fingerprint of types for each service"));
            }
            let words = value.chunks_exact(8).filter_map(|word| word.first_chunk());
            types.extend(words.map(|word| u64::from_le_bytes(*word)));
        }
    }
    Ok((nonce, types))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            version_min: 1,
            version_max: 1,
            features: 1,
            slots: 64,
            services: vec![("Kv".to_owned(), 7), ("Vote".to_owned(), 8)],
            resume: Some((SessionId(5), [9; 32])),
            nonce: None,
            types: Vec::new(),
        }
    }

    #[test]
    fn a_hello_comes_back_as_it_was() {
        assert_eq!(Hello::decode(&hello().encode()), Ok(hello()));
    }

    #[test]
    fn no_part_of_a_greeting_is_a_greeting() {
        let body = hello().encode();
        for cut in 0..body.len() {
            assert!(Hello::decode(&body[..cut]).is_err(), "cut at {cut}");
        }
        let mut long = body;
        long.push(0);
        assert!(Hello::decode(&long).is_err());
    }

    #[test]
    fn w9_a_hello_grows_by_extensions_and_one_of_an_unknown_kind_is_skipped() {
        let opening = Hello { resume: None, nonce: Some(Nonce([7; 16])), ..hello() };
        let body = opening.encode();
        assert_eq!(Hello::decode(&body), Ok(opening.clone()));
        let services_end = body.len() - 19;
        assert_eq!(Hello::decode(&body[..services_end]), Ok(Hello { nonce: None, ..opening.clone() }));
        let unknown: &[u8] = &[9, 2, 0, 0xff, 0xff];
        let before = [&body[..services_end], unknown, &body[services_end..]].concat();
        let after = [&body[..], unknown, &[200, 0, 0]].concat();
        assert_eq!((Hello::decode(&before), Hello::decode(&after)), (Ok(opening.clone()), Ok(opening)));
        for cut in services_end + 1..body.len() {
            assert!(matches!(Hello::decode(&body[..cut]), Err(ProtocolError::BadHello(_))), "cut at {cut}");
        }
        let twice = [&body[..], &body[services_end..]].concat();
        assert_eq!(Hello::decode(&twice), Err(ProtocolError::BadHello("it has two nonces")));
    }

    #[test]
    fn w9_a_hello_has_one_fingerprint_of_types_for_each_service_or_none() {
        let known = Hello { types: vec![5, 0], ..hello() };
        let body = known.encode();
        assert_eq!(Hello::decode(&body), Ok(known.clone()));
        let extension = hello().encode().len();
        let short = [&body[..extension], &[2, 8, 0], &[5; 8]].concat();
        let twice = [&body[..], &body[extension..]].concat();
        let none = Hello { services: Vec::new(), ..known }.encode();
        for wrong in [short, twice, none] {
            assert!(matches!(Hello::decode(&wrong), Err(ProtocolError::BadHello(_))), "{wrong:?}");
        }
    }

    #[test]
    fn w9_a_session_that_can_be_opened_can_be_resumed() {
        let named = |length: usize| {
            let names = (0..17).map(|at| (if at == 0 { "x".repeat(length) } else { "y".repeat(240) }, 0));
            Hello { services: names.collect(), resume: None, ..hello() }
        };
        let spare = MAX_OPENING_HELLO - named(0).encode().len();
        let (fits, long) = (named(spare), named(spare + 1));
        assert_eq!(Hello::decode(&fits.encode()), Ok(fits.clone()));
        assert_eq!(Hello::decode(&long.encode()), Err(ProtocolError::HelloTooLong(MAX_OPENING_HELLO + 1)));
        let resume = Hello { resume: hello().resume, ..fits };
        assert_eq!(resume.encode().len(), crate::limits::MAX_GREETING);
    }

    #[test]
    fn w9_the_first_mistakes_of_a_client_are_named() {
        let body = Hello { resume: None, ..hello() }.encode();
        let changed = |at: usize, byte: u8| {
            let mut changed = body.clone();
            changed[at] = byte;
            Hello::decode(&changed)
        };
        assert_eq!(changed(0, b'B'), Err(ProtocolError::Foreign));
        assert_eq!(changed(14, 2), Err(ProtocolError::BadHello("its resume byte is neither 0 nor 1")));
        assert_eq!(changed(15, 65), Err(ProtocolError::TooManyServices(65)));
        assert_eq!(changed(25, 0xff), Err(ProtocolError::BadHello("the name of a service is not UTF-8")));
    }

    #[test]
    fn a_version_that_we_do_not_speak_is_named() {
        let body = Hello { version_min: 2, version_max: 3, ..hello() }.encode();
        assert_eq!(Hello::decode(&body), Err(ProtocolError::Version { min: 2, max: 3 }));
    }
}
