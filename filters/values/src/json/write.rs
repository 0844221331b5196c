//! The writer: compact JSON with json-smart's escapes, and Java's `toString`.

use crate::value::MAX_DEPTH;
use crate::{ListKind, MapKind, Number, Value};

/// How a value is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Java's `toString`: a map as `{a=1}`, a list from JSON as JSON, other lists as `[a, b]`.
    Java,
    /// Compact JSON, as `$input.json` gives it.
    Json,
    /// Compact JSON with `/` as `\/`, as a JSON array prints.
    JsonArray,
}

/// Writes a value, and says whether all of it fitted: writing ends when `out` is longer than
/// `limit` bytes, which is checked after each item, and when a value nests too deeply.
pub(crate) fn write(value: &Value, style: Style, out: &mut String, limit: usize) -> bool {
    let mut writer = Writer { out, limit };
    writer.value(value, style, MAX_DEPTH)
}

struct Writer<'o> {
    out: &'o mut String,
    limit: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, style: Style, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            self.out.push_str("null");
            return false;
        };
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Boolean(boolean) => self.out.push_str(if *boolean { "true" } else { "false" }),
            Value::Number(number) => self.number(number, style),
            Value::String(text) => self.text(text, style),
            Value::List(list) => {
                let style = match (style, list.kind()) {
                    (Style::Java, ListKind::JsonArray) => Style::JsonArray,
                    (style, _) => style,
                };
                return list.read(|items| {
                    self.out.push('[');
                    let mut fits = true;
                    for (position, item) in items.iter().enumerate() {
                        self.separator(position, style);
                        fits = fits && self.value(item, style, depth);
                        if !fits {
                            break;
                        }
                    }
                    self.out.push(']');
                    fits && self.fits()
                });
            }
            Value::Map(map) if style == Style::Java && map.kind() == MapKind::Context => {}
            Value::Map(map) => {
                return map.read(|entries| {
                    self.out.push('{');
                    let mut fits = true;
                    for (position, (key, value)) in entries.iter().enumerate() {
                        self.separator(position, style);
                        self.text(key, style);
                        self.out.push(if style == Style::Java { '=' } else { ':' });
                        fits = fits && self.value(value, style, depth);
                        if !fits {
                            break;
                        }
                    }
                    self.out.push('}');
                    fits && self.fits()
                });
            }
            Value::Object(object) if style == Style::Java => object.print(self.out),
            Value::Object(object) => {
                let mut text = String::new();
                object.print(&mut text);
                self.text(&text, style);
            }
        }
        self.fits()
    }

    fn fits(&self) -> bool {
        self.out.len() <= self.limit
    }

    fn separator(&mut self, position: usize, style: Style) {
        if position > 0 {
            self.out.push_str(match style {
                Style::Java => ", ",
                Style::Json | Style::JsonArray => ",",
            });
        }
    }

    fn number(&mut self, number: &Number, style: Style) {
        match number {
            Number::Double(double) if double.is_infinite() && style != Style::Java => {
                self.out.push_str("null");
            }
            number => number.print(self.out),
        }
    }

    fn text(&mut self, text: &str, style: Style) {
        if style == Style::Java {
            return self.out.push_str(text);
        }
        self.out.push('"');
        escape(text, style == Style::JsonArray, self.out);
        self.out.push('"');
    }
}

/// json-smart's escapes: quotes, backslashes, control characters, U+2000 to U+20FF; nothing else
/// outside of ASCII.
fn escape(text: &str, slash: bool, out: &mut String) {
    let mut rest = text;
    loop {
        let special = rest.bytes().position(|byte| match byte {
            b'"' | b'\\' | 0..=0x1F | 0x7F => true,
            b'/' => slash,
            // The first bytes of U+0080 to U+00BF and of U+2000 to U+2FFF.
            0xC2 | 0xE2 => true,
            _ => false,
        });
        let split = special.and_then(|at| rest.split_at_checked(at));
        let Some((plain, after)) = split else {
            return out.push_str(rest);
        };
        out.push_str(plain);
        let mut characters = after.chars();
        if let Some(character) = characters.next() {
            escape_character(character, out);
        }
        rest = characters.as_str();
    }
}

fn escape_character(character: char, out: &mut String) {
    let short = match character {
        '"' | '\\' | '/' => character,
        '\u{8}' => 'b',
        '\u{C}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{2000}'..='\u{20FF}' => {
            out.push_str("\\u");
            for shift in [12, 8, 4, 0] {
                let digit = char::from_digit(u32::from(character) >> shift & 15, 16);
                out.extend(digit.map(|digit| digit.to_ascii_uppercase()));
            }
            return;
        }
        character => return out.push(character),
    };
    out.push('\\');
    out.push(short);
}
