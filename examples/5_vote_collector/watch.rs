//! Shows a poll as it happens: nothing, a line for each event, or a picture on a terminal that changes with each event.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::{Term, truncate_str};

/// The output for the events of a poll.
#[derive(Debug)]
pub(crate) enum Watch {
    Nothing,
    Lines,
    Picture(Picture),
}

/// One line of the terminal for the collector, and one for each voter. It is drawn over at each event, and leaves the
/// cursor below, where the next output goes.
#[derive(Debug)]
pub(crate) struct Picture {
    rows: Mutex<Vec<Row>>,
}

#[derive(Debug)]
struct Row {
    mark: char,
    name: String,
    text: String,
    /// True until the first event of this row.
    open: bool,
}

impl Watch {
    /// Chooses the output: `watch` asks for a picture, which needs a terminal with a line for each voter.
    pub(crate) fn new<'a>(
        watch: bool,
        form: &str,
        voters: impl Iterator<Item = &'a str>,
    ) -> io::Result<Self> {
        if !(watch && io::stdout().is_terminal()) {
            return Ok(Watch::Lines);
        }
        let row = |mark, name: &str, text: &str| Row {
            mark,
            name: name.to_owned(),
            text: text.to_owned(),
            open: true,
        };
        let mut rows = vec![row('*', form, "counting")];
        rows.extend(voters.map(|name| row('?', name, "asked")));
        let height = Term::stdout().size_checked().map_or(0, |(height, _)| usize::from(height));
        if rows.len() >= height {
            return Ok(Watch::Lines); // what has left the screen at its top cannot be drawn over
        }
        draw(&rows)?;
        Ok(Watch::Picture(Picture { rows: Mutex::new(rows) }))
    }

    /// Shows an event of a voter. A name that no voter has stands for all voters without an event so far.
    pub(crate) fn said(&self, at: Duration, voter: &str, what: &str) -> io::Result<()> {
        match self {
            Watch::Nothing => Ok(()),
            Watch::Lines => writeln!(io::stdout(), "{:>5} ms  {voter:<8} {what}", at.as_millis()),
            Watch::Picture(picture) => picture.change(at, what, ' ', |rows| {
                let voters = rows.iter_mut().skip(1);
                let (named, others): (Vec<_>, Vec<_>) = voters.partition(|row| row.name == voter);
                if named.is_empty() { others.into_iter().filter(|row| row.open).collect() } else { named }
            }),
        }
    }

    /// The collector has decided. A failure to write it shows at the next line.
    pub(crate) fn decided(&self, at: Duration, what: &str) {
        let _ = match self {
            Watch::Nothing => Ok(()),
            Watch::Lines => writeln!(io::stdout(), "{:>5} ms  {what}", at.as_millis()),
            Watch::Picture(picture) => {
                picture.change(at, what, '*', |rows| rows.iter_mut().take(1).collect())
            }
        };
    }
}

impl Picture {
    /// Writes into the rows that `which` picks, and draws the picture over the last one.
    fn change(
        &self,
        at: Duration,
        what: &str,
        mark: char,
        which: impl FnOnce(&mut [Row]) -> Vec<&mut Row>,
    ) -> io::Result<()> {
        let mut rows = self.rows(); // held while it is drawn: pictures come in the order of the events
        for row in which(&mut rows) {
            (row.mark, row.open) = (mark, false);
            row.text = format!("{:>5} ms  {what}", at.as_millis());
        }
        write!(io::stdout(), "\x1b[{}A", rows.len())?; // up, to the first of its lines
        draw(&rows)
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner) // whole at every step
    }
}

/// From the cursor's line on. A line that is longer than the terminal is wide would take two, and is cut.
fn draw(rows: &[Row]) -> io::Result<()> {
    let (_, width) = Term::stdout().size();
    let mut text = String::new();
    for Row { mark, name, text: what, .. } in rows {
        let line = format!("{mark} {name:<10} {what}");
        text += &format!("\r\x1b[2K{}\n", truncate_str(&line, usize::from(width), "…"));
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
