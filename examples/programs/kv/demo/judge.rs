//! The check at the end: compares the store with what it must hold, given what the clients were told.

use std::collections::{BTreeMap, HashMap};

use super::client::{Report, Verdict};
use super::plan::{self, Token};

/// The result of the comparison. Everything but the first three must be 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Pairs of the file that are in the store as they should be.
    pub(crate) pairs_right: u64,
    /// Appends that are in the store exactly once.
    pub(crate) once: u64,
    /// Appends whose outcome stays unknown; each is there once or not at all.
    pub(crate) unknown: u64,
    /// Pairs of the file that are missing or have another value.
    pub(crate) pairs_wrong: u64,
    /// Appends that are in the store twice or more often.
    pub(crate) doubled: u64,
    /// Appends whose caller was told that they ran, and that are not there.
    pub(crate) lost: u64,
    /// Appends whose caller was told that they did not run, and that are there.
    pub(crate) ran_all_the_same: u64,
    /// Appends whose reply is not the length of the value after them: a reply to another call.
    pub(crate) wrong_reply: u64,
    /// Appends without a verdict from their client.
    pub(crate) no_verdict: u64,
    /// Keys and parts of values that no client has written.
    pub(crate) foreign: u64,
}

impl Findings {
    /// Returns the faults in words; empty if there are none.
    pub(crate) fn faults(&self) -> Vec<String> {
        let kinds = [
            (self.doubled, "appends applied twice or more"),
            (self.lost, "appends reported as done and not there"),
            (self.ran_all_the_same, "appends reported as not executed and there"),
            (self.wrong_reply, "replies that belong to another call"),
            (self.no_verdict, "appends without a verdict"),
            (self.pairs_wrong, "pairs of the file missing or wrong"),
            (self.foreign, "entries in the store that no client wrote"),
        ];
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// Judges a run: `store` is the whole content of the server, `appends` the number of appends of each client.
pub(crate) fn judge(store: &BTreeMap<String, String>, reports: &[Report], appends: &[u32]) -> Findings {
    let mut findings = Findings::default();
    let expected: BTreeMap<String, String> = plan::pairs().into_iter().collect();
    for (key, value) in &expected {
        match store.get(key) == Some(value) {
            true => findings.pairs_right += 1,
            false => findings.pairs_wrong += 1,
        }
    }
    let strangers = store.keys().filter(|key| !expected.contains_key(*key) && !plan::is_shared(key));
    findings.foreign += strangers.count() as u64;

    let mut places = places_of_tokens(store, &mut findings);
    for (client, &count) in appends.iter().enumerate() {
        let report = reports.iter().find(|report| report.client as usize == client);
        for number in 0..count {
            let token = Token { client: client as u32, number };
            let verdict = report.and_then(|report| report.verdicts.get(&number)).copied();
            let ends = places.remove(&token).unwrap_or_default();
            judge_token(&mut findings, verdict, &ends);
        }
    }
    findings.foreign += places.len() as u64; // tokens of appends that were never to be made
    findings
}

/// Returns every token in the shared values, with the length of the value up to and including each occurrence.
fn places_of_tokens(store: &BTreeMap<String, String>, findings: &mut Findings) -> HashMap<Token, Vec<u64>> {
    let mut places: HashMap<Token, Vec<u64>> = HashMap::new();
    for (key, value) in store.iter().filter(|(key, _)| plan::is_shared(key)) {
        let mut length = 0;
        for piece in value.split_inclusive(';') {
            length += piece.len() as u64;
            match piece.strip_suffix(';').and_then(Token::parse) {
                Some(token) if token.key() == *key => places.entry(token).or_default().push(length),
                _ => findings.foreign += 1,
            }
        }
    }
    places
}

fn judge_token(findings: &mut Findings, verdict: Option<Verdict>, ends: &[u64]) {
    match ends {
        [] => {}
        [_] => findings.once += 1,
        _ => findings.doubled += 1,
    }
    match verdict {
        None => findings.no_verdict += 1,
        Some(Verdict::Unknown) => findings.unknown += 1,
        Some(Verdict::NotExecuted) if ends.is_empty() => {}
        Some(Verdict::NotExecuted) => findings.ran_all_the_same += 1,
        Some(Verdict::Ran(_) | Verdict::RanReplyLost) if ends.is_empty() => findings.lost += 1,
        Some(Verdict::Ran(length)) => findings.wrong_reply += u64::from(!ends.contains(&length)),
        Some(Verdict::RanReplyLost) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store in which client 0 has appended tokens 0 to 3 once each, and its report.
    fn sound() -> (BTreeMap<String, String>, Vec<Report>) {
        let mut store: BTreeMap<String, String> = plan::pairs().into_iter().collect();
        let mut report = Report::default();
        for number in 0..4 {
            let token = Token { client: 0, number };
            store.entry(token.key()).or_default().push_str(&token.text());
            report.verdicts.insert(number, Verdict::Ran(token.text().len() as u64));
        }
        (store, vec![report])
    }

    fn add(store: &mut BTreeMap<String, String>, number: u32) {
        let token = Token { client: 0, number };
        store.entry(token.key()).or_default().push_str(&token.text());
    }

    #[test]
    fn a_sound_run_has_no_faults() {
        let (store, reports) = sound();
        let findings = judge(&store, &reports, &[4]);
        assert_eq!((findings.faults(), findings.once), (vec![], 4));
    }

    #[test]
    fn an_append_applied_twice_is_seen() {
        let (mut store, reports) = sound();
        add(&mut store, 2);
        assert_eq!(judge(&store, &reports, &[4]).doubled, 1);
    }

    #[test]
    fn an_append_that_is_missing_is_seen() {
        let (mut store, reports) = sound();
        store.remove(&Token { client: 0, number: 1 }.key());
        assert_eq!(judge(&store, &reports, &[4]).lost, 1);
    }

    #[test]
    fn an_append_that_was_not_executed_and_is_there_is_seen() {
        let (store, mut reports) = sound();
        reports[0].verdicts.insert(3, Verdict::NotExecuted);
        assert_eq!(judge(&store, &reports, &[4]).ran_all_the_same, 1);
    }

    #[test]
    fn an_unknown_append_may_be_there_once_or_not_but_not_twice() {
        let (mut store, mut reports) = sound();
        reports[0].verdicts.insert(3, Verdict::Unknown);
        assert!(judge(&store, &reports, &[4]).faults().is_empty());
        store.remove(&Token { client: 0, number: 3 }.key());
        assert!(judge(&store, &reports, &[4]).faults().is_empty());
        add(&mut store, 3);
        add(&mut store, 3);
        assert_eq!(judge(&store, &reports, &[4]).doubled, 1);
    }

    #[test]
    fn another_calls_reply_is_seen() {
        let (store, mut reports) = sound();
        reports[0].verdicts.insert(3, Verdict::Ran(999));
        assert_eq!(judge(&store, &reports, &[4]).wrong_reply, 1);
    }

    #[test]
    fn missing_verdicts_pairs_and_strangers_are_seen() {
        let (mut store, mut reports) = sound();
        reports[0].verdicts.remove(&0);
        store.remove("country/CH");
        store.insert("unexpected".to_owned(), String::new());
        let findings = judge(&store, &reports, &[4]);
        assert_eq!((findings.no_verdict, findings.pairs_wrong, findings.foreign), (1, 1, 1));
        assert_eq!(judge(&store, &[], &[4]).no_verdict, 4);
    }
}
