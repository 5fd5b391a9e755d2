//! A reader of the Prometheus text format, version 0.0.4, that refuses what Prometheus would refuse.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of a page by their name and labels as written.
pub(crate) struct Page(BTreeMap<String, f64>);

impl Page {
    /// Reads a page. Panics at the first line that is wrong.
    pub(crate) fn of(text: &str) -> Page {
        assert!(text.ends_with('\n'), "the last line has an end");
        let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
        let (mut helped, mut name, mut kind) = ("", "", "");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                helped = help.split_once(' ').expect("a text").0;
            } else if let Some(of_type) = line.strip_prefix("# TYPE ") {
                (name, kind) = of_type.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped == name && families.insert(name), "{line}");
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let value: f64 = value.parse().expect("a number");
                check(series, name, kind);
                assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        Page(samples)
    }

    /// Returns the value of a sample.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// Returns the series whose text begins so.
    pub(crate) fn beginning(&self, prefix: &str) -> Vec<(&str, f64)> {
        let found = self.0.iter().filter(|(series, _)| series.starts_with(prefix));
        found.map(|(series, value)| (series.as_str(), *value)).collect()
    }
}

/// Checks that a series belongs to the family that was declared before it, and that its labels are well formed.
fn check(series: &str, family: &str, kind: &str) {
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("an end of the labels")),
        None => (series, ""),
    };
    let rest = name.strip_prefix(family).unwrap_or_else(|| panic!("{series} under {family}"));
    let is_known = match kind {
        "histogram" => ["_bucket", "_sum", "_count"].contains(&rest),
        _ => rest.is_empty(),
    };
    assert!(is_known && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{series}");
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (key, value) = label.split_once("=\"").expect("a label");
        let value = value.strip_suffix('"').expect("an end of the value");
        assert!(!key.is_empty() && !value.contains(['"', '\\']), "{series}");
    }
}

#[test]
#[should_panic(expected = "twice")]
fn a_series_that_is_there_twice_is_refused() {
    Page::of("# HELP a x\n# TYPE a gauge\na 1\na 2\n");
}

#[test]
#[should_panic(expected = "under a")]
fn a_series_of_another_family_is_refused() {
    Page::of("# HELP a x\n# TYPE a gauge\nb 1\n");
}
