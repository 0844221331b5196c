//! The one place where the command line writes.

use std::io::{self, Write};

use anstream::AutoStream;
use clap::ValueEnum;

use crate::diagnostic::{self, Report};

/// How to print results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Standard output and standard error. Colours reach terminals only, and not those that `NO_COLOR`
/// is set for.
pub struct Terminal {
    results: AutoStream<io::Stdout>,
    notices: AutoStream<io::Stderr>,
}

impl Terminal {
    /// The terminal of this process.
    #[must_use]
    pub fn new() -> Self {
        Self {
            results: AutoStream::auto(io::stdout()),
            notices: AutoStream::auto(io::stderr()),
        }
    }

    /// Writes a line of what was asked for to standard output.
    ///
    /// # Errors
    ///
    /// When nobody reads it any more.
    pub fn result(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.results, "{line}")
    }

    /// Writes bytes as they are to standard output, without a line feed of its own.
    ///
    /// # Errors
    ///
    /// When nobody reads it any more.
    pub fn exactly(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut output = self.results.as_inner();
        output.write_all(bytes)?;
        output.flush()
    }

    /// Writes a line about what happens to standard error.
    ///
    /// # Errors
    ///
    /// When nobody reads it any more.
    pub fn notice(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.notices, "{line}")
    }

    /// Standard output and standard error, for a command that writes as it goes on.
    pub fn streams(&mut self) -> (&mut (dyn Write + '_), &mut (dyn Write + '_)) {
        (&mut self.results, &mut self.notices)
    }

    /// Writes what was found: excerpts for people to standard error, an array for programs to
    /// standard output, even when it is empty.
    ///
    /// # Errors
    ///
    /// When nobody reads it any more.
    pub fn findings(&mut self, report: &Report, output: Output) -> io::Result<()> {
        match output {
            Output::Text => write!(self.notices, "{}", diagnostic::human(report)),
            Output::Json => {
                let findings = diagnostic::json(report)?;
                self.result(&findings)
            }
        }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}
