//! Values are opened as the codec reads them: what it refuses is wrong, and each byte has its field.

use std::collections::BTreeMap;

use rpc_core::serde::{Deserialize, Serialize, de::DeserializeOwned};
use rpc_core::wire::codec;
use rpc_core::wire::frame::{Header, Kind, append};
use rpc_core::{Client, rpc};
use rpc_frames::{Annotated, Known, Methods, annotate};

#[derive(Debug, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub(crate) enum KvError {
    NotFound,
}

#[rpc]
pub(crate) trait Kv {
    fn get(&self, key: &str) -> Result<String, KvError>;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub(crate) enum Shape {
    Empty,
    Circle(u16),
    Line(i8, i64),
    Text { at: u8, text: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub(crate) struct Tree(Vec<Tree>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub(crate) struct Job {
    id: u32,
    ready: bool,
    mark: char,
    share: f64,
    owner: Option<String>,
    shapes: Vec<Shape>,
    counts: BTreeMap<String, i16>,
    pair: (u8, i128),
    tree: Tree,
    none: (),
    bytes: Vec<u8>,
}

#[rpc]
pub(crate) trait Jobs {
    fn run(&self, job: Job, again: [u16; 2]);
}

fn job() -> Job {
    Job {
        id: 7,
        ready: true,
        mark: 'é',
        share: 1.5,
        owner: Some("anna".to_owned()),
        shapes: vec![
            Shape::Empty,
            Shape::Circle(5),
            Shape::Line(-1, -2),
            Shape::Text { at: 1, text: "a".to_owned() },
        ],
        counts: [("x".to_owned(), -3)].into(),
        pair: (1, -1),
        tree: Tree(vec![Tree(vec![]), Tree(vec![])]),
        none: (),
        bytes: vec![1, 2],
    }
}

/// Returns the bytes of a value.
pub(crate) fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut body = Vec::new();
    codec::encode(value, &mut body, usize::MAX).expect("it can be sent");
    body
}

/// Panics unless each byte of a frame has exactly one field.
pub(crate) fn covers(frame: &Annotated) {
    let mut next = 0;
    for field in &frame.fields {
        assert_eq!(field.from, next, "{} of {frame:?}", field.name);
        assert!(field.to > field.from || !field.wrong.is_empty(), "{} has no bytes", field.name);
        next = field.to;
    }
    assert_eq!(next, frame.bytes.len(), "{frame:?}");
}

/// Returns a call of the only method of a contract.
fn called(contract: &'static rpc_core::Contract, body: &[u8]) -> Annotated {
    let method = contract.methods[0].id;
    let mut bytes = Vec::new();
    append(&mut bytes, &Header { method, ..Header::for_call(Kind::Call, 0, 1) }, body, true);
    annotate(&bytes, &Known { methods: Some(&Methods::of(&[contract])), ..Known::default() })
}

#[test]
fn a_value_of_every_format_is_told_as_it_is_written() {
    let body = encoded(&(job(), [1_u16, 2]));
    let frame = called(JobsClient::CONTRACT, &body);
    covers(&frame);
    assert_eq!(frame.wrong, "");
    let value = |name: &str| {
        let found = frame.fields.iter().find(|field| field.name == name);
        found.unwrap_or_else(|| panic!("no field {name} in {frame:?}")).value.clone()
    };
    for (name, expected) in [
        ("job.id", "7"),
        ("job.ready", "true"),
        ("job.mark", "'é'"),
        ("job.share", "1.5"),
        ("job.owner: length", "4"),
        ("job.shapes: number", "4 elements"),
        ("job.shapes[1]", "variant 1: Circle"),
        ("job.shapes[1].0", "5"),
        ("job.shapes[2].1", "-2"),
        ("job.shapes[3].text", "\"a\""),
        ("job.counts[0].key", "\"x\""),
        ("job.counts[0].value", "-3"),
        ("job.pair.1", "-1"),
        ("job.tree[1]: number", "0 elements"),
        ("job.bytes", "[2 bytes: 01 02]"),
        ("again[1]", "2"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    assert!(
        frame.says.starts_with("run(job: Job { id: 7, ready: true, mark: 'é', share: 1.5, owner: Some(\"anna\"), shapes: [Empty, Circle(5), Line(-1, -2)"),
        "{}",
        frame.says
    );
}

/// Panics unless a body is wrong exactly if the codec refuses it.
fn agrees<T: DeserializeOwned>(contract: &'static rpc_core::Contract, body: &[u8]) {
    let frame = called(contract, body);
    covers(&frame);
    let refused = codec::decode::<T>(body).err();
    assert_eq!(!frame.wrong.is_empty(), refused.is_some(), "{refused:?}: {frame:?}");
}

#[test]
fn w15_a_body_is_wrong_exactly_if_the_codec_refuses_it() {
    type Arguments = (Job, [u16; 2]);
    let body = encoded(&(job(), [1_u16, 2]));
    for end in 0..body.len() {
        agrees::<Arguments>(JobsClient::CONTRACT, &body[..end]);
    }
    agrees::<Arguments>(JobsClient::CONTRACT, &[&body[..], &[0]].concat());
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let mut changed = body.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..changed.len());
            changed[at] = random.choice([0, 1, 2, 0x7f, 0x80, 0xff]).unwrap_or(random.u8(..));
        }
        agrees::<Arguments>(JobsClient::CONTRACT, &changed);
    }
}

#[test]
fn values_nested_too_deeply_and_types_without_an_end_are_wrong_and_stop_the_reading() {
    let tree = |levels: usize| {
        let mut body = Vec::new();
        (0..levels).for_each(|_| body.extend(1_u64.to_le_bytes()));
        body.extend(0_u64.to_le_bytes());
        body
    };
    for (text, body) in [
        ("fn(A) -> (); type A = A", vec![]),
        ("fn(A) -> (); struct A { a: A }", vec![]),
        ("fn(A) -> (); type A = [A]", tree(100)),
    ] {
        let frame = opened_by(text, &body);
        covers(&frame);
        assert!(frame.wrong.contains("nested deeper than 64"), "{text}: {}", frame.wrong);
    }
    assert_eq!(opened_by("fn(A) -> (); type A = [A]", &tree(10)).wrong, "");
}

#[test]
fn a_type_without_bytes_that_has_ever_more_parts_takes_bounded_steps() {
    let doubled = (0..50).map(|at| format!("; struct A{at}(A{next}, A{next})", next = at + 1));
    let doubled = doubled.collect::<String>() + "; struct A50(())";
    for text in [format!("fn(A0) -> (){doubled}"), "fn([(); 9999999999999]) -> ()".to_owned()] {
        let frame = opened_by(&text, &[]);
        covers(&frame);
        assert!(frame.wrong.contains("more values than a body of this length has"), "{}", frame.wrong);
    }
}

#[test]
fn a_long_list_has_at_most_so_many_fields_and_each_byte_is_in_one() {
    let list: Vec<u16> = (0..5000).collect();
    let frame = opened_by("fn([u16]) -> ()", &encoded(&(list,)));
    covers(&frame);
    assert_eq!((frame.fields.len(), frame.wrong.as_str()), (1001, ""));
    let last = frame.fields.last().expect("a field");
    assert_eq!(
        (last.name.as_str(), last.value.as_str()),
        ("more fields", "4010 of them, not shown one by one")
    );
    assert!(frame.says.len() < 300, "{}", frame.says);
}

/// Opens a body by formats that the other side has sent as a text.
fn opened_by(formats: &str, body: &[u8]) -> Annotated {
    use rpc_core::wire::message::{Table, TableTypes};
    let id = rpc_core::ids::MethodId(1);
    let types = TableTypes { fingerprint: 1, text: formats.to_owned() };
    let table = Table {
        service: "S".to_owned(),
        methods: vec![(id, "S.m".to_owned(), "fn m(a: A)".to_owned())],
        types: [(id, types)].into(),
        ..Table::default()
    };
    let mut methods = Methods::default();
    methods.learn(&table);
    assert!(methods.get(id).is_some_and(|shape| shape.formats.is_some()), "{formats}");
    let mut bytes = Vec::new();
    append(&mut bytes, &Header { method: id, ..Header::for_call(Kind::Call, 0, 1) }, body, true);
    annotate(&bytes, &Known { methods: Some(&methods), ..Known::default() })
}
