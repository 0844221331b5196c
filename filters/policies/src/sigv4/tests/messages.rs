//! What each refusal says, and which one comes first.

use wasm_bindgen_test::wasm_bindgen_test;

use super::super::{SignatureFault, SignedRequest};
use super::signer::{Draft, Signer};
use super::{NOW, at, credentials, digest, verify};
use crate::headers::Headers;

/// The authorization of a signature that is complete and of nobody's.
const COMPLETE: &str = "AWS4-HMAC-SHA256 \
     Credential=AKIDUSER/20150830/eu-central-1/execute-api/aws4_request, \
     SignedHeaders=host;x-amz-date, \
     Signature=0000000000000000000000000000000000000000000000000000000000000000";

const DATE: &str = "20150830T123600Z";

fn refused(target: &str, fields: &[(&str, &str)]) -> SignatureFault {
    let mut headers: Headers = [
        (":method", "GET"),
        (":path", target),
        (":authority", "api.example.com"),
    ]
    .into_iter()
    .collect();
    for (name, value) in fields {
        headers.push(name.as_bytes(), value.as_bytes());
    }
    verify(&headers, b"", at(NOW)).unwrap_err()
}

#[wasm_bindgen_test(unsupported = test)]
fn an_incomplete_header_is_named() {
    let hash = |text: &str| {
        use base64::Engine;
        use sha2::Digest;
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text))
    };
    for (value, dated, expected) in [
        (
            "Bearer abc",
            true,
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with \
             SHA-256 and encoded with Base64): 'HASH'.",
        ),
        (
            "Basic dXNlcjpwYXNz=",
            true,
            "Authorization header requires 'Credential' parameter. Authorization header requires \
             'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. \
             (Hashed with SHA-256 and encoded with Base64) Authorization=HASH",
        ),
        (
            COMPLETE,
            false,
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
             (Hashed with SHA-256 and encoded with Base64) Authorization=HASH",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=x, Signature=y",
            true,
            "Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and \
             encoded with Base64) Authorization=HASH",
        ),
    ] {
        let mut fields = vec![("authorization", value)];
        if dated {
            fields.push(("x-amz-date", DATE));
        }
        let fault = refused("/", &fields);
        assert_eq!(
            fault.message(),
            expected.replace("HASH", &hash(value)),
            "{value}"
        );
        assert_eq!(fault.error_type(), "IncompleteSignatureException");
        assert_eq!(fault.response_type(), None);
        assert_eq!(fault.status(), 403);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_incomplete_url_is_named() {
    assert_eq!(
        refused("/?X-Amz-Algorithm=AWS4-HMAC-SHA256", &[]).message(),
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters \
         must include 'X-Amz-Signature'. AWS query-string parameters must include \
         'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine \
         the query-string parameters."
    );
    let whole = "/?X-Amz-Algorithm=x&X-Amz-Credential=x&X-Amz-Signature=x&X-Amz-SignedHeaders=x";
    assert_eq!(
        refused(whole, &[]).message(),
        "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string \
         parameters."
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_second_signature_is_refused() {
    let fault = refused(
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256",
        &[("authorization", COMPLETE), ("x-amz-date", DATE)],
    );
    assert_eq!(fault, SignatureFault::TwoSignatures);
    assert_eq!(
        fault.message(),
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_parameter_that_comes_twice_is_refused() {
    let draft = Draft::default();
    let headers = Signer::session().presign(&draft, Some("60"));
    for name in [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Credential=x",
        "X-Amz-Date=x",
        "X-Amz-Expires=60",
        "X-Amz-SignedHeaders=host",
        "X-Amz-Security-Token=x",
        "X-Amz-Signature=x",
        "X-Amz-Signature",
        "%58-Amz-Signature=x",
    ] {
        let changed: Headers = headers
            .iter()
            .map(|(field, value)| match field {
                b":path" => (field, [value, b"&", name.as_bytes()].concat()),
                _ => (field, value.to_vec()),
            })
            .collect();
        let found = verify(&changed, &draft.body, at(NOW));
        assert_eq!(found, Err(SignatureFault::Mismatch(None)), "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_field_that_comes_twice_is_refused() {
    let draft = Draft {
        declared_hash: Some(digest("{}")),
        ..Draft::default()
    };
    let headers = Signer::session().sign(&draft);
    for name in ["x-amz-security-token", "x-amz-content-sha256"] {
        let mut twice = headers.clone();
        twice.push(name.as_bytes(), headers.first(name.as_bytes()).unwrap());
        let found = verify(&twice, &draft.body, at(NOW));
        assert_eq!(found, Err(SignatureFault::Mismatch(None)), "{name}");
    }
    // Neither may one stand in both places.
    let presigned = Signer::session().presign(&draft, None);
    for name in ["x-amz-security-token", "x-amz-content-sha256"] {
        let mut twice = presigned.clone();
        twice.push(name.as_bytes(), headers.first(name.as_bytes()).unwrap());
        let found = verify(&twice, &draft.body, at(NOW));
        assert_eq!(found, Err(SignatureFault::Mismatch(None)), "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_wrong_time_is_told() {
    let draft = Draft::default();
    for (headers, seconds, expected) in [
        (
            Signer::user().sign(&draft),
            NOW + 301,
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T124101Z - 5 min.)",
        ),
        (
            Signer::user().sign(&draft),
            NOW - 301,
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
             (20150830T123059Z + 5 min.)",
        ),
        (
            Signer::user().presign(&draft, Some("120")),
            NOW + 121,
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T123801Z - 2 min.)",
        ),
        (
            Signer::user().presign(&draft, Some("45")),
            NOW + 46,
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T123646Z - 45 sec.)",
        ),
    ] {
        let fault = verify(&headers, &draft.body, at(seconds)).unwrap_err();
        assert_eq!(fault.message(), expected);
        assert_eq!(fault.error_type(), "InvalidSignatureException");
        assert_eq!(fault.response_type(), Some("INVALID_SIGNATURE"));
    }
    let fault = refused("/", &[("authorization", COMPLETE), ("x-amz-date", "201")]);
    assert_eq!(
        fault.message(),
        "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn an_expiry_is_one_second_to_seven_days() {
    let draft = Draft::default();
    for (expires, accepted) in [
        ("1", true),
        ("604800", true),
        ("0", false),
        ("604801", false),
        ("-1", false),
        ("+60", false),
        ("60 ", false),
        ("1e3", false),
        ("", false),
        ("99999999999999999999", false),
    ] {
        let found = verify(
            &Signer::user().presign(&draft, Some(expires)),
            &draft.body,
            at(NOW),
        );
        assert_eq!(found.is_ok(), accepted, "{expires} {found:?}");
        if let Err(fault) = found {
            assert_eq!(
                fault.message(),
                "X-Amz-Expires must be a number of seconds from 1 to 604800"
            );
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_has_to_be_signed_is() {
    let expected =
        |name: &str| format!("{name} must be a 'SignedHeader' in the AWS Authorization.");
    for (signed, more, missing) in [
        ("x-amz-date", "accept", "'Host' or ':authority'"),
        ("", "accept", "'Host' or ':authority'"),
        ("host", "accept", "'x-amz-date'"),
        ("host;x-amz-date", "x-amz-target", "'x-amz-target'"),
    ] {
        let value = COMPLETE.replace("host;x-amz-date", signed);
        let fields = [
            ("authorization", &*value),
            ("x-amz-date", DATE),
            (more, "x"),
        ];
        let fault = refused("/", &fields);
        assert_eq!(fault.message(), expected(missing), "{signed}");
        assert_eq!(fault.error_type(), "InvalidSignatureException");
    }
    // Others may stay unsigned, as proxies add them; and what is not there cannot be signed.
    for (signed, there) in [
        ("HOST;X-Amz-Date", true),
        (":authority;x-amz-date", true),
        ("host;x-amz-date;accept", true),
        ("host;x-amz-date;cookie", false),
        ("host;x-amz-date;", false),
        ("host;x-amz-date;host", false),
    ] {
        let value = COMPLETE.replace("host;x-amz-date", signed);
        let fields = [
            ("authorization", &*value),
            ("x-amz-date", DATE),
            ("accept", "x"),
        ];
        let fault = refused("/", &fields);
        let SignatureFault::Mismatch(expected) = fault else {
            panic!("{signed}: {fault:?}");
        };
        assert_eq!(expected.is_some(), there, "{signed}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_foreign_scope_is_told() {
    let draft = Draft::default();
    let region = "Credential should be scoped to a valid region. ";
    let service = "Credential should be scoped to correct service: 'execute-api'. ";
    let terminator = "Credential should be scoped with a valid terminator: 'aws4_request'. ";
    for (signer, expected) in [
        (
            Signer {
                region: "us-east-1",
                ..Signer::user()
            },
            region.to_owned(),
        ),
        (
            Signer {
                service: "lambda",
                ..Signer::user()
            },
            service.to_owned(),
        ),
        (
            Signer {
                region: "x",
                service: "",
                terminator: "aws5_request",
                ..Signer::user()
            },
            [region, service, terminator].concat(),
        ),
    ] {
        for headers in [signer.sign(&draft), signer.presign(&draft, None)] {
            let fault = verify(&headers, &draft.body, at(NOW)).unwrap_err();
            assert_eq!(fault, SignatureFault::WrongScope(expected.clone()));
            assert_eq!(fault.message(), expected);
            assert_eq!(fault.response_type(), Some("INVALID_SIGNATURE"));
        }
    }
    let value = COMPLETE.replace("/20150830/", "/20150829/");
    assert_eq!(
        refused("/", &[("authorization", &value), ("x-amz-date", DATE)]).message(),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_credential_has_five_elements() {
    for credential in ["AKIDUSER", "a/b/c/d", "a/b/c/d/e/f", "", "a/b/c/d/e/"] {
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=0"
        );
        let fault = refused("/", &[("authorization", &value), ("x-amz-date", DATE)]);
        assert_eq!(
            fault.message(),
            format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            )
        );
        assert_eq!(fault.error_type(), "IncompleteSignatureException");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn another_algorithm_is_told() {
    for algorithm in ["AWS4-HMAC-SHA25", "AWS4-ECDSA-P256-SHA256", "Bearer"] {
        let value = COMPLETE.replace("AWS4-HMAC-SHA256", algorithm);
        let fault = refused("/", &[("authorization", &value), ("x-amz-date", DATE)]);
        assert_eq!(
            fault.message(),
            format!("Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now). ")
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn an_unknown_key_is_told() {
    for id in ["AKIDNOBODY", "", "akiduser", "AKIDUSE", "AKIDUSERX"] {
        let value = COMPLETE.replace("AKIDUSER", id);
        let fault = refused("/", &[("authorization", &value), ("x-amz-date", DATE)]);
        assert_eq!(fault, SignatureFault::UnknownCredential, "{id}");
        assert_eq!(
            fault.message(),
            "The security token included in the request is invalid."
        );
        assert_eq!(fault.error_type(), "UnrecognizedClientException");
    }
    let expired = SignatureFault::ExpiredCredential;
    assert_eq!(expired.error_type(), "ExpiredTokenException");
    assert_eq!(expired.response_type(), Some("EXPIRED_TOKEN"));
    assert_eq!(
        expired.message(),
        "The security token included in the request is expired"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_mismatch_may_be_explained() {
    let fault = refused(
        "/prod/a b?x=1",
        &[("authorization", COMPLETE), ("x-amz-date", DATE)],
    );
    let message = "The request signature we calculated does not match the signature you provided. \
                   Check your AWS Secret Access Key and signing method. Consult the service \
                   documentation for details.";
    assert_eq!(fault.message(), message);
    assert_eq!(fault.to_string(), message);
    let SignatureFault::Mismatch(Some(expected)) = &fault else {
        panic!("{fault:?}");
    };
    let canonical = "GET\n/prod/a%20b\nx=1\nhost:api.example.com\nx-amz-date:20150830T123600Z\n\n\
                     host;x-amz-date\n\
                     e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(expected.canonical_request, canonical.as_bytes());
    assert_eq!(
        fault.explained_message(),
        format!(
            "{message}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n\
             The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n\
             20150830/eu-central-1/execute-api/aws4_request\n{}'\n",
            digest(canonical)
        )
    );
    let unexplained = SignatureFault::Mismatch(None);
    assert_eq!(unexplained.explained_message(), unexplained.message());
}

/// The order is that of AWS: of several faults, the first is told.
#[wasm_bindgen_test(unsupported = test)]
fn the_first_of_several_faults_is_told() {
    let steps: [(&str, &str, &str); 7] = [
        ("20150830T123600Z", "20150830T000000Z", "Signature expired"),
        ("host;", "accept;", "'Host' or ':authority' must"),
        ("AWS4-HMAC", "AWS5-HMAC", "Unsupported AWS 'algorithm'"),
        (
            "aws4_request",
            "aws4_request/x",
            "Credential must have exactly 5",
        ),
        (
            "eu-central-1",
            "us-east-1",
            "Credential should be scoped to a valid region",
        ),
        (
            "AKIDUSER",
            "AKIDNOBODY",
            "The security token included in the request is invalid",
        ),
        (
            "Signature=0",
            "Signature=1",
            "The request signature we calculated",
        ),
    ];
    for from in 0..steps.len() {
        let mut value = COMPLETE.to_owned();
        let mut date = DATE.to_owned();
        for (good, bad, _) in &steps[from..] {
            value = value.replace(good, bad);
            date = date.replace(good, bad);
        }
        let fault = refused("/", &[("authorization", &value), ("x-amz-date", &date)]);
        let (_, _, expected) = steps[from];
        assert!(fault.message().starts_with(expected), "{from}: {fault}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_claimed_key_can_be_told_before_it_is_verified() {
    let headers = Signer::user().sign(&Draft::default());
    let signed = SignedRequest::parse(&headers).unwrap().unwrap();
    assert_eq!(signed.access_key_id(), Some(&b"AKIDUSER"[..]));
    assert_eq!(signed.time().to_string(), DATE);
    let credentials = credentials();
    let claimed = signed.identify(credentials, at(NOW)).unwrap();
    assert_eq!(claimed.access_key_id(), "AKIDUSER");
}
