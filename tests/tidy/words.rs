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
