//! The reader: json-smart's permissive dialect.
//!
//! Beside RFC 8259 it takes what people send: keys and strings without quotes or in single ones,
//! commas too many, numbers with leading zeros, anything after the value, and text that is no JSON
//! at all, which is a string. Facts are those of json-smart 2.2 in `MODE_PERMISSIVE`.

use std::fmt;
use std::sync::Arc;

use crate::map::Entries;
use crate::{List, ListKind, Map, Number, Value};

/// What a reader accepts.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// How deep lists and maps may nest. The reader recurses; what works on its values does too.
    pub max_depth: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { max_depth: 128 }
    }
}

/// A text that was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// Whether it is JSON as of RFC 8259, and not only in the wider dialect.
    pub strict: bool,
}

/// Why a text cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonFault {
    /// The text ends within a value.
    End,
    /// A character that cannot stand there.
    Character,
    /// A `\u` or `\x` without its hexadecimal digits.
    Escape,
    /// A number that Java does not read, such as `1e+`.
    Number,
    /// Lists and maps nest deeper than allowed.
    Depth,
}

/// Where and why a text cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// The byte at which it is wrong, from 0.
    pub offset: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

impl JsonError {
    #[cold]
    fn new(text: &str, fault: JsonFault, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self {
            fault,
            offset,
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            JsonFault::End => "unexpected end",
            JsonFault::Character => "unexpected character",
            JsonFault::Escape => "unexpected unicode escape sequence",
            JsonFault::Number => "not a number",
            JsonFault::Depth => "nested too deeply",
        };
        write!(
            formatter,
            "{fault} at line {}, column {}",
            self.line, self.column
        )
    }
}

impl std::error::Error for JsonError {}

/// Reads a text.
///
/// What follows the value is not looked at, except that the document is not strict then. An empty
/// text is the empty string. Of keys that come twice the last value counts, at the place of the
/// first. Half a surrogate pair becomes U+FFFD.
///
/// # Errors
///
/// Where and why the text cannot be read.
pub fn read(text: &str, options: ReadOptions) -> Result<Document, JsonError> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        strict: true,
        keys: [const { None }; KEYS],
    };
    let read = reader.value(Stop::End, options.max_depth);
    let value = read.map_err(|fault| JsonError::new(text, fault, reader.at.min(text.len())))?;
    reader.skip_space();
    let strict = reader.strict && reader.peek().is_none();
    Ok(Document { value, strict })
}

/// How many keys are remembered, so that the objects of a list share theirs.
const KEYS: usize = 32;

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    strict: bool,
    keys: [Option<Arc<str>>; KEYS],
}

/// What ends text without quotes.
#[derive(Clone, Copy)]
enum Stop {
    End,
    Item,
    Member,
    Key,
}

impl Stop {
    fn at(self, byte: u8) -> bool {
        match self {
            Self::End => false,
            Self::Item => matches!(byte, b',' | b']'),
            Self::Member => matches!(byte, b',' | b'}'),
            Self::Key => byte == b':',
        }
    }
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The text from a place up to here, without blanks around it.
    fn slice(&self, start: usize) -> &'t str {
        let slice = self.text.get(start..self.at).unwrap_or_default();
        slice.trim_matches(|character: char| character <= ' ')
    }

    /// Goes on for as long as bytes are like that.
    fn skip_while(&mut self, like: impl Fn(u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest
            .iter()
            .position(|byte| !like(*byte))
            .unwrap_or(rest.len());
    }

    fn value(&mut self, stop: Stop, depth: usize) -> Result<Value, JsonFault> {
        self.skip_space();
        match self.peek() {
            Some(b'"' | b'\'') => {
                let text = self.quoted()?;
                Ok(Value::String(text.into_arc()))
            }
            Some(b'{') => self.object(depth.checked_sub(1).ok_or(JsonFault::Depth)?),
            Some(b'[') => self.array(depth.checked_sub(1).ok_or(JsonFault::Depth)?),
            Some(b'-' | b'0'..=b'9') => self.number(stop),
            Some(b':' | b'}' | b']') => Err(JsonFault::Character),
            _ => Ok(self.unquoted(stop)),
        }
    }

    /// A word with a meaning, or text without quotes.
    fn unquoted(&mut self, stop: Stop) -> Value {
        let start = self.at;
        self.skip_while(|byte| !stop.at(byte));
        match self.slice(start) {
            "null" => Value::Null,
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            "NaN" => {
                self.strict = false;
                Value::double(f64::NAN)
            }
            text => {
                self.strict = false;
                Value::string(text)
            }
        }
    }

    fn number(&mut self, stop: Stop) -> Result<Value, JsonFault> {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let mut complete = true;
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            complete = matches!(self.peek(), Some(b'+' | b'-' | b'0'..=b'9'));
            self.at += usize::from(complete);
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let end = self.at;
        self.skip_space();
        if !complete || self.peek().is_some_and(|byte| !stop.at(byte)) {
            // At the top, JSON ends the number here; json-smart has a longer string.
            self.skip_while(|byte| !stop.at(byte));
            self.strict = false;
            return Ok(Value::string(self.slice(start)));
        }
        let text = self.text.get(start..end).unwrap_or_default();
        self.strict &= number_is_strict(text);
        let number = Number::parse(text);
        number.map(Value::Number).ok_or(JsonFault::Number)
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonFault> {
        let mut items = Vec::new();
        self.at += 1;
        // Whether an item may come: at the start, and behind a comma.
        let mut comma = true;
        loop {
            self.skip_space();
            match self.peek() {
                None => return Err(JsonFault::End),
                Some(b':' | b'}') => return Err(JsonFault::Character),
                Some(b']') => {
                    self.at += 1;
                    self.strict &= !comma || items.is_empty();
                    return Ok(Value::List(List::new(ListKind::JsonArray, items)));
                }
                Some(b',') => {
                    self.at += 1;
                    self.strict &= !comma;
                    comma = true;
                }
                Some(_) => {
                    self.strict &= comma;
                    comma = false;
                    items.push(self.value(Stop::Item, depth)?);
                }
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonFault> {
        let mut entries = Entries::default();
        self.at += 1;
        let mut comma = true;
        loop {
            self.skip_space();
            match self.peek() {
                None => return Err(JsonFault::End),
                Some(b':' | b'[' | b']' | b'{') => return Err(JsonFault::Character),
                Some(b'}') => {
                    self.at += 1;
                    self.strict &= !comma || entries.is_empty();
                    return Ok(Value::Map(Map::from_entries(entries)));
                }
                Some(b',') => {
                    self.at += 1;
                    self.strict &= !comma;
                    comma = true;
                }
                Some(quote) => {
                    // The loop comes here at the start and behind a comma only.
                    comma = false;
                    let key = self.key(quote)?;
                    self.skip_space();
                    match self.peek() {
                        Some(b':') => self.at += 1,
                        None => return Err(JsonFault::End),
                        Some(_) => return Err(JsonFault::Character),
                    }
                    let value = self.value(Stop::Member, depth)?;
                    entries.insert(key, value);
                    self.skip_space();
                    match self.peek() {
                        Some(b'}' | b',') => {}
                        None => return Err(JsonFault::End),
                        Some(_) => return Err(JsonFault::Character),
                    }
                }
            }
        }
    }

    fn key(&mut self, quote: u8) -> Result<Arc<str>, JsonFault> {
        let text = if matches!(quote, b'"' | b'\'') {
            self.quoted()?
        } else {
            let start = self.at;
            self.skip_while(|byte| !Stop::Key.at(byte));
            self.strict = false;
            Text::Slice(self.slice(start))
        };
        let Text::Slice(slice) = text else {
            return Ok(text.into_arc());
        };
        let ends = slice.bytes().next().into_iter().chain(slice.bytes().last());
        let slot = ends.fold(slice.len(), |slot, byte| slot * 5 + usize::from(byte)) % KEYS;
        let Some(slot) = self.keys.get_mut(slot) else {
            return Ok(text.into_arc());
        };
        match slot {
            Some(key) if **key == *slice => Ok(key.clone()),
            _ => Ok(slot.insert(text.into_arc()).clone()),
        }
    }

    /// A string in either kind of quotes.
    fn quoted(&mut self) -> Result<Text<'t>, JsonFault> {
        let quote = self.peek().unwrap_or_default();
        self.strict &= quote == b'"';
        self.at += 1;
        let start = self.at;
        self.skip_while(|byte| byte != quote && byte != b'\\' && byte >= b' ');
        if self.peek().is_some_and(|byte| byte < b' ') {
            self.strict = false;
            self.skip_while(|byte| byte != quote && byte != b'\\');
        }
        match self.peek() {
            None => Err(JsonFault::End),
            Some(b'\\') => self.escaped(start, quote).map(Text::Own),
            Some(_) => {
                let slice = self.text.get(start..self.at).unwrap_or_default();
                self.at += 1;
                Ok(Text::Slice(slice))
            }
        }
    }

    /// A string with escapes. json-smart drops control characters from such strings alone.
    fn escaped(&mut self, start: usize, quote: u8) -> Result<String, JsonFault> {
        let kept = |byte: u8| byte >= b' ' && byte != 0x7F;
        let before = self.text.get(start..self.at).unwrap_or_default();
        let mut out: String = before
            .chars()
            .filter(|character| !character.is_ascii_control())
            .collect();
        loop {
            let run = self.at;
            self.skip_while(|byte| byte != quote && byte != b'\\' && kept(byte));
            out.push_str(self.text.get(run..self.at).unwrap_or_default());
            let byte = self.peek().ok_or(JsonFault::End)?;
            self.at += 1;
            match byte {
                b'\\' => self.escape(&mut out)?,
                byte if byte == quote => return Ok(out),
                byte => self.strict &= byte == 0x7F,
            }
        }
    }

    /// What follows a backslash. An escape that there is not means nothing.
    fn escape(&mut self, out: &mut String) -> Result<(), JsonFault> {
        let byte = self.peek().ok_or(JsonFault::End)?;
        let character = match byte {
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'"' | b'\\' | b'/' | b'\'' => char::from(byte),
            b'u' => {
                self.at += 1;
                let unit = self.hexadecimal(4)?;
                out.push(self.surrogate(unit));
                return Ok(());
            }
            b'x' => {
                self.strict = false;
                self.at += 1;
                let unit = self.hexadecimal(2)?;
                out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            _ => {
                self.strict = false;
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += rest.chars().next().map_or(1, char::len_utf8);
                return Ok(());
            }
        };
        self.strict &= character != '\'';
        self.at += 1;
        out.push(character);
        Ok(())
    }

    /// The character of a UTF-16 unit, together with the escape of its second half.
    fn surrogate(&mut self, unit: u32) -> char {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if (0xD800..0xDC00).contains(&unit) && rest.starts_with(b"\\u") {
            let here = self.at;
            self.at += 2;
            if let Ok(low @ 0xDC00..0xE000) = self.hexadecimal(4) {
                let pair = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.at = here;
        }
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<u32, JsonFault> {
        let mut number = 0;
        for _ in 0..digits {
            let byte = self.peek().ok_or(JsonFault::End)?;
            let digit = char::from(byte).to_digit(16).ok_or(JsonFault::Escape)?;
            number = number * 16 + digit;
            self.at += 1;
        }
        Ok(number)
    }
}

/// Text of the document, or text that the document spells differently.
enum Text<'t> {
    Slice(&'t str),
    Own(String),
}

impl Text<'_> {
    fn into_arc(self) -> Arc<str> {
        match self {
            Self::Slice(slice) => slice.into(),
            Self::Own(text) => text.into(),
        }
    }
}

/// Whether RFC 8259 writes a number like that; its characters are known to be a number's.
fn number_is_strict(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    !whole.is_empty() && !leading_zero && !fraction.is_empty()
}
