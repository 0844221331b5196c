use attache_model::Protocol;

use super::{Located, Place, intrinsic};
use crate::configuration::suggestion::closest;
use crate::diagnostic::{Diagnostic, Report};
use crate::document::{Document, EXPORT_HINT, Entry};

/// One import: reads values of the kind that is expected, and reports the others.
pub(super) struct Reading<'d, 'r> {
    pub(super) document: &'d Document,
    pub(super) protocol: Protocol,
    report: &'r mut Report,
}

impl<'d, 'r> Reading<'d, 'r> {
    pub(super) const fn new(
        document: &'d Document,
        protocol: Protocol,
        report: &'r mut Report,
    ) -> Self {
        Self {
            document,
            protocol,
            report,
        }
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        hint: Option<&str>,
    ) {
        let file = &self.document.file;
        let finding = Diagnostic::error(code, file, place.span, place.pointer, message);
        self.push(finding, hint);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        hint: Option<&str>,
    ) {
        let file = &self.document.file;
        let finding = Diagnostic::warning(code, file, place.span, place.pointer, message);
        self.push(finding, hint);
    }

    fn push(&mut self, finding: Diagnostic, hint: Option<&str>) {
        self.report.push(match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        });
    }

    /// How many errors there are, to tell whether a part had one.
    pub(super) fn error_count(&self) -> usize {
        self.report.error_count()
    }

    /// Reports a value of another kind than `wanted`.
    pub(super) fn expected(&mut self, found: &Located<'_>, wanted: &str) {
        match intrinsic::find(found.node) {
            Some(function) => self.intrinsic(found.key_of(function), &function.key),
            None => self.error(
                "wrong-kind",
                found.place(),
                format!("{wanted} is expected here, not {}", found.node.kind()),
                None,
            ),
        }
    }

    pub(super) fn intrinsic(&mut self, place: Place, name: &str) {
        self.error(
            "cloudformation-intrinsic",
            place,
            format!("`{name}` is resolved by CloudFormation and has no value here"),
            Some(EXPORT_HINT),
        );
    }

    pub(super) fn text<'v>(&mut self, located: &Located<'v>) -> Option<&'v str> {
        let text = located.node.as_str();
        if text.is_none() {
            self.expected(located, "text");
        }
        text
    }

    pub(super) fn boolean(&mut self, located: &Located<'_>) -> Option<bool> {
        let value = located.node.as_bool();
        if value.is_none() {
            self.expected(located, "`true` or `false`");
        }
        value
    }

    pub(super) fn whole_number(&mut self, located: &Located<'_>) -> Option<i64> {
        let value = located.node.as_i64();
        if value.is_none() {
            self.expected(located, "a whole number");
        }
        value
    }

    /// A mapping that is not a CloudFormation function.
    pub(super) fn mapping<'v>(&mut self, located: &Located<'v>) -> Option<&'v [Entry]> {
        let entries = located.node.as_mapping();
        if entries.is_none() || intrinsic::find(located.node).is_some() {
            self.expected(located, "a mapping");
            return None;
        }
        entries
    }

    pub(super) fn list<'v>(&mut self, located: &Located<'v>) -> Option<Vec<Located<'v>>> {
        if located.node.as_sequence().is_none() {
            self.expected(located, "a list");
            return None;
        }
        Some(located.items().collect())
    }

    /// Follows `$ref`.
    pub(super) fn follow(&mut self, located: Located<'d>) -> Option<Located<'d>> {
        match self.document.resolve(located.node, &located.pointer) {
            Ok(resolved) => Some(Located {
                node: resolved.node,
                pointer: resolved.pointer,
            }),
            Err(error) => {
                let place = located
                    .get("$ref")
                    .map_or_else(|| located.place(), |reference| reference.place());
                self.error(
                    "reference",
                    place,
                    error.to_string(),
                    Some(
                        "put what it refers to into this document, at the place that `$ref` names",
                    ),
                );
                None
            }
        }
    }

    /// Looks through the fields of an object of OpenAPI. One that is not in the list is an error
    /// where it resembles one that is, else a warning: AWS's import passes over it. Extensions
    /// are looked at elsewhere.
    pub(super) fn fields(&mut self, located: &Located<'d>, known: &[&str]) {
        for entry in located.entries() {
            let key = entry.key.as_str();
            if known.contains(&key) || key.starts_with("x-") || key.starts_with("X-") {
                continue;
            }
            let place = located.key_of(entry);
            if intrinsic::is_name(key) {
                self.intrinsic(place, key);
            } else if let Some(meant) = closest(key, known.iter().copied()) {
                self.error(
                    "unknown-field",
                    place,
                    format!("there is no field `{key}` here"),
                    Some(&format!("did you mean `{meant}`?")),
                );
            } else {
                self.warning(
                    "unknown-field",
                    place,
                    format!("`{key}` is not a field of OpenAPI here and has no effect"),
                    None,
                );
            }
        }
    }
}

/// A status of an answer, as text or as a number.
pub(super) fn status_code(reading: &mut Reading<'_, '_>, found: &Located<'_>) -> Option<u16> {
    let number = match found.node.as_str() {
        Some(text) => text.parse().ok(),
        None => reading.whole_number(found).map(u16::try_from)?.ok(),
    };
    let status = number.filter(|status| (100..600).contains(status));
    if status.is_none() {
        reading.error(
            "unknown-value",
            found.place(),
            "this is not a status code",
            Some("write a number from 100 to 599"),
        );
    }
    status
}
