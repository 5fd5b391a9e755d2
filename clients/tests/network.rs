//! Appends from several languages at once, over a bad network and past servers that are killed.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rpc_clients::Language;
use rpc_core::{CallError, Connector, RunningServer};
use rpc_sim::{FaultProxy, Faults};

use crate::folder::{compiled, fresh, generated, node, python};
use crate::services::{JournalClient, Lines};
use crate::verdicts::{descriptions, server};

/// Lines of each program.
const LINES: usize = 150;
/// Looks at the journal for the first lines of all programs, 10 ms apart: an interpreter that starts beside others takes seconds.
const MOST_LOOKS: usize = 3000;
/// Programs that are given no number append until their input ends.
const UNTIL_TOLD: usize = 0;
/// Times that the server is killed.
const KILLS: usize = 4;

/// A program that appends lines, and says what it was told of each.
struct Program(&'static str, Child);

/// The verdict on a line, as a program has printed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Ran,
    Never,
    Unknown,
}

/// Generates the clients in all other languages.
fn generate_all(folder: &Path, server: &RunningServer) {
    let described = descriptions(server);
    generated(Language::Python, &described, &folder.join("python"));
    generated(Language::TypeScript, &described, &folder.join("typescript"));
    compiled(&folder.join("typescript"), &["appends.ts"]);
}

/// Starts the programs of all other languages, which append through this address.
fn start(folder: &Path, address: SocketAddr, lines: usize) -> Vec<Program> {
    let (address, lines) = (address.to_string(), lines.to_string());
    let mut programs = Vec::new();
    let mut commands = Vec::new();
    for kind in ["blocking", "asyncio"] {
        commands.push((kind, python(&folder.join("python"), "appends.py", &[kind, &address, &lines])));
    }
    let typescript = folder.join("typescript");
    if typescript.join("dist").exists() {
        commands.push(("typescript", node(&typescript, "appends.js", &[&address, &lines])));
    }
    for (kind, mut command) in commands {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3, and node");
        programs.push(Program(kind, child));
    }
    programs
}

/// Waits for a program, and returns what it was told of each line.
fn told(program: Program) -> HashMap<String, Told> {
    let Program(name, child) = program;
    let output = child.wait_with_output().expect("it was started"); // which closes its input
    assert!(output.status.success(), "{name} has failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().map(|line| line.split_once(' ').expect("a verdict and a line"));
    let told = lines.map(|(told, line)| {
        let told = match told {
            "ran" => Told::Ran,
            "never" => Told::Never,
            "unknown" => Told::Unknown,
            other => panic!("{name} says {other}"),
        };
        (line.to_owned(), told)
    });
    told.collect()
}

/// Appends one line, until it is known what became of it.
fn append(journal: &JournalClient, line: &str) -> Told {
    let mut outcome = journal.append(line);
    loop {
        outcome = match outcome {
            Err(CallError::NotExecuted(error)) if error.reason.may_pass() => journal.append(line),
            Err(CallError::Unknown(unknown)) if unknown.is_open() => unknown.resolve(Duration::from_secs(5)),
            Err(CallError::Unknown(_)) => return Told::Unknown,
            Err(CallError::NotExecuted(_)) => return Told::Never,
            _ => return Told::Ran,
        };
    }
}

fn judge(told: &HashMap<String, Told>, lines: &[String]) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    for (line, told) in told {
        let count = counts.get(line.as_str()).copied().unwrap_or_default();
        let is_true = match told {
            Told::Ran => count == 1,
            Told::Never => count == 0,
            Told::Unknown => count <= 1,
        };
        assert!(is_true, "`{line}` is there {count} times, and its caller was told {told:?}");
    }
    assert!(counts.keys().all(|line| told.contains_key(*line)), "lines that nothing has appended");
}

#[test]
fn appends_of_several_languages_over_a_bad_network_run_once_each() {
    let folder = fresh("network");
    let lines = Lines::default();
    let server = server(&lines);
    generate_all(&folder, &server);
    let faults =
        Faults::none().drop(0.05).duplicate(0.1).delay(Duration::ZERO, Duration::from_millis(15)).cut(0.02);
    let here = ([127, 0, 0, 1], 0).into();
    let proxy = FaultProxy::start(here, server.local_addr(), faults, 7).expect("it listens");
    let programs = start(&folder, proxy.addr(), LINES);
    let mut all = HashMap::new();
    let settings = Connector::new().connect_timeout(Duration::from_secs(10));
    let journal: JournalClient = settings.connect(proxy.addr()).expect("the server is there");
    for number in 0..LINES {
        let line = format!("rust {number}");
        let told = append(&journal, &line);
        all.insert(line, told);
    }
    let count = programs.len() + 1;
    for program in programs {
        all.extend(told(program));
    }
    assert_eq!(all.len(), count * LINES);
    assert!(all.values().all(|told| *told == Told::Ran), "the session was never lost: {all:?}");
    judge(&all, &lines.all());
    let seen = proxy.seen();
    assert!(seen.cut > 0, "no fault was made: {seen:?}");
    println!("{count} programs, {LINES} lines each: {seen:?}");
    journal.call.close();
    drop(proxy);
    server.drain_within(Duration::ZERO);
}

/// Waits until each program has appended a line: then all are connected.
fn wait_for_lines(file: &Path, programs: &[&str]) {
    for _ in 0..MOST_LOOKS {
        let text = std::fs::read_to_string(file).expect("the server has made it");
        if programs.iter().all(|program| text.contains(program)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("a program has appended nothing");
}

/// A server in a process of its own. It is killed when it is dropped.
struct Process(Child);

impl Process {
    fn start(address: SocketAddr, file: &Path) -> (Self, SocketAddr) {
        let own = std::env::current_exe().expect("this program");
        let folder = own.ancestors().nth(2).expect("target/debug/deps/name");
        let program: PathBuf = folder.join("examples/journal_server");
        let mut command = Command::new(program);
        command.arg(address.to_string()).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        for _ in 0..100 {
            let mut child = command.spawn().expect("`cargo test` has built it");
            let mut line = String::new();
            let output = child.stdout.take().expect("a pipe");
            BufReader::new(output).read_line(&mut line).expect("text");
            if let Some(address) = line.trim().strip_prefix("listening on ") {
                return (Process(child), address.parse().expect("an address"));
            }
            child.wait().expect("it has ended"); // the port of the one that was killed is still taken
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no server at {address}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it was killed");
    }
}

#[test]
fn callers_of_a_server_that_is_killed_are_told_the_truth() {
    let folder = fresh("killed");
    let described = server(&Lines::default());
    generate_all(&folder, &described);
    described.drain_within(Duration::ZERO);
    let file = folder.join("journal.txt");
    let (mut process, address) = Process::start(([127, 0, 0, 1], 0).into(), &file);
    let programs = start(&folder, address, UNTIL_TOLD);
    let kinds: Vec<&str> = programs.iter().map(|Program(name, _)| *name).collect();
    wait_for_lines(&file, &kinds);
    for kill in 0..KILLS {
        std::thread::sleep(Duration::from_millis(250 + 60 * kill as u64));
        drop(process);
        std::thread::sleep(Duration::from_millis(150));
        process = Process::start(address, &file).0;
    }
    let all: HashMap<_, _> = programs.into_iter().flat_map(told).collect();
    println!(
        "{:?} of {}",
        [Told::Ran, Told::Never, Told::Unknown]
            .map(|kind| all.values().filter(|told| **told == kind).count()),
        all.len()
    );
    let lines = std::fs::read_to_string(&file).expect("the journal");
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    judge(&all, &lines);
    let unknown = all.values().filter(|told| **told == Told::Unknown).count();
    assert!(all.values().any(|told| *told == Told::Ran), "nothing ran");
    assert!(unknown > 0, "no call was under way when the server was killed");
    drop(process);
}
