//! `docs/guide/serving.md`: each of its programs is compiled, and run unless it is marked `no_run`.

use std::path::Path;

use crate::text;

/// The whole program of a block: the trait of the page's first block, and the block as the body of `main`.
fn program(first: &str, block: &str, runs: bool) -> String {
    let main = if runs { "body().unwrap()" } else { "let _ = body" };
    format!(
        "#![allow(dead_code, unused_imports)]\n{first}\nfn body() -> Result<(), Box<dyn Error>> {{\n{block}\nOk(())\n}}\nfn main() {{ {main} }}\n"
    )
}

#[test]
fn the_programs_of_the_page_on_serving_compile_and_run() {
    let page = text::of("docs/guide/serving.md");
    let (run, compiled) = (text::blocks(&page, "rust"), text::blocks(&page, "rust,no_run"));
    assert_eq!((run.len(), compiled.len()), (6, 4), "a block of a new kind would not be compiled");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let cases = trybuild::TestCases::new();
    let blocks =
        run[1..].iter().map(|block| (block, true)).chain(compiled.iter().map(|block| (block, false)));
    for (number, (block, runs)) in blocks.enumerate() {
        let file = folder.join(format!("guide_serving_{number}.rs"));
        std::fs::write(&file, program(&run[0], block, runs)).expect("the target folder can be written");
        cases.pass(file);
    }
}
