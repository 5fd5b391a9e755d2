//! The limits of `kv serve` as options: one for each field of [`ServerLimits`].

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use rpc_core::ServerLimits;

use crate::arguments::duration;

/// The limits that the command line sets. Those that it does not name are the defaults of the library.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitOptions(pub(crate) ServerLimits);

/// The option of one limit.
struct Limit {
    /// The field of [`ServerLimits`]. The option has `-` in place of `_`.
    field: &'static str,
    /// The form of the value, as the help names it.
    form: &'static str,
    /// The meaning of the limit.
    help: &'static str,
    /// Returns the value as an option would say it, if it has a number.
    show: fn(&ServerLimits) -> Option<String>,
    /// Sets the limit.
    set: fn(&mut ServerLimits, &str) -> Result<(), String>,
}

/// Declares the options. A field of [`ServerLimits`] without an option does not compile.
macro_rules! limits {
    ($($field:ident: $form:ident, $help:literal;)+) => {
        const LIMITS: &[Limit] = &[$(Limit {
            field: stringify!($field),
            form: $form::NAME,
            help: $help,
            show: |limits| $form::show(&limits.$field),
            set: |limits, text| $form::parse(text).map(|value| limits.$field = value),
        }),+];
        const _: fn(ServerLimits) = |limits| {
            let ServerLimits { $($field: _),+ } = limits;
        };
    };
}

limits! {
    slots: Count, "Calls of a client at once";
    max_frame: Bytes, "Longest arguments of a call, and longest reply";
    nesting: Count, "Levels of nesting of an argument and of a reply";
    sessions: Count, "Sessions at once";
    sessions_per_source: Share, "Sessions of one address, or one user over Unix sockets, at once [default: a quarter of --sessions]";
    connections: Count, "Connections at once";
    connections_per_source: Share, "Connections of one address, or one user over Unix sockets, at once [default: half of those that are possible]";
    lease: Time, "How long a session outlives its connection";
    max_cached_reply: Bytes, "Longest reply that is kept for a client that asks again";
    session_replies: Bytes, "Kept replies of one session";
    reply_budget: Bytes, "Kept replies of all sessions";
    replies: Count, "Kept replies of all sessions, in number";
    reply_age: Time, "Age at which kept replies make room for others";
    queue: Count, "Calls that wait to run";
    held: Count, "Calls whose reply comes later";
    queue_bytes: Bytes, "Arguments of all calls that wait to run";
    queue_pause: Bytes, "Arguments of one session that wait, at which its connection is not read";
    frames_budget: Bytes, "Room for frames that have begun and not ended";
    retry_after: Time, "Pause that clients are told while the server is busy";
    unsent_pause: Bytes, "Unsent replies of a connection at which its calls wait";
    unsent_most: Bytes, "Unsent replies of a connection";
    unsent_budget: Bytes, "Unsent replies of all connections";
    unsent_stall: Time, "How long a connection may stay without progress while replies are unsent";
    grace: Time, "How long a drain waits for calls";
    drain_linger: Time, "How long a drain waits for acknowledgements";
    drain_detached: Time, "How long a drain waits for a client that lost its connection with replies unread";
    threads: Count, "Handlers that run at once";
    spin: Time, "How long a loop looks for events before it sleeps";
}

/// A way to write a value of a limit.
trait Form<V> {
    /// Returns the value of a text.
    fn parse(text: &str) -> Result<V, String>;

    /// Returns the text of a value; `None` if it has no number.
    fn show(value: &V) -> Option<String>;
}

/// A number of things.
struct Count;

impl Count {
    /// Its name in the help.
    const NAME: &'static str = "N";
}

impl<V: FromStr<Err: Display> + Display> Form<V> for Count {
    fn parse(text: &str) -> Result<V, String> {
        text.parse().map_err(|error: V::Err| error.to_string())
    }

    fn show(value: &V) -> Option<String> {
        Some(value.to_string())
    }
}

/// A number of things for one address; without it, a share of those for all.
struct Share;

impl Share {
    /// Its name in the help.
    const NAME: &'static str = "N";
}

impl Form<Option<usize>> for Share {
    fn parse(text: &str) -> Result<Option<usize>, String> {
        Count::parse(text).map(Some)
    }

    fn show(value: &Option<usize>) -> Option<String> {
        value.as_ref().and_then(Count::show)
    }
}

/// A number of bytes.
struct Bytes;

impl Bytes {
    /// Its name in the help.
    const NAME: &'static str = "BYTES";
}

/// The units of [`Bytes`], largest first.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Form<usize> for Bytes {
    fn parse(text: &str) -> Result<usize, String> {
        let unit = UNITS.iter().find_map(|(name, bytes)| Some((text.strip_suffix(name)?, *bytes)));
        let (number, unit) = unit.unwrap_or((text, 1));
        let number: usize = number
            .trim_end()
            .parse()
            .map_err(|error| format!("{error}; write for example 4096, 16KiB, 4MiB or 1GiB"))?;
        number.checked_mul(unit).ok_or_else(|| "more bytes than any memory has".to_owned())
    }

    fn show(value: &usize) -> Option<String> {
        let unit = UNITS.iter().find(|(_, bytes)| *value > 0 && value % bytes == 0);
        Some(unit.map_or(value.to_string(), |(name, bytes)| format!("{}{name}", value / bytes)))
    }
}

/// A duration.
struct Time;

impl Time {
    /// Its name in the help.
    const NAME: &'static str = "TIME";
}

impl Form<Duration> for Time {
    fn parse(text: &str) -> Result<Duration, String> {
        duration(text)
    }

    fn show(value: &Duration) -> Option<String> {
        Some(humantime::format_duration(*value).to_string())
    }
}

impl Limit {
    /// Returns the option for clap. Its default is that of the library.
    fn option(&self) -> Arg {
        let set = self.set;
        let parser = move |text: &str| set(&mut ServerLimits::default(), text).map(|()| text.to_owned());
        let option = Arg::new(self.field)
            .long(as_option(self.field))
            .value_name(self.form)
            .help(self.help)
            .help_heading("Limits")
            .hide_short_help(true)
            .value_parser(parser);
        match (self.show)(&ServerLimits::default()) {
            Some(usual) => option.default_value(usual),
            None => option,
        }
    }
}

impl Args for LimitOptions {
    fn augment_args(command: Command) -> Command {
        command.args(LIMITS.iter().map(Limit::option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut options = LimitOptions::default();
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let wrong = |text: String| Error::raw(ErrorKind::ValueValidation, format!("{text}\n"));
        for limit in LIMITS {
            if let Some(text) = matches.get_one::<String>(limit.field) {
                (limit.set)(&mut self.0, text).map_err(wrong)?;
            }
        }
        self.0.check().map_err(|error| wrong(with_options(&error.to_string())))
    }
}

/// Returns the name of a field as that of an option.
fn as_option(field: &str) -> String {
    field.replace('_', "-")
}

/// Returns a text of the library with options in place of the fields that it names.
fn with_options(text: &str) -> String {
    let mut parts = text.split("ServerLimits::");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
        let (field, rest) = part.split_at(end);
        shown += &format!("--{}{rest}", as_option(field));
    }
    shown
}
