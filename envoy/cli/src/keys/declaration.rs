//! The keys as the files declare them: those of `attache.yaml` and those of the API key files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use attache_model::KeyDigest;
use jiff::Timestamp;

use super::Failure;
use super::edit::{self, Change};
use super::replace_file::replace_file;
use crate::api_key_file;
use crate::api_key_value::ApiKeyValue;
use crate::configuration::{masked, masked_unparsed};
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::document::{Document, Entry, Node, Pointer};
use crate::fleet_table;
use crate::plan_stages::PlanStages;

/// Where a key is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Under `apiKeys` in `attache.yaml`.
    Configuration,
    /// In an API key file.
    KeyFile,
}

/// One declared key.
#[derive(Clone, Debug)]
pub(super) struct DeclaredKey {
    pub(super) name: String,
    pub(super) digest: KeyDigest,
    pub(super) previous_values: Vec<PreviousValue>,
    pub(super) usage_plans: Vec<String>,
    pub(super) enabled: bool,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) source: Source,
    pub(super) file: PathBuf,
    pub(super) line: usize,
    pub(super) span: Range<usize>,
}

/// A value that a rotated key still answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PreviousValue {
    pub(super) digest: KeyDigest,
    pub(super) expires_at: Timestamp,
}

/// Everything that the verbs need to know of the declared files.
#[derive(Debug)]
pub(super) struct Declaration {
    /// `attache.yaml`.
    pub(super) file: PathBuf,
    /// Its text.
    pub(super) text: String,
    /// The usage plans and the stages that each holds.
    pub(super) plans: PlanStages,
    /// The keys, in the order of `attache.yaml` and then of the files.
    pub(super) keys: Vec<DeclaredKey>,
}

impl Declaration {
    /// Reads `attache.yaml` of a folder and the files that it names.
    ///
    /// Refused with everything in the report when something about the keys is wrong, since an
    /// edit could then not be checked.
    pub(super) fn read(directory: &Path, report: &mut Report) -> Result<Self, Failure> {
        let file = directory.join("attache.yaml");
        let bytes = std::fs::read(&file).map_err(|error| Failure::File {
            file: file.clone(),
            error,
        })?;
        let document = parse(&file, &bytes, report).ok_or(Failure::Refused)?;
        let mut reading = Reading {
            directory,
            document: &document,
            report,
            refused: false,
        };
        let plans = reading.plans();
        let mut keys = reading.keys();
        reading.key_files(&mut keys);
        reading.collisions(&keys);
        if reading.refused {
            return Err(Failure::Refused);
        }
        Ok(Self {
            file,
            text: document.text.to_string(),
            plans,
            keys,
        })
    }

    /// Makes one change to `attache.yaml`, and nothing but it.
    pub(super) fn write(&self, change: &Change) -> Result<(), Failure> {
        let edited = edit::apply(&self.file, &self.text, change).ok_or_else(|| Failure::Edit {
            file: self.file.clone(),
        })?;
        replace_file(&self.file, self.text.as_bytes(), edited.as_bytes())
    }

    /// The key of a name.
    pub(super) fn key(&self, name: &str, report: &mut Report) -> Result<&DeclaredKey, Failure> {
        self.keys
            .iter()
            .find(|key| key.name == name)
            .ok_or_else(|| {
                self.refuse(
                    report,
                    "unknown-api-key",
                    &format!("no API key is named `{name}`"),
                    "`attache keys list` shows the names",
                )
            })
    }

    /// The key that has or had a value.
    pub(super) fn holder_of(&self, digest: KeyDigest) -> Option<&DeclaredKey> {
        self.keys.iter().find(|key| {
            key.digest == digest
                || key
                    .previous_values
                    .iter()
                    .any(|value| value.digest == digest)
        })
    }

    /// Puts a finding about `attache.yaml` as a whole on the report.
    pub(super) fn refuse(
        &self,
        report: &mut Report,
        code: &'static str,
        message: &str,
        hint: &str,
    ) -> Failure {
        fleet_table::refuse(report, &self.file, code, message, hint)
    }
}

/// Reads a file as a tree. The report gets what is wrong with it, and the text without the values.
pub(super) fn parse(file: &Path, bytes: &[u8], report: &mut Report) -> Option<Document> {
    // The reader makes the whole text known to its report.
    let mut found = Report::new();
    let document = Document::parse(file, bytes, &mut found);
    let shown = document
        .as_ref()
        .map_or_else(|| masked_unparsed(&String::from_utf8_lossy(bytes)), masked);
    report.add_source(file, shown);
    for diagnostic in found.diagnostics() {
        report.push(diagnostic.clone());
    }
    document.filter(|_| !found.has_errors())
}

struct Reading<'a> {
    directory: &'a Path,
    document: &'a Document,
    report: &'a mut Report,
    refused: bool,
}

impl Reading<'_> {
    fn refuse(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        pointer: &Pointer,
        message: String,
    ) {
        self.refused = true;
        self.report.push(Diagnostic {
            severity: Severity::Error,
            code,
            message,
            file: self.document.file.clone(),
            span: span.clone(),
            pointer: pointer.to_string(),
            hint: None,
        });
    }

    /// The entries of a mapping that may be absent.
    fn entries<'d>(&mut self, holder: &'d Node, field: &str, at: &Pointer) -> &'d [Entry] {
        let Some(node) = holder.get(field).filter(|node| !node.is_null()) else {
            return &[];
        };
        node.as_mapping().unwrap_or_else(|| {
            let message = format!("`{field}` is a mapping, not {}", node.kind());
            self.refuse("wrong-type", &node.span, &at.key(field), message);
            &[]
        })
    }

    /// The items of a list that may be absent.
    fn items<'d>(&mut self, holder: &'d Node, field: &str, at: &Pointer) -> &'d [Node] {
        let Some(node) = holder.get(field).filter(|node| !node.is_null()) else {
            return &[];
        };
        node.as_sequence().unwrap_or_else(|| {
            let message = format!("`{field}` is a list, not {}", node.kind());
            self.refuse("wrong-type", &node.span, &at.key(field), message);
            &[]
        })
    }

    fn texts(&mut self, holder: &Node, field: &str, at: &Pointer) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, item) in self.items(holder, field, at).iter().enumerate() {
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => {
                    let message = format!("`{field}` holds text, not {}", item.kind());
                    let at = at.key(field).index(index);
                    self.refuse("wrong-type", &item.span, &at, message);
                }
            }
        }
        texts
    }

    fn plans(&mut self) -> PlanStages {
        let document = self.document;
        let root = Pointer::root();
        let entries = self.entries(&document.root, "usagePlans", &root);
        let text = |node: &Node, field| Some(node.get(field)?.as_str()?.to_owned());
        entries
            .iter()
            .map(|plan| {
                let at = root.key("usagePlans").key(&plan.key);
                let stages = self.items(&plan.value, "apiStages", &at).iter();
                let stages = stages
                    .filter_map(|stage| Some((text(stage, "api")?, text(stage, "stage")?)))
                    .collect();
                (plan.key.clone(), stages)
            })
            .collect()
    }

    fn keys(&mut self) -> Vec<DeclaredKey> {
        let document = self.document;
        let root = Pointer::root();
        let entries = self.entries(&document.root, "apiKeys", &root);
        entries.iter().filter_map(|entry| self.key(entry)).collect()
    }

    fn key(&mut self, entry: &Entry) -> Option<DeclaredKey> {
        let at = Pointer::root().key("apiKeys").key(&entry.key);
        let node = &entry.value;
        if node.as_mapping().is_none() {
            let message = format!("an API key is a mapping, not {}", node.kind());
            self.refuse("wrong-type", &node.span, &at, message);
            return None;
        }
        let digest = self.digest(node, &at);
        let mut previous_values = Vec::new();
        for (index, previous) in self.items(node, "previousValues", &at).iter().enumerate() {
            let at = at.key("previousValues").index(index);
            let digest = self.digest(previous, &at);
            let expires_at = self.moment(previous, &at);
            match (digest, expires_at) {
                (Some(digest), Some(expires_at)) => {
                    previous_values.push(PreviousValue { digest, expires_at })
                }
                (Some(_), None) if previous.get("expiresAt").is_none() => {
                    let message = "a previous value has an `expiresAt`".to_owned();
                    self.refuse("missing-field", &previous.span, &at, message);
                }
                _ => {}
            }
        }
        let enabled = match node.get("enabled") {
            None => true,
            Some(enabled) => enabled.as_bool().unwrap_or_else(|| {
                let message = format!("`enabled` is true or false, not {}", enabled.kind());
                self.refuse("wrong-type", &enabled.span, &at.key("enabled"), message);
                true
            }),
        };
        Some(DeclaredKey {
            name: entry.key.clone(),
            digest: digest?,
            previous_values,
            usage_plans: self.texts(node, "usagePlans", &at),
            enabled,
            expires_at: self.moment(node, &at),
            source: Source::Configuration,
            file: self.document.file.clone(),
            line: self.document.position(entry.key_span.start).line,
            span: entry.key_span.clone(),
        })
    }

    /// The digest of `value` or `valueSha256`, exactly one of which stands in a key.
    fn digest(&mut self, node: &Node, at: &Pointer) -> Option<KeyDigest> {
        let (field, found) = match (node.get("value"), node.get("valueSha256")) {
            (Some(value), None) => ("value", value),
            (None, Some(digest)) => ("valueSha256", digest),
            _ => {
                let message = "an API key has either `value` or `valueSha256`".to_owned();
                self.refuse("api-key-value", &node.span, at, message);
                return None;
            }
        };
        let digest = match found.as_str() {
            None => Err("an API key value is text: put it in quotes".to_owned()),
            Some(text) if field == "value" => ApiKeyValue::new(text.to_owned())
                .map(|value| value.digest())
                .map_err(|reason| reason.to_string()),
            Some(text) => KeyDigest::try_from(text.to_owned()).map_err(str::to_owned),
        };
        digest
            .map_err(|message| {
                self.refuse("api-key-value", &found.span, &at.key(field), message);
            })
            .ok()
    }

    fn moment(&mut self, node: &Node, at: &Pointer) -> Option<Timestamp> {
        let found = node.get("expiresAt")?;
        let moment = found.as_str().and_then(|text| text.parse().ok());
        if moment.is_none() {
            let message = "`expiresAt` is a moment such as `2027-01-31T00:00:00Z`".to_owned();
            self.refuse("expires-at", &found.span, &at.key("expiresAt"), message);
        }
        moment
    }

    fn key_files(&mut self, keys: &mut Vec<DeclaredKey>) {
        let document = self.document;
        for name in self.texts(&document.root, "apiKeyFiles", &Pointer::root()) {
            let file = self.directory.join(&name);
            let at = Pointer::root().key("apiKeyFiles");
            let bytes = match std::fs::read(&file) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let span = document
                        .root
                        .get("apiKeyFiles")
                        .map_or(0..0, |node| node.span.clone());
                    let message = format!("cannot read `{}`: {error}", file.display());
                    self.refuse("unreadable-file", &span, &at, message);
                    continue;
                }
            };
            self.report
                .add_source(file.clone(), api_key_file::masked(&bytes));
            match api_key_file::read(&file, &bytes) {
                Err(faults) => {
                    self.refused = true;
                    faults.into_iter().for_each(|fault| self.report.push(fault));
                }
                Ok(read) => keys.extend(read.entries.into_iter().map(|entry| DeclaredKey {
                    name: entry.name,
                    digest: entry.digest,
                    previous_values: Vec::new(),
                    usage_plans: entry.usage_plans,
                    enabled: entry.enabled,
                    expires_at: None,
                    source: Source::KeyFile,
                    file: file.clone(),
                    line: entry.line,
                    span: entry.span,
                })),
            }
        }
    }

    /// Names and values are unique over all files.
    fn collisions(&mut self, keys: &[DeclaredKey]) {
        let mut names: BTreeMap<&str, &DeclaredKey> = BTreeMap::new();
        let mut values: BTreeMap<KeyDigest, &DeclaredKey> = BTreeMap::new();
        for key in keys {
            let named = names.insert(&key.name, key);
            let previous = key.previous_values.iter().map(|value| value.digest);
            let valued = std::iter::once(key.digest)
                .chain(previous)
                .filter_map(|digest| values.insert(digest, key))
                .last();
            let findings = [
                (named, "repeated-api-key-name", "has the name"),
                (valued, "repeated-api-key", "has the value"),
            ];
            for (other, code, what) in findings {
                let Some(other) = other else { continue };
                self.refused = true;
                self.report.push(Diagnostic {
                    severity: Severity::Error,
                    code,
                    message: format!(
                        "the API key `{}` {what} of `{}`, declared in `{}` on line {}",
                        key.name,
                        other.name,
                        other.file.display(),
                        other.line
                    ),
                    file: key.file.clone(),
                    span: key.span.clone(),
                    pointer: String::new(),
                    hint: None,
                });
            }
        }
    }
}
