//! Findings as people and as programs read them.

use std::ops::Range;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::{Diagnostic, Report, Severity};

/// The longest line that is shown around a finding, in bytes.
const LONGEST_LINE: usize = 400;

/// Every finding with the lines that it points at, one blank line after each. Coloured with ANSI
/// sequences: a stream that is no terminal strips them.
#[must_use]
pub fn human(report: &Report) -> String {
    let renderer = Renderer::styled().term_width(DEFAULT_TERM_WIDTH);
    report
        .sorted()
        .into_iter()
        .map(|diagnostic| renderer.render(&[group(report, diagnostic)]) + "\n\n")
        .collect()
}

fn group<'a>(report: &'a Report, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = diagnostic.file.display().to_string();
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let mut group = match (report.source(&diagnostic.file), report.position(diagnostic)) {
        (Some(text), Some(position)) if !text.is_empty() => match excerpt(text, &diagnostic.span) {
            Some(excerpt) => title.element(
                Snippet::source(excerpt.text)
                    .path(path)
                    .line_start(excerpt.line)
                    .annotation(AnnotationKind::Primary.span(excerpt.span)),
            ),
            None => title.element(
                Origin::path(path)
                    .line(position.line)
                    .char_column(position.column),
            ),
        },
        _ => title.element(Origin::path(path)),
    };
    if !diagnostic.pointer.is_empty() {
        group = group.element(
            Level::NOTE
                .with_name("at")
                .message(diagnostic.pointer.as_str()),
        );
    }
    match &diagnostic.hint {
        Some(hint) => group.element(Level::HELP.message(hint.as_str())),
        None => group,
    }
}

struct Excerpt<'a> {
    text: &'a str,
    line: usize,
    span: Range<usize>,
}

/// The first line of a span, and where the span lies in it. Of a value over several lines the first
/// one is enough to find it. `None` for lines that nobody can read, such as a whole JSON document
/// on one line.
fn excerpt<'a>(text: &'a str, span: &Range<usize>) -> Option<Excerpt<'a>> {
    let start = floor(text, span.start);
    let before = text.get(..start)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(line_start..)?;
    let line = rest.lines().next().unwrap_or_default();
    if line.len() > LONGEST_LINE {
        return None;
    }
    let start = (start - line_start).min(line.len());
    let end = floor(text, span.end)
        .saturating_sub(line_start)
        .clamp(start, line.len());
    Some(Excerpt {
        text: line,
        line: before.matches('\n').count() + 1,
        span: start..end,
    })
}

/// The start of the character at `offset`, and the text's end for what lies behind it.
fn floor(text: &str, offset: usize) -> usize {
    text.floor_char_boundary(offset)
}

/// A finding for programs.
#[derive(Serialize)]
struct Finding<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    pointer: &'a str,
    hint: Option<&'a str>,
}

/// Every finding as one JSON array of objects with `severity`, `code`, `message`, `file`, `line`,
/// `column`, `pointer` and `hint`; lines and columns count from 1, and are null for a file that
/// could not be read.
///
/// # Errors
///
/// Never in practice: nothing in a finding is beyond JSON.
pub fn json(report: &Report) -> serde_json::Result<String> {
    let findings: Vec<_> = report
        .sorted()
        .into_iter()
        .map(|diagnostic| {
            let position = report.position(diagnostic);
            Finding {
                severity: diagnostic.severity.as_str(),
                code: diagnostic.code,
                message: &diagnostic.message,
                file: diagnostic.file.display().to_string(),
                line: position.map(|position| position.line),
                column: position.map(|position| position.column),
                pointer: &diagnostic.pointer,
                hint: diagnostic.hint.as_deref(),
            }
        })
        .collect();
    serde_json::to_string_pretty(&findings)
}

#[cfg(test)]
mod tests {
    use super::{Report, human, json};
    use crate::diagnostic::Diagnostic;

    fn report() -> Report {
        let mut report = Report::new();
        report.add_source("a.yaml", "first: 1\nsecond: {è: 2}\n");
        report.push(
            Diagnostic::error("sample", "a.yaml", 18..23, "/second/è", "wrong `è`").hint("mend it"),
        );
        report.push(Diagnostic::error(
            "gone",
            "b.yaml",
            0..0,
            "",
            "no such file",
        ));
        report
    }

    #[test]
    fn a_finding_shows_its_line_its_pointer_and_its_hint() {
        let text = anstream::adapter::strip_str(&human(&report())).to_string();
        for part in [
            "error[sample]: wrong `è`",
            "--> a.yaml:2:10",
            "2 | second: {è: 2}",
            "= at: /second/è",
            "= help: mend it",
            "error[gone]: no such file",
            "--> b.yaml",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn programs_get_an_array() {
        let findings: serde_json::Value =
            serde_json::from_str(&json(&report()).expect("JSON")).expect("JSON");
        assert_eq!(
            findings,
            serde_json::json!([
                {"severity": "error", "code": "sample", "message": "wrong `è`", "file": "a.yaml",
                 "line": 2, "column": 10, "pointer": "/second/è", "hint": "mend it"},
                {"severity": "error", "code": "gone", "message": "no such file", "file": "b.yaml",
                 "line": null, "column": null, "pointer": "", "hint": null},
            ])
        );
    }

    #[test]
    fn a_place_outside_of_the_text_is_its_end() {
        let mut report = Report::new();
        report.add_source("a.yaml", "é");
        for span in [1..1, 7..9, 0..99] {
            report.push(Diagnostic::error("sample", "a.yaml", span, "", "odd"));
        }
        assert_eq!(human(&report).matches("odd").count(), 3);
    }
}
