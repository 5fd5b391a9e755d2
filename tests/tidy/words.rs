//! Words that tell of something that is not finished, or that is taken for granted.

use crate::source::{Broken, House, blank, tokens};

const HALF_DONE: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(crate) fn half_done(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in &house.rust {
        let code = blank(&file.text);
        for pair in tokens(&code).windows(2) {
            if pair[1].text == "!" && HALF_DONE.contains(&pair[0].text) {
                let what = format!("`{}!` is left in the code", pair[0].text);
                broken.push(file.broken(pair[0].line, what, "finish it, or take it out"));
            }
        }
    }
    broken
}

#[test]
fn what_is_half_done_is_found() {
    for name in HALF_DONE {
        let house = House::with("a.rs", &format!("fn f() {{\n    {name}!()\n}}"));
        assert_eq!(half_done(&house).iter().map(|broken| broken.line).collect::<Vec<_>>(), [2]);
    }
    assert_eq!(half_done(&House::with("a.rs", "// todo!()\nlet todo = !x;")), []);
}

/// Thread-local values of the library that are used where their thread may have ended: a destructor that asks for one with
/// `with` panics, and aborts the process.
pub(crate) fn certain_thread_locals(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in house
        .rust
        .iter()
        .filter(|file| file.path.starts_with("rpc-core/src/") && !file.path.contains("/tests"))
    {
        let code = blank(&file.text);
        let tokens = tokens(&code);
        if !tokens.iter().any(|token| token.text == "thread_local") {
            continue;
        }
        let sure = ["with", "with_borrow", "with_borrow_mut", "take", "replace", "set", "get"];
        for window in tokens.windows(3) {
            let is_static =
                window[0].text.chars().all(|c| c.is_uppercase() || c == '_') && window[0].text.len() > 1;
            if is_static && window[1].text == "." && sure.contains(&window[2].text) {
                let what = format!("`{}` of a thread that may end", window[0].text);
                broken.push(file.broken(window[0].line, what, "use `try_with`, and go on without it"));
            }
        }
    }
    broken
}

#[test]
fn a_thread_local_that_is_taken_for_granted_is_found() {
    let declared = "thread_local! { static ROOM: RefCell<u8> = RefCell::new(0); }\n";
    for wrong in ["ROOM.with(|room| 1);", "ROOM.with_borrow_mut(|room| 1);", "ROOM.take();"] {
        let house = House::with("rpc-core/src/net/client/transport.rs", &format!("{declared}{wrong}"));
        assert_eq!(certain_thread_locals(&house).len(), 1, "{wrong}");
    }
    let house = House::with("rpc-core/src/net/os.rs", &format!("{declared}ROOM.try_with(|room| 1);"));
    assert_eq!(certain_thread_locals(&house), []);
}
