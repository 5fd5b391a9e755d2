//! HELLO and every control message: what is decoded is encoded and decoded again as the same, and so is what is built.

use rpc_core::error::ProtocolError;
use rpc_core::ids::{Incarnation, MethodId, Nonce, SessionId, Token};
use rpc_core::limits::{HEADER, MAX_NAME, MAX_OPENING_HELLO, MAX_SERVICES};
use rpc_core::wire::frame::{FrameDecoder, Header, Kind};
use rpc_core::wire::message::{self, Agreement, FEATURES, Hello, Status, Table, VERSION, Welcome, cut};

use super::input::Input;

/// The number of times that a text is repeated: long names are cheap to reach, and seldom.
const TIMES: [u8; 8] = [1, 1, 1, 0, 2, 1, 7, 31];

/// An input is a byte that chooses a message, and its body or what its fields are built from.
///
/// # Panics
/// Panics if a decoder panics, or a message does not come back as it was.
pub fn messages(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(11) {
        0 => hello_from_bytes(input.rest()),
        1 => welcome_from_bytes(input.rest()),
        2 => table_from_bytes(input.rest()),
        3 => small_messages(input.rest()),
        4 | 5 => built_hello(&mut input),
        6 => built_welcome(&mut input),
        7 | 8 => built_table(&mut input),
        9 => header(&mut input),
        _ => text(&mut input),
    }
}

fn hello_from_bytes(body: &[u8]) {
    // The magic bytes are put in front of each second input, since a mutation seldom keeps them.
    let mut with_magic = message::MAGIC.to_vec();
    with_magic.extend_from_slice(body);
    for body in [body, &with_magic] {
        if let Ok(hello) = Hello::decode(body) {
            assert!(hello.services.len() <= MAX_SERVICES, "W9: at most {MAX_SERVICES} services");
            assert!((hello.version_min..=hello.version_max).contains(&VERSION), "W9: a version in common");
            assert_eq!(Hello::decode(&hello.encode()).as_ref(), Ok(&hello));
        }
    }
}

fn welcome_from_bytes(body: &[u8]) {
    if let Ok(welcome) = Welcome::decode(body) {
        assert!(welcome.slots > 0 && welcome.version == VERSION, "W10: {welcome:?}");
        same_welcome(&welcome);
    }
}

/// `Welcome` has no equality, because its token has none: its encoding stands for it.
fn same_welcome(welcome: &Welcome) {
    let bytes = welcome.encode();
    let again = Welcome::decode(&bytes).unwrap_or_else(|error| panic!("{error}: {welcome:?}"));
    assert_eq!(again.encode(), bytes);
    assert_eq!(
        (again.features, again.incarnation, again.session, again.slots, again.max_frame, again.lease_ms),
        (
            welcome.features,
            welcome.incarnation,
            welcome.session,
            welcome.slots,
            welcome.max_frame,
            welcome.lease_ms
        ),
    );
    assert_eq!((again.resumed, &again.agreements), (welcome.resumed, &welcome.agreements));
    assert!(again.token.matches(&welcome.token));
}

fn table_from_bytes(body: &[u8]) {
    if let Ok(table) = Table::decode(body, 0) {
        assert!(
            table.methods.len() <= body.len(),
            "a table grows with what is there, not with what is claimed"
        );
        assert_eq!(Table::decode(&table.encode(0), 0).as_ref(), Ok(&table));
    }
}

fn small_messages(body: &[u8]) {
    if let Ok(name) = message::decode_name(body) {
        assert_eq!(message::decode_name(&message::encode_name(name)), Ok(name));
    }
    if let Ok(incarnation) = message::decode_incarnation(body) {
        assert_eq!(incarnation.0.to_le_bytes(), body[..16]);
    }
    if let Ok(status) = body.first().map_or(Ok(Status::Done), |code| Status::from_code(*code)) {
        assert_eq!(Status::from_code(status.code()), Ok(status));
        assert_eq!(status.ran(), status.code() < 16, "W12: refusals have the codes from 16 on");
    }
}

fn built_hello(input: &mut Input<'_>) {
    let flags = input.u8();
    let mut hello = Hello::new(input.u16(), input.u32() & FEATURES, &[]);
    hello.resume = (flags & 1 != 0).then(|| (SessionId(u128::from(input.u64())), input.array()));
    while !input.is_empty() && hello.services.len() < MAX_SERVICES {
        let hash = input.u64();
        hello.services.push((repeated(input), hash));
    }
    if flags & 2 != 0 {
        // More than an input has room for: up to three over the limit.
        hello.services.resize(MAX_SERVICES - 4 + usize::from(flags >> 5), (String::new(), 0));
    }
    hello.nonce = (flags & 4 != 0).then_some(Nonce([flags; 16]));
    let body = hello.encode();
    let read = Hello::decode(&body);
    for (name, _) in &mut hello.services {
        *name = cut(name, MAX_NAME).to_owned();
    }
    let count = hello.services.len();
    let expected = match &hello.resume {
        None if body.len() > MAX_OPENING_HELLO => Err(ProtocolError::HelloTooLong(body.len())),
        _ if count > MAX_SERVICES => Err(ProtocolError::TooManyServices(count)),
        _ => Ok(hello),
    };
    assert_eq!(read, expected);
}

/// A text that may be longer than the input, so that names over the limit are cheap to reach.
fn repeated(input: &mut Input<'_>) -> String {
    let times = usize::from(TIMES[usize::from(input.u8() & 7)]);
    input.text(40).repeat(times)
}

fn built_welcome(input: &mut Input<'_>) {
    let mut welcome = Welcome {
        version: VERSION,
        features: input.u32(),
        incarnation: Incarnation(u128::from(input.u64())),
        session: SessionId(u128::from_le_bytes(input.array())),
        token: Token(input.array()),
        slots: input.u16().max(1),
        max_frame: input.u32(),
        lease_ms: input.u32(),
        resumed: input.below(2) == 1,
        agreements: Vec::new(),
    };
    while !input.is_empty() && welcome.agreements.len() < usize::from(u8::MAX) {
        welcome.agreements.push(match input.below(3) {
            0 => Agreement::Same,
            1 => Agreement::Differs,
            _ => Agreement::Missing,
        });
    }
    same_welcome(&welcome);
}

fn built_table(input: &mut Input<'_>) {
    let mut table = Table { service: repeated(input), ..Table::default() };
    while !input.is_empty() {
        let id = MethodId(input.u64());
        let name = repeated(input);
        let seldom_long = if input.u8() == u8::MAX { 255 } else { 1 };
        table.methods.push((id, name, input.text(255).repeat(seldom_long)));
    }
    let read = Table::decode(&table.encode(0), 0);
    table.service = cut(&table.service, MAX_NAME).to_owned();
    for (_, name, signature) in &mut table.methods {
        *name = cut(name, MAX_NAME).to_owned();
        *signature = cut(signature, usize::from(u16::MAX)).to_owned();
    }
    assert_eq!(read, Ok(table));
}

fn header(input: &mut Input<'_>) {
    const BARE: [Kind; 7] =
        [Kind::Cancel, Kind::Ack, Kind::Ping, Kind::Pong, Kind::GoAway, Kind::Busy, Kind::Bye];
    const WITH_BODY: [Kind; 8] = [
        Kind::Hello,
        Kind::Welcome,
        Kind::Call,
        Kind::Reply,
        Kind::SessionLost,
        Kind::Methods,
        Kind::Table,
        Kind::Reject,
    ];
    let at = usize::from(input.below(15));
    let kind = BARE.iter().chain(&WITH_BODY).copied().nth(at).unwrap_or(Kind::Call);
    let header = Header {
        kind,
        code: input.u8(),
        slot: input.u16(),
        seq: input.u64(),
        method: MethodId(input.u64()),
        millis: input.u32(),
    };
    let body = if BARE.contains(&kind) { &[][..] } else { input.rest() };
    let mut bytes = Vec::new();
    rpc_core::wire::frame::append(&mut bytes, &header, body, true);
    assert_eq!(bytes.len(), HEADER + body.len());
    let mut decoder = FrameDecoder::default();
    decoder.push(bytes.into());
    let frame = decoder.next_frame().expect("a frame of ours").expect("a whole one");
    assert_eq!((frame.header, &frame.body[..], frame.skipped), (header, body, None));
    assert!(!decoder.has_unread() && !decoder.is_mid_frame(), "bytes left over");
}

/// [`cut`] gives the longest part that fits and divides no character.
fn text(input: &mut Input<'_>) {
    let most = usize::from(input.u8());
    let text = String::from_utf8_lossy(input.rest());
    let part = cut(&text, most);
    assert!(part.len() <= most && text.starts_with(part));
    let next = text[part.len()..].chars().next();
    assert!(next.is_none_or(|next| part.len() + next.len_utf8() > most), "one more character fits");
}
