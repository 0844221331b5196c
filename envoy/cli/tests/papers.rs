//! Papers that cannot lie: the reference of `attache.yaml` is made from the schema, every file and
//! every test that a paper names exists, and every row on AWS's behaviour that claims something
//! names a test for it.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attache::command_line::CommandLine;
use attache::diagnostic::Report;
use attache::openapi::{EXTENSIONS, Treatment};
use attache::{configuration, project};
use clap::CommandFactory;
use serde_json::{Map, Value};

/// Written by `make bench`, on a machine that is fit for it.
const MEASURED: &str = "docs/benchmarks.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every paper of the project, by its path from the root.
fn papers() -> Vec<String> {
    let mut papers: Vec<String> = [
        "README.md",
        "ARCHITECTURE.md",
        "RATIONALE.md",
        "CONTRIBUTING.md",
    ]
    .map(str::to_owned)
    .into();
    for folder in ["docs", "docs/migrating", "examples", "tests"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = match name.ends_with(".md") {
                true => format!("{folder}/{name}"),
                false => format!("{folder}/{name}/README.md"),
            };
            if root().join(&path).is_file() {
                papers.push(path);
            }
        }
    }
    papers
}

#[test]
fn the_reference_of_the_configuration_is_the_schema() {
    let file = root().join("docs/configuration.md");
    let made = Reference::of(&configuration::schema());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == made,
        "docs/configuration.md is out of date: run this test with UPDATE_GOLDEN=1"
    );
}

#[test]
fn every_link_leads_somewhere() {
    let mut lost = String::new();
    for paper in papers() {
        let text = fs::read_to_string(root().join(&paper)).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
        {
            let target = link.0.split('#').next().unwrap_or_default();
            let folder = Path::new(&paper).parent().unwrap();
            let exists = root().join(folder).join(target).exists();
            if !target.contains("://") && !exists && !target.ends_with("benchmarks.md") {
                writeln!(lost, "{paper}: {target}").unwrap();
            }
        }
    }
    assert!(lost.is_empty(), "links to nothing:\n{lost}");
}

#[test]
fn every_file_and_test_that_is_named_exists() {
    let mut lost = String::new();
    for paper in papers() {
        let text = fs::read_to_string(root().join(&paper)).unwrap();
        for named in code_spans(&text) {
            if let Some(Err(reason)) = resolve(named) {
                writeln!(lost, "{paper}: `{named}`: {reason}").unwrap();
            }
        }
    }
    assert!(lost.is_empty(), "named, but not there:\n{lost}");
}

#[test]
fn every_claim_on_the_behaviour_of_aws_names_its_test() {
    let text = fs::read_to_string(root().join("docs/parity.md")).unwrap();
    let mut rows = 0;
    let mut unproven = String::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, behaviour, verdict, _, shown, _] = cells[..] else {
            continue;
        };
        if behaviour == "AWS" {
            continue;
        }
        rows += 1;
        let proven = code_spans(shown).any(|named| resolve(named) == Some(Ok(())));
        let fine = match verdict {
            "same" | "different" | "more" => proven,
            "not yet" => true,
            _ => false,
        };
        if !fine {
            writeln!(unproven, "{behaviour}: {verdict}: {shown}").unwrap();
        }
    }
    assert!(rows > 100, "only {rows} rows were found");
    assert!(unproven.is_empty(), "without a test:\n{unproven}");
}

#[test]
fn the_readme_shows_a_configuration_that_works_and_every_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, after) = readme.split_once("```yaml\napis:").unwrap();
    let (shown, _) = after.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("attache.yaml"), format!("apis:{shown}")).unwrap();
    fs::copy(
        root().join("examples/petstore/openapi.yaml"),
        folder.path().join("openapi.yaml"),
    )
    .unwrap();
    let mut report = Report::new();
    assert!(project::load(folder.path(), &mut report).is_some());
    assert!(
        report.diagnostics().is_empty(),
        "{:?}",
        report.diagnostics()
    );

    for command in CommandLine::command().get_subcommands() {
        let name = command.get_name();
        assert!(readme.contains(&format!("`attache {name}")), "{name}");
    }
}

#[test]
fn every_extension_has_its_place_in_the_table() {
    let parity = fs::read_to_string(root().join("docs/parity.md")).unwrap();
    for extension in EXTENSIONS {
        let name = extension.name.trim_start_matches("x-amazon-apigateway-");
        let row = parity
            .lines()
            .filter(|line| line.starts_with("| `"))
            .find(|line| code_spans(line.split('|').nth(1).unwrap()).any(|named| named == name))
            .unwrap_or_else(|| panic!("`{name}` is not in the table"));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for (treatment, told) in [(extension.rest, cells[2]), (extension.http, cells[3])] {
            let told = match told {
                "the same" => cells[2],
                told => told,
            };
            let word = match treatment {
                Treatment::Read => "read",
                Treatment::NoEffect => "no effect",
                Treatment::Warned(_) => "warned about",
                Treatment::Refused(_) => "refused",
            };
            assert!(told.starts_with(word), "`{name}`: {told}");
        }
    }
}

/// What stands between backticks on one line, outside of code blocks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    text.lines()
        .filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            in_block ^= fence;
            !in_block && !fence
        })
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a file or test exists, or `None` when the text names neither.
fn resolve(named: &str) -> Option<Result<(), String>> {
    let (file, test) = match named.split_once("::") {
        Some((file, test)) => (file, Some(test)),
        None => (named, None),
    };
    let (folder, rest) = file.split_once('/')?;
    let path = match folder {
        "policies" => format!("filters/policies/src/{rest}"),
        "host" => format!("filters/host/src/{rest}"),
        "cli" => format!("envoy/cli/src/{rest}"),
        "e2e" => format!("tests/e2e/tests/{rest}"),
        "conformance" => format!("tests/conformance/tests/{rest}"),
        "scenarios" => format!("tests/scenarios/{rest}"),
        "golden" => format!("tests/golden/{rest}"),
        "filters" | "envoy" | "tests" | "docs" | "examples" => file.to_owned(),
        _ => return None,
    };
    if path.contains(['*', '<', ' ', '…']) {
        return None;
    }
    let path = path.trim_end_matches('/');
    if path == MEASURED {
        return Some(Ok(()));
    }
    Some(match test {
        None if root().join(path).exists() => Ok(()),
        None => Err(format!("there is no {path}")),
        Some(test) => match fs::read_to_string(root().join(path)) {
            Ok(text) if text.contains(&format!("fn {test}(")) => Ok(()),
            Ok(_) => Err(format!("{path} has no such test")),
            Err(_) => Err(format!("there is no {path}")),
        },
    })
}

/// `docs/configuration.md`: every object of the schema, in the order in which they are met.
struct Reference<'s> {
    definitions: &'s Map<String, Value>,
    /// The definitions still to come, and those that have been.
    met: Vec<&'s str>,
    text: String,
}

impl<'s> Reference<'s> {
    fn of(schema: &'s Value) -> String {
        let mut reference = Self {
            definitions: schema["$defs"].as_object().unwrap(),
            met: Vec::new(),
            text: "# attache.yaml\n\n\
                   <!-- Made from the schema: UPDATE_GOLDEN=1 cargo test -p attache --test papers -->\n\n\
                   What `attache run`, `check`, `compile` and `keys` read. The names are AWS's own; an unknown\n\
                   one is an error. Editors complete and check the file when it begins with\n\
                   `# yaml-language-server: $schema=attache.schema.json`, and `attache schema` prints that\n\
                   schema. A whole example: [`examples/petstore/attache.yaml`](../examples/petstore/attache.yaml).\n\n\
                   *Not yet* marks what AWS has and attache does not do. Where a client would notice, the\n\
                   configuration is refused; where not, there is a warning.\n"
                .to_owned(),
        };
        reference.object(schema);
        let mut next = 0;
        while let Some(name) = reference.met.get(next).copied() {
            next += 1;
            let definition = &reference.definitions[name];
            if definition["type"] == "object" {
                let title = definition["title"].as_str().unwrap_or(name);
                write!(reference.text, "\n## {title}\n\n").unwrap();
                let description = definition["description"].as_str().unwrap();
                writeln!(reference.text, "{description}").unwrap();
                reference.object(definition);
            }
        }
        reference.text
    }

    fn object(&mut self, object: &'s Value) {
        self.text
            .push_str("\n| Setting | Value | Unless set | Meaning |\n|---|---|---|---|\n");
        let required: Vec<&str> = object["required"]
            .as_array()
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        for (name, setting) in object["properties"].as_object().unwrap() {
            let value = self.value(setting);
            let unless_set = match (&setting["default"], required.contains(&name.as_str())) {
                (_, true) => "required".to_owned(),
                (Value::Null, false) => String::new(),
                (default, false) => format!("`{default}`"),
            };
            let description = setting["description"].as_str().unwrap();
            let meaning = description.replace('\n', " ").replace('|', "\\|");
            let not_yet = match setting.get("x-not-supported-yet") {
                Some(_) => "*Not yet.* ",
                None => "",
            };
            writeln!(
                self.text,
                "| `{name}` | {value} | {unless_set} | {not_yet}{meaning} |"
            )
            .unwrap();
        }
    }

    /// What may be written for a setting.
    fn value(&mut self, setting: &'s Value) -> String {
        if let Some(reference) = setting["$ref"].as_str() {
            let name = reference.trim_start_matches("#/$defs/");
            let definition = &self.definitions[name];
            if definition["type"] != "object" {
                return self.value(definition);
            }
            if !self.met.contains(&name) {
                self.met.push(name);
            }
            let title = definition["title"].as_str().unwrap_or(name);
            return format!(
                "[{title}](#{})",
                title.to_lowercase().replace(' ', "-").replace('.', "")
            );
        }
        if let Some(words) = setting["enum"].as_array() {
            let words: Vec<_> = words
                .iter()
                .filter_map(Value::as_str)
                .map(|word| format!("`{word}`"))
                .collect();
            return words.join(", ");
        }
        if let Some(kinds) = setting["type"].as_array() {
            assert_eq!(kinds, &["string", "object"]);
            return "text or mapping".to_owned();
        }
        match setting["type"].as_str().unwrap() {
            "array" => format!("list of {}", self.value(&setting["items"])),
            "object" => match &setting["additionalProperties"] {
                Value::Object(_) => {
                    let value = self.value(&setting["additionalProperties"]);
                    format!("by name: {value}")
                }
                _ => "mapping".to_owned(),
            },
            "string" => "text".to_owned(),
            "boolean" => "`true`, `false`".to_owned(),
            kind @ ("integer" | "number") => {
                let kind = match kind {
                    "integer" => "whole number",
                    _ => "number",
                };
                let least = &setting["minimum"];
                match setting["maximum"].as_u64() {
                    Some(most) if most < u64::from(u32::MAX) => {
                        format!("{kind}, {least} to {most}")
                    }
                    _ if least.is_null() => kind.to_owned(),
                    _ => format!("{kind}, from {least}"),
                }
            }
            other => other.to_owned(),
        }
    }
}
