//! The layers of `rpc-core` and of the simulator above it: the imports between modules, and the modules that may name the
//! operating system and the codec.

use std::collections::HashSet;

use crate::source::{Broken, File, House, Token, blank, tokens};

/// The modules of `rpc-core/src` and their layers, times ten. A module may import modules that are not above it.
const MODULES: [(&str, u32); 21] = [
    ("arguments", 0),
    ("bucket", 0),
    ("error", 0),
    ("ids", 0),
    ("limits", 0),
    ("log", 0),
    ("panics", 0),
    ("text", 0),
    ("contract", 0),
    ("types", 0),
    ("each_process", 0),
    ("wire", 10),
    ("proto", 20),
    ("service", 30),
    ("call", 30),
    ("net", 40),
    ("stub", 50),
    ("reflection", 50),
    ("lib", 50),
    ("rpc_core", 50), // the crate by its own name: its surface
    ("tests", 50),
];
/// The layer of the package `rpc-sim`: it imports `rpc_core::wire` and the like, and nothing of the layer of sockets.
const SIM: u32 = 35;
const NET: u32 = 40;

const CORE: &str = "rpc-core/src/";
const SIMULATOR: &str = "rpc-sim/src/";
/// The one module of the simulator that is on the layer of sockets.
const PROXY: &str = "fault_proxy";
const CODEC: &str = "rpc-core/src/wire/codec";
/// The peer of a measurement that is an event loop and the codec's crate, with nothing of the framework.
const BARE: &str = "tests/peers/src/raw/framing.rs";
const EVENTS: &str = "rpc-core/src/log.rs";

/// The parts of `a/b.rs` or `a/b/mod.rs` below `rpc-core/src`: `[a, b]`; none for `lib.rs`.
pub(crate) fn module_of(path: &str) -> Option<Vec<&str>> {
    let inside = path.strip_prefix(CORE)?.strip_suffix(".rs")?;
    let mut parts: Vec<_> = inside.split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib")) {
        parts.pop();
    }
    Some(parts)
}

fn layer_of(module: &str) -> Option<u32> {
    MODULES.iter().find_map(|(name, layer)| (*name == module).then_some(*layer))
}

/// The layer of a file of the simulator; none for other files.
fn simulator_layer(path: &str) -> Option<u32> {
    let inside = path.strip_prefix(SIMULATOR)?;
    let of_proxy = inside.strip_prefix(PROXY).is_some_and(|rest| rest.starts_with(['.', '/']));
    Some(if of_proxy { NET } else { SIM })
}

/// Imports of modules on a higher layer: any path that begins with `crate` or leads there by `super`; in the simulator, any
/// that begins with `rpc_core`. What `rpc-core` exports at its root is above the simulator.
pub(crate) fn upward_imports(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in &house.rust {
        if let Some(layer) = simulator_layer(&file.path) {
            for (line, target) in modules_named(file, &Root::Name("rpc_core")) {
                if layer_of(&target).is_none_or(|of_target| of_target > layer) {
                    let what =
                        format!("the simulator imports `rpc_core::{target}`, which is on a higher layer");
                    broken.push(file.broken(
                        line,
                        what,
                        "name the hidden module that it is in: docs/architecture.md",
                    ));
                }
            }
        }
        let Some(module) = module_of(&file.path) else { continue };
        let name = module.first().copied().unwrap_or("lib");
        let Some(layer) = layer_of(name) else {
            let what = format!("the module `{name}` has no layer");
            broken.push(file.broken(1, what, "give it one in tests/tidy/layers.rs and docs/architecture.md"));
            continue;
        };
        for (line, target) in modules_named(file, &Root::Above(module.len())) {
            let above = match layer_of(&target) {
                Some(of_target) => of_target > layer,
                // A name that the crate's root re-exports. Macros at the root belong to no layer.
                None => layer < 50 && target.chars().next().is_some_and(char::is_uppercase),
            };
            if above {
                let what = format!("`{name}` imports `{target}`, which is on a higher layer");
                let instead = "move what it needs down, or hand it in: docs/architecture.md, layers";
                broken.push(file.broken(line, what, instead));
            }
        }
    }
    broken
}

/// The beginning of a path that leads to a crate's root.
enum Root {
    /// `crate`, or as many `super` as a module is deep.
    Above(usize),
    /// The name of another crate.
    Name(&'static str),
}

/// The top-level modules (or re-exported names) that a file's paths lead to, with their lines.
fn modules_named(file: &File, root: &Root) -> Vec<(usize, String)> {
    let code = blank(&file.text);
    let tokens = tokens(&code);
    let inline = inline_depths(&tokens);
    let mut modules = Vec::new();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    for (at, surrounding) in inline.iter().enumerate() {
        let begins = match (root, text(at)) {
            (Root::Above(_), "crate") => Some(at),
            (Root::Above(depth), "super") if at == 0 || text(at - 1) != "::" => {
                let supers = (0..).take_while(|n| text(at + 2 * n) == "super").count();
                (supers == depth + surrounding).then(|| at + 2 * (supers - 1))
            }
            (Root::Name(name), word) => (word == *name).then_some(at),
            _ => None,
        };
        let Some(root) = begins.filter(|root| text(root + 1) == "::") else { continue };
        for name in first_names(&tokens, root + 2) {
            modules.push((name.line, name.text.to_owned()));
        }
    }
    modules
}

/// The number of inline modules around each token.
pub(crate) fn inline_depths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depths = Vec::with_capacity(tokens.len());
    let (mut braces, mut modules) = (0usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => {
                braces += 1;
                if at >= 2 && tokens[at - 2].text == "mod" {
                    modules.push(braces);
                }
            }
            "}" => {
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
                braces = braces.saturating_sub(1);
            }
            _ => {}
        }
        depths.push(modules.len());
    }
    depths
}

/// `a` of `a::b`, and `a`, `b` of `{a::c, b}`.
fn first_names<'a>(tokens: &[Token<'a>], at: usize) -> Vec<Token<'a>> {
    let Some(first) = tokens.get(at) else { return Vec::new() };
    if first.text != "{" {
        return vec![*first];
    }
    let (mut names, mut depth, mut expected) = (Vec::new(), 0, false);
    for token in tokens.iter().skip(at) {
        match token.text {
            "{" => (depth, expected) = (depth + 1, depth == 0),
            "}" => depth -= 1,
            "," => expected = depth == 1,
            _ if expected => {
                names.push(*token);
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The names that only the net layer may use. Addresses (`SocketAddr`, `IpAddr`) are values and may be named anywhere.
const SOCKETS: [&str; 10] = [
    "mio",
    "socket2",
    "getrandom",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "ToSocketAddrs",
];

/// Sockets, threads and clocks named below the net layer, code for tests excepted where it is measured or timed.
pub(crate) fn operating_system(house: &House) -> Vec<Broken> {
    let tests = test_modules(house);
    let mut broken = Vec::new();
    for file in &house.rust {
        let layer = match (module_of(&file.path), simulator_layer(&file.path)) {
            (Some(module), _) => module.first().and_then(|name| layer_of(name)),
            (None, of_simulator) => of_simulator,
        };
        if layer.is_none_or(|layer| layer >= NET) || tests.contains(file.path.as_str()) {
            continue;
        }
        let code = blank(&file.text);
        let tokens = tokens(&code);
        for (at, token) in tokens.iter().enumerate() {
            let next = |n: usize| tokens.get(at + n).map_or("", |token| token.text);
            let before = if at == 0 { "" } else { tokens[at - 1].text };
            let what = match token.text {
                name if SOCKETS.contains(&name) => name,
                // `log` counts events for an operator in real time; nothing else depends on its clock.
                "Instant" if file.path == EVENTS => continue,
                "Instant" | "SystemTime" if next(1) == "::" && next(2) == "now" => "the clock",
                "thread" if next(1) == "::" || before == "::" => "threads",
                _ => continue,
            };
            let what = format!("this file names {what}, which only the net layer may");
            broken.push(file.broken(
                token.line,
                what,
                "take time and bytes as arguments; do the rest in net/",
            ));
        }
    }
    broken
}

/// Files that are compiled for tests only: declared `#[cfg(test)] mod name;`.
fn test_modules(house: &House) -> HashSet<String> {
    let mut found = HashSet::new();
    for file in &house.rust {
        let folder = match file.path.strip_suffix("/mod.rs").or(file.path.strip_suffix("/lib.rs")) {
            Some(folder) => folder,
            None => file.path.strip_suffix(".rs").unwrap_or_default(),
        };
        let code = blank(&file.text);
        let tokens = tokens(&code);
        for window in tokens.windows(10) {
            let words: Vec<_> = window.iter().map(|token| token.text).collect();
            if let ["#", "[", "cfg", "(", "test", ")", "]", "mod", name, ";"] = words[..] {
                found.insert(format!("{folder}/{name}.rs"));
                found.insert(format!("{folder}/{name}/mod.rs"));
            }
        }
    }
    found
}

/// The codec's crate named outside its one file and that file's tests.
pub(crate) fn codec_outside_its_file(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in house.rust.iter().filter(|file| !file.path.starts_with(CODEC) && file.path != BARE) {
        let code = blank(&file.text);
        for token in tokens(&code).iter().filter(|token| token.text == "bincode") {
            let what = "the codec's crate is named outside its file".to_owned();
            broken.push(file.broken(token.line, what, "call wire::codec::encode and decode"));
        }
    }
    broken
}

/// Events that do not go through `log`: their subscriber could end a loop, or a peer fill the log with them.
pub(crate) fn events_outside_their_file(house: &House) -> Vec<Broken> {
    let mut broken = Vec::new();
    let of_library = |path: &str| path.starts_with(CORE) || path.starts_with(SIMULATOR);
    for file in house.rust.iter().filter(|file| of_library(&file.path) && file.path != EVENTS) {
        let code = blank(&file.text);
        for token in tokens(&code).iter().filter(|token| token.text == "tracing") {
            let what = "an event that can panic, and whose rate is not limited".to_owned();
            broken.push(file.broken(token.line, what, "use the macros of `crate::log`"));
        }
    }
    broken
}

#[test]
fn an_event_is_found_outside_its_file() {
    for text in ["tracing::warn!(\"x\");", "use tracing::debug;", "#[tracing::instrument]\nfn f() {}"] {
        assert_eq!(
            events_outside_their_file(&House::with("rpc-core/src/net/os.rs", text)).len(),
            1,
            "{text}"
        );
        assert_eq!(events_outside_their_file(&House::with("rpc-sim/src/fault_proxy.rs", text)).len(), 1);
        assert_eq!(events_outside_their_file(&House::with(EVENTS, text)), []);
        assert_eq!(events_outside_their_file(&House::with("examples/1_hello/main.rs", text)), []);
    }
    let right = "log::warn!(\"tracing\"); // tracing::warn";
    assert_eq!(events_outside_their_file(&House::with("rpc-core/src/net/os.rs", right)), []);
}

#[test]
fn an_import_of_a_higher_layer_is_found_however_it_is_spelled() {
    let wrong = [
        "use crate::proto::server;",
        "use crate::{limits::HEADER, proto::Outcome};",
        "use super::super::proto::Outcome;",
        "fn f() -> crate::net::Connector { g() }",
        "use crate::{\n    error::{Reason, ProtocolError},\n    service::Service,\n};",
        "use crate::CallError;",
        "mod tests { use super::super::super::call::Race; }",
        "pub(crate) use crate::stub::Dispatch;",
    ];
    for text in wrong {
        let house = House::with("rpc-core/src/wire/frame.rs", text);
        assert_eq!(upward_imports(&house).len(), 1, "{text}");
    }
}

#[test]
fn an_import_of_the_same_or_a_lower_layer_is_let_be() {
    let right = [
        "use crate::limits::HEADER; use super::fields::Fields; // crate::proto::Outcome",
        "mod tests { use super::*; use super::super::codec; }",
        "/// See [`crate::net::Connector`].\npub(crate) fn f() {}",
    ];
    for text in right {
        let house = House::with("rpc-core/src/wire/frame.rs", text);
        assert_eq!(upward_imports(&house), [], "{text}");
    }
}

#[test]
fn the_simulator_imports_hidden_modules_and_no_sockets() {
    let imports = |path: &str, text: &str| upward_imports(&House::with(path, text)).len();
    for wrong in [
        "use rpc_core::Server;",
        "use rpc_core::{ids::Time, Connector};",
        "fn f() { rpc_core::net::go() }",
        "use rpc_core::*;",
    ] {
        assert_eq!(imports("rpc-sim/src/world.rs", wrong), 1, "{wrong}");
        assert_eq!(imports("rpc-sim/src/fault_proxy_faults.rs", wrong), 1, "{wrong}");
    }
    let right = "use rpc_core::{call::Caller, wire::frame}; use crate::world::World; // rpc_core::Server";
    assert_eq!(imports("rpc-sim/src/network.rs", right), 0);
    assert_eq!(imports("examples/1_hello/main.rs", "use rpc_core::Server;"), 0);
}

#[test]
fn a_module_without_a_layer_is_found() {
    assert_eq!(upward_imports(&House::with("rpc-core/src/cellar.rs", "")).len(), 1);
}

#[test]
fn the_operating_system_is_found_below_the_net_layer_only() {
    let wrong = [
        "use mio::Poll;",
        "use std::net::{SocketAddr, TcpStream};",
        "fn f() { std::thread::sleep(d) }",
        "let now = Instant::now();",
        "let now = std::time::SystemTime::now();",
    ];
    for text in wrong {
        assert_eq!(operating_system(&House::with("rpc-core/src/proto/mod.rs", text)).len(), 1, "{text}");
        assert_eq!(operating_system(&House::with("rpc-sim/src/world.rs", text)).len(), 1, "{text}");
        assert_eq!(operating_system(&House::with("rpc-sim/src/fault_proxy.rs", text)), [], "{text}");
        assert_eq!(operating_system(&House::with("rpc-core/src/net/mod.rs", text)), [], "{text}");
    }
    let right =
        "use std::net::SocketAddr; use std::time::{Duration, Instant}; // Instant::now, mio\nx.thread;";
    assert_eq!(operating_system(&House::with("rpc-core/src/proto/mod.rs", right)), []);
}

#[test]
fn code_for_tests_may_read_the_clock() {
    let mut house = House::with("rpc-core/src/wire/codec.rs", "#[cfg(test)]\nmod bench;");
    house.rust.extend(House::with("rpc-core/src/wire/codec/bench.rs", "let t = Instant::now();").rust);
    assert_eq!(operating_system(&house), []);
    house.rust.extend(House::with("rpc-core/src/wire/codec/other.rs", "let t = Instant::now();").rust);
    assert_eq!(operating_system(&house).len(), 1);
}

#[test]
fn the_codec_is_found_outside_its_file() {
    let text = "use bincode::Options;";
    assert_eq!(codec_outside_its_file(&House::with("rpc-core/src/wire/message.rs", text)).len(), 1);
    assert_eq!(codec_outside_its_file(&House::with("examples/hello/main.rs", text)).len(), 1);
    assert_eq!(codec_outside_its_file(&House::with("rpc-core/src/wire/codec.rs", text)), []);
    assert_eq!(codec_outside_its_file(&House::with("rpc-core/src/lib.rs", "//! bincode 1.3.3")), []);
}
