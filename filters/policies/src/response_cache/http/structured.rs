//! Dictionaries of structured fields, as far as the fields for caches of one kind need them.
//!
//! RFC 8941, section 4.2.2; RFC 9213.

use super::cache_control::{Directives, Value, seconds};

/// Reads the lines of a targeted field into directives. `None` when there is nothing in them, or
/// they are no dictionary: then the field counts as if it were not there.
pub(super) fn read<'l>(
    lines: impl Iterator<Item = &'l [u8]>,
    directives: &mut Directives,
) -> Option<()> {
    let text = lines.collect::<Vec<_>>().join(&b", "[..]);
    let mut members = Vec::new();
    let mut rest = Rest(text.trim_ascii());
    loop {
        let name = rest.key()?;
        let value = if rest.take(b'=') {
            if rest.peek() == Some(b'(') {
                rest.inner_list()?
            } else {
                rest.bare_item()?
            }
        } else {
            Value::None
        };
        rest.parameters()?;
        // The last one counts.
        members.retain(|(known, _)| *known != name);
        members.push((name, value));
        rest.space();
        if rest.0.is_empty() {
            break;
        }
        if !rest.take(b',') {
            return None;
        }
        rest.space();
    }
    for (name, value) in members {
        let value = match value {
            // The directives with numbers take integers alone.
            Value::Text(_) if !matches!(name, b"no-cache" | b"private") => Value::Invalid,
            value => value,
        };
        directives.set(name, value);
    }
    Some(())
}

/// What is still to be read.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        there
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'t [u8] {
        let end = self.0.iter().position(|byte| !belongs(*byte));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn space(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn key(&mut self) -> Option<&'t [u8]> {
        matches!(self.peek()?, b'a'..=b'z' | b'*').then(|| {
            self.take_while(
                |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'),
            )
        })
    }

    /// What is in it is of no use here.
    fn inner_list(&mut self) -> Option<Value<'t>> {
        self.take(b'(');
        loop {
            self.space();
            if self.take(b')') {
                return Some(Value::Invalid);
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.peek()?, b' ' | b'\t' | b')') {
                return None;
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.space();
            self.key()?;
            if self.take(b'=') {
                self.bare_item()?;
            }
        }
        Some(())
    }

    fn bare_item(&mut self) -> Option<Value<'t>> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'?' => {
                self.take(b'?');
                match self.peek()? {
                    b'1' => self.take(b'1').then_some(Value::None),
                    b'0' => self.take(b'0').then_some(Value::Invalid),
                    _ => None,
                }
            }
            b':' => {
                self.take(b':');
                self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':').then_some(Value::Invalid)
            }
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => Some(Value::Text(self.take_while(|byte| {
                byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
            }))),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value<'t>> {
        let negative = self.take(b'-');
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 {
            return None;
        }
        if self.take(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            return (whole.len() <= 12 && matches!(fraction.len(), 1..=3))
                .then_some(Value::Invalid);
        }
        Some(if negative {
            Value::Invalid
        } else {
            Value::Number(seconds(whole))
        })
    }

    fn string(&mut self) -> Option<Value<'t>> {
        self.take(b'"');
        let text = self.0;
        loop {
            self.take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
            if self.peek()? == b'\\' {
                self.take(b'\\');
                if !self.take(b'"') && !self.take(b'\\') {
                    return None;
                }
                continue;
            }
            let length = text.len() - self.0.len();
            if !self.take(b'"') {
                return None;
            }
            // The names of fields have nothing that would have to be escaped.
            return Some(Value::Text(text.get(..length)?));
        }
    }
}
