//! Papers that are made: the reference of the command line from what it is, the index for machines
//! from the papers that there are.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attache::command_line::{CommandLine, EXIT_CODES};
use clap::{Arg, Command, CommandFactory};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a paper with what it should be, or writes it with `UPDATE_GOLDEN`.
fn is_made(name: &str, made: &str) {
    let file = root().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, made).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == made,
        "{name} is out of date: run this test with UPDATE_GOLDEN=1"
    );
}

#[test]
fn the_reference_of_the_command_line_is_what_can_be_typed() {
    let mut root = CommandLine::command().disable_help_subcommand(true);
    root.build();
    let mut page = String::from(
        "# The command line\n\n\
         <!-- Made from the commands: UPDATE_GOLDEN=1 cargo test -p attache --test made_papers -->\n\n\
         Every command of `attache`, with everything that can be typed after it. `attache COMMAND \
         --help` says the same with examples, `attache man COMMAND` as a man page, and `attache \
         completions SHELL` teaches it to a shell.\n\n\
         ## Exit codes\n\n| Code | Means |\n|--:|---|\n",
    );
    for (code, meaning) in EXIT_CODES {
        writeln!(page, "| {code} | {meaning} |").unwrap();
    }
    page.push_str(
        "\n## What is printed\n\n\
         What was asked for goes to standard output, everything that is told about it to standard \
         error. With `--output json`, standard output holds JSON and nothing else: the findings of a \
         configuration as an array, or what was done as an object. Colours are for terminals, and not \
         for those that `NO_COLOR` is set for. Secrets are printed by `attache keys create` and \
         `rotate` alone, once.\n",
    );
    for command in root.get_subcommands() {
        describe(command, &mut page);
        for below in command.get_subcommands() {
            describe(below, &mut page);
        }
    }
    is_made("docs/command-line.md", &page);
}

fn describe(command: &Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_about().unwrap().to_string();
    writeln!(page, "\n## {name}\n\n{}.", about.trim_end_matches('.')).unwrap();
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        .collect();
    if arguments.is_empty() {
        return;
    }
    page.push_str("\n| Argument | Unless set | Means |\n|---|---|---|\n");
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string);
        let mut means = format!("{}.", help.unwrap().trim_end_matches('.'));
        let takes_values = argument.get_action().takes_values();
        let values = argument.get_possible_values();
        if takes_values && !values.is_empty() {
            let names: Vec<String> = values
                .iter()
                .map(|value| format!("`{}`", value.get_name()))
                .collect();
            write!(means, " One of {}.", names.join(", ")).unwrap();
        }
        if let Some(variable) = argument.get_env() {
            write!(means, " Also from `{}`.", variable.display()).unwrap();
        }
        let default = match argument.get_default_values() {
            [default] if takes_values => format!("`{}`", default.display()),
            _ => String::new(),
        };
        let typed = typed(argument).replace('|', "\\|");
        let means = means.replace('\n', " ").replace('|', "\\|");
        writeln!(page, "| `{typed}` | {default} | {means} |").unwrap();
    }
}

/// An argument as it is typed.
fn typed(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let values: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let values = match argument.get_action().takes_values() {
        true => values.join(" "),
        false => String::new(),
    };
    let flag = match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("-{short}, --{long}"),
        (Some(long), None) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => String::new(),
    };
    format!("{flag} {values}").trim().to_owned()
}

/// The papers below a folder, in the order of their names.
fn below(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let papers = names.into_iter().map(|name| match name.ends_with(".md") {
        true => format!("{folder}/{name}"),
        false => format!("{folder}/{name}/README.md"),
    });
    papers.filter(|path| root().join(path).is_file()).collect()
}

/// The title of a paper, and its first paragraph, if it begins with one.
fn told_by(paper: &str) -> (String, String) {
    let text = fs::read_to_string(root().join(paper)).unwrap();
    let title = text.lines().next().unwrap().trim_start_matches("# ");
    let paragraph = text
        .split("\n\n")
        .skip(1)
        .map(str::trim)
        .find(|block| !block.starts_with("<!--"))
        .filter(|block| block.starts_with(|first: char| first.is_alphabetic() || first == '`'))
        .unwrap_or_default()
        .replace('\n', " ");
    (title.to_owned(), plain(&paragraph))
}

/// Markdown without links: they lead somewhere else from here.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        match after
            .split_once("](")
            .map(|(name, link)| (name, link.split_once(')')))
        {
            Some((name, Some((_, after)))) => {
                text.push_str(name);
                rest = after;
            }
            _ => {
                text.push('[');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// By the convention of <https://llmstxt.org>: a title, what it is about, and lists of links.
#[test]
fn the_index_for_machines_names_every_paper() {
    // Written by `make bench`, and so not always there.
    let is_measured = |paper: &String| paper.ends_with("benchmarks.md");
    let mut reference = below("docs");
    reference.retain(|paper| !is_measured(paper));
    let sections = [
        ("Start", vec!["README.md".to_owned()]),
        ("Reference", reference),
        ("Moving here", below("docs/migrating")),
        ("Examples", below("examples")),
        (
            "How it is built",
            ["ARCHITECTURE.md", "RATIONALE.md", "CONTRIBUTING.md"]
                .map(str::to_owned)
                .to_vec(),
        ),
        // What can be left out where there is little room.
        ("Optional", below("tests")),
    ];
    let (title, about) = told_by("README.md");
    let mut index = format!("# {title}\n\n> {about}\n");
    for (section, papers) in sections {
        assert!(!papers.is_empty(), "{section}");
        writeln!(index, "\n## {section}\n").unwrap();
        for paper in papers {
            let (title, about) = told_by(&paper);
            let sentence = about
                .split_once(". ")
                .map_or(about.as_str(), |(first, _)| first);
            let sentence = sentence.trim_end_matches([':', '.']);
            let link = match paper.strip_prefix("docs/") {
                Some(beside) => beside.to_owned(),
                None => format!("../{paper}"),
            };
            match sentence {
                "" => writeln!(index, "- [{title}]({link})").unwrap(),
                about => writeln!(index, "- [{title}]({link}): {about}").unwrap(),
            }
        }
        if section == "Reference" {
            index.push_str(
                "- [JSON Schema of attache.yaml](attache.schema.json): for editors and programs\n",
            );
        }
    }
    is_made("docs/llms.txt", &index);
    for link in index.split("](").skip(1) {
        let (link, _) = link.split_once(')').unwrap();
        assert!(root().join("docs").join(link).is_file(), "{link}");
    }
}
