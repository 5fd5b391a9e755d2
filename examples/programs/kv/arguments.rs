//! The command line of `kv`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{
    Arg, ArgMatches, Args, Command as Clap, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};

use crate::demo::options::{DemoClientOptions, DemoOptions};
use crate::limits::LimitOptions;
use crate::proxy::ProxyOptions;

const TEMPLATE: &str = "\
{about}

Examples:
  kv demo                                 at most once over a bad network, shown and checked
  kv serve --addr 127.0.0.1:4000          a server; port 0 picks one and prints it
  kv put colour blue                      give a key a value
  kv get colour                           its value; exit status 1 if there is none
  kv append colour ish                    add to its end: done once, however bad the network
  kv load pairs.tsv && kv dump | head     many pairs in, and out again
  kv list zone/ --limit 10 --format json  a page of pairs by prefix

{usage-heading} {usage}

{all-args}

Exit status: 0 done, 1 a negative answer (no such key, not serving), 2 usage or input, 3 server unreachable,
4 deadline passed or outcome unknown, 5 server error, 6 another protocol or another trait.";

/// A key-value server and its client, over calls that run at most once.
#[derive(Debug, Parser)]
#[command(name = "kv", version, help_template = TEMPLATE, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) client: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The environment variable for `--addr`.
const ADDR: &str = "RPC_ADDR";
const DEFAULT_ADDR: &str = "127.0.0.1:4000";

/// Options that are allowed before and after the command; see [`MEANINGLESS`] for the exceptions.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClientOptions {
    /// The server, as HOST:PORT or unix:/PATH
    #[arg(long, env = ADDR, default_value = DEFAULT_ADDR, global = true, value_name = "HOST:PORT")]
    pub(crate) addr: String,
    /// Time limit for each call: 250ms, 5s
    #[arg(long, default_value = "5s", global = true, value_parser = deadline, value_name = "TIME")]
    pub(crate) deadline: Duration,
    /// Form of the data on standard output; json is one object a line
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT; prints one line, `listening on HOST:PORT`
    Serve(Box<ServeOptions>),
    #[command(flatten)]
    OneCall(OneCall),
    /// Ask a server if it wants calls: status 0 if it is serving, 1 if it is starting or draining
    Health,
    /// Put the pairs of a file: KEY, a tab, VALUE, one a line, `-` for standard input
    Load(LoadOptions),
    /// Print all pairs as KEY, a tab, VALUE, sorted by key; `load` reads them back
    Dump(DumpOptions),
    /// Run a server, clients and a bad network on this machine, and check that every append is there exactly once
    Demo(DemoOptions),
    /// Run a bad network in front of the server at --addr; prints one line, `listening on HOST:PORT`
    Proxy(ProxyOptions),
    /// One client process of the demonstration
    #[command(hide = true)]
    DemoClient(DemoClientOptions),
}

/// The commands that are one call each.
#[derive(Debug, Subcommand)]
pub(crate) enum OneCall {
    /// Print the value of a key
    Get { key: String },
    /// Set the value of a key
    Put { key: String, value: String },
    /// Append to the value of a key; prints the new length in bytes
    Append { key: String, value: String },
    /// Remove a key
    Delete { key: String },
    /// Print the pairs with a prefix, one page at a time
    List(ListOptions),
    /// Print what the server has done and holds
    Stats,
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Number of event loops, each on its own thread; 0 means one for each core
    #[arg(long, default_value_t = 1)]
    pub(crate) loops: usize,
    /// For teaching: run every duplicate of a call, as a server without a duplicate filter does
    #[arg(long)]
    pub(crate) no_filter: bool,
    /// Write more than warnings and errors to standard error; RUST_LOG=debug writes most
    #[arg(long, short, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Write only errors to standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Time between a first signal and the drain: `kv health` says `draining`, and calls go on
    #[arg(long, default_value = "0s", value_parser = duration, value_name = "TIME")]
    pub(crate) notice: Duration,
    /// Serve at the sockets that systemd has handed over (LISTEN_FDS), in place of --addr
    #[arg(long)]
    pub(crate) inherited: bool,
    /// Count calls, and show the counts to Prometheus at http://HOST:PORT/metrics
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics: Option<String>,
    /// Keep the pairs, and the sessions and records of calls, in this folder: each call runs exactly once, though the server dies
    #[arg(long, value_name = "DIR", conflicts_with = "no_filter")]
    pub(crate) data: Option<PathBuf>,
    /// The file system below --data was set back to an earlier state: tell clients of before that their sessions are lost
    #[arg(long, requires = "data")]
    pub(crate) set_back: bool,
    /// End when standard input closes: for a server that another program has started
    #[arg(long, hide = true)]
    pub(crate) end_with_parent: bool,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Prefix of the keys
    #[arg(default_value = "")]
    pub(crate) prefix: String,
    /// Begin after this key
    #[arg(long, default_value = "", hide_default_value = true, value_name = "KEY")]
    pub(crate) after: String,
    /// Maximum number of pairs
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct LoadOptions {
    /// The file; `-` means standard input
    pub(crate) file: PathBuf,
    /// Time to keep trying while no call succeeds
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub(crate) patience: Duration,
    /// Number of calls in flight at once
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) in_flight: u16,
    /// Read backslashes as they are: no escapes
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DumpOptions {
    /// Prefix of the keys
    #[arg(default_value = "")]
    pub(crate) prefix: String,
    /// Number of pairs in each request
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) page: u32,
}

/// Parses a duration such as 250ms or 5s.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 250ms or 5s"))
}

/// Parses a duration of at least a millisecond.
fn deadline(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_millis(1) { Err("at least 1ms".to_owned()) } else { Ok(time) }
}

/// Options of [`ClientOptions`] that have no meaning for a command: they are not in its help, and are refused.
const MEANINGLESS: [(&str, &[&str]); 4] = [
    ("serve", &["deadline"]),
    ("load", &["format"]),
    ("demo", &["addr", "deadline"]),
    ("proxy", &["deadline"]),
];

/// Parses the command line. A mistake prints a message and ends the process.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Arguments {
    let mut clap = Arguments::command();
    let globals: Vec<Arg> = clap.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    for (command, options) in MEANINGLESS {
        let hidden = globals.iter().filter(|arg| options.contains(&arg.get_id().as_str()));
        let hidden = hidden.map(|arg| arg.clone().hide(true));
        clap = clap.mut_subcommand(command, |command| command.args(hidden)); // before clap adds the global option, which it then leaves out
    }
    let matches = clap.try_get_matches_from_mut(line);
    let matches = matches.unwrap_or_else(|error| without_hidden(error, &clap).exit());
    if let Some((command, option)) = meaningless(&matches) {
        clap.error(ErrorKind::UnknownArgument, format!("`{command}` has no option --{option}")).exit()
    }
    let mut arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if arguments.client.addr.is_empty() && std::env::var_os(ADDR).is_some_and(|addr| addr.is_empty()) {
        DEFAULT_ADDR.clone_into(&mut arguments.client.addr); // as in a shell, an empty variable counts as not set
    }
    arguments
}

/// Returns the command that was given an option without meaning for it, and the option.
fn meaningless(matches: &ArgMatches) -> Option<(&str, &'static str)> {
    let (name, matches) = matches.subcommand()?;
    let (_, options) = MEANINGLESS.iter().find(|(command, _)| *command == name)?;
    let given = |option: &&str| matches.value_source(option) == Some(ValueSource::CommandLine);
    options.iter().copied().find(given).map(|option| (name, option))
}

/// Removes the hidden commands from the message for a missing command.
fn without_hidden(mut error: clap::Error, clap: &Clap) -> clap::Error {
    if error.kind() == ErrorKind::MissingSubcommand {
        let commands = clap.get_subcommands().filter(|command| !command.is_hide_set());
        let names = commands.map(|command| command.get_name().to_owned()).collect();
        error.insert(ContextKind::ValidSubcommand, ContextValue::Strings(names));
    }
    error
}
