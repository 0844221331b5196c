//! JSON, strictly RFC 8259.

use std::collections::BTreeSet;

use jsonc_parser::ast::Value as Ast;
use jsonc_parser::common::{Range as AstRange, Ranged as _};
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Entry, Fault, MAX_DEPTH, Node, Pointer, Value, scalar};

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads a text; `None` when it is not JSON.
pub(super) fn parse(text: &str, faults: &mut Vec<Fault>) -> Option<Node> {
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let body = text.get(mark..).unwrap_or_default();
    match parse_to_ast(body, &CollectOptions::default(), &STRICT) {
        Ok(result) => {
            if let Some(value) = result.value {
                return Reader { mark, faults }.node(value, 0, &Pointer::root());
            }
            faults.push(Fault::new("syntax", mark..mark, "the file is empty"));
        }
        Err(error) => {
            let range = error.range();
            let span = range.start + mark..range.end.max(range.start) + mark;
            faults.push(match error.kind() {
                ParseErrorKind::NestingDepthExceeded => Fault::too_deep(span),
                kind => Fault::new(
                    "syntax",
                    span,
                    format!("not JSON: {}", sentence(&kind.to_string())),
                ),
            });
        }
    }
    None
}

/// A message of the parser in the form of ours.
fn sentence(message: &str) -> String {
    let mut characters = message.trim_end_matches('.').chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

struct Reader<'f> {
    /// Bytes of the byte order mark before what the parser saw.
    mark: usize,
    faults: &'f mut Vec<Fault>,
}

impl Reader<'_> {
    fn span(&self, range: AstRange) -> std::ops::Range<usize> {
        range.start + self.mark..range.end + self.mark
    }

    fn node(&mut self, value: Ast<'_>, depth: usize, pointer: &Pointer) -> Option<Node> {
        let span = self.span(value.range());
        if depth >= MAX_DEPTH && matches!(value, Ast::Array(_) | Ast::Object(_)) {
            self.faults
                .push(Fault::too_deep(span).at(pointer.to_string()));
            return None;
        }
        let value = match value {
            Ast::NullKeyword(_) => Value::Null,
            Ast::BooleanLit(literal) => Value::Bool(literal.value),
            Ast::NumberLit(literal) => scalar::number(literal.value)?,
            Ast::StringLit(literal) => Value::String(literal.value.into_owned()),
            Ast::Array(array) => Value::Sequence(
                array
                    .elements
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| self.node(item, depth + 1, &pointer.index(index)))
                    .collect::<Option<_>>()?,
            ),
            Ast::Object(object) => {
                let mut entries = Vec::with_capacity(object.properties.len());
                let mut keys = BTreeSet::new();
                for property in object.properties {
                    let key_span = self.span(property.name.range());
                    let key = property.name.into_string();
                    let place = pointer.key(&key);
                    if !keys.insert(key.clone()) {
                        self.faults
                            .push(Fault::duplicate_key(&key, key_span, place.into()));
                        continue;
                    }
                    let value = self.node(property.value, depth + 1, &place)?;
                    entries.push(Entry {
                        key,
                        key_span,
                        value,
                    });
                }
                Value::Mapping(entries)
            }
        };
        Some(Node { span, value })
    }
}
