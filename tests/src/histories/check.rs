//! A history against the sequential meaning of a register: is there one order of its calls that explains all replies?
//!
//! The search is that of the crate `todc-utils`: Wing and Gong's algorithm with Lowe's memory of what was tried. Here is only
//! the meaning of the four operations, the bound of the search, and the first reply that no order explains.

use std::cell::Cell;
use std::sync::Arc;

use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::Specification;

use super::operation::{Kind, Operation, Seen};

/// Steps of one search. One of a usual history takes a few thousand; one with many calls of unknown outcome may take more
/// than there is time for, and is given up as undecided.
const MOST_STEPS: u64 = 1_000_000;

thread_local! {
    /// Steps that the search of this thread may still take.
    static STEPS_LEFT: Cell<u64> = const { Cell::new(0) };
}

/// The judgement of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Some order explains all replies.
    Linearizable,
    /// No order does. The first reply that none explains is that of the operation at this place.
    Violation(usize),
    /// The search was given up.
    Undecided,
}

/// One operation as the checker takes it: `None` is a reply that is not known, which any order explains.
#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    id: u64,
    seen: Option<Seen>,
}

/// The meaning of a register.
struct Register;

impl Specification for Register {
    type State = Arc<Vec<u64>>;
    type Operation = Step;

    fn init() -> Self::State {
        Arc::default()
    }

    fn apply(step: &Step, list: &Self::State) -> (bool, Self::State) {
        let left = STEPS_LEFT.get();
        STEPS_LEFT.set(left.saturating_sub(1));
        if left == 0 {
            return (false, Arc::clone(list)); // nothing is possible any more, so the search ends soon
        }
        let (reply, next) = match step.kind {
            Kind::Get => (Seen::List(list.to_vec()), Arc::clone(list)),
            Kind::Put => (Seen::Done, Arc::new(vec![step.id])),
            Kind::Append => {
                let mut longer = list.to_vec();
                longer.push(step.id);
                (Seen::Length(longer.len() as u64), Arc::new(longer))
            }
            Kind::Swap => (Seen::List(list.to_vec()), Arc::new(vec![step.id])),
        };
        (step.seen.as_ref().is_none_or(|seen| *seen == reply), next)
    }
}

/// Judges the history of one key.
pub(crate) fn check(operations: &[Operation]) -> Judgement {
    check_within(operations, MOST_STEPS)
}

fn check_within(operations: &[Operation], steps: u64) -> Judgement {
    match holds_until(operations, u64::MAX, steps) {
        None => Judgement::Undecided,
        Some(true) => Judgement::Linearizable,
        Some(false) => Judgement::Violation(first_unexplained(operations, steps)),
    }
}

/// Returns the place of the first reply with which the history is no longer explained. What happens later cannot mend a
/// history, so it is found by halving.
fn first_unexplained(operations: &[Operation], steps: u64) -> usize {
    let mut ends: Vec<(u64, usize)> =
        operations.iter().enumerate().filter_map(|(at, operation)| Some((operation.over()?, at))).collect();
    ends.sort_unstable();
    let explained = ends.partition_point(|(end, _)| holds_until(operations, *end, steps) != Some(false));
    ends.get(explained).or(ends.last()).map_or(0, |(_, at)| *at)
}

/// Returns true if some order explains all replies up to a time; `None` if the search was given up.
fn holds_until(operations: &[Operation], until: u64, steps: u64) -> Option<bool> {
    let mut events = Vec::new();
    for (process, operation) in operations.iter().filter(|operation| operation.begun <= until).enumerate() {
        let over = operation.over().filter(|over| *over <= until);
        let seen = operation.seen.clone().filter(|_| over.is_some());
        if operation.is_void() || operation.kind == Kind::Get && seen.is_none() {
            continue;
        }
        let step = Step { kind: operation.kind, id: operation.id, seen };
        // At one time, calls come before replies: the two may have overlapped.
        events.push((operation.begun, false, process, Action::Call(step.clone())));
        events.push((over.unwrap_or(u64::MAX), true, process, Action::Response(step)));
    }
    if events.is_empty() {
        return Some(true);
    }
    events.sort_by_key(|(at, is_reply, process, _)| (*at, *is_reply, *process));
    // Each operation is a process of its own to the checker: what a lane does in order is in order by its times.
    let actions = events.into_iter().map(|(_, _, process, action)| (process, action)).collect();
    STEPS_LEFT.set(steps);
    let holds = WGLChecker::<Register>::is_linearizable(History::from_actions(actions));
    (holds || STEPS_LEFT.get() > 0).then_some(holds)
}

#[cfg(test)]
mod tests {
    use super::{Judgement, check, check_within};
    use crate::histories::operation::{Kind, Operation, Seen};
    use crate::processes::verdict::Verdict;

    /// A call with the value that it returned, between two times.
    fn done(id: u64, kind: Kind, times: (u64, u64), seen: Seen) -> Operation {
        let (begun, told) = (times.0, Some(times.1));
        Operation { id, lane: id, kind, begun, told, verdict: Some(Verdict::Value), seen: Some(seen) }
    }
    fn get(id: u64, times: (u64, u64), list: &[u64]) -> Operation {
        done(id, Kind::Get, times, Seen::List(list.to_vec()))
    }
    fn put(id: u64, times: (u64, u64)) -> Operation {
        done(id, Kind::Put, times, Seen::Done)
    }
    fn append(id: u64, times: (u64, u64), length: u64) -> Operation {
        done(id, Kind::Append, times, Seen::Length(length))
    }
    fn swap(id: u64, times: (u64, u64), list: &[u64]) -> Operation {
        done(id, Kind::Swap, times, Seen::List(list.to_vec()))
    }
    fn told(operation: Operation, verdict: Option<Verdict>) -> Operation {
        Operation { verdict, seen: None, ..operation }
    }

    #[test]
    fn a_stale_read_is_rejected_and_marked() {
        let history = [put(1, (0, 10)), put(2, (20, 30)), get(3, (40, 50), &[1]), get(4, (60, 70), &[2])];
        assert_eq!(check(&history), Judgement::Violation(2));
    }

    #[test]
    fn an_append_that_was_done_twice_is_rejected_and_marked() {
        let history = [append(1, (0, 10), 1), get(2, (20, 30), &[1, 1]), append(3, (40, 50), 3)];
        assert_eq!(check(&history), Judgement::Violation(1));
        assert_eq!(check(&[append(1, (0, 10), 1), append(3, (40, 50), 3)]), Judgement::Violation(1));
    }

    #[test]
    fn a_write_that_was_lost_is_rejected_and_marked() {
        assert_eq!(check(&[put(1, (0, 10)), swap(2, (20, 30), &[])]), Judgement::Violation(1));
        let of_unknown = told(put(2, (20, 30)), Some(Verdict::Unknown));
        let history = [put(1, (0, 10)), of_unknown, get(3, (40, 50), &[])];
        assert_eq!(check(&history), Judgement::Violation(2), "an unknown write explains no empty list");
    }

    #[test]
    fn two_readers_that_see_two_writes_in_opposite_orders_are_rejected() {
        let writes = [put(1, (0, 100)), put(2, (0, 100))];
        let ahead =
            [get(3, (10, 20), &[1]), get(4, (30, 40), &[2]), get(5, (10, 20), &[2]), get(6, (30, 40), &[1])];
        let history: Vec<_> = writes.iter().chain(&ahead[..2]).cloned().collect();
        assert_eq!(check(&history), Judgement::Linearizable);
        let history: Vec<_> = writes.into_iter().chain(ahead).collect();
        assert!(matches!(check(&history), Judgement::Violation(_)));
    }

    #[test]
    fn what_was_not_executed_must_not_be_seen_then_or_later() {
        let write = told(put(1, (0, 10)), Some(Verdict::NotExecuted));
        assert_eq!(check(&[write.clone(), get(2, (20, 30), &[])]), Judgement::Linearizable);
        assert_eq!(check(&[write, get(2, (20, 30), &[1])]), Judgement::Violation(1));
    }

    #[test]
    fn what_is_unknown_may_be_seen_late_or_never_but_once() {
        for verdict in [Some(Verdict::Unknown), Some(Verdict::Unknown), None] {
            let write = told(append(1, (0, 10), 0), verdict);
            let late =
                [write.clone(), get(2, (20, 30), &[]), append(3, (40, 50), 1), get(4, (60, 70), &[3, 1])];
            assert_eq!(check(&late), Judgement::Linearizable);
            assert_eq!(check(&late[..3]), Judgement::Linearizable);
            let twice = [write, get(2, (20, 30), &[1]), get(3, (40, 50), &[1, 1])];
            assert_eq!(check(&twice), Judgement::Violation(2));
        }
    }

    #[test]
    fn a_valid_history_that_needs_the_reverse_of_the_order_of_beginning_is_accepted() {
        let history = [
            put(1, (0, 100)),
            put(2, (1, 101)),
            append(3, (2, 102), 2),
            told(swap(4, (3, 10), &[]), Some(Verdict::Unknown)), // takes effect after all others were told
            get(5, (20, 30), &[2]),
            get(6, (40, 50), &[2, 3]),
            get(7, (60, 70), &[1]),
            told(append(8, (71, 75), 0), Some(Verdict::Ran)), // its reply is lost; it is over at 75
            get(9, (80, 90), &[1, 8]),
            get(10, (200, 210), &[4]),
        ];
        assert_eq!(check(&history), Judgement::Linearizable);
        let mut late = history.to_vec();
        late.push(get(11, (220, 230), &[1, 8]));
        assert_eq!(check(&late), Judgement::Violation(10));
    }

    #[test]
    fn a_search_that_takes_too_long_is_undecided_and_not_a_violation() {
        let history: Vec<_> = (0..30).map(|id| told(append(id, (0, 10), 0), None)).collect();
        assert_eq!(check_within(&history, 10), Judgement::Undecided);
        assert_eq!(check(&history), Judgement::Linearizable);
    }
}
