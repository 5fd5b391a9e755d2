//! Writes the first inputs of the corpora: frames and values of `docs/wire.md`, traits of `tests/ui` and `tests/expand`.

use std::fs;
use std::path::Path;

use rpc_core::limits::HEADER;
use rpc_core::stub::Bytes;
use rpc_core::wire::codec;
use rpc_tests::bytes::{TARGETS, Target};
use serde::Serialize;

use crate::{conversations, corpus, page};

/// The first inputs of a target.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    match target.name {
        "decoder" => frames(),
        "messages" => messages(),
        "codec" => values(),
        "server" => conversations::with_a_server(),
        "client" => conversations::with_a_client(),
        _ => traits(),
    }
}

/// Each frame of the page alone, and all of them in pieces.
fn frames() -> Vec<Vec<u8>> {
    let vectors = page::vectors(&page::text());
    let mut all = vec![0x4f, 5, 1, 3, 36, 40, 200];
    let mut seeds = Vec::new();
    for (_, frame) in &vectors {
        seeds.push([&[0x0f, 0][..], frame].concat());
        all.extend(frame);
    }
    all.truncate(TARGETS[0].longest);
    seeds.push(all);
    seeds
}

/// The bodies of the control frames, behind the byte that chooses their decoder.
fn messages() -> Vec<Vec<u8>> {
    const CHOICE: [(&str, u8); 6] = [
        ("HELLO", 0),
        ("HELLO resume", 0),
        ("WELCOME", 1),
        ("TABLE", 2),
        ("METHODS", 3),
        ("SESSION_LOST", 3),
    ];
    let vectors = page::vectors(&page::text());
    let body = |(name, choice): &(&str, u8)| {
        let (_, frame) = vectors.iter().find(|(known, _)| known == name).expect("the page has it");
        [&[*choice], &frame[HEADER..]].concat()
    };
    let mut seeds: Vec<_> = CHOICE.iter().map(body).collect();
    seeds.extend((4..11).map(|choice| [&[choice][..], &[1, 2, 3, 9, 2, b'K', b'v'].repeat(12)].concat()));
    seeds
}

fn value(choice: u8, value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![choice];
    codec::encode(value, &mut bytes, usize::MAX).expect("it can be encoded");
    bytes
}

/// Values of the types of the codec's target, behind the byte that chooses their type. A variant is its number first.
fn values() -> Vec<Vec<u8>> {
    let list = (8_u32, 2_u64, (5_u32, "text"), (11_u32, vec![(); 3]));
    vec![
        value(0, &0_u32),
        value(0, &(5_u32, "text")),
        value(0, &(7_u32, 1_u8, 2_u32, -1_i64)),
        value(0, &list),
        value(0, &(9_u32, 1_u64, "key", 4_u32, 'é')),
        value(0, &(10_u32, 1.5_f64, f32::NAN, 7_u16)),
        value(0, &(12_u32, (1_u32, true), 6_u32, Bytes::new(b"blob"))),
        [&[3][..], &1_u32.to_le_bytes().repeat(31), &[0; 4]].concat(),
        [&[3][..], &1_u32.to_le_bytes().repeat(32), &[0; 4]].concat(),
        value(
            4,
            &((), (1_u8, Some(-2_i16)), [1_u8, 2, 3], vec![4_u8], 0_u64, vec![vec![Some((1_u8, true))]]),
        ),
        value(6, &vec![(); 1024]),
        value(7, &("name", Bytes::new(b"bytes"), vec!["more", ""], Some("last"))),
        value(8, &(1_u64, -1_i8, 1_u64, true, vec![(); 9])),
        value(9, &("text", Some(Some('a')), Some(vec![1_u16, 2]))),
        value(10, &(1_u128, -1_i128, 1.0_f32, 1.0_f64, (true, [Some(()), None]))),
        value(0, &(8_u32, 2_u64, (11_u32, vec![(); 500]), (11_u32, vec![(); 500]))),
        value(8, &(2_u64, (1_i8, 1_u64, true, vec![(); 500]), (2_i8, 1_u64, true, vec![(); 500]))),
        vec![11, 31, 0xff, 1, 0xff, 1],
        vec![11, 32, 0x10, 4, 6, 0],
    ]
}

/// Every trait (or other item) under `#[rpc]` of the cases for people that is short enough.
fn traits() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["expand", "ui"] {
        rust_files(&root.join(folder), &mut files);
    }
    files.sort();
    let mut seeds = Vec::new();
    for file in files.iter().filter(|file| !file.to_string_lossy().contains(".expanded.")) {
        let text = fs::read_to_string(file).expect("a case");
        seeds.extend(text.split("\n#[rpc").skip(1).filter_map(under_rpc));
    }
    seeds.push([&[0x80][..], &[0, 3, 7, 12, 16, 18, 23, 17, 2]].concat());
    seeds.push([&[0x83][..], &[41, 42, 89, 0, 32, 4, 7, 14, 16, 17, 2]].concat());
    seeds
}

fn rust_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of cases") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// From what follows `#[rpc`: the attribute's own text, the end of a line, and the item in one line.
fn under_rpc(text: &str) -> Option<Vec<u8>> {
    let (own, rest) = text.split_once("]\n")?;
    let own = own.trim_start_matches('(').trim_end_matches(')');
    let item = rest.split("\n\n").next().unwrap_or(rest);
    let lines = item.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    Some(format!("{own}\n{}", lines.collect::<Vec<_>>().join(" ")).into_bytes())
}

/// `BLESS=1 cargo test -p rpc-tests --test bytes first_inputs` writes them; without it, they are only run.
#[test]
fn the_first_inputs_are_sound() {
    for target in &TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() > 5, "{}: {} inputs", target.name, seeds.len());
        for (at, seed) in seeds.iter().enumerate() {
            (target.body)(seed);
            if std::env::var_os("BLESS").is_some() && seed.len() <= target.longest {
                let folder = corpus::folder(target);
                fs::create_dir_all(&folder).expect("a place to write to");
                fs::write(folder.join(format!("first-{at:02}")), seed).expect("a place to write to");
            }
        }
    }
}
