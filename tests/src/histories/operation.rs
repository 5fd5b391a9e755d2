//! One call of a register as its caller saw it, and the histories of all keys from the journals of the clients.

use std::collections::{BTreeMap, HashMap};

use crate::processes::once::CALLS_OF_CLIENT;
use crate::processes::verdict::Verdict;

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads the list.
    Get,
    /// Sets it.
    Put,
    /// Appends to it.
    Append,
    /// Sets it and reads the one before.
    Swap,
}

impl Kind {
    /// All kinds with their codes and names.
    const ALL: [(Kind, &'static str, &'static str); 4] = [
        (Kind::Get, "g", "get"),
        (Kind::Put, "p", "put"),
        (Kind::Append, "a", "append"),
        (Kind::Swap, "s", "swap"),
    ];

    /// Returns its code in a journal.
    pub(crate) fn code(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, code, _)| code)
    }

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, _, name)| name)
    }

    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == code).map(|(kind, _, _)| *kind)
    }
}

/// The value that a caller got.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Seen {
    /// Of a put.
    Done,
    /// Of an append.
    Length(u64),
    /// Of a get or a swap.
    List(Vec<u64>),
}

impl Seen {
    /// Returns it as it stands in a journal.
    pub(crate) fn text(&self) -> String {
        match self {
            Seen::Done => "ok".to_owned(),
            Seen::Length(length) => length.to_string(),
            Seen::List(list) => list.iter().map(u64::to_string).collect::<Vec<_>>().join(","),
        }
    }

    fn parse(kind: Kind, text: &str) -> Option<Self> {
        match kind {
            Kind::Put => (text == "ok").then_some(Seen::Done),
            Kind::Append => text.parse().ok().map(Seen::Length),
            Kind::Get | Kind::Swap if text.is_empty() => Some(Seen::List(Vec::new())),
            Kind::Get | Kind::Swap => {
                text.split(',').map(|id| id.parse().ok()).collect::<Option<_>>().map(Seen::List)
            }
        }
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Its id, which is the value that it writes.
    pub(crate) id: u64,
    /// The lane of its client process.
    pub(crate) lane: u64,
    /// Its kind.
    pub(crate) kind: Kind,
    /// The time at which it began, in nanoseconds.
    pub(crate) begun: u64,
    /// The time at which its caller was told; `None` if it never was.
    pub(crate) told: Option<u64>,
    /// The verdict that the caller was told; `None` if it was killed before.
    pub(crate) verdict: Option<Verdict>,
    /// The value that the caller got, if it got one.
    pub(crate) seen: Option<Seen>,
}

impl Operation {
    /// Returns the number of the process that made it.
    pub(crate) fn client(&self) -> u64 {
        self.id / CALLS_OF_CLIENT
    }

    /// Returns the time from which on it can have no effect; `None` if it may have one until the end of time.
    pub(crate) fn over(&self) -> Option<u64> {
        self.told.filter(|_| self.verdict.and_then(Verdict::ran) == Some(true))
    }

    /// Returns true if it cannot have changed anything: it did not run, or was a read of which nothing is known.
    pub(crate) fn is_void(&self) -> bool {
        self.verdict.and_then(Verdict::ran) == Some(false) || self.kind == Kind::Get && self.seen.is_none()
    }
}

/// The history of each key.
pub(crate) type Histories = BTreeMap<u64, Vec<Operation>>;

/// Puts the lines of all journals together.
pub(crate) fn histories<'a>(journals: impl IntoIterator<Item = &'a [String]>) -> Result<Histories, String> {
    let mut histories = Histories::new();
    for journal in journals {
        let mut open: HashMap<u64, (u64, Operation)> = HashMap::new();
        for line in journal {
            read(line, &mut open, &mut histories)
                .ok_or_else(|| format!("{line:?} is no line of a history"))?;
        }
        for (key, operation) in open.into_values() {
            histories.entry(key).or_default().push(operation);
        }
    }
    for history in histories.values_mut() {
        history.sort_by_key(|operation| (operation.begun, operation.id));
    }
    Ok(histories)
}

fn read(line: &str, open: &mut HashMap<u64, (u64, Operation)>, histories: &mut Histories) -> Option<()> {
    let words: Vec<&str> = line.split(' ').collect();
    match *words.as_slice() {
        ["b", id, begun, lane, key, kind] => {
            let (id, begun, lane) = (id.parse().ok()?, begun.parse().ok()?, lane.parse().ok()?);
            let kind = Kind::from_code(kind)?;
            let operation = Operation { id, lane, kind, begun, told: None, verdict: None, seen: None };
            open.insert(id, (key.parse().ok()?, operation));
        }
        ["e", id, verdict, told, seen] => {
            let (key, mut operation) = open.remove(&id.parse().ok()?)?;
            let verdict = Verdict::from_code(verdict)?;
            (operation.told, operation.verdict) = (Some(told.parse().ok()?), Some(verdict));
            if verdict == Verdict::Value {
                operation.seen = Some(Seen::parse(operation.kind, seen)?);
            }
            histories.entry(key).or_default().push(operation);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{Kind, Operation, Seen, histories};
    use crate::processes::verdict::Verdict;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_lines_of_two_journals_become_the_histories_of_their_keys() {
        let one = lines("b 1 10 0 7 a\ne 1 v 20 1\nb 2 21 0 7 s\ne 2 v 30 1\nb 3 31 0 8 p");
        let two =
            lines("b 4294967296 15 2 7 g\ne 4294967296 v 16 \nb 4294967297 17 2 7 p\ne 4294967297 u 18 ");
        let histories = histories([one.as_slice(), two.as_slice()]).expect("journals");
        let seven: Vec<_> = histories[&7].iter().map(|o| (o.client(), o.kind, o.seen.clone())).collect();
        assert_eq!(
            seven,
            [
                (0, Kind::Append, Some(Seen::Length(1))),
                (1, Kind::Get, Some(Seen::List(vec![]))),
                (1, Kind::Put, None),
                (0, Kind::Swap, Some(Seen::List(vec![1]))),
            ]
        );
        assert_eq!((histories[&8][0].verdict, histories[&8][0].told), (None, None));
    }

    #[test]
    fn only_a_call_that_ran_is_over_when_its_caller_was_told() {
        let of =
            |kind, verdict| Operation { id: 1, lane: 0, kind, begun: 1, told: Some(2), verdict, seen: None };
        assert_eq!(of(Kind::Put, Some(Verdict::Ran)).over(), Some(2));
        assert_eq!(of(Kind::Put, Some(Verdict::Unknown)).over(), None);
        assert_eq!(of(Kind::Put, None).over(), None);
        assert!(of(Kind::Put, Some(Verdict::NotExecuted)).is_void() && of(Kind::Get, None).is_void());
        assert!(!of(Kind::Put, Some(Verdict::Unknown)).is_void());
    }
}
