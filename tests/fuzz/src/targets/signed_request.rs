//! A request that says that it is signed: `METHOD TARGET` on the first line, fields on the
//! others. It has no body, and it is 2015-08-30T12:36:00Z.
//!
//! What the head alone refuses is refused with the body as well, and in the same words. What is
//! accepted is what the corpus holds with a right signature, in another order or encoding: its
//! method, host and path stand as they were signed. Every refusal has a message, and none holds
//! the secret.

use std::sync::LazyLock;

use attache_model::Gateway;
use attache_policies::Headers;
use attache_policies::ports::Timestamp;
use attache_policies::sealed_secret::{SealingKey, VARIABLE};
use attache_policies::sigv4::{Credentials, SignatureFault, SignedRequest};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::head;

/// 32 zeros in base64.
const SEALING_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The published example of a secret.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

const NOW: Timestamp = Timestamp(1_440_938_160_000_000_000);

pub(super) fn run(input: &[u8]) {
    let (line, fields) = head::lines(input);
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let mut headers: Headers = [(&b":method"[..], method), (b":path", target)]
        .into_iter()
        .collect();
    for (name, value) in fields.iter() {
        headers.push(name, value);
    }
    let signed = match SignedRequest::parse(&headers) {
        Ok(Some(signed)) => signed,
        Ok(None) => return assert!(!headers.contains(b"authorization")),
        Err(fault) => return assert_refusal(&fault),
    };
    let credentials = credentials();
    let identified = signed.identify(credentials, NOW).err();
    match (signed.verify(credentials, None, NOW), identified) {
        (Ok(credential), None) => {
            assert_eq!(
                signed.access_key_id(),
                Some(credential.access_key_id().as_bytes())
            );
            let path = target.split(|byte| *byte == b'?').next();
            assert_eq!(headers.last(b":method"), Some(&b"POST"[..]));
            assert!(path.is_some_and(|path| path.ends_with(b"/prod/pets/a%2Fb")));
        }
        (Err(fault), Some(before)) => {
            assert_eq!(fault, before);
            assert_refusal(&fault);
        }
        (Err(fault), None) => {
            assert!(matches!(fault, SignatureFault::Mismatch(Some(_))));
            assert_refusal(&fault);
        }
        (Ok(_), Some(fault)) => panic!("accepted after all: {fault}"),
    }
}

fn assert_refusal(fault: &SignatureFault) {
    assert_eq!(fault.status(), 403);
    assert!(fault.error_type().ends_with("Exception"));
    assert!(!fault.message().is_empty());
    assert!(fault.explained_message().starts_with(&*fault.message()));
    assert!(!fault.explained_message().contains(SECRET));
}

fn credentials() -> &'static Credentials {
    static CREDENTIALS: LazyLock<Credentials> = LazyLock::new(compile);
    &CREDENTIALS
}

fn compile() -> Credentials {
    let key = SealingKey::from_base64(SEALING_KEY).expect("a key");
    let digest = Sha256::digest("a/session+token==");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let document = json!({
        "version": attache_model::VERSION,
        "account": {"id": "123456789012", "region": "eu-central-1"},
        "apis": [],
        "credentials": [
            {
                "accessKeyId": "AKIDEXAMPLE",
                "secretAccessKey": key.seal("AKIDEXAMPLE", SECRET.as_bytes()),
                "principal": {"arn": "arn:aws:iam::123456789012:user/alice"},
            },
            {
                "accessKeyId": "ASIAEXAMPLE",
                "secretAccessKey": key.seal("ASIAEXAMPLE", SECRET.as_bytes()),
                "sessionToken": digest,
                "principal": {"arn": "arn:aws:sts::123456789012:assumed-role/reader/session"},
            },
        ],
    });
    let gateway: Gateway = serde_json::from_value(document).expect("a document");
    let environment = |name: &str| (name == VARIABLE).then(|| SEALING_KEY.to_owned());
    Credentials::compile(&gateway, &environment).expect("credentials")
}
