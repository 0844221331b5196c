//! What an import writes: `attache.yaml` as a person would write it, and the files that it names.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use attache_model::Protocol;

use super::definition;
use super::table::Table;
use crate::diagnostic::Report;
use crate::project::FILE_NAME;
use crate::schema;
use crate::tree::{Flow, Tree};

/// The schema that editors complete and check the file by.
const SCHEMA: &str = "attache.schema.json";

/// The parts of `attache.yaml` in the order in which they are written, and what is said above each.
const PARTS: [(&str, &str); 7] = [
    ("account", ""),
    (
        "endpoints",
        "Where AWS's services are; what is not named is at AWS.",
    ),
    ("apis", ""),
    (
        "usagePlans",
        "What customers get. Each key of a plan has these limits for itself.",
    ),
    ("apiKeys", ""),
    ("apiKeyFiles", ""),
    ("domains", ""),
];

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What stands at the top of `attache.yaml`, without `#`.
    pub(super) about: String,
    /// The settings.
    pub(super) settings: Tree,
    /// What stands at the end of `attache.yaml`, commented out: what only the operator can complete.
    pub(super) proposals: Vec<(String, Tree)>,
    /// The other files by their names.
    pub(super) files: BTreeMap<String, String>,
}

/// Why nothing was written.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Files are there already.
    Exists(Vec<PathBuf>),
    /// A file cannot be written.
    File { file: PathBuf, error: io::Error },
    /// A value cannot be written as YAML.
    Value(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists(files) => {
                let names: Vec<String> = files
                    .iter()
                    .map(|file| format!("`{}`", file.display()))
                    .collect();
                write!(
                    formatter,
                    "{} exists already, and nothing was written: choose another folder with \
                     `--out`, or replace it with `--force`",
                    names.join(", ")
                )
            }
            Self::File { file, error } => {
                write!(formatter, "cannot write `{}`: {error}", file.display())
            }
            Self::Value(reason) => write!(formatter, "cannot write the settings: {reason}"),
        }
    }
}

/// An API with its stages, to be put into a draft.
pub(super) struct DraftedApi<'a> {
    pub(super) id: &'a str,
    pub(super) protocol: Protocol,
    /// The settings of its stages by their names.
    pub(super) stages: &'a [(String, Tree)],
    pub(super) definition: &'a Tree,
    /// Whether a usage plan opens it.
    pub(super) has_plan: bool,
}

impl Draft {
    /// An API and the file of its definition; the table tells what came over. `None` when the
    /// definition cannot be written, and the report says why.
    pub(super) fn api(
        &mut self,
        api: &DraftedApi<'_>,
        table: &mut Table,
        report: &mut Report,
    ) -> Option<()> {
        let file = format!("{}.json", api.id);
        let variables = |stage: &Tree| {
            let found = stage.get("variables").map(Tree::entries);
            let names = found.unwrap_or_default().iter();
            names.map(|(name, _)| name.clone()).collect()
        };
        let stages = api.stages.iter();
        let described = definition::Api {
            id: api.id,
            file: &file,
            protocol: api.protocol,
            stages: stages
                .map(|(name, stage)| (name.clone(), variables(stage)))
                .collect(),
            has_plan: api.has_plan,
        };
        described.describe(api.definition, table);
        let mut settings = described.settings();
        for (name, stage) in api.stages {
            settings.entry("stages").set(name, stage.clone());
        }
        self.set("apis", api.id, settings);
        self.functions(api.definition);
        let text = super::cannot_write(api.definition.json(), report)?;
        self.files.insert(file, text);
        Some(())
    }

    /// An entry of one of the parts, such as an API or a usage plan.
    pub(super) fn set(&mut self, part: &str, id: &str, value: Tree) {
        self.settings.entry(part).set(id, value);
    }

    /// What the functions of a definition tell: whose account it is, and, where one of them decides
    /// about callers, where Lambda is. Integrations are called at AWS without a word.
    pub(super) fn functions(&mut self, definition: &Tree) {
        let Some(found) = definition::functions(definition) else {
            return;
        };
        let region = found.region;
        if found.decide && self.settings.at(&["endpoints", "lambda"]).is_none() {
            let url = format!("https://lambda.{region}.amazonaws.com");
            let mut lambda = Tree::from([("url", url)]);
            lambda.set("sign", true);
            self.set("endpoints", "lambda", lambda);
        }
        let digits = |account: &String| {
            account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
        };
        if self.settings.get("account").is_none()
            && let Some(account) = found.account.filter(digits)
        {
            self.settings
                .set("account", [("id", account), ("region", region)]);
        }
    }

    /// The text of `attache.yaml`.
    pub(super) fn configuration(&self) -> Result<String, Refusal> {
        let value = |error: serde_saphyr::ser_error::Error| Refusal::Value(error.to_string());
        let mut text = format!("# yaml-language-server: $schema={SCHEMA}\n#\n");
        for line in self.about.lines() {
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        for (part, comment) in PARTS {
            let Some(found) = self.settings.get(part).filter(|found| !found.is_empty()) else {
                continue;
            };
            text.push('\n');
            if !comment.is_empty() {
                text.push_str(&format!("# {comment}\n"));
            }
            let part = Tree::from([(part, found.clone())]);
            text.push_str(&part.yaml(Flow::From(1)).map_err(value)?);
        }
        for (comment, proposal) in &self.proposals {
            text.push('\n');
            for line in comment.lines() {
                text.push_str(&format!("# {line}\n"));
            }
            for line in proposal.yaml(Flow::From(1)).map_err(value)?.lines() {
                text.push_str(&format!("# {line}\n"));
            }
        }
        Ok(text)
    }

    /// Writes all files into a folder, which is made when it is not there. What exists is left as it
    /// is, and nothing is written then, unless `force` says otherwise.
    pub(super) fn write(&self, folder: &Path, force: bool) -> Result<Vec<PathBuf>, Refusal> {
        let mut files = vec![(folder.join(FILE_NAME), self.configuration()?)];
        for (name, text) in &self.files {
            files.push((folder.join(name), text.clone()));
        }
        let existing: Vec<PathBuf> = files
            .iter()
            .map(|(file, _)| file.clone())
            .filter(|file| file.symlink_metadata().is_ok())
            .collect();
        if !existing.is_empty() && !force {
            return Err(Refusal::Exists(existing));
        }
        let schema = folder.join(SCHEMA);
        if schema.symlink_metadata().is_err() {
            files.push((schema, schema::text()));
        }
        // `attache.yaml` last: it is whole when it is there.
        files.rotate_left(1);
        for (file, text) in &files {
            write(file, text, force).map_err(|error| Refusal::File {
                file: file.clone(),
                error,
            })?;
        }
        let mut written: Vec<PathBuf> = files.into_iter().map(|(file, _)| file).collect();
        written.sort();
        Ok(written)
    }
}

/// Writes a file in one step, and over one that is there only with `force`.
fn write(file: &Path, text: &str, force: bool) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".attache-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut new = builder.tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    match force {
        true => new.persist(file),
        false => new.persist_noclobber(file),
    }
    .map_err(|error| error.error)?;
    Ok(())
}

/// A name as an id of `attache.yaml`: lower case, with hyphens in place of what cannot stand in a
/// host name. `taken` are the ids that are given away.
pub(super) fn id(name: &str, taken: &[&str]) -> String {
    let mut id = String::new();
    for character in name.chars() {
        match character.to_ascii_lowercase() {
            plain @ ('a'..='z' | '0'..='9') => id.push(plain),
            _ if id.is_empty() || id.ends_with('-') => {}
            _ => id.push('-'),
        }
        if id.len() == 48 {
            break;
        }
    }
    let id = match id.trim_end_matches('-') {
        "" => "api",
        trimmed => trimmed,
    };
    let mut numbered = id.to_owned();
    let mut number = 2;
    while taken.contains(&numbered.as_str()) {
        numbered = format!("{id}-{number}");
        number += 1;
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::{Draft, id};
    use crate::tree::Tree;

    #[test]
    fn ids_are_host_names() {
        for (name, taken, wanted) in [
            ("Pet Store", &[][..], "pet-store"),
            ("  Ä__b.C  ", &[], "b-c"),
            ("???", &[], "api"),
            ("shop", &["shop"], "shop-2"),
            ("shop", &["shop", "shop-2"], "shop-3"),
        ] {
            assert_eq!(id(name, taken), wanted, "{name}");
        }
        assert!(id(&"x".repeat(200), &[]).len() <= 48);
    }

    #[test]
    fn what_exists_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = Draft::default();
        draft
            .files
            .insert("openapi.json".to_owned(), "new".to_owned());
        std::fs::write(folder.path().join("openapi.json"), "old").unwrap();
        let refusal = draft.write(folder.path(), false).unwrap_err();
        assert!(refusal.to_string().contains("openapi.json"), "{refusal}");
        let there: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(there.len(), 1, "nothing else was written");
        draft.write(folder.path(), true).unwrap();
        let text = std::fs::read_to_string(folder.path().join("openapi.json")).unwrap();
        assert_eq!(text, "new");
    }

    #[test]
    fn a_configuration_reads_well() {
        let mut draft = Draft {
            about: "Imported from a.json.".to_owned(),
            ..Draft::default()
        };
        let mut api = Tree::from([("definition", "shop.json")]);
        api.entry("stages").set("prod", Tree::map());
        draft.set("apis", "shop", api);
        draft.proposals.push((
            "Write where its certificate is.".to_owned(),
            Tree::from([("domains", Tree::map())]),
        ));
        assert_eq!(
            draft.configuration().unwrap(),
            "# yaml-language-server: $schema=attache.schema.json\n#\n# Imported from a.json.\n\n\
             apis:\n  shop:\n    definition: shop.json\n    stages:\n      prod: {}\n\n\
             # Write where its certificate is.\n# domains: {}\n"
        );
    }
}
