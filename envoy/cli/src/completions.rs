//! `attache completions`: what a shell needs to complete the command line.

use std::io;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::command_line::CommandLine;
use crate::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  attache completions bash > ~/.local/share/bash-completion/completions/attache
  attache completions zsh > ~/.zfunc/_attache
  attache completions fish > ~/.config/fish/completions/attache.fish
  attache completions powershell >> $PROFILE
  attache completions elvish >> ~/.config/elvish/rc.elv

In zsh, the folder has to be in `fpath` before `compinit` runs.";

/// The arguments of `attache completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints the script.
///
/// # Errors
///
/// When the output cannot be written.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut script = Vec::new();
    let mut command = CommandLine::command();
    clap_complete::generate(arguments.shell, &mut command, "attache", &mut script);
    terminal.exactly(&script)?;
    Ok(ExitCode::SUCCESS)
}
