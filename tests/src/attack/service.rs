//! The service that the attacks are aimed at, and the process that serves it: a hidden subcommand of `prove`.

use std::collections::HashMap;
use std::io::Read;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use rpc_core::{Later, Responder, Server, ServerLimits, rpc};
use serde::{Deserialize, Serialize};

/// The word after `prove` that serves the service under attack.
pub const SERVE: &str = "serve-target";
/// The server writes its address on a line that begins with this.
pub(super) const LISTENS: &str = "listening on ";

/// A type that contains itself: its nesting is limited by the decoder alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Tree {
    /// No child.
    Leaf(u8),
    /// One child.
    Node(Box<Tree>),
    /// Many children.
    Many(Vec<Tree>),
}

/// A value whose absence takes one byte on the wire and 264 in memory.
pub(crate) type Fat = Option<[u64; 32]>;

/// Methods that an attack can make expensive.
#[rpc]
pub(crate) trait Target {
    /// Returns the text: the call of a healthy client.
    fn echo(&self, text: &str) -> String;
    /// Returns so many bytes; its reply is never kept.
    #[rpc(idempotent)]
    fn big(&self, bytes: u64) -> Vec<u8>;
    /// Returns so many bytes; its reply is kept if it is short.
    fn keep(&self, bytes: u64) -> Vec<u8>;
    /// Returns the number of times that `big` and `keep` ran.
    fn runs(&self) -> u64;
    /// Sleeps, without a word in the contract that it is slow.
    fn nap(&self, milliseconds: u64) -> u64;
    /// Sleeps.
    #[rpc(slow)]
    fn nap_slow(&self, milliseconds: u64) -> u64;
    /// Sleeps, and holds its argument meanwhile.
    #[rpc(slow)]
    fn swallow(&self, milliseconds: u64, bytes: &[u8]) -> u64;
    /// Sleeps, and returns its argument.
    #[rpc(slow, idempotent)]
    fn mirror(&self, milliseconds: u64, bytes: &[u8]) -> Vec<u8>;
    /// Returns so many bytes, after so long, and holds no thread meanwhile; its reply is never kept.
    #[rpc(idempotent)]
    fn later(&self, milliseconds: u64, bytes: u64) -> Later<Vec<u8>>;
    /// Computes for so long: quick for most callers.
    fn spin(&self, milliseconds: u64) -> u64;
    /// Panics with this text.
    fn boom(&self, text: &str) -> u64;
    /// Returns the depth of a tree.
    fn nest(&self, tree: Tree) -> u32;
    /// Takes elements that have no bytes.
    fn units(&self, units: Vec<()>) -> u64;
    /// Takes elements that are larger in memory than on the wire.
    fn fat(&self, values: Vec<Fat>) -> u64;
    /// Takes a map.
    fn map(&self, map: HashMap<String, u32>) -> u64;
    /// Takes strings.
    fn strings(&self, strings: Vec<String>) -> u64;
    /// Takes borrowed arguments.
    fn borrow(&self, text: &str, bytes: &[u8]) -> u64;
    /// Takes values of which not all bytes are valid.
    fn mix(&self, truth: bool, option: Option<u8>, character: char) -> u64;
}

#[derive(Default)]
struct Plain {
    runs: AtomicU64,
    /// The thread that replies later, once it is there.
    replier: OnceLock<Sender<Due>>,
}

/// A call that is replied to at a time, with so many bytes.
type Due = (Instant, u64, Responder<Vec<u8>>);

/// Replies to each call when its time is there, in the order in which they came.
fn reply_in_time() -> Sender<Due> {
    let (send, calls) = mpsc::channel::<Due>();
    std::thread::spawn(move || {
        for (due, bytes, responder) in calls {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            responder.reply(vec![7; usize::try_from(bytes).unwrap_or(0).min(64 << 20)]);
        }
    });
    send
}

impl Plain {
    fn bytes(&self, bytes: u64) -> Vec<u8> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        vec![7; usize::try_from(bytes).unwrap_or(0).min(64 << 20)] // no attack needs more, and a typo must not abort
    }
}

impl Target for Plain {
    fn echo(&self, text: &str) -> String {
        text.to_owned()
    }
    fn big(&self, bytes: u64) -> Vec<u8> {
        self.bytes(bytes)
    }
    fn keep(&self, bytes: u64) -> Vec<u8> {
        self.bytes(bytes)
    }
    fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
    fn nap(&self, milliseconds: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(milliseconds));
        milliseconds
    }
    fn nap_slow(&self, milliseconds: u64) -> u64 {
        self.nap(milliseconds)
    }
    fn swallow(&self, milliseconds: u64, bytes: &[u8]) -> u64 {
        self.nap(milliseconds);
        bytes.len() as u64
    }
    fn mirror(&self, milliseconds: u64, bytes: &[u8]) -> Vec<u8> {
        self.nap(milliseconds);
        bytes.to_vec()
    }
    fn later(&self, milliseconds: u64, bytes: u64) -> Later<Vec<u8>> {
        let (responder, later) = Later::pair();
        let due = Instant::now() + Duration::from_millis(milliseconds);
        let replier = self.replier.get_or_init(reply_in_time);
        let _ = replier.send((due, bytes, responder)); // at worst the call is given up
        later
    }
    fn spin(&self, milliseconds: u64) -> u64 {
        let until = Instant::now() + Duration::from_millis(milliseconds);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        milliseconds
    }
    fn boom(&self, text: &str) -> u64 {
        panic!("{text}")
    }
    fn nest(&self, tree: Tree) -> u32 {
        fn depth(tree: &Tree) -> u32 {
            match tree {
                Tree::Leaf(_) => 1,
                Tree::Node(tree) => 1 + depth(tree),
                Tree::Many(trees) => 1 + trees.iter().map(depth).max().unwrap_or(0),
            }
        }
        depth(&tree)
    }
    fn units(&self, units: Vec<()>) -> u64 {
        units.len() as u64
    }
    fn fat(&self, values: Vec<Fat>) -> u64 {
        values.len() as u64
    }
    fn map(&self, map: HashMap<String, u32>) -> u64 {
        map.len() as u64
    }
    fn strings(&self, strings: Vec<String>) -> u64 {
        strings.len() as u64
    }
    fn borrow(&self, text: &str, bytes: &[u8]) -> u64 {
        (text.len() + bytes.len()) as u64
    }
    fn mix(&self, truth: bool, option: Option<u8>, character: char) -> u64 {
        u64::from(truth) + u64::from(option.unwrap_or(0)) + u64::from(character)
    }
}

/// Serves until standard input ends, which it does when the parent ends, however that happens.
///
/// The words are bounds, `name=number`. The log goes to standard error, as plainly as a user would set it up.
///
/// # Errors
/// A sentence, if a word is no bound or the server cannot start.
pub fn serve(words: impl IntoIterator<Item = String>) -> Result<(), String> {
    let limits = limits(words)?;
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest); // an error is an end too
        std::process::exit(0);
    });
    // The default hook writes a panic's text as it is. That is the process's own matter; the framework's lines are judged.
    std::panic::set_hook(Box::new(|_| ()));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let server = Server::builder()
        .service(TargetServer::new(Plain::default()))
        .limits(limits)
        .bind("127.0.0.1:0")
        .map_err(|error| error.to_string())?;
    println!("{LISTENS}{}", server.local_addr());
    server.run().map_err(|error| error.to_string())
}

fn limits(words: impl IntoIterator<Item = String>) -> Result<ServerLimits, String> {
    let mut limits = ServerLimits::default();
    for word in words {
        let (name, number) = word.split_once('=').ok_or_else(|| format!("{word:?} is not `name=number`"))?;
        let number: usize = number.parse().map_err(|_| format!("{number:?} is no number"))?;
        match name {
            "sessions" => limits.sessions = number,
            "reply_budget" => limits.reply_budget = number,
            "threads" => limits.threads = number,
            _ => return Err(format!("{name:?} is no bound")),
        }
    }
    Ok(limits)
}
