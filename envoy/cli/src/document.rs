//! YAML and JSON files as trees whose every value knows where it stands.
//!
//! A file is read whole: [`Document::read`] from disk, [`Document::parse`] from bytes. Whatever is
//! wrong with it goes to the [`Report`] with its place. Anchors and merge keys are resolved here;
//! `$ref` is followed on demand by [`Document::resolve`].

mod json;
mod outline;
mod pointer;
mod reference;
mod scalar;
mod yaml;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Position, Report, Severity};

pub use outline::Outline;
pub use pointer::{Pointer, parse_pointer};
pub use reference::{ReferenceError, Resolved};

/// How deep values may be nested. Deeper files are refused, so that walking a tree needs no care
/// for the stack.
pub const MAX_DEPTH: usize = 100;

/// What to do about CloudFormation's functions in a definition.
pub(crate) const EXPORT_HINT: &str = "export the deployed API, where CloudFormation has filled in \
     the values: `aws apigateway get-export --rest-api-id ID --stage-name STAGE --export-type oas30 \
     --parameters extensions=apigateway FILE`, or `aws apigatewayv2 export-api` for an HTTP API";

/// A file that was read.
#[derive(Debug)]
pub struct Document {
    /// The path as the user would name it, relative to where the command was given.
    pub file: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
    /// The value that it holds.
    pub root: Node,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value stands in the text, in bytes. What came from an alias or a merge key
    /// stands where its anchor is.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number, and a whole one too big for 64 bits.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order of the file.
    Mapping(Vec<Entry>),
}

/// One key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key; keys that are not text are written as YAML would write them (`200`).
    pub key: String,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// The two languages of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, core schema.
    Yaml,
    /// JSON, RFC 8259.
    Json,
}

/// What becomes of the tags that are short for CloudFormation's functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intrinsics {
    /// They are faults: nothing gives them a value.
    Refused,
    /// They are written out: `Fn::Sub: text` for `!Sub text`.
    Kept,
}

impl Format {
    /// What a file holds: by its name, and by its first character where the name does not say.
    #[must_use]
    pub fn of(file: &Path, text: &str) -> Self {
        let extension = file.extension().map(|text| text.to_ascii_lowercase());
        match extension.as_deref().and_then(|text| text.to_str()) {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            _ if text
                .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
                .starts_with(['{', '[']) =>
            {
                Self::Json
            }
            _ => Self::Yaml,
        }
    }
}

impl Document {
    /// Reads a file. `None` when it cannot be read or is not YAML or JSON; the report says why.
    pub fn read(file: &Path, report: &mut Report) -> Option<Self> {
        match std::fs::read(file) {
            Ok(bytes) => Self::parse(file, &bytes, report),
            Err(error) => {
                report.push(Diagnostic {
                    severity: Severity::Error,
                    code: "unreadable-file",
                    message: format!("cannot read `{}`: {error}", file.display()),
                    file: file.to_owned(),
                    span: 0..0,
                    pointer: String::new(),
                    hint: None,
                });
                None
            }
        }
    }

    /// Reads the bytes of a file; `file` names them in the report and decides between YAML and
    /// JSON as [`Format::of`].
    ///
    /// `None` when there is no tree to look at. Faults that leave a tree (a key given twice, a tag
    /// that is not known) are errors in the report all the same.
    pub fn parse(file: &Path, bytes: &[u8], report: &mut Report) -> Option<Self> {
        Self::parse_as(file, bytes, Intrinsics::Refused, report)
    }

    /// The same for a template of CloudFormation, in which `!Sub text` is short for `Fn::Sub: text`,
    /// and so for its other functions.
    pub fn parse_template(file: &Path, bytes: &[u8], report: &mut Report) -> Option<Self> {
        Self::parse_as(file, bytes, Intrinsics::Kept, report)
    }

    fn parse_as(
        file: &Path,
        bytes: &[u8],
        intrinsics: Intrinsics,
        report: &mut Report,
    ) -> Option<Self> {
        let text: Arc<str> = String::from_utf8_lossy(bytes).into();
        report.add_source(file.to_owned(), Arc::clone(&text));
        let mut faults = Vec::new();
        let root = match std::str::from_utf8(bytes) {
            Err(error) => {
                let start = error.valid_up_to();
                faults.push(
                    Fault::new(
                        "not-utf-8",
                        start..start,
                        "the file is not UTF-8 from here on",
                    )
                    .hint("save the file in UTF-8"),
                );
                None
            }
            Ok(text) => match Format::of(file, text) {
                Format::Yaml => yaml::parse(text, intrinsics, &mut faults),
                Format::Json => json::parse(text, &mut faults),
            },
        };
        for fault in faults {
            report.push(Diagnostic {
                severity: Severity::Error,
                code: fault.code,
                message: fault.message,
                file: file.to_owned(),
                span: fault.span,
                pointer: fault.pointer,
                hint: fault.hint,
            });
        }
        root.map(|root| Self {
            file: file.to_owned(),
            text,
            root,
        })
    }

    /// Line and column, both from 1, of a byte of the text.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        Position::of(&self.text, offset)
    }

    /// The value that an RFC 6901 pointer names; the empty pointer is the root.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Node> {
        parse_pointer(pointer)?
            .iter()
            .try_fold(&self.root, |node, token| node.child(token))
    }
}

impl Node {
    /// The value under a key; `None` too when this is not a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key; `None` too when this is not a mapping.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_mapping()?.iter().find(|entry| entry.key == key)
    }

    /// One step of a JSON pointer: a key of a mapping, or the index of a sequence.
    #[must_use]
    pub fn child(&self, token: &str) -> Option<&Self> {
        match &self.value {
            Value::Mapping(_) => self.get(token),
            Value::Sequence(items) => {
                let plain = token == "0" || !token.starts_with(['0', '+']);
                items.get(token.parse::<usize>().ok().filter(|_| plain)?)
            }
            _ => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a sequence.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string; numbers and booleans are not strings.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number, also when written `1e3` or `3.0`.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match &self.value {
            Value::Integer(number) => Some(*number),
            Value::Float(number) if number.fract() == 0.0 && number.abs() <= EXACT =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a whole number of at most 53 bits"
                )]
                Some(*number as i64)
            }
            _ => None,
        }
    }

    /// Any number.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match &self.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "as every JSON reader does with large numbers"
            )]
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The values alone. Of a key given twice the last value counts; a number that JSON does not
    /// have, such as infinity, becomes null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => match self.as_i64() {
                Some(whole) => whole.into(),
                None => (*number).into(),
            },
            Value::String(text) => text.as_str().into(),
            Value::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Value::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// What kind of value this is, for messages: `a list`, `text`, …
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// A fault of the file itself, before it has a name.
struct Fault {
    code: &'static str,
    span: Range<usize>,
    message: String,
    pointer: String,
    hint: Option<String>,
}

impl Fault {
    fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            span,
            message: message.into(),
            pointer: String::new(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn at(mut self, pointer: String) -> Self {
        self.pointer = pointer;
        self
    }

    fn duplicate_key(key: &str, span: Range<usize>, pointer: String) -> Self {
        Self::new(
            "duplicate-key",
            span,
            format!("the key `{key}` stands twice in this mapping"),
        )
        .hint("remove or rename one of them")
        .at(pointer)
    }

    fn too_deep(span: Range<usize>) -> Self {
        Self::new(
            "nested-too-deep",
            span,
            format!("values are nested more than {MAX_DEPTH} levels deep"),
        )
    }
}

#[cfg(test)]
mod tests;
