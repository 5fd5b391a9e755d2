//! A pseudo terminal: runs a program on it, and keeps the screen.

use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};

/// Number of lines that are kept after they have left the screen at the top.
const SCROLLBACK: usize = 1000;

/// The content of the terminal at the end.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: Option<i32>,
    /// All lines, the ones that have left at the top included, without the blanks at their ends.
    pub(crate) lines: Vec<String>,
    /// Number of characters on the last screen that have a colour.
    pub(crate) coloured: usize,
}

impl Seen {
    /// Returns the number of lines with this text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(text)).count()
    }
}

/// Runs the program with its standard output on a terminal of this size.
pub(crate) fn run_on_terminal(program: &str, arguments: &[&str], rows: u16, columns: u16) -> Seen {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).expect("a pseudo terminal");
    let mut child = Command::new(program)
        .args(arguments)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(terminal.slave) // this process's copy is closed with the command
        .spawn()
        .expect("the program was built");
    let some = |number| NonZero::new(number).expect("a terminal has lines and columns");
    let mut screen = vt100::Parser::new(some(rows), some(columns), SCROLLBACK);
    let (mut output, mut bytes) = (File::from(terminal.master), [0; 4096]);
    // When all writers have closed the terminal, reading fails on Linux, and ends elsewhere.
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        screen.process(&bytes[..count]);
    }
    let status = child.wait().expect("it was started").code();
    let coloured = coloured(screen.screen(), rows, columns);
    Seen { status, lines: lines(&mut screen, columns), coloured }
}

fn coloured(screen: &vt100::Screen, rows: u16, columns: u16) -> usize {
    let cells = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column)));
    cells.filter(|cell| cell.fgcolor() != vt100::Color::Default).count()
}

fn lines(screen: &mut vt100::Parser, columns: u16) -> Vec<String> {
    let screen = screen.screen_mut();
    let mut all = Vec::new();
    screen.set_scrollback(SCROLLBACK);
    for left in (1..=screen.scrollback()).rev() {
        screen.set_scrollback(left);
        all.extend(screen.rows(0, columns).next());
    }
    screen.set_scrollback(0);
    all.extend(screen.rows(0, columns));
    all.into_iter().map(|line| line.trim_end().to_owned()).collect()
}
