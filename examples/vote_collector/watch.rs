//! Shows a poll as it happens: nothing, a line for each event, or a moving picture on a terminal.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the picture moves.
const TICK: Duration = Duration::from_millis(80);

/// Where the events of a poll go.
#[derive(Debug)]
pub(crate) enum Watch {
    Nothing,
    Lines,
    Picture(Picture),
}

/// One line of the terminal for each voter, and one for the collector.
#[derive(Debug)]
pub(crate) struct Picture {
    collector: ProgressBar,
    voters: Mutex<BTreeMap<String, ProgressBar>>,
    _all: MultiProgress,
}

impl Watch {
    /// What suits: `watch` asks for a picture, which only a terminal can show.
    pub(crate) fn new<'a>(watch: bool, form: &str, voters: impl Iterator<Item = &'a str>) -> Self {
        if !(watch && io::stdout().is_terminal()) {
            return Watch::Lines;
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let add = |prefix: &str, message: &str| {
            let line = all.add(ProgressBar::new_spinner());
            line.set_style(style("{spinner} {prefix:<10} {msg}"));
            line.set_prefix(prefix.to_owned());
            line.set_message(message.to_owned());
            line.enable_steady_tick(TICK);
            line
        };
        let collector = add(form, "counting");
        let voters = voters.map(|name| (name.to_owned(), add(name, "asked"))).collect();
        Watch::Picture(Picture { collector, voters: Mutex::new(voters), _all: all })
    }

    /// A voter has said something, or something is known of it.
    pub(crate) fn said(&self, at: Duration, who: &str, what: &str) -> io::Result<()> {
        match self {
            Watch::Nothing => Ok(()),
            Watch::Lines => writeln!(io::stdout(), "{:>5} ms  {who:<8} {what}", at.as_millis()),
            Watch::Picture(picture) => {
                if let Some(line) = picture.voters().remove(who) {
                    line.set_style(style("  {prefix:<10} {msg}"));
                    line.finish_with_message(format!("{:>5} ms  {what}", at.as_millis()));
                }
                Ok(())
            }
        }
    }

    /// The collector has decided. A failure to write it shows at the next line.
    pub(crate) fn decided(&self, at: Duration, what: &str) {
        match self {
            Watch::Nothing => {}
            Watch::Lines => {
                let _ = writeln!(io::stdout(), "{:>5} ms  {what}", at.as_millis());
            }
            Watch::Picture(picture) => {
                picture.collector.set_style(style("* {prefix:<10} {msg}"));
                picture.collector.finish_with_message(format!("{:>5} ms  {what}", at.as_millis()));
            }
        }
    }
}

impl Picture {
    fn voters(&self) -> MutexGuard<'_, BTreeMap<String, ProgressBar>> {
        self.voters.lock().unwrap_or_else(PoisonError::into_inner) // whole at every step
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant, and right")
}
