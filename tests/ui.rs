//! What `#[rpc]` accepts without a warning, and what it says to each mistake: one folder per mistake under `ui/`.
//!
//! `TRYBUILD=overwrite cargo test -p rpc-tests --test ui` writes the messages anew; read the difference.

#[test]
fn mistakes_are_told_and_the_rest_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("compiles/*.rs");
    cases.compile_fail("ui/*/*.rs");
}
