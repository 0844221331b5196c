//! The entry point of the `attache` command.

use std::io::ErrorKind;
use std::process::ExitCode;

use attache::command_line::{self, CommandLine, REFUSED};
use attache::terminal::Terminal;
use clap::Parser;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let mut terminal = Terminal::new();
    match command_line::run(&command_line, &mut terminal) {
        Ok(code) => code,
        // In `attache schema | head` nobody is left to be told.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(REFUSED),
        Err(error) => {
            // Where even this cannot be written, the exit code has to do.
            let _ = terminal.notice(&format!("error: cannot write: {error}"));
            ExitCode::from(REFUSED)
        }
    }
}
