//! Compares what callers were told with what ran: each id at most once, and every verdict true.

use std::collections::HashMap;
use std::fmt;

use super::verdict::Verdict;

/// Broken rules that are kept as text; the others are counted.
const MOST_SHOWN: usize = 8;

/// The calls of a scene by their ids; `None` if the caller was killed before it was told anything.
#[derive(Debug, Default)]
pub(crate) struct Told {
    calls: HashMap<u64, Option<Verdict>>,
    forks: u64,
}

/// Counts of calls and runs, and the rules that were broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Calls that were begun.
    pub(crate) calls: u64,
    /// Forks of clients.
    pub(crate) forks: u64,
    /// Runs that were written down.
    pub(crate) runs: u64,
    /// Calls whose callers got a value.
    pub(crate) values: u64,
    /// Calls of which the caller was told that they did not run.
    pub(crate) not_executed: u64,
    /// Calls that are unknown, also after the caller has asked again.
    pub(crate) unknown: u64,
    /// Calls that were unknown, and were known when the caller asked again.
    pub(crate) resolved: u64,
    /// Calls whose callers were killed before they were told.
    pub(crate) untold: u64,
    /// Calls that ran although no caller knows it: unknown, or the caller was killed.
    pub(crate) ran_unknown: u64,
    /// Calls that ran more than once.
    pub(crate) twice: u64,
    /// Broken rules.
    pub(crate) broken: u64,
    /// The first of them in words.
    pub(crate) rules: Vec<String>,
}

impl Told {
    /// Reads the lines of a journal: `b ID ..` for a call that is about to be made, `e ID VERDICT ..` for what was
    /// told, `f ID` for a fork.
    pub(crate) fn read(&mut self, lines: &[String]) -> Result<(), String> {
        for line in lines {
            let mut words = line.split(' ');
            let (kind, id) = (words.next(), words.next().and_then(|id| id.parse::<u64>().ok()));
            let verdict = words.next().and_then(Verdict::from_code);
            match (kind, id, verdict) {
                (Some("b"), Some(id), _) => self.begin(id)?,
                (Some("f"), Some(_), None) => self.forks += 1,
                (Some("e"), Some(id), Some(verdict)) => self.tell(id, verdict)?,
                _ => return Err(format!("{line:?} is no line of a journal")),
            }
        }
        Ok(())
    }

    /// Records a call that is about to be made.
    pub(crate) fn begin(&mut self, id: u64) -> Result<(), String> {
        let before = self.calls.insert(id, None);
        before.map_or(Ok(()), |_| Err(format!("the id {id} was used for two calls")))
    }

    /// Records what the caller was told.
    pub(crate) fn tell(&mut self, id: u64, verdict: Verdict) -> Result<(), String> {
        match self.calls.get_mut(&id) {
            Some(told) if told.is_none() => *told = Some(verdict),
            _ => return Err(format!("a verdict for {id}, which has one or was not begun")),
        }
        Ok(())
    }

    /// Judges the calls against the ids of all runs.
    pub(crate) fn judge(&self, runs: &[u64]) -> Judged {
        let mut ran: HashMap<u64, u64> = HashMap::new();
        for id in runs {
            *ran.entry(*id).or_default() += 1;
        }
        let (calls, count) = (self.calls.len() as u64, runs.len() as u64);
        let mut judged = Judged { calls, runs: count, forks: self.forks, ..Judged::default() };
        for (id, told) in &self.calls {
            judged.judge(*id, *told, ran.remove(id).unwrap_or(0));
        }
        for (id, times) in ran {
            judged.broken(format_args!("call {id:#x} ran {times} times and was never made"));
        }
        judged
    }
}

impl Judged {
    fn judge(&mut self, id: u64, told: Option<Verdict>, times: u64) {
        match told {
            Some(Verdict::Value) => self.values += 1,
            Some(Verdict::NotExecuted) => self.not_executed += 1,
            Some(Verdict::Unknown) => self.unknown += 1,
            Some(Verdict::ResolvedRan | Verdict::ResolvedNot) => self.resolved += 1,
            None => self.untold += 1,
            Some(Verdict::WrongValue | Verdict::Ran) => {}
        }
        let known = told.and_then(Verdict::ran);
        self.ran_unknown += u64::from(known.is_none() && times > 0);
        if times > 1 {
            self.twice += 1;
            self.broken(format_args!("V1: call {id:#x} ran {times} times; told: {told:?}"));
        }
        if told == Some(Verdict::WrongValue) {
            self.broken(format_args!("V6: call {id:#x} has the reply of another one"));
        }
        match known {
            Some(true) if times == 0 => {
                self.broken(format_args!("V6: call {id:#x} never ran; told: {told:?}"))
            }
            Some(false) if times > 0 => self.broken(format_args!("V7: call {id:#x} ran; told: {told:?}")),
            _ => {}
        }
    }

    fn broken(&mut self, rule: fmt::Arguments<'_>) {
        self.broken += 1;
        if self.rules.len() < MOST_SHOWN {
            self.rules.push(rule.to_string());
        }
    }

    /// Adds the counts of another scene.
    pub(crate) fn add(&mut self, other: &Judged) {
        let Judged {
            calls,
            forks,
            runs,
            values,
            not_executed,
            unknown,
            resolved,
            untold,
            ran_unknown,
            twice,
            broken,
            rules,
        } = other;
        for (sum, more) in [
            (&mut self.calls, calls),
            (&mut self.forks, forks),
            (&mut self.runs, runs),
            (&mut self.values, values),
            (&mut self.not_executed, not_executed),
            (&mut self.unknown, unknown),
            (&mut self.resolved, resolved),
            (&mut self.untold, untold),
            (&mut self.ran_unknown, ran_unknown),
            (&mut self.twice, twice),
            (&mut self.broken, broken),
        ] {
            *sum += more;
        }
        let room = MOST_SHOWN.saturating_sub(self.rules.len());
        self.rules.extend(rules.iter().take(room).cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::{Judged, Told};

    fn judged(journal: &[&str], runs: &[u64]) -> Judged {
        let mut told = Told::default();
        let lines: Vec<_> = journal.iter().map(|line| (*line).to_owned()).collect();
        told.read(&lines).expect("a journal");
        told.judge(runs)
    }

    #[test]
    fn true_verdicts_are_counted_and_break_nothing() {
        let journal = [
            "b 1", "e 1 v", "f 2", "b 2", "e 2 n", "b 3", "e 3 u", "b 4", "b 5", "e 5 R", "b 6", "e 6 N",
            "b 7", "e 7 r",
        ];
        let judged = judged(&journal, &[1, 3, 5, 7]);
        assert_eq!((judged.broken, judged.calls, judged.runs), (0, 7, 4), "{judged:?}");
        assert_eq!((judged.values, judged.not_executed, judged.unknown), (1, 1, 1));
        assert_eq!((judged.resolved, judged.untold, judged.ran_unknown, judged.forks), (2, 1, 1, 1));
    }

    #[test]
    fn each_false_verdict_and_each_second_run_breaks_a_rule() {
        for (what, journal, runs) in [
            ("a second run", vec!["b 1", "e 1 v"], vec![1, 1]),
            ("a second run of an unknown call", vec!["b 1", "e 1 u"], vec![1, 1]),
            ("a second run for a caller that was killed", vec!["b 1"], vec![1, 1]),
            ("a value of a call that never ran", vec!["b 1", "e 1 v"], vec![]),
            ("a lost reply of a call that never ran", vec!["b 1", "e 1 r"], vec![]),
            ("a resolved call that never ran", vec!["b 1", "e 1 R"], vec![]),
            ("'not executed' of a call that ran", vec!["b 1", "e 1 n"], vec![1]),
            ("a resolved 'not executed' of a call that ran", vec!["b 1", "e 1 N"], vec![1]),
            ("another call's reply", vec!["b 1", "e 1 w"], vec![1]),
            ("a run of no call", vec![], vec![9]),
        ] {
            assert_eq!(judged(&journal, &runs).broken, 1, "{what}");
        }
    }

    #[test]
    fn a_journal_that_contradicts_itself_is_not_judged() {
        for journal in [vec!["b 1", "b 1"], vec!["e 1 v"], vec!["b 1", "e 1 v", "e 1 v"], vec!["x 1"]] {
            let lines: Vec<_> = journal.into_iter().map(str::to_owned).collect();
            assert!(Told::default().read(&lines).is_err(), "{lines:?}");
        }
    }
}
