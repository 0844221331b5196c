//! What a function answers, and the response that it becomes.
//!
//! AWS reads the result into a typed structure: texts that are numbers count as numbers, and
//! numbers and booleans as texts. REST APIs refuse members that they do not know, and need none
//! of those they know; HTTP APIs pass over members that they do not know, and need `statusCode`.
//! Without it a result of format 2.0 is the body itself.

use std::fmt;

use attache_model::{PayloadFormatVersion, Protocol};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::exchange::Reply;
use crate::headers::is_field_name;
use crate::integration::{Fate, encoding, fate};
use crate::lambda_function::LARGEST_PAYLOAD;

/// How results are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseForm {
    /// Which of AWS's two products answers.
    pub protocol: Protocol,
    /// The payload format; 2.0 of HTTP APIs only.
    pub format: PayloadFormatVersion,
    /// Whether a body that is said to be in Base64 is decoded.
    pub decodes: bool,
}

/// Why a result is not a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFault {
    /// It is over the 6 MB that Lambda lets pass.
    TooLarge,
    /// It is not JSON, or nested too deeply.
    NotJson,
    /// It is not a JSON object.
    NotAnObject,
    /// It has a member that REST APIs do not know.
    UnknownMember,
    /// `statusCode` is missing, or not a status of an answer.
    StatusCode,
    /// `headers` is not an object of texts.
    Headers,
    /// `multiValueHeaders` is not an object of lists of texts.
    MultiValueHeaders,
    /// `cookies` is not a list of texts.
    Cookies,
    /// The name of a header field is not one.
    HeaderName,
    /// `body` is not a text.
    Body,
    /// `isBase64Encoded` is not a boolean.
    IsBase64Encoded,
    /// The body is said to be in Base64 and is not.
    Base64,
    /// It says what a function that has failed would say.
    ErrorMessage,
}

/// Reads the result of a function.
///
/// # Errors
///
/// The first thing that is wrong with it.
pub fn read_response(result: &[u8], form: ResponseForm) -> Result<Reply, ResponseFault> {
    if result.len() > LARGEST_PAYLOAD {
        return Err(ResponseFault::TooLarge);
    }
    // The library refuses what is nested over 128 deep.
    let value = serde_json::from_slice(result).map_err(|_| ResponseFault::NotJson)?;
    let is_2 = form.format == PayloadFormatVersion::V2;
    match value {
        Value::Object(members) if is_2 && !members.contains_key("statusCode") => {
            // AWS looks for what Lambda reports, also where a function has made it up.
            if members.contains_key("errorMessage") {
                return Err(ResponseFault::ErrorMessage);
            }
            Ok(inferred(result.trim_ascii().to_vec()))
        }
        Value::Object(members) => of_members(&members, form),
        // `"text"` is a body without the quotation marks.
        Value::String(text) if is_2 => Ok(inferred(text.into_bytes())),
        _ if is_2 => Ok(inferred(result.trim_ascii().to_vec())),
        _ => Err(ResponseFault::NotAnObject),
    }
}

/// A result that is the body itself.
fn inferred(body: Vec<u8>) -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body,
    }
}

fn of_members(members: &Map<String, Value>, form: ResponseForm) -> Result<Reply, ResponseFault> {
    const KNOWN: [&str; 5] = [
        "statusCode",
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    ];
    let is_known = |name: &String| KNOWN.contains(&&**name);
    if form.protocol == Protocol::Rest && !members.keys().all(is_known) {
        return Err(ResponseFault::UnknownMember);
    }
    let member = |name| members.get(name).filter(|value| !value.is_null());
    let status = match (member("statusCode"), form.protocol) {
        (Some(status), _) => status_code(status).ok_or(ResponseFault::StatusCode)?,
        (None, Protocol::Rest) => 200,
        (None, Protocol::Http) => return Err(ResponseFault::StatusCode),
    };
    let body = match member("body") {
        None => Vec::new(),
        Some(body) => text(body).ok_or(ResponseFault::Body)?.into_bytes(),
    };
    let is_base64 = match member("isBase64Encoded") {
        None => false,
        Some(is_base64) => boolean(is_base64).ok_or(ResponseFault::IsBase64Encoded)?,
    };
    let mut headers = HeaderFields {
        protocol: form.protocol,
        headers: Vec::new(),
        has_content_type: false,
    };
    let single = object(member("headers"), ResponseFault::Headers)?;
    match form.format {
        PayloadFormatVersion::V1 => {
            let multiple = member("multiValueHeaders");
            let multiple = object(multiple, ResponseFault::MultiValueHeaders)?;
            headers.add_multiple(multiple)?;
            headers.add_single(single, multiple)?;
        }
        PayloadFormatVersion::V2 => {
            headers.add_single(single, None)?;
            for cookie in list(member("cookies"), ResponseFault::Cookies)? {
                headers.add("set-cookie", cookie)?;
            }
        }
    }
    let body = if is_base64 && form.decodes {
        decoded(&body)?
    } else {
        body
    };
    headers.add_content_type(&body);
    Ok(Reply {
        status,
        headers: headers.headers,
        body: match status {
            // RFC 9110, sections 15.3.5 and 15.4.5: they have none.
            204 | 304 => Vec::new(),
            _ => body,
        },
    })
}

/// The header fields of the answer.
struct HeaderFields {
    protocol: Protocol,
    headers: Vec<(String, Vec<u8>)>,
    /// Also when the function says that there is none.
    has_content_type: bool,
}

impl HeaderFields {
    fn add_multiple(&mut self, fields: Option<&Map<String, Value>>) -> Result<(), ResponseFault> {
        for (name, values) in fields.into_iter().flatten() {
            self.note(name);
            for value in list(Some(values), ResponseFault::MultiValueHeaders)? {
                self.add(name, value)?;
            }
        }
        Ok(())
    }

    /// A field that stands with the same value in both maps is sent once.
    fn add_single(
        &mut self,
        fields: Option<&Map<String, Value>>,
        multiple: Option<&Map<String, Value>>,
    ) -> Result<(), ResponseFault> {
        for (name, value) in fields.into_iter().flatten() {
            self.note(name);
            // `null` is no field.
            if value.is_null() {
                continue;
            }
            let value = text(value).ok_or(ResponseFault::Headers)?;
            let mut others = multiple.into_iter().flatten();
            let again = others.any(|(other, values)| {
                other.eq_ignore_ascii_case(name)
                    && values
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|other| text(other).as_ref() == Some(&value))
            });
            if !again {
                self.add(name, value)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, name: &str) {
        self.has_content_type |= name.eq_ignore_ascii_case("content-type");
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), ResponseFault> {
        if !is_field_name(name) {
            return Err(ResponseFault::HeaderName);
        }
        let name = name.to_ascii_lowercase();
        let name = match (self.protocol, fate(name.as_bytes())) {
            (Protocol::Rest, Fate::Remapped(new_name) | Fate::Copied(new_name)) => {
                new_name.to_owned()
            }
            (Protocol::Rest, Fate::Dropped) => return Ok(()),
            _ if is_gateways(&name) => return Ok(()),
            _ => name,
        };
        let value = encoding::Value::text(value.into_bytes()).into_field();
        self.headers.push((name, value));
        Ok(())
    }

    /// What the body is when the function does not say.
    fn add_content_type(&mut self, body: &[u8]) {
        let content_type: &[u8] = match self.protocol {
            _ if self.has_content_type => return,
            Protocol::Rest => b"application/json",
            Protocol::Http if body.is_empty() => return,
            Protocol::Http => b"text/plain;charset=UTF-8",
        };
        self.headers
            .push(("content-type".to_owned(), content_type.to_vec()));
    }
}

/// The fields that belong to the connection, which is the proxy's, and those that the gateway
/// writes by itself.
fn is_gateways(name: &str) -> bool {
    matches!(
        name,
        "apigw-requestid"
            | "connection"
            | "content-length"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "x-amz-apigw-id"
            | "x-amzn-requestid"
            | "x-amzn-trace-id"
    )
}

fn object(
    value: Option<&Value>,
    fault: ResponseFault,
) -> Result<Option<&Map<String, Value>>, ResponseFault> {
    match value {
        None => Ok(None),
        Some(value) => value.as_object().map(Some).ok_or(fault),
    }
}

fn list(value: Option<&Value>, fault: ResponseFault) -> Result<Vec<String>, ResponseFault> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => values
            .iter()
            .filter(|value| !value.is_null())
            .map(|value| text(value).ok_or(fault))
            .collect(),
        Some(_) => Err(fault),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A status that ends an exchange. Those below 200 announce another one.
fn status_code(value: &Value) -> Option<u16> {
    let status = match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (200..=599).contains(&status).then_some(status)
}

fn decoded(text: &[u8]) -> Result<Vec<u8>, ResponseFault> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    ENGINE.decode(text).map_err(|_| ResponseFault::Base64)
}

impl fmt::Display for ResponseFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLarge => "it is over 6 MB",
            Self::NotJson => "it is not JSON",
            Self::NotAnObject => "it is not a JSON object",
            Self::UnknownMember => "it has a member that is not of a response",
            Self::StatusCode => "`statusCode` is not a status",
            Self::Headers => "`headers` is not an object of texts",
            Self::MultiValueHeaders => "`multiValueHeaders` is not an object of lists of texts",
            Self::Cookies => "`cookies` is not a list of texts",
            Self::HeaderName => "the name of a header is not one",
            Self::Body => "`body` is not a text",
            Self::IsBase64Encoded => "`isBase64Encoded` is not a boolean",
            Self::Base64 => "the body is not Base64",
            Self::ErrorMessage => "it is that of a function that has failed",
        })
    }
}

impl std::error::Error for ResponseFault {}
