//! `attache man`: the manual, in the language of man pages.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::command_line::{CommandLine, EXIT_CODES, REFUSED};
use crate::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  attache man | man -l -
  attache man keys rotate | man -l -
  attache man --out ~/.local/share/man/man1";

/// The arguments of `attache man`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The command whose page is printed, such as `keys rotate`; without one, that of attache.
    #[arg(value_name = "COMMAND")]
    pub words: Vec<String>,
    /// The folder that all pages are written to, in place of standard output.
    #[arg(long, value_name = "FOLDER", conflicts_with = "words")]
    pub out: Option<PathBuf>,
}

/// Prints one page, or writes all.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut root = CommandLine::command().disable_help_subcommand(true);
    root.build();
    let written = match &arguments.out {
        Some(folder) => write_all(&root, folder),
        None => {
            let mut command = &root;
            for word in &arguments.words {
                let Some(below) = command.find_subcommand(word) else {
                    terminal.notice(&format!(
                        "error: there is no command `attache {}`",
                        arguments.words.join(" ")
                    ))?;
                    return Ok(ExitCode::from(REFUSED));
                };
                command = below;
            }
            terminal.exactly(&page(command)?)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    match written {
        Ok(files) => {
            for file in files {
                terminal.notice(&format!("wrote {}", file.display()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            Ok(ExitCode::from(REFUSED))
        }
    }
}

fn write_all(root: &Command, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let refused = |path: &Path, error: &io::Error| {
        let path = path.display();
        format!("cannot write `{path}`: {error}")
    };
    std::fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
    let mut files = Vec::new();
    for command in commands(root) {
        let file = folder.join(format!("{}.1", name(command)));
        page(command)
            .and_then(|page| std::fs::write(&file, page))
            .map_err(|error| refused(&file, &error))?;
        files.push(file);
    }
    Ok(files)
}

/// A command and all below it.
fn commands(root: &Command) -> Vec<&Command> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(command) = found.get(next).copied() {
        found.extend(command.get_subcommands());
        next += 1;
    }
    found
}

/// `attache-keys-rotate`.
fn name(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    name.replace(' ', "-")
}

/// The page of a command, and what its exit codes mean.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let title = name(command);
    let man = Man::new(command.clone().display_name(title.clone()))
        .title(title.to_ascii_uppercase())
        .section("1")
        .manual("attache");
    let mut page = Vec::new();
    man.render(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []);
        roff.text([bold(code.to_string())]);
        roff.text([roman(meaning)]);
    }
    roff.to_writer(&mut page)?;
    Ok(page)
}
