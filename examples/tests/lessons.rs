//! `hello` and `stubs_by_hand`.

use crate::programs::run;
use crate::terminal::run_on_terminal;

#[test]
fn hello_adds_over_the_network() {
    let said = run(env!("CARGO_BIN_EXE_hello"), [""; 0]).expect(0);
    assert_eq!(said.out, "server: add(2, 3)\nclient: 2 + 3 = 5\n");
}

#[test]
fn hello_shows_every_byte_of_its_call_with_its_field() {
    let said = run(env!("CARGO_BIN_EXE_hello"), ["--bytes"]).expect(0);
    assert_eq!(said.out, include_str!("../1_hello/bytes.txt"));
}

#[test]
fn the_bytes_of_hello_have_colours_on_a_terminal_and_the_same_words() {
    let seen = run_on_terminal(env!("CARGO_BIN_EXE_hello"), &["--bytes"], 200, 100);
    assert_eq!(seen.status, Some(0));
    assert!(seen.coloured > 100, "{} characters have a colour", seen.coloured);
    let shown: Vec<&str> = seen.lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    let kept = include_str!("../1_hello/bytes.txt").lines().filter(|line| !line.is_empty());
    assert_eq!(shown, kept.collect::<Vec<_>>());
}

#[test]
fn hello_refuses_an_argument_that_it_does_not_know() {
    for words in [&["--byte"][..], &["--bytes", "now"]] {
        let said = run(env!("CARGO_BIN_EXE_hello"), words.iter().copied()).expect(2);
        assert_eq!(said.err, "hello: the only argument is --bytes, which shows the frames of the call\n");
    }
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
