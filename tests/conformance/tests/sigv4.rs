//! Published vectors of AWS Signature Version 4: requests, their canonical form, what is signed,
//! and the signed requests, which have to be accepted, and refused after any change of one byte.
//!
//! Each vector is judged twice: `ID canonical` compares what is computed with what is published,
//! `ID verified` has the signed request verified as the gateway does. Region, service and moment
//! are those of the vector.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::path::Path;

use attache_conformance::{Suite, corpus};
use attache_model::Gateway;
use attache_policies::Headers;
use attache_policies::ports::Timestamp;
use attache_policies::sealed_secret::{SealingKey, VARIABLE};
use attache_policies::sigv4::{Credentials, SignatureFault, SignedRequest};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The published example of a secret access key, which all vectors are signed with.
const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// 32 zeros in base64.
const SEALING_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// 2015-08-30T12:36:00Z and 2021-05-11T15:40:45Z: when the vectors were signed.
const MOMENTS: [(&str, u64); 2] = [("2015", 1_440_938_160), ("2021", 1_620_747_645)];

/// A signed request and what it was made from.
struct Vector {
    id: String,
    signed: Message,
    canonical_request: Option<Vec<u8>>,
    string_to_sign: Option<Vec<u8>>,
}

/// A request as it stands in a file.
#[derive(Clone, Debug)]
struct Message {
    method: Vec<u8>,
    target: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

#[test]
fn sigv4() {
    let Some(folder) = corpus("sigv4") else {
        return;
    };
    let mut suite = Suite::new("sigv4").unwrap();
    for vector in vectors(&folder) {
        suite.record(&format!("{} canonical", vector.id), canonical(&vector));
        suite.record(&format!("{} verified", vector.id), verified(&vector));
    }
    suite.finish().unwrap();
}

/// What is computed is what is published.
fn canonical(vector: &Vector) -> Result<(), String> {
    let headers = vector.signed.headers();
    let signed = SignedRequest::parse(&headers)
        .map_err(|fault| fault.to_string())?
        .ok_or("there is no signature")?;
    let computed = signed.canonical_request(Some(&vector.signed.body));
    for (expected, found) in [
        (&vector.canonical_request, &computed),
        (&vector.string_to_sign, &signed.string_to_sign(&computed)),
    ] {
        match expected {
            Some(expected) if expected.trim_ascii_end() != found => {
                let found = String::from_utf8_lossy(found);
                let expected = String::from_utf8_lossy(expected);
                return Err(format!("{found:?} instead of {expected:?}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The signed request is accepted, and after a change of one byte no more.
fn verified(vector: &Vector) -> Result<(), String> {
    let credentials = credentials(&vector.signed)?;
    let now = vector.signed.moment()?;
    let verify = |message: &Message| verify(message, &credentials, now);
    if verify(&vector.signed).map_err(|fault| fault.explained_message().into_owned())?
        != Some("AKIDEXAMPLE".to_owned())
    {
        return Err("somebody else is said to have signed".to_owned());
    }
    let mutations = vector.signed.mutations();
    if mutations.len() < 200 {
        return Err(format!("only {} mutations", mutations.len()));
    }
    for (change, mutated) in mutations {
        if let Ok(Some(_)) = verify(&mutated) {
            return Err(format!(
                "accepted although {change} was changed: {mutated:?}"
            ));
        }
    }
    Ok(())
}

fn verify(
    message: &Message,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<Option<String>, SignatureFault> {
    let headers = message.headers();
    let Some(signed) = SignedRequest::parse(&headers)? else {
        return Ok(None);
    };
    let credential = signed.verify(credentials, Some(&message.body), now)?;
    Ok(Some(credential.access_key_id().to_owned()))
}

/// The credential of the vectors, in the region and for the service that a request names.
fn credentials(signed: &Message) -> Result<Credentials, String> {
    let headers = signed.headers();
    let request = SignedRequest::parse(&headers)
        .map_err(|fault| fault.to_string())?
        .ok_or("there is no signature")?;
    let string_to_sign = request.string_to_sign(b"");
    let string_to_sign = String::from_utf8_lossy(&string_to_sign).into_owned();
    let scope: Vec<&str> = string_to_sign.lines().nth(2).unwrap().split('/').collect();
    let key = SealingKey::from_base64(SEALING_KEY).unwrap();
    let mut credential = json!({
        "accessKeyId": "AKIDEXAMPLE",
        "secretAccessKey": key.seal("AKIDEXAMPLE", SECRET),
        "principal": {"arn": "arn:aws:iam::123456789012:user/example"},
    });
    if let Some(token) = signed.session_token() {
        let digest = Sha256::digest(token);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        credential["sessionToken"] = Value::from(digest);
    }
    let gateway: Gateway = serde_json::from_value(json!({
        "version": attache_model::VERSION,
        "account": {"id": "123456789012", "region": scope[1]},
        "apis": [],
        "credentials": [credential],
    }))
    .unwrap();
    let environment = |name: &str| (name == VARIABLE).then(|| SEALING_KEY.to_owned());
    Credentials::compile_for_service(&gateway, &environment, scope[2])
        .map_err(|errors| format!("{errors:?}"))
}

impl Message {
    fn parse(text: &[u8]) -> Self {
        let (head, body) = match text.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&text[..end], &text[end + 2..]),
            None => (text, &b""[..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap();
        let first = first.strip_suffix(b" HTTP/1.1").unwrap_or(first);
        let space = first.iter().position(|byte| *byte == b' ').unwrap();
        let fields = lines.filter(|line| !line.is_empty()).map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap();
            let value = line[colon + 1..].trim_ascii();
            (line[..colon].to_ascii_lowercase(), value.to_vec())
        });
        Self {
            method: first[..space].to_vec(),
            target: first[space + 1..].to_vec(),
            fields: fields.collect(),
            // The files of requests without a body end with empty lines.
            body: if body.iter().all(|byte| *byte == b'\n') {
                Vec::new()
            } else {
                body.strip_suffix(b"\n").unwrap_or(body).to_vec()
            },
        }
    }

    /// With the header that is published by itself, which is the right one where two differ.
    fn with_authorization(mut self, authorization: Option<Vec<u8>>) -> Self {
        if let Some(value) = authorization {
            self.fields.retain(|(name, _)| name != b"authorization");
            let value = value.trim_ascii().to_vec();
            self.fields.push((b"authorization".to_vec(), value));
        }
        self
    }

    /// As the proxy hands them over.
    fn headers(&self) -> Headers {
        let mut headers = Headers::default();
        headers.push(b":method", &self.method);
        headers.push(b":path", &self.target);
        for (name, value) in &self.fields {
            let name: &[u8] = if name == b"host" { b":authority" } else { name };
            headers.push(name, value);
        }
        headers
    }

    fn field(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.fields.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// The session token, in the header or in the query string.
    fn session_token(&self) -> Option<Vec<u8>> {
        if let Some(token) = self.field(b"x-amz-security-token") {
            return Some(token.to_vec());
        }
        let target = String::from_utf8_lossy(&self.target).into_owned();
        let (_, token) = target.split_once("X-Amz-Security-Token=")?;
        let token = token.split('&').next()?;
        let token = token.replace("%2F", "/").replace("%2B", "+");
        Some(token.replace("%3D", "=").into_bytes())
    }

    fn moment(&self) -> Result<Timestamp, String> {
        let target = String::from_utf8_lossy(&self.target).into_owned();
        let date = match self.field(b"x-amz-date") {
            Some(date) => String::from_utf8_lossy(date).into_owned(),
            None => target
                .split_once("X-Amz-Date=")
                .map(|(_, date)| date.to_owned())
                .ok_or("there is no date")?,
        };
        let found = MOMENTS.iter().find(|(year, _)| date.starts_with(year));
        let (_, seconds) = found.ok_or(format!("signed at another time: {date}"))?;
        Ok(Timestamp(seconds * 1_000_000_000))
    }

    /// The message with one byte changed, in each place and in several ways. What means the same
    /// (the case of a percent-encoded digit or of a header's name) is not among them.
    fn mutations(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        let mut add = |what: String, change: &dyn Fn(&mut Self)| {
            let mut mutated = self.clone();
            change(&mut mutated);
            all.push((what, mutated));
        };
        for (at, byte) in self.method.iter().enumerate() {
            for other in others(*byte).chain([byte.to_ascii_lowercase()]) {
                add(format!("byte {at} of the method"), &|message| {
                    message.method[at] = other;
                });
            }
        }
        for (at, byte) in self.target.iter().enumerate() {
            for other in others(*byte) {
                add(format!("byte {at} of the target"), &|message| {
                    message.target[at] = other;
                });
            }
        }
        for (position, (name, value)) in self.fields.iter().enumerate() {
            let shown = String::from_utf8_lossy(name).into_owned();
            for (at, byte) in name.iter().enumerate() {
                for other in others(*byte) {
                    add(format!("byte {at} of the name {shown}"), &|message| {
                        message.fields[position].0[at] = other;
                    });
                }
            }
            let in_any_case = signed_header_names(name, value);
            for (at, byte) in value.iter().enumerate() {
                let swapped = swapped_case(*byte).filter(|_| !in_any_case.contains(&at));
                for other in others(*byte).chain(swapped) {
                    add(format!("byte {at} of {shown}"), &|message| {
                        message.fields[position].1[at] = other;
                    });
                }
            }
            if name != b"authorization" {
                add(format!("{shown}: it came twice"), &|message| {
                    let again = message.fields[position].clone();
                    message.fields.push(again);
                });
                add(format!("{shown}: it is gone"), &|message| {
                    message.fields.remove(position);
                });
            }
        }
        for at in 0..self.body.len() {
            add(format!("byte {at} of the body"), &|message| {
                message.body[at] ^= 1;
            });
        }
        add("the body: a byte more".to_owned(), &|message| {
            message.body.push(b'x');
        });
        add(
            "the fields: one more that has to be signed".to_owned(),
            &|message| {
                message
                    .fields
                    .push((b"x-amz-target".to_vec(), b"x".to_vec()));
            },
        );
        all
    }
}

/// Other bytes in place of this one, none of which means the same there.
fn others(byte: u8) -> impl Iterator<Item = u8> {
    let next_digit = byte.is_ascii_digit().then(|| b'0' + (byte - b'0' + 1) % 10);
    [b'x', b'y', b'9']
        .into_iter()
        .chain(next_digit)
        .filter(move |other| *other != byte)
}

/// Where an `Authorization` header names the signed fields.
fn signed_header_names(name: &[u8], value: &[u8]) -> std::ops::Range<usize> {
    const PARAMETER: &[u8] = b"SignedHeaders=";
    let places = value.windows(PARAMETER.len());
    match places.into_iter().position(|place| place == PARAMETER) {
        Some(start) if name == b"authorization" => {
            let start = start + PARAMETER.len();
            let length = value[start..].iter().position(|byte| *byte == b',');
            start..start + length.unwrap()
        }
        _ => 0..0,
    }
}

fn swapped_case(byte: u8) -> Option<u8> {
    byte.is_ascii_alphabetic().then_some(byte ^ 0x20)
}

fn vectors(folder: &Path) -> Vec<Vector> {
    let mut vectors = Vec::new();
    collect(folder, "", &mut vectors);
    vectors.sort_by(|one, other| one.id.cmp(&other.id));
    vectors
}

/// Reads a folder, and those in it.
fn collect(folder: &Path, id: &str, vectors: &mut Vec<Vector>) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let read = |file: &str| fs::read(folder.join(file)).ok();
    if let Some(signed) = read(&format!("{name}.sreq")) {
        vectors.push(Vector {
            id: id.to_owned(),
            signed: Message::parse(&signed).with_authorization(read(&format!("{name}.authz"))),
            canonical_request: read(&format!("{name}.creq")),
            string_to_sign: read(&format!("{name}.sts")),
        });
    }
    for form in ["header", "query"] {
        if let Some(signed) = read(&format!("{form}-signed-request.txt")) {
            vectors.push(Vector {
                id: format!("{id}/{form}"),
                signed: Message::parse(&signed),
                canonical_request: read(&format!("{form}-canonical-request.txt")),
                string_to_sign: read(&format!("{form}-string-to-sign.txt")),
            });
        }
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let id = if id.is_empty() {
                name
            } else {
                format!("{id}/{name}")
            };
            collect(&path, &id, vectors);
        }
    }
}
