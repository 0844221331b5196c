//! AWS signatures, version 4, written from AWS's description alone and with another library than
//! the filters, so that both can only agree by being right.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};

use crate::format::Signature;
use crate::play::Sent;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs a request. `host` is what the `host` field will hold, `now` the seconds since 1970.
///
/// # Errors
///
/// When the moment of signing is outside of the calendar.
pub(crate) fn sign(
    request: &mut Sent,
    signature: &Signature,
    host: &str,
    now: u64,
) -> Result<(), String> {
    let at = now.saturating_add_signed(signature.at);
    let moment = i64::try_from(at)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .ok_or_else(|| "signed at no moment of the calendar".to_owned())?
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let day = moment.split('T').next().unwrap_or_default();
    let scope = format!(
        "{day}/{}/{}/aws4_request",
        signature.region, signature.service
    );
    let credential = format!("{}/{scope}", signature.access_key_id);

    if signature.presigned.is_none() {
        request.push("x-amz-date", &moment);
        if let Some(token) = &signature.session_token {
            request.push("x-amz-security-token", token);
        }
        if signature.unsigned_payload {
            request.push("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        }
    }

    let signed = signed_headers(request, signature, host);
    let names = signed.keys().cloned().collect::<Vec<_>>().join(";");
    if let Some(presigned) = signature.presigned {
        let mut parameters = vec![
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", credential.clone()),
            ("X-Amz-Date", moment.clone()),
            ("X-Amz-Expires", presigned.expires.to_string()),
            ("X-Amz-SignedHeaders", names.clone()),
        ];
        if let Some(token) = &signature.session_token {
            parameters.push(("X-Amz-Security-Token", token.clone()));
        }
        for (name, value) in parameters {
            append(&mut request.path, name, &value);
        }
    }

    let instead = &signature.instead;
    let method = instead.method.as_ref().unwrap_or(&request.method);
    let path = instead.path.as_ref().unwrap_or(&request.path);
    let body = instead.body.as_ref().or(request.body.as_ref());
    let payload = if signature.unsigned_payload {
        "UNSIGNED-PAYLOAD".to_owned()
    } else {
        hex(digest(&SHA256, body.map(String::as_bytes).unwrap_or_default()).as_ref())
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let fields: String = signed
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let canonical = format!(
        "{method}\n{}\n{}\n{fields}\n{names}\n{payload}",
        encode(path.as_bytes(), true),
        canonical_query(query),
    );
    let string_to_sign = format!(
        "{ALGORITHM}\n{moment}\n{scope}\n{}",
        hex(digest(&SHA256, canonical.as_bytes()).as_ref())
    );
    let key = [day, &signature.region, &signature.service, "aws4_request"]
        .iter()
        .fold(
            format!("AWS4{}", signature.secret_access_key).into_bytes(),
            |key, part| authenticate(&key, part),
        );
    let value = hex(&authenticate(&key, &string_to_sign));

    if signature.presigned.is_some() {
        append(&mut request.path, "X-Amz-Signature", &value);
    } else {
        request.push(
            "authorization",
            &format!(
                "{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={value}"
            ),
        );
    }
    Ok(())
}

/// The header fields that are signed, by their names in lower case, sorted.
fn signed_headers(request: &Sent, signature: &Signature, host: &str) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    fields.insert("host".to_owned(), vec![host.to_owned()]);
    for (name, value) in &request.headers {
        // A host among the header fields is the `host` already.
        if name != "host" {
            let words: Vec<&str> = value.split_whitespace().collect();
            fields
                .entry(name.clone())
                .or_default()
                .push(words.join(" "));
        }
    }
    let mut fields: BTreeMap<String, String> = fields
        .into_iter()
        .filter(|(name, _)| !signature.unsigned_headers.contains(name))
        .map(|(name, values)| (name, values.join(",")))
        .collect();
    fields.extend(signature.instead.headers.clone());
    fields
}

/// The parameters, decoded, encoded again, and sorted by name and then by value.
fn canonical_query(query: &str) -> String {
    let mut parameters: Vec<String> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            format!(
                "{}={}",
                encode(&decode(name), false),
                encode(&decode(value), false)
            )
        })
        .collect();
    parameters.sort_by(|one, other| one.split('=').cmp(other.split('=')));
    parameters.join("&")
}

fn append(path: &mut String, name: &str, value: &str) {
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(name);
    path.push('=');
    path.push_str(&encode(value.as_bytes(), false));
}

/// AWS's `UriEncode`: everything but letters, digits and `-._~`, and the slash where it may stay.
fn encode(bytes: &[u8], keeps_slash: bool) -> String {
    bytes
        .iter()
        .map(|&byte| match byte {
            b'/' if keeps_slash => "/".to_owned(),
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let pair = (*byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        if let Some(byte) = pair {
            decoded.push(byte);
            rest = &after[2..];
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    decoded
}

fn authenticate(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, key), text.as_bytes())
        .as_ref()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Presigned, Signed};

    /// 2015-08-30T12:36:00Z
    const NOW: u64 = 1_440_938_160;

    /// The credentials of AWS's examples.
    fn example() -> Signature {
        Signature {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
            service: "service".to_owned(),
            at: 0,
            presigned: None,
            unsigned_payload: false,
            unsigned_headers: Vec::new(),
            instead: Signed::default(),
        }
    }

    fn signed(path: &str, signature: &Signature) -> Sent {
        let mut request = Sent {
            method: "GET".to_owned(),
            path: path.to_owned(),
            ..Sent::default()
        };
        sign(&mut request, signature, "example.amazonaws.com", NOW).unwrap();
        request
    }

    fn authorization(request: &Sent) -> &str {
        request
            .headers
            .iter()
            .find(|(name, _)| name == "authorization")
            .map(|(_, value)| value.as_str())
            .unwrap()
    }

    #[test]
    fn signs_as_aws_s_test_suite() {
        assert_eq!(
            authorization(&signed("/", &example())),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(
            authorization(&signed("/?Param2=value2&Param1=value1", &example()))
                .rsplit_once('=')
                .unwrap()
                .1,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
    }

    #[test]
    fn what_is_signed_can_be_said() {
        let plain = signed("/a", &example());
        let instead = Signature {
            instead: Signed {
                path: Some("/a".to_owned()),
                ..Signed::default()
            },
            ..example()
        };
        assert_eq!(
            authorization(&signed("/b", &instead)),
            authorization(&plain)
        );
        assert_ne!(
            authorization(&signed("/b", &example())),
            authorization(&plain)
        );
        let late = Signature {
            at: -60,
            ..example()
        };
        let late = signed("/a", &late);
        assert!(
            late.headers
                .contains(&("x-amz-date".to_owned(), "20150830T123500Z".to_owned()))
        );
    }

    #[test]
    fn a_presigned_request_has_its_signature_in_the_query() {
        let signature = Signature {
            presigned: Some(Presigned { expires: 60 }),
            session_token: Some("a/b".to_owned()),
            ..example()
        };
        let request = signed("/a?b=c", &signature);
        assert_eq!(request.headers, []);
        assert!(
            request.path.starts_with(
                "/a?b=c&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2F\
                 us-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&\
                 X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Fb&X-Amz-Signature="
            ),
            "{}",
            request.path
        );
    }

    #[test]
    fn parameters_are_encoded_once_and_sorted() {
        assert_eq!(canonical_query("b=2&a=%2f&a&%61=+"), "a=&a=%2B&a=%2F&b=2");
    }
}
