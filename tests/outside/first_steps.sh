#!/usr/bin/env bash
# A user's first steps in an empty folder, as the README and the guide have them: a first call, a first test without a socket, and a
# look at what the macro writes. Prints the number of steps of each, its time, and the processor's. `first_steps.sh [PROJECT]`: a git URL; by
# default this repository as it was committed last.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
project=${1:-file://$here}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CARGO_TERM_COLOR=never CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target}

task= steps=0 begun=0 cpu=0
# Shows a task that is done, and begins the next one.
begin() {
    local now=$SECONDS all
    times >"$work/times" # not in a subshell, which has no children to count
    all=$(awk -F'[ms ]+' 'NR == 2 { printf "%d", 60 * $1 + $2 + 60 * $3 + $4 }' "$work/times")
    [ -z "$task" ] || printf '%s: %s steps, %s s; %s s of processor\n' "$task" "$steps" "$((now - begun))" "$((all - cpu))"
    task=$1 steps=0 begun=$now cpu=$all
}
# One step: a command that the user types, or a file that the user edits.
step() {
    steps=$((steps + 1))
    printf -- '  %s. %s\n' "$steps" "$1"
    shift
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}
# Prints the block of a page in a language that holds a text.
block() { awk -v open="\`\`\`$2" -v text="$3" '
    $0 == open { inside = 1; found = ""; next }
    /^```/ && inside { if (index(found, text)) { printf "%s", found; exit }; inside = 0 }
    inside { found = found $0 "\n" }' "$1"; }

# `cargo new` ends the file with an empty table of dependencies.
dependencies() { sed -i '/^\[dependencies\]$/d' Cargo.toml && block ../rpc/README.md toml rpc-core >>Cargo.toml; }
program() { block ../rpc/README.md rust 'fn main' >src/main.rs; }
# The page says which blocks are which file.
the_guide() {
    local page=../rpc/docs/guide/first_service.md
    sed -n '/^## The trait/,/^## Server and client/p' "$page" | awk '/^```rust/ { inside = 1; next } /^```/ { inside = 0; print "" } inside' >src/jobs.rs
    block "$page" rust 'mod jobs' >src/main.rs
}
# The same page, the part with two programs.
two_programs() {
    local page=../rpc/docs/guide/first_service.md
    mkdir -p src/bin
    rm src/main.rs # as the page says
    block "$page" text 'pub mod jobs' >src/lib.rs
    { printf 'use first::jobs::{JobsServer, Queue};\nuse rpc_core::serve;\n' && block "$page" rust 'serve("'; } >src/bin/server.rs
    { printf 'use first::jobs::JobsClient;\nuse std::error::Error;\n' && block "$page" rust 'jobs wait'; } >src/bin/client.rs
}
# Starts the server, calls it with the client as soon as it listens, and ends it.
call_the_server() {
    cargo build --bin server --bin client
    cargo run --bin server &
    local server=$! tries=0
    until cargo run --bin client; do
        tries=$((tries + 1))
        [ "$tries" -lt 50 ] || return 1
        sleep 0.1
    done
    kill "$server"
    wait "$server" || true
}
# The test of the page testing.md, for the service of the README.
a_test() {
    cat >>src/main.rs <<'R'

#[test]
fn a_value_is_there_once_it_was_put() {
    let kv: KvClient = rpc_sim::in_process(KvServer::new(Store(Mutex::default())));
    kv.put("a", "1").expect("there are no faults");
    assert_eq!(kv.get("a").expect("there are no faults").as_deref(), Some("1"));
}
R
}
# What the user looks for must be in the output, or the step has failed.
expansion() { cargo rpc-expand src/jobs.rs >"$work/expanded.rs" && grep -q 'pub struct JobsClient' "$work/expanded.rs"; }

begin 'a first call'
step "git clone $project rpc" git clone -q "$project" rpc
step 'cargo new first' cargo new -q first
cd first
step 'Cargo.toml: the lines of the README' dependencies
step 'src/main.rs: the program of the README' program
step 'cargo run' cargo run

begin 'a first test without a socket'
step 'src/main.rs: a test with rpc_sim::in_process' a_test
step 'cargo test' cargo test

begin 'the first service of the guide'
step 'src/jobs.rs and src/main.rs: the blocks of first_service.md' the_guide
step 'cargo run' cargo run

begin 'its server and its client as two programs'
step 'src/lib.rs, src/bin/server.rs and src/bin/client.rs; src/main.rs deleted' two_programs
step 'cargo run --bin server; in another terminal, cargo run --bin client' call_the_server

begin 'a first look at what the macro writes'
export PATH=$work/installed/bin:$PATH CARGO_INSTALL_ROOT=$work/installed
step 'cargo install --debug --locked --path ../rpc/rpc-derive/codegen' \
    cargo install --debug --locked --path ../rpc/rpc-derive/codegen
step 'cargo rpc-expand src/jobs.rs' expansion

begin 'the same, installed from the repository, which finds most of it built'
rm -r "$work/installed"
git clone -q --bare "$work/rpc" "$work/bare.git"
step 'cargo install --debug --locked --git URL rpc-codegen' cargo install --debug --locked --git "file://$work/bare.git" rpc-codegen
step 'cargo rpc-expand src/jobs.rs' expansion
begin 'the end'
