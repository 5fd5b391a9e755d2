//! Rules of the bodies of control frames: each field comes back, no part of a body is a body, and limits hold exactly.

use crate::contract::{Contract, ContractError, Directory, Method};
use crate::error::{ProtocolError, Reason};
use crate::ids::{Incarnation, MethodId, SessionId, Token};
use crate::limits::{MAX_METHODS, MAX_SERVICES};
use crate::wire::message::{
    Agreement, Hello, Status, Table, Welcome, cut, decode_incarnation, decode_name, encode_name,
};

fn hello(services: usize) -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        features: 0x0102_0304,
        slots: 0x0506,
        services: (0..services).map(|n| (format!("S{n}"), n as u64)).collect(),
        resume: Some((SessionId(u128::MAX / 3), [9; 32])),
        nonce: None,
        types: Vec::new(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        features: 0x0102_0304,
        incarnation: Incarnation(u128::MAX / 5),
        session: SessionId(u128::MAX / 7),
        token: Token([3; 32]),
        slots: 0x0708,
        max_frame: 0x090a_0b0c,
        lease_ms: 0x0d0e_0f10,
        resumed: true,
        agreements: vec![Agreement::Same, Agreement::Differs, Agreement::Missing],
    }
}

fn table() -> Table {
    Table {
        service: "Kv".to_owned(),
        methods: vec![
            (MethodId(3), "Kv.get".to_owned(), "fn get(key: &str) -> String".to_owned()),
            (MethodId(u64::MAX), "Kv.put".to_owned(), String::new()),
        ],
        idempotent: [].into(),
        types: [].into(),
    }
}

/// Asserts that nothing shorter and nothing longer than this body can be decoded.
fn is_exact<T: std::fmt::Debug>(body: &[u8], decode: fn(&[u8]) -> Result<T, ProtocolError>) {
    assert!(decode(body).is_ok());
    for cut in 0..body.len() {
        assert!(decode(&body[..cut]).is_err(), "cut at {cut} of {}", body.len());
    }
    let longer = [body, &[0]].concat();
    assert!(decode(&longer).is_err());
}

#[test]
fn each_body_ends_where_its_fields_end() {
    is_exact(&hello(3).encode(), Hello::decode);
    is_exact(&Hello { resume: None, ..hello(0) }.encode(), Hello::decode);
    is_exact(&welcome().encode(), Welcome::decode);
    is_exact(&table().encode(0), |body| Table::decode(body, 0));
    is_exact(&7u128.to_le_bytes(), decode_incarnation);
    let name: fn(&[u8]) -> Result<String, ProtocolError> = |body| decode_name(body).map(str::to_owned);
    is_exact(&encode_name("Kv"), name);
}

#[test]
fn every_field_comes_back_as_it_was() {
    assert_eq!(Hello::decode(&hello(3).encode()), Ok(hello(3)));
    assert_eq!(Table::decode(&table().encode(0), 0), Ok(table()));
    let (sent, came) = (welcome(), Welcome::decode(&welcome().encode()).expect("a WELCOME"));
    assert_eq!((came.version, came.features, came.slots), (sent.version, sent.features, sent.slots));
    assert_eq!(
        (came.incarnation, came.session, came.token.0),
        (sent.incarnation, sent.session, sent.token.0)
    );
    assert_eq!((came.max_frame, came.lease_ms), (sent.max_frame, sent.lease_ms));
    assert_eq!((came.resumed, came.agreements), (sent.resumed, sent.agreements));
    let not = Welcome { resumed: false, ..welcome() };
    assert!(!Welcome::decode(&not.encode()).expect("a WELCOME").resumed);
}

#[test]
fn a_hello_names_as_many_services_as_the_limit_and_not_one_more() {
    assert!(Hello::decode(&hello(MAX_SERVICES).encode()).is_ok());
    assert_eq!(Hello::decode(&hello(MAX_SERVICES + 1).encode()), Err(ProtocolError::TooManyServices(65)));
}

#[test]
fn a_hello_is_known_by_its_magic_and_fits_if_our_version_lies_in_its_range() {
    let mut foreign = hello(1).encode();
    foreign[3] = 2;
    assert_eq!(Hello::decode(&foreign), Err(ProtocolError::Foreign));
    for (version_min, version_max, fits) in
        [(1, 1, true), (0, 1, true), (1, 9, true), (0, 0, false), (2, 9, false)]
    {
        let decoded = Hello::decode(&Hello { version_min, version_max, ..hello(1) }.encode());
        assert_eq!(decoded.is_ok(), fits, "{version_min} to {version_max}");
    }
    let mut body = Hello { resume: None, ..hello(0) }.encode();
    body[14] = 2; // neither with nor without a session to resume
    assert!(Hello::decode(&body).is_err());
}

#[test]
fn a_welcome_without_slots_of_another_version_or_with_an_unknown_agreement_is_none() {
    assert!(Welcome::decode(&Welcome { slots: 0, ..welcome() }.encode()).is_err());
    assert!(Welcome::decode(&Welcome { version: 2, ..welcome() }.encode()).is_err());
    let mut body = welcome().encode();
    *body.last_mut().expect("an agreement") = 3;
    assert!(Welcome::decode(&body).is_err());
}

#[test]
fn a_table_that_claims_more_methods_than_it_has_is_none() {
    let mut body = table().encode(0);
    body[3] += 1; // after the name's length and its two characters
    assert!(Table::decode(&body, 0).is_err());
    body[3] -= 2;
    assert!(Table::decode(&body, 0).is_err(), "nor one that claims fewer");
}

#[test]
fn long_names_are_cut_between_characters() {
    assert_eq!(cut("abc", 3), "abc");
    assert_eq!(cut("abcd", 3), "abc");
    assert_eq!(cut("aé", 2), "a", "é takes two bytes");
    assert_eq!(cut("é", 1), "");
    let long = "x".repeat(300);
    assert_eq!(decode_name(&encode_name(&long)), Ok(&long[..255]));
    assert!(decode_name(&[1, 0xff]).is_err(), "not UTF-8");
}

#[test]
fn each_status_has_its_code_on_the_wire() {
    let codes = [
        (Status::Done, 0),
        (Status::Failed, 1),
        (Status::Panicked, 2),
        (Status::ReplyLost, 3),
        (Status::GivenUp, 4),
        (Status::Refused(Reason::Cancelled), 16),
        (Status::Refused(Reason::Deadline), 17),
        (Status::Refused(Reason::Busy), 18),
        (Status::Refused(Reason::Draining), 19),
        (Status::Refused(Reason::NoSuchMethod), 20),
        (Status::Refused(Reason::BadArguments), 21),
        (Status::Refused(Reason::TooLarge), 22),
        (Status::Refused(Reason::Denied), 23),
    ];
    for (status, code) in codes {
        assert_eq!((status.code(), Status::from_code(code)), (code, Ok(status)));
        assert_eq!(status.ran(), code < 16, "{status:?}");
    }
    let known = (0..=255).filter(|code| Status::from_code(*code).is_ok()).count();
    assert_eq!(known, codes.len());
    assert_eq!(Status::Refused(Reason::Unreachable).code(), 16, "a reason that no server gives");
}

#[test]
fn a_directory_has_as_many_services_and_methods_as_the_limits_and_not_one_more() {
    let leak = |service: String, methods: Vec<Method>| -> &'static Contract {
        Box::leak(Box::new(Contract::new(service.leak(), methods.leak())))
    };
    let methods = |count: usize| -> Vec<Method> {
        (0..count).map(|n| Method::new(format!("S.m{n}").leak(), "fn m()")).collect()
    };
    let services = |count: usize| (0..count).map(|n| leak(format!("S{n}"), Vec::new())).collect::<Vec<_>>();
    assert!(Directory::new(services(MAX_SERVICES)).is_ok());
    assert_eq!(Directory::new(services(MAX_SERVICES + 1)).err(), Some(ContractError::TooManyServices(65)));
    let full = leak("S".to_owned(), methods(MAX_METHODS));
    let directory = Directory::new(vec![full]).expect("at the limit");
    for (index, method) in full.methods.iter().enumerate() {
        assert_eq!(
            directory.find(method.id).map(|entry| (entry.service, entry.index)),
            Some((0, index as u16))
        );
    }
    let over = leak("S".to_owned(), methods(MAX_METHODS + 1));
    assert_eq!(Directory::new(vec![over]).err(), Some(ContractError::TooManyMethods("S", 1025)));
}

#[test]
fn two_methods_of_one_hash_are_refused_wherever_they_stand() {
    let method = Method::new("S.m", "fn m()");
    let (first, second): (&'static Contract, &'static Contract) = (
        Box::leak(Box::new(Contract::new("A", Box::leak(Box::new([method]))))),
        Box::leak(Box::new(Contract::new("B", Box::leak(Box::new([Method::new("B.x", "fn x()"), method]))))),
    );
    assert_eq!(Directory::new(vec![first, second]).err(), Some(ContractError::SameMethod("S.m", "S.m")));
    let directory = Directory::new(vec![second]).expect("alone it can stand");
    assert_eq!(directory.contract("B").map(|contract| contract.service), Some("B"));
    assert!(directory.contract("A").is_none());
}

#[test]
fn the_policies_of_a_method_do_not_change_its_name_on_the_wire() {
    let plain = Method::new("S.m", "fn m()");
    let other = plain.idempotent().slow().with_context().deadline_ms(1500).max_cached_reply(7);
    assert_eq!(plain.id, other.id);
    assert!(other.idempotent && other.slow && other.context);
    assert_eq!(other.deadline, Some(std::time::Duration::from_millis(1500)));
    assert_eq!(other.max_cached_reply, Some(7));
    assert!(!plain.idempotent && !plain.slow && !plain.context && plain.max_cached_reply.is_none());
}

#[test]
fn a_contract_of_which_only_the_name_is_known_differs_from_every_other() {
    let unknown = Contract::unknown("S");
    assert!(unknown.is_unknown());
    assert!(!Contract::new("S", &[]).is_unknown());
    assert_ne!(unknown.hash, Contract::new("S", &[]).hash);
}
