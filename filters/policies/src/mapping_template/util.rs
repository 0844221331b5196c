//! `$util`

use attache_values::json::{ReadOptions, read};
use attache_values::{CallError, Object, Value};
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

/// The functions of `$util`. Null stays null in all of them.
#[derive(Debug)]
pub(super) struct Util;

impl Object for Util {
    fn property(&self, _name: &str) -> Option<Value> {
        None
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, CallError>> {
        let function: fn(&str) -> Result<Value, CallError> = match method {
            "escapeJavaScript" => |text| Ok(Value::string(escape_java_script(text))),
            "parseJson" => parse_json,
            "urlEncode" => |text| Ok(Value::string(url_encode(text))),
            "urlDecode" => url_decode,
            "base64Encode" => |text| Ok(Value::string(STANDARD.encode(text))),
            "base64Decode" => base64_decode,
            _ => return None,
        };
        match arguments {
            [Value::String(text)] => Some(function(text)),
            [Value::Null] => Some(Ok(Value::Null)),
            [other] => {
                let mut text = String::new();
                other.print(&mut text);
                Some(function(&text))
            }
            _ => None,
        }
    }

    fn print(&self, _out: &mut String) {}
}

fn parse_json(text: &str) -> Result<Value, CallError> {
    match read(text, ReadOptions::default()) {
        Ok(document) => Ok(document.value),
        Err(error) => Err(CallError::new(error.to_string())),
    }
}

/// As Commons Lang 2's `StringEscapeUtils.escapeJavaScript`: quotes of both kinds, slashes of
/// both kinds, control characters, and all that is not ASCII.
fn escape_java_script(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        let short = match character {
            '"' | '\'' | '\\' | '/' => character,
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{C}' => 'f',
            '\r' => 'r',
            ' '..='\u{7F}' => {
                out.push(character);
                continue;
            }
            character => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    out.push_str("\\u");
                    for shift in [12, 8, 4, 0] {
                        out.push(hexadecimal(u32::from(*unit) >> shift));
                    }
                }
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out
}

/// The upper-case digit of the last four bits.
fn hexadecimal(bits: u32) -> char {
    let digit = char::from_digit(bits & 15, 16).unwrap_or('0');
    digit.to_ascii_uppercase()
}

/// As Java's `URLEncoder`: the encoding of forms.
fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => {
                out.push('%');
                out.push(hexadecimal(u32::from(byte) >> 4));
                out.push(hexadecimal(u32::from(byte)));
            }
        }
    }
    out
}

/// As Java's `URLDecoder`, which refuses a `%` without two digits.
fn url_decode(text: &str) -> Result<Value, CallError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let decoded = digit().zip(digit()).map(|(high, low)| high << 4 | low);
                match decoded.and_then(|byte| u8::try_from(byte).ok()) {
                    Some(byte) => byte,
                    None => return Err(CallError::new("`%` without two hexadecimal digits")),
                }
            }
            byte => byte,
        });
    }
    Ok(text_of(out))
}

/// As Commons Codec decodes: both alphabets, with or without padding, whatever stands between.
fn base64_decode(text: &str) -> Result<Value, CallError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &ALPHABET,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let letters = text.bytes().take_while(|byte| *byte != b'=');
    let mut letters: Vec<u8> = letters
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            byte => byte.is_ascii_alphanumeric().then_some(byte),
        })
        .collect();
    // A letter too many stands for six bits, which are no byte.
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    let decoded = LENIENT.decode(&letters);
    decoded
        .map(text_of)
        .map_err(|_| CallError::new("not base64"))
}

fn text_of(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::string(text),
        Err(error) => Value::string(String::from_utf8_lossy(error.as_bytes())),
    }
}
