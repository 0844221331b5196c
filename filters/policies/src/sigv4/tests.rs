//! Whole signatures: made by a signer of the tests, verified, and refused in AWS's words.

mod compile;
mod messages;
mod properties;
mod signer;

use std::sync::LazyLock;

use attache_model::{Gateway, SealedSecret};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Credential, Credentials, SignatureFault, SignedRequest};
use crate::headers::Headers;
use crate::iam::{self, RequestKeys, Verdict};
use crate::ports::Timestamp;
use crate::sealed_secret::{SealingKey, VARIABLE};
use signer::{Draft, SESSION_TOKEN, Signer};

/// 32 zeros in base64.
const SEALING_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// 2015-08-30T12:36:00Z, when the signer signs.
const NOW: u64 = 1_440_938_160;

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1_000_000_000 + 999_999_999)
}

fn seal(name: &str, secret: &str) -> SealedSecret {
    let key = SealingKey::from_base64(SEALING_KEY).unwrap();
    key.seal(name, secret.as_bytes())
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A user, a session of a role, and a user whose key has expired at [`NOW`].
fn document() -> Value {
    json!([
        {
            "accessKeyId": "AKIDUSER",
            "secretAccessKey": seal("AKIDUSER", signer::SECRET),
            "principal": {
                "arn": "arn:aws:iam::123456789012:user/staff/alice", "userId": "AIDAALICE",
            },
            "policies": [
                {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Deny", "Action": "execute-api:Invoke",
                        "Resource": "arn:aws:execute-api:*:*:*/prod/GET/secrets",
                    }],
                },
                {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow", "Action": "execute-api:Invoke",
                        "Resource": "arn:aws:execute-api:*:*:*/prod/*",
                    }],
                },
            ],
        },
        {
            "accessKeyId": "ASIASESSION",
            "secretAccessKey": seal("ASIASESSION", signer::SECRET),
            "sessionToken": digest(SESSION_TOKEN),
            "expiresAt": (NOW + 900) * 1000,
            "principal": {"arn": "arn:aws:sts::210987654321:assumed-role/reader/session"},
        },
        {
            "accessKeyId": "AKIDEXPIRED",
            "secretAccessKey": seal("AKIDEXPIRED", signer::SECRET),
            "expiresAt": NOW * 1000,
            "principal": {"arn": "arn:aws:iam::123456789012:root"},
        },
    ])
}

fn gateway(credentials: &Value) -> Gateway {
    serde_json::from_value(json!({
        "version": attache_model::VERSION,
        "account": {"id": "123456789012", "region": "eu-central-1"},
        "apis": [],
        "credentials": credentials,
    }))
    .unwrap()
}

fn environment(name: &str) -> Option<String> {
    (name == VARIABLE).then(|| SEALING_KEY.to_owned())
}

fn credentials() -> &'static Credentials {
    static CREDENTIALS: LazyLock<Credentials> =
        LazyLock::new(|| Credentials::compile(&gateway(&document()), &environment).unwrap());
    &CREDENTIALS
}

fn verify(headers: &Headers, body: &[u8], now: Timestamp) -> Result<String, SignatureFault> {
    let signed = SignedRequest::parse(headers)?.expect("a signature");
    let credentials = credentials();
    // What is refused by the head alone is refused with the body, too.
    let identified = signed.identify(credentials, now);
    let body = signed.needs_body().then_some(body);
    let verified = signed.verify(credentials, body, now);
    if let Err(fault) = identified {
        assert_eq!(verified.err(), Some(fault.clone()));
        return Err(fault);
    }
    verified.map(|credential| credential.access_key_id().to_owned())
}

#[wasm_bindgen_test(unsupported = test)]
fn both_forms_are_accepted() {
    let draft = Draft::default();
    for signer in [Signer::user(), Signer::session()] {
        for headers in [signer.sign(&draft), signer.presign(&draft, Some("3600"))] {
            let found = verify(&headers, &draft.body, at(NOW));
            assert_eq!(found.as_deref(), Ok(signer.access_key_id), "{headers:?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_without_a_signature_has_none() {
    for target in [
        "/",
        "/?X-Amz-Signature=x",
        "/?x-amz-algorithm=AWS4-HMAC-SHA256",
        "",
    ] {
        let headers: Headers = [(":method", "GET"), (":path", target)]
            .into_iter()
            .collect();
        assert!(
            SignedRequest::parse(&headers).unwrap().is_none(),
            "{target}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_known_of_the_signer() {
    let credentials = credentials();
    let identity = |id: &str| credentials.find(id.as_bytes()).unwrap();
    let user = identity("AKIDUSER");
    let account =
        |credential: &Credential| iam::account_of(&credential.principal().arn).map(str::to_owned);
    assert_eq!(account(user).as_deref(), Some("123456789012"));
    let session = identity("ASIASESSION");
    assert_eq!((user.is_temporary(), session.is_temporary()), (false, true));
    assert_eq!(account(session).as_deref(), Some("210987654321"));
}

#[wasm_bindgen_test(unsupported = test)]
fn all_policies_of_the_principal_count() {
    for (id, path, expected) in [
        ("AKIDUSER", "prod/GET/pets", Verdict::Allow),
        ("AKIDUSER", "prod/GET/secrets", Verdict::ExplicitDeny),
        ("AKIDUSER", "test/GET/pets", Verdict::ImplicitDeny),
        ("ASIASESSION", "prod/GET/pets", Verdict::ImplicitDeny),
    ] {
        let credential = credentials().find(id.as_bytes()).unwrap();
        let verdict = credential.evaluate(&iam::Request {
            action: iam::INVOKE,
            resource: &format!("arn:aws:execute-api:eu-central-1:123456789012:api/{path}"),
            principal: Some(credential.principal()),
            keys: &RequestKeys::default(),
        });
        assert_eq!(verdict, expected, "{id} {path}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_date_header_does_where_x_amz_date_is_not() {
    let draft = Draft::default();
    for date in ["20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"] {
        let headers = Signer::user().sign_with_date(&draft, ("date", date));
        assert!(verify(&headers, &draft.body, at(NOW)).is_ok(), "{date}");
    }
    let headers =
        Signer::user().sign_with_date(&draft, ("x-amz-date", "Sun, 30 Aug 2015 12:36:00 GMT"));
    assert!(verify(&headers, &draft.body, at(NOW)).is_err());
}

#[wasm_bindgen_test(unsupported = test)]
fn the_clock_may_be_five_minutes_off() {
    let draft = Draft::default();
    for (seconds, form, accepted) in [
        (NOW + 300, None, true),
        (NOW + 301, None, false),
        (NOW - 300, None, true),
        (NOW - 301, None, false),
        (0, None, false),
        // A presigned URL is good for no longer than that, and for less where it says so.
        (NOW + 300, Some(None), true),
        (NOW + 301, Some(None), false),
        (NOW + 300, Some(Some("3600")), true),
        (NOW + 301, Some(Some("3600")), false),
        (NOW + 60, Some(Some("60")), true),
        (NOW + 61, Some(Some("60")), false),
        (NOW - 300, Some(Some("60")), true),
        (NOW - 301, Some(Some("604800")), false),
    ] {
        let signer = Signer::user();
        let headers = match form {
            None => signer.sign(&draft),
            Some(expires) => signer.presign(&draft, expires),
        };
        let found = verify(&headers, &draft.body, at(seconds));
        assert_eq!(found.is_ok(), accepted, "{seconds} {form:?} {found:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_session_needs_its_token_and_others_none() {
    let draft = Draft::default();
    for (id, token, accepted) in [
        ("ASIASESSION", Some(SESSION_TOKEN), true),
        ("ASIASESSION", Some("another"), false),
        ("ASIASESSION", Some(""), false),
        ("ASIASESSION", None, false),
        ("AKIDUSER", None, true),
        ("AKIDUSER", Some(SESSION_TOKEN), false),
        ("AKIDUSER", Some(""), false),
    ] {
        let signer = Signer {
            access_key_id: id,
            token,
            ..Signer::user()
        };
        for headers in [signer.sign(&draft), signer.presign(&draft, None)] {
            let found = verify(&headers, &draft.body, at(NOW));
            let expected = if accepted {
                Ok(id.to_owned())
            } else {
                Err(SignatureFault::UnknownCredential)
            };
            assert_eq!(found, expected, "{id} {token:?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_expired_credential_is_refused() {
    let draft = Draft::default();
    let session = Signer::session().sign_at(&draft, "20150830T125059Z");
    assert!(verify(&session, &draft.body, at(NOW + 899)).is_ok());
    let refused = Err(SignatureFault::ExpiredCredential);
    assert_eq!(verify(&session, &draft.body, at(NOW + 900)), refused);
    let signer = Signer {
        access_key_id: "AKIDEXPIRED",
        ..Signer::user()
    };
    assert_eq!(verify(&signer.sign(&draft), &draft.body, at(NOW)), refused);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_is_signed_unless_its_signer_says_otherwise() {
    let hash = digest("the body");
    let hash_in_capitals = hash.to_ascii_uppercase();
    let other = digest("another body");
    for (declared, body, needed, accepted) in [
        (None, "the body", true, true),
        (None, "another body", true, false),
        (None, "", true, false),
        (Some(hash.as_str()), "the body", true, true),
        (Some(&hash), "another body", true, false),
        (Some(&other), "the body", true, false),
        (Some(&hash_in_capitals), "the body", true, false),
        (Some("UNSIGNED-PAYLOAD"), "another body", false, true),
        (
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            "the body",
            true,
            false,
        ),
        (Some("unsigned-payload"), "the body", true, false),
        (Some(""), "the body", true, false),
    ] {
        let draft = Draft {
            body: b"the body".to_vec(),
            declared_hash: declared.map(str::to_owned),
            ..Draft::default()
        };
        let signer = Signer::user();
        for headers in [signer.sign(&draft), signer.presign(&draft, None)] {
            let signed = SignedRequest::parse(&headers).unwrap().unwrap();
            assert_eq!(signed.needs_body(), needed, "{declared:?}");
            let found = verify(&headers, body.as_bytes(), at(NOW));
            assert_eq!(found.is_ok(), accepted, "{declared:?} {body} {found:?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn no_body_is_an_empty_one() {
    let draft = Draft {
        body: Vec::new(),
        ..Draft::default()
    };
    let headers = Signer::user().sign(&draft);
    let signed = SignedRequest::parse(&headers).unwrap().unwrap();
    let credentials = credentials();
    for body in [None, Some(&b""[..])] {
        assert!(signed.verify(credentials, body, at(NOW)).is_ok());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_path_is_what_was_signed() {
    for (path, accepted) in [
        ("/", true),
        ("/prod", true),
        ("/prod/", true),
        ("/prod/a%2Fb/%252e/~x/@connections/a%3D", true),
        ("/prod/...", true),
        ("//prod/pets", true),
        ("/prod//pets", false),
        ("/prod/pets//", false),
        ("/prod/./pets", false),
        ("/prod/../pets", false),
        ("/prod/pets/..", false),
        ("/prod/pets/.", false),
        ("*", false),
        ("", false),
    ] {
        let draft = Draft {
            path: path.to_owned(),
            ..Draft::default()
        };
        let found = verify(&Signer::user().sign(&draft), &draft.body, at(NOW));
        assert_eq!(found.is_ok(), accepted, "{path} {found:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_query_string_may_be_written_in_other_ways() {
    let draft = Draft {
        query: vec![
            ("b".to_owned(), "x y".to_owned()),
            ("a".to_owned(), "é/+".to_owned()),
            ("a".to_owned(), String::new()),
        ],
        ..Draft::default()
    };
    let headers = Signer::user().sign(&draft);
    for (query, accepted) in [
        ("b=x%20y&a=%C3%A9%2F%2B&a=", true),
        ("a=&a=%C3%A9%2F%2B&b=x%20y", true),
        ("a&a=%c3%a9%2f%2b&b=x+y&", true),
        ("%61=&a=\u{e9}/%2B&&b=%78%20y", true),
        ("a=&a=\u{e9}/+&b=x%20y", false),
        ("a=&a=%C3%A9%2F%2B&b=x%2By", false),
        ("a=&a=%C3%A9%2F%2B&b=x%20y&c=", false),
        ("a=&a=%C3%A9%2F%2B", false),
        ("a=&a=%C3%A9%2F%2B&b=x%20y&X-Amz-Signature=x", false),
        ("a=&A=%C3%A9%2F%2B&b=x%20y", false),
    ] {
        let rewritten: Headers = headers
            .iter()
            .map(|(name, value)| match name {
                b":path" => (name, format!("/prod/pets?{query}").into_bytes()),
                _ => (name, value.to_vec()),
            })
            .collect();
        let found = verify(&rewritten, &draft.body, at(NOW));
        assert_eq!(found.is_ok(), accepted, "{query} {found:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn white_space_in_a_header_does_not_count() {
    let field = |value: &str| Draft {
        headers: vec![("my-header".to_owned(), value.to_owned())],
        ..Draft::default()
    };
    let signed = Signer::user().sign(&field("a  b"));
    for (value, accepted) in [
        ("a b", true),
        ("  a \t b\t", true),
        ("ab", false),
        ("a b,", false),
        ("A b", false),
    ] {
        let rewritten: Headers = signed
            .iter()
            .map(|(name, given)| match name {
                b"my-header" => (name, value.as_bytes()),
                _ => (name, given),
            })
            .collect();
        let found = verify(&rewritten, &Draft::default().body, at(NOW));
        assert_eq!(found.is_ok(), accepted, "{value:?} {found:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_key_of_another_day_is_derived_anew() {
    let credentials = credentials();
    let draft = Draft::default();
    // Back and forth over midnight, with the same credentials.
    for (time, seconds) in [
        ("20150830T235959Z", NOW + 41_040),
        ("20150831T000001Z", NOW + 41_040),
        ("20150830T235959Z", NOW + 41_040),
    ] {
        let headers = Signer::user().sign_at(&draft, time);
        let signed = SignedRequest::parse(&headers).unwrap().unwrap();
        let verified = signed.verify(credentials, Some(&draft.body), at(seconds));
        assert!(verified.is_ok(), "{time} {verified:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn credentials_tell_nothing() {
    let credentials = credentials();
    assert_eq!(format!("{credentials:?}"), "Credentials(3)");
    let one = credentials.find(b"AKIDUSER").unwrap();
    assert_eq!(format!("{one:?}"), "Credential(AKIDUSER)");
}

#[wasm_bindgen_test(unsupported = test)]
fn credentials_are_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Credentials>();
}
