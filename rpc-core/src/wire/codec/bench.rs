//! Measures the cost of the guard: `cargo test --release -p rpc-core --lib -- --ignored --nocapture guard_cost`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use super::{bare, decode, encode};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Value {
    Null,
    Number(i64),
    Text(String),
    List(Vec<Value>),
    Point { x: f64, y: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Document {
    id: u64,
    title: String,
    author: Option<String>,
    tags: Vec<String>,
    fields: BTreeMap<String, Value>,
    revisions: Vec<(u64, String)>,
}

fn document() -> Document {
    let text = |n: usize| format!("text number {n:02}");
    let list = Value::List(vec![Value::Number(1), Value::Text(text(3)), Value::Point { x: 1.0, y: 2.0 }]);
    Document {
        id: 7,
        title: text(1),
        author: Some(text(2)),
        tags: (0..8).map(text).collect(),
        fields: (0..8).map(|n| (text(n), if n % 2 == 0 { list.clone() } else { Value::Null })).collect(),
        revisions: (0..8).map(|n| (n as u64, text(n))).collect(),
    }
}

/// The best of many rounds, in nanoseconds: what is left when nothing disturbs.
fn best(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    let count = (2_000_000 / start.elapsed().as_nanos().max(20)).max(1) as u32;
    (0..300)
        .map(|_| {
            let start = Instant::now();
            (0..count).for_each(|_| work());
            start.elapsed().as_nanos() as f64 / f64::from(count)
        })
        .fold(f64::MAX, f64::min)
}

fn compare<'de, T: Serialize + Deserialize<'de> + PartialEq + Debug>(
    name: &str,
    value: &T,
    bytes: &'de mut Vec<u8>,
) {
    encode(value, bytes, usize::MAX).unwrap();
    let bytes = &*bytes;
    assert_eq!(&decode::<T>(bytes).unwrap(), value);
    let bare_in = best(|| drop(black_box(bare::decode::<T>(black_box(bytes)))));
    let guarded_in = best(|| drop(black_box(decode::<T>(black_box(bytes)))));
    let mut out = Vec::with_capacity(bytes.len());
    let bare_out = best(|| {
        out.clear();
        black_box(bare::encode(black_box(value), black_box(&mut out)));
    });
    let guarded_out = best(|| {
        out.clear();
        black_box(encode(black_box(value), black_box(&mut out), usize::MAX)).unwrap();
    });
    println!(
        "{name:22} {:7} B | decode {bare_in:9.1} -> {guarded_in:9.1} ns, x{:.2} | encode {bare_out:9.1} -> {guarded_out:9.1} ns, x{:.2}",
        bytes.len(),
        guarded_in / bare_in,
        guarded_out / bare_out,
    );
}

#[test]
#[ignore = "measures; run alone, in release"]
fn guard_cost() {
    let bytes = [7; 64];
    compare("get (k16)", &("sixteen bytes ke",), &mut Vec::new());
    compare("put (k16, bytes64)", &("sixteen bytes ke", Bytes::new(&bytes)), &mut Vec::new());
    compare("document", &document(), &mut Vec::new());
    compare("Vec<u32> x 100,000", &vec![7_u32; 100_000], &mut Vec::new());
    compare("Vec<u8> x 1 Mi", &vec![7_u8; 1 << 20], &mut Vec::new());
    compare("Vec<(u8, Option<u16>)>", &vec![(7_u8, Some(9_u16)); 10_000], &mut Vec::new());
    compare("Vec<(u64, f64, bool)>", &vec![(7_u64, 9.0, true); 10_000], &mut Vec::new());
    compare("Vec<Option<u64>>", &vec![Some(7_u64); 10_000], &mut Vec::new());
    compare("Vec<&str>", &vec!["sixteen bytes ke"; 10_000], &mut Vec::new());
    compare("Vec<Value>", &vec![Value::Number(7); 10_000], &mut Vec::new());
}
