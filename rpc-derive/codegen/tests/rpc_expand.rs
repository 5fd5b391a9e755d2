//! Runs the program `rpc-expand` as a user does, and checks what it prints, where, and its exit status.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rpc-expand")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// Writes a file of this content in cargo's folder for tests.
fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a place to write to");
    path
}

/// Returns the messages about a file that cannot be expanded.
fn messages(name: &str, content: &str) -> String {
    let path = file(name, content);
    let path = path.to_str().expect("text");
    let output = run(&[path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    text(&output.stderr).replace(path, name)
}

#[test]
fn a_trait_is_printed_with_its_stubs_and_all_else_is_unchanged() {
    let path = file(
        "good.rs",
        "//! Kept.\nuse rpc_core::rpc;\nstruct Doc;\nmod api {\n    /// A.\n    #[rpc_core::rpc(crate = \"renamed\")]\n    \
         pub trait A { fn a(&self, #[rpc(context)] cx: &Cx, n: u8); }\n}\n#[rpc] trait B { #[rpc(slow)] fn b(&self); }\n",
    );
    let output = run(&[path.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty());
    let printed = text(&output.stdout);
    for part in [
        "//! Kept.\n",
        "struct Doc;\n",
        "    pub struct AClient {",
        "fn a(&self, cx: &Cx, n: u8);",
        "call: renamed::stub::Handle<AClient>",
        "use renamed::stub;",
        "struct BServer<S: ",
        "stub::Method::new(\"B.b\", \"fn b()\").slow()",
    ] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
    assert!(!printed.contains("#[rpc"));
    syn::parse_file(printed).expect("what is printed is Rust");
}

#[test]
fn a_trait_in_the_body_of_a_function_is_expanded_there() {
    let path = file(
        "inner.rs",
        "fn main() {\n    if true {\n        #[rpc]\n        trait C { fn c(&self); }\n    }\n}\n\
         impl X {\n    fn f(&self) {\n        let c = || {\n            #[rpc] trait D { fn d(&mut self); }\n        };\n    }\n}\n",
    );
    let output = run(&[path.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(1));
    let messages = text(&output.stderr);
    assert!(messages.contains("inner.rs:10:35"), "{messages}");
    let path =
        file("inner_good.rs", "fn main() {\n    #[rpc]\n    trait C { fn c(&self); }\n    let _ = 1;\n}\n");
    let output = run(&[path.to_str().expect("text")]);
    let printed = text(&output.stdout);
    let (stub, after) =
        (printed.find("struct CClient").expect("a stub"), printed.find("let _ = 1").expect("the rest"));
    assert!(stub < after && !printed.contains("#[rpc"), "{printed}");
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let content = "#[rpc]\npub trait Kv {\n    fn get(&mut self) -> &str;\n    fn connect(&self);\n}\n\n#[rpc]\nstruct S;\n";
    assert_eq!(
        messages("mistakes.rs", content),
        "error: mistakes.rs:3:12: write `&self`: many clients share one service; keep what changes in a `Mutex` or an \
         atomic\n\
         error: mistakes.rs:3:26: a reply comes from another process and cannot borrow: write `String`\n\
         error: mistakes.rs:4:8: `connect` is the client's constructor, and the one name that a remote method cannot \
         have: rename it\n\
         error: mistakes.rs:8:1: `#[rpc]` goes on a trait: declare the methods in `#[rpc] pub trait Name { .. }`, and \
         implement it for this type\n"
    );
}

#[test]
fn a_file_without_the_attribute_is_an_error() {
    assert_eq!(
        messages("none.rs", "trait Kv {}\n"),
        "error: none.rs:1:1: this file has no `#[rpc]`: put it on a trait\n"
    );
}

#[test]
fn a_syntax_error_is_reported_with_its_place() {
    assert_eq!(
        messages("syntax.rs", "#[rpc]\ntrait Kv {\n    fn (&self);\n}\n"),
        "error: syntax.rs:3:8: expected identifier\n"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let output = run(&["no/such/file.rs"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: no/such/file.rs: "));
}

#[test]
fn help_goes_to_stdout_and_wrong_usage_to_stderr() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("usage: rpc-expand [FILE.rs ..]"));
    for wrong in [&["--what"][..], &["a.rs", "--help"]] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("usage: rpc-expand [FILE.rs ..]"));
        assert!(output.stdout.is_empty());
    }
}

/// Makes an empty folder in cargo's folder for tests.
fn empty_folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("a folder of an earlier run");
    }
    std::fs::create_dir_all(&path).expect("a place to write to");
    path
}

/// Runs the subcommand as cargo does, in a folder.
fn subcommand(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-rpc-expand"));
    command.current_dir(folder).arg("rpc-expand").args(arguments).output().expect("the program runs")
}

#[test]
fn the_subcommand_prints_every_file_below_src_that_has_the_attribute() {
    let folder = empty_folder("a_crate");
    std::fs::create_dir_all(folder.join("src/inner")).expect("a folder");
    for (name, content) in [
        ("src/main.rs", "mod inner;\nfn main() {}\n"),
        ("src/first.rs", "#[rpc] trait First { fn a(&self); }\n"),
        ("src/inner/mod.rs", "fn f() {\n    #[rpc] trait Second { fn b(&self); }\n}\n"),
    ] {
        std::fs::write(folder.join(name), content).expect("a file");
    }
    let output = subcommand(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let headings: Vec<&str> = printed.lines().filter(|line| line.starts_with("// ")).collect();
    assert_eq!(headings, ["// src/first.rs", "// src/inner/mod.rs"]);
    assert!(printed.contains("struct FirstClient") && printed.contains("struct SecondClient"), "{printed}");

    let one = subcommand(&folder, &["src/first.rs"]);
    assert_eq!(one.status.code(), Some(0));
    assert!(text(&one.stdout).starts_with("trait First"), "{}", text(&one.stdout));
}

#[test]
fn the_subcommand_says_where_to_run_it_and_reports_every_file() {
    let folder = empty_folder("no_crate");
    let output = subcommand(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("Run this in the folder of a crate"), "{}", text(&output.stderr));

    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    std::fs::write(folder.join("src/plain.rs"), "trait Kv {}\n").expect("a file");
    let output = subcommand(&folder, &[]);
    assert_eq!(text(&output.stderr), "error: no file below `src` has `#[rpc]` on a trait\n");

    for name in ["one", "two"] {
        std::fs::write(folder.join(format!("src/{name}.rs")), "#[rpc] trait Kv { fn a(self); }\n")
            .expect("a file");
    }
    let output = subcommand(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    let messages = text(&output.stderr);
    assert!(
        messages.contains("error: src/one.rs:1:24: ") && messages.contains("error: src/two.rs:1:24: "),
        "{messages}"
    );
}
