//! What the commands that manage API keys and usage plans have in common: what they meet, why they
//! do nothing, and how they end.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;

use crate::diagnostic::Report;
use crate::terminal::{Output, Terminal};

/// What a command meets outside of itself.
pub struct Surroundings<'a> {
    /// Standard input, for `--value-stdin`.
    pub input: &'a mut dyn Read,
    /// Standard output: lists, and each new value once.
    pub output: &'a mut dyn Write,
    /// Standard error: what was done.
    pub notices: &'a mut dyn Write,
    /// The present moment.
    pub now: Timestamp,
}

/// Why a command did nothing.
#[derive(Debug)]
pub enum Failure {
    /// The report says what is wrong.
    Refused,
    /// The arguments do not fit together.
    Usage(String),
    /// The Redis that gateways share did not answer, or not as it should.
    Redis {
        /// Where it is.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A file could not be read or written.
    File {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// Standard input or output failed.
    Stream(io::Error),
    /// The operating system gave no randomness.
    Randomness(getrandom::Error),
    /// The edited file would not have been what was intended; nothing was written.
    Edit {
        /// The file.
        file: PathBuf,
    },
    /// Another program changed the file meanwhile; nothing was written.
    Changed {
        /// The file.
        file: PathBuf,
    },
}

impl Failure {
    /// The exit code of the command: 2 for wrong arguments, 1 for everything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => formatter.write_str("nothing was changed"),
            Self::Usage(reason) => formatter.write_str(reason),
            Self::Redis { url, reason } => write!(formatter, "Redis at {url}: {reason}"),
            Self::File { file, error } => write!(formatter, "`{}`: {error}", file.display()),
            Self::Stream(error) => write!(formatter, "cannot read or write a stream: {error}"),
            Self::Randomness(error) => write!(formatter, "no randomness for a new value: {error}"),
            Self::Edit { file } => write!(
                formatter,
                "`{}` is written in a way that cannot be edited safely, so it was left as it was: \
                 make the change by hand",
                file.display()
            ),
            Self::Changed { file } => write!(
                formatter,
                "`{}` was changed by another program meanwhile, so it was left as it is: run the \
                 command again",
                file.display()
            ),
        }
    }
}

impl std::error::Error for Failure {}

/// Says what was done.
pub(crate) fn notify(surroundings: &mut Surroundings<'_>, message: &str) -> Result<(), Failure> {
    writeln!(surroundings.notices, "{message}").map_err(Failure::Stream)
}

/// Runs a command that prints its results in a form, and says what was found and why nothing was
/// done.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub(crate) fn run(
    output: Output,
    terminal: &mut Terminal,
    verb: impl FnOnce(&mut Surroundings<'_>, &mut Report) -> Result<(), Failure>,
) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let mut input = io::stdin();
    let (results, notices) = terminal.streams();
    let mut surroundings = Surroundings {
        input: &mut input,
        output: results,
        notices,
        now: Timestamp::now(),
    };
    let outcome = verb(&mut surroundings, &mut report);
    let findings = match output {
        Output::Json if outcome.is_err() => Output::Json,
        _ => Output::Text,
    };
    terminal.findings(&report, findings)?;
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) => {
            if !matches!(failure, Failure::Refused) {
                terminal.notice(&format!("error: {failure}"))?;
            }
            Ok(ExitCode::from(failure.exit_code()))
        }
    }
}
