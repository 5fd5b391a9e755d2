//! `rpc completions` and `rpc man`: for shells, and for `man`.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::status::Failure;

/// Writes the completions for a shell.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new(); // first into memory: the writer panics where it cannot write
    clap_complete::generate(shell, &mut Arguments::command(), "rpc", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

/// Writes the manual page of the program, or into a directory one for each command as well.
pub(crate) fn man(directory: Option<&Path>) -> Result<(), Failure> {
    let command = Arguments::command();
    match directory {
        None => Ok(clap_mangen::Man::new(command).render(&mut io::stdout().lock())?),
        Some(directory) => {
            let written = clap_mangen::generate_to(command, directory);
            written.map_err(|error| Failure::usage(error).during(directory.display()))
        }
    }
}
