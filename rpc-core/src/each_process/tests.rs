//! Rules of a value that each process of a chain of forks makes for itself.

use std::cell::Cell;
use std::sync::Arc;

use super::*;

thread_local! {
    static PRESENT: Cell<u32> = const { Cell::new(1) };
}

fn present() -> u32 {
    PRESENT.get()
}

#[test]
fn each_process_of_a_chain_has_a_value_of_its_own() {
    let values = EachProcess::new(present);
    assert_eq!(values.find(), None);
    assert_eq!(values.store("parent"), Some((0, &"parent")));
    assert_eq!(values.store("too late"), Some((0, &"parent")));
    PRESENT.set(2);
    assert_eq!(values.find(), None, "the child does not see the parent's");
    assert_eq!(values.get_or_make(|| "child"), Some(&"child"));
    PRESENT.set(1);
    assert_eq!(values.store("a number that is used again"), Some((2, &"a number that is used again")));
    assert_eq!(values.of_ancestors().count(), 2);
}

#[test]
fn a_cell_that_a_fork_left_behind_without_a_value_holds_no_child_up() {
    let values = EachProcess::new(present);
    values.cells[0].process.store(7, Ordering::Release); // forked between the claim and the value
    assert_eq!(values.store(80), Some((1, &80)));
}

#[test]
fn a_child_drops_no_value_of_its_parent() {
    let (parent, child) = (Arc::new(()), Arc::new(()));
    let values = EachProcess::new(present);
    values.store(Arc::clone(&parent));
    PRESENT.set(2);
    values.store(Arc::clone(&child));
    drop(values);
    assert_eq!((Arc::strong_count(&parent), Arc::strong_count(&child)), (2, 1));
}

#[test]
fn a_chain_of_forks_has_an_end() {
    let values = EachProcess::new(present);
    for process in 1..=MAX_FORKS as u32 {
        PRESENT.set(process);
        assert!(values.store(()).is_some());
    }
    PRESENT.set(100);
    assert_eq!(values.store(()), None);
}
