//! `hello` and `stubs_by_hand`.

use crate::programs::run;

#[test]
fn hello_adds_over_the_network() {
    let said = run(env!("CARGO_BIN_EXE_hello"), [""; 0]).expect(0);
    assert_eq!(said.out, "server: add(2, 3)\nclient: 2 + 3 = 5\n");
}

#[test]
fn hello_fits_on_a_screen() {
    assert!(include_str!("../1_hello/main.rs").lines().count() < 70);
}

#[test]
fn stubs_by_hand_do_the_same() {
    let said = run(env!("CARGO_BIN_EXE_stubs_by_hand"), [""; 0]).expect(0);
    assert!(said.out.starts_with("server: add(2, 3)\nclient: 2 + 3 = 5\n"), "{}", said.out);
    assert!(said.out.ends_with("client: 4 + 5 = 9\n"), "{}", said.out);
}
