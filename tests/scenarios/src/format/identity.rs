//! Who a client says it is: tokens and AWS signatures.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A key that signs tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Members of its JSON Web Key besides those that it has by itself, or in place of them;
    /// `null` takes one away.
    #[serde(default)]
    pub jwk: BTreeMap<String, Value>,
}

/// The algorithms that tokens are signed with (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the RFCs")]
pub enum Algorithm {
    RS256,
    RS512,
    PS256,
    ES256,
    ES384,
    EdDSA,
}

/// A JSON Web Token.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// The key that signs it.
    pub key: String,
    /// Members of its header besides `alg`, `kid` and `typ`, or in place of them; `null` takes one
    /// away.
    #[serde(default)]
    pub header: BTreeMap<String, Value>,
    /// The claims. Numbers in `exp`, `nbf` and `iat` are seconds from now.
    pub claims: BTreeMap<String, Value>,
    /// The signature, in place of the right one, in base64url.
    #[serde(default)]
    pub signature: Option<String>,
}

/// An AWS signature, version 4.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signature {
    /// `AKIA…`
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token that comes with temporary credentials.
    #[serde(default)]
    pub session_token: Option<String>,
    /// The region; `us-east-1` when absent.
    #[serde(default = "region")]
    pub region: String,
    /// The service; `execute-api` when absent.
    #[serde(default = "service")]
    pub service: String,
    /// The moment of signing, in seconds from now.
    #[serde(default)]
    pub at: i64,
    /// The signature goes into the query instead of `authorization`.
    #[serde(default)]
    pub presigned: Option<Presigned>,
    /// The body is not signed: `UNSIGNED-PAYLOAD`.
    #[serde(default)]
    pub unsigned_payload: bool,
    /// Header fields that are not signed, in lower case.
    #[serde(default)]
    pub unsigned_headers: Vec<String>,
    /// What is signed in place of what is sent.
    #[serde(default)]
    pub instead: Signed,
}

/// A signature in the query.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Presigned {
    /// For how many seconds it is good.
    pub expires: u64,
}

/// What was signed, as far as it is not what is sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Signed {
    /// Another method.
    pub method: Option<String>,
    /// Another path with its query.
    pub path: Option<String>,
    /// Other values of header fields, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Another body.
    pub body: Option<String>,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn service() -> String {
    "execute-api".to_owned()
}
