//! YAML 1.2: from the parser's events to the tree.
//!
//! The tree is built with a stack of open collections, never by recursion. Aliases are expanded
//! into copies, and all copies together are bounded, so that a small file cannot become a large
//! tree.

mod builder;
mod offsets;
mod tag;

use saphyr_parser::{Parser, StrInput};

use super::{Fault, Intrinsics, Node, Value};
use builder::Builder;
use offsets::Offsets;

/// Reads a text; `None` when it is not one YAML document.
pub(super) fn parse(text: &str, intrinsics: Intrinsics, faults: &mut Vec<Fault>) -> Option<Node> {
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let body = text.get(mark..).unwrap_or_default();
    let offsets = Offsets::new(body, mark);
    let mut syntax = None;
    let mut builder = Builder::new(&offsets, intrinsics, faults);
    let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(body);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let place = offsets.byte(*error.marker());
                syntax = Some(syntax_fault(text, place, error.info()));
                break;
            }
        }
    }
    let root = builder.into_root();
    if let Some(fault) = syntax {
        faults.push(fault);
        return None;
    }
    Some(root.unwrap_or(Node {
        span: text.len()..text.len(),
        value: Value::Null,
    }))
}

fn syntax_fault(text: &str, place: usize, info: &str) -> Fault {
    if info.contains("recursion limit") {
        return Fault::too_deep(place..place);
    }
    let before = text.get(..place).unwrap_or(text);
    let line_start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let line = text.get(line_start..).unwrap_or_default();
    let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
    match line.get(..indentation).and_then(|blank| blank.find('\t')) {
        Some(tab) => Fault::new(
            "syntax",
            line_start + tab..line_start + tab + 1,
            "a tab in the indentation",
        )
        .hint("YAML is indented with spaces only"),
        None => Fault::new("syntax", place..place, format!("not YAML: {info}")).hint(advice(info)),
    }
}

/// What to do about a fault that the scanner found, by what it says.
fn advice(info: &str) -> &'static str {
    if info.contains("quoted scalar") {
        "a quote that opens here or above is not closed"
    } else if info.contains("flow") {
        "a `{` or `[` above is not closed, or what stands inside it is not indented"
    } else if info.contains("mapping values") {
        "check the indentation, and put text that holds `: ` in quotes"
    } else {
        "check the indentation, the brackets and the quotes here and just above"
    }
}
