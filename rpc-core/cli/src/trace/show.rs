//! Writes what was seen: lines of text, or of JSON. One lock orders the lines of all connections.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use rpc_frames::{Annotated, Style, Way, head, lines};
use serde::Serialize;

use super::chrome::Chrome;

/// The form of the output.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// A head for each frame, and its bytes with their fields.
    Bytes(Style),
    /// A head for each frame.
    Short,
    /// An object for each frame.
    Json,
}

/// The output of all connections.
#[derive(Debug)]
pub(super) struct Output {
    form: Form,
    chrome: Option<Chrome>,
    began: Instant,
    /// The time at which it began, since 1970.
    unix: Duration,
}

/// A frame in JSON.
#[derive(Serialize)]
struct Seen<'a> {
    /// Seconds since the proxy has started.
    at: f64,
    /// Microseconds since 1970.
    unix_micros: u64,
    /// The number of the connection.
    connection: u32,
    /// `client` or `server`.
    from: &'static str,
    #[serde(flatten)]
    frame: &'a Annotated,
}

/// The beginning or the end of a connection in JSON.
#[derive(Serialize)]
struct Happened<'a> {
    at: f64,
    unix_micros: u64,
    connection: u32,
    event: &'static str,
    text: &'a str,
}

impl Output {
    pub(super) fn new(form: Form, chrome: Option<Chrome>, (began, unix): (Instant, Duration)) -> Self {
        Output { form, chrome, began, unix }
    }

    /// Tells people something that is no part of the trace.
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "rpc: {text}"); // nothing can be done about standard error
    }

    /// Shows a frame.
    pub(super) fn frame(&mut self, connection: u32, way: Way, frame: &Annotated) {
        let now = self.began.elapsed();
        let (from, arrow) = match way {
            Way::ToServer => ("client", "client -> server"),
            Way::ToClient => ("server", "client <- server"),
        };
        if let Some(chrome) = &mut self.chrome {
            let written = chrome.frame(now, connection, way, frame);
            self.check_chrome(written);
        }
        let at = now.as_secs_f64();
        match self.form {
            Form::Json => {
                let unix_micros = (self.unix + now).as_micros() as u64; // enough for 500,000 years
                put_json(&Seen { at, unix_micros, connection, from, frame });
            }
            Form::Short | Form::Bytes(_) => {
                let wrong = match (self.form, frame.wrong.as_str()) {
                    (Form::Short, wrong) if !wrong.is_empty() => format!("  WRONG: {wrong}"),
                    _ => String::new(),
                };
                let bytes =
                    if frame.length == 1 { "1 byte".to_owned() } else { format!("{} bytes", frame.length) };
                put(format_args!("{at:>10.6} s  #{connection}  {arrow}  {bytes}  {}{wrong}", head(frame)));
                if let Form::Bytes(style) = self.form {
                    put(format_args!("{}", lines(frame, style)));
                }
            }
        }
    }

    /// Shows the beginning or the end of a connection.
    pub(super) fn event(&mut self, connection: u32, event: &'static str, text: &str) {
        let now = self.began.elapsed();
        if let Some(chrome) = &mut self.chrome {
            let written = chrome.event(now, connection, event, text);
            self.check_chrome(written);
        }
        let at = now.as_secs_f64();
        match self.form {
            Form::Json => {
                let unix_micros = (self.unix + now).as_micros() as u64;
                put_json(&Happened { at, unix_micros, connection, event, text });
            }
            _ => put(format_args!("{at:>10.6} s  #{connection}  {text}")),
        }
    }

    /// Ends the output.
    pub(super) fn finish(&mut self) {
        if let Some(chrome) = &mut self.chrome {
            let written = chrome.finish();
            self.check_chrome(written);
        }
    }

    /// Stops writing the file for a viewer after a failure: the proxy goes on.
    fn check_chrome(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.chrome = None;
            self.note(&format!("the file for the viewer of traces ends here: {error}"));
        }
    }
}

fn put_json(line: &impl Serialize) {
    match serde_json::to_string(line) {
        Ok(text) => put(format_args!("{text}")),
        Err(error) => put(format_args!("{{\"error\":{:?}}}", error.to_string())),
    }
}

/// Writes a line. A reader that has closed the pipe ends the command, as it does those of the shell.
fn put(line: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
