//! Values of random types, written by the real codec, read in another language, and written again.

use std::fmt::Write;
use std::path::Path;

use rpc_clients::{Language, MethodDescription, ServiceDescription};

use crate::folder::{compiled, fresh, generated, node, python, said};
use crate::random::{Sample, sample};

/// The types of a round trip.
const SAMPLES: usize = 1000;
/// The types that are checked in strict mode.
const STRICT: usize = 150;
/// The seed of all choices. Another one finds other mistakes.
const SEED: u64 = 1;

fn samples() -> Vec<Sample> {
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..SAMPLES).map(|number| sample(&mut random, number)).collect()
}

/// A service with a method for each sample, which takes it.
fn service(samples: &[Sample]) -> ServiceDescription {
    let methods = samples.iter().enumerate().map(|(number, sample)| MethodDescription {
        name: format!("Samples.m{number}"),
        id: number as u64,
        signature: format!("fn m{number}(value: T)"),
        arguments: vec!["value".to_owned()],
        docs: String::new(),
        idempotent: false,
        deadline: None,
        fingerprint: rpc_core::reflection::fingerprint(&sample.formats),
        formats: Ok(sample.formats.to_string()),
    });
    ServiceDescription {
        name: "Samples".to_owned(),
        methods: methods.collect(),
        ..ServiceDescription::default()
    }
}

/// Writes the bytes of each sample in hex, and what is said of it: one line each.
fn write(samples: &[Sample], path: &Path) {
    let mut text = String::new();
    for sample in samples {
        let hex: String = sample.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{hex} {}", sample.said).expect("a string");
    }
    std::fs::write(path, text).expect("it is written");
}

#[test]
fn a_thousand_random_types_and_values_go_to_python_and_back() {
    let (samples, folder) = (samples(), fresh("python-values"));
    generated(Language::Python, &[service(&samples)], &folder);
    write(&samples, &folder.join("samples.txt"));
    // Fewer types for the checker of types, which takes longer for them than all tests.
    generated(Language::Python, &[service(&samples[..STRICT])], &fresh("python-strict"));
    let output = python(&folder, "values.py", &["samples.txt"]).output().expect("python3");
    assert_eq!(said(output), format!("{SAMPLES} values are the same\n"));
}

#[test]
fn a_thousand_random_types_and_values_go_to_typescript_and_back() {
    let (samples, folder) = (samples(), fresh("typescript-values"));
    generated(Language::TypeScript, &[service(&samples)], &folder);
    write(&samples, &folder.join("samples.txt"));
    if compiled(&folder, &["values.ts"]) {
        let output = node(&folder, "values.js", &["samples.txt"]).output().expect("node");
        assert_eq!(said(output), format!("{SAMPLES} values are the same\n"));
    }
}
