//! The vectors of Project Wycheproof for signed tokens, keys and signatures, against whatever
//! verifies them: `attache-policies` alone, or with the help of a proxy.

use std::collections::BTreeMap;
use std::path::Path;

use attache_model::JwtAlgorithm;
use attache_policies::jwt::{KeySet, PublicKey, Token};
use attache_policies::ports::Signatures;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Suite, Summary, corpus, json_lines};

/// A token or an encrypted message, and the keys of its group.
#[derive(Deserialize)]
struct TokenCase {
    id: String,
    group: Group,
    /// Not there for encrypted messages, which nobody takes here.
    jws: Option<Value>,
    result: Expected,
}

/// A key or a set of them; symmetric ones have no public half.
#[derive(Deserialize)]
struct Group {
    public: Option<Value>,
    private: Value,
}

#[derive(Deserialize)]
struct SignatureCase {
    id: String,
    alg: JwtAlgorithm,
    key: String,
    msg_hex: String,
    sig_hex: String,
    result: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Valid,
    Invalid,
    /// Either answer will do.
    Acceptable,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    #[serde(alias = "keyJwk")]
    public_key_jwk: Option<Map<String, Value>>,
    public_key_pem: String,
}

/// Runs all vectors with `signatures` as the proxy's verification, held to the list of expected
/// failures of `name`. `None` when the vectors are not there.
///
/// # Errors
///
/// Every case that did not go as expected.
pub fn run(name: &str, signatures: &dyn Signatures) -> Result<Option<Summary>, String> {
    let Some(folder) = corpus("wycheproof") else {
        return Ok(None);
    };
    let mut suite = Suite::new(name)?;
    let tokens: Vec<TokenCase> = json_lines(&folder.join("jws.jsonl"))?;
    for case in &tokens {
        let Some(jws) = case.jws.as_ref().and_then(Value::as_str) else {
            continue;
        };
        suite.record(
            &case.id,
            judge(case.result, is_taken(case, jws, signatures)),
        );
    }
    let keys = keys(&folder.join("keys.json"))?;
    let cases: Vec<SignatureCase> = json_lines(&folder.join("raw-signatures.jsonl"))?;
    for case in &cases {
        let accepted = is_verified(case, &keys, signatures);
        let result = accepted.and_then(|accepted| judge(case.result, accepted));
        suite.record(&case.id, result);
    }
    suite.finish().map(Some)
}

fn judge(expected: Expected, accepted: bool) -> Result<(), String> {
    match (expected, accepted) {
        (Expected::Valid, false) => Err("is valid and was refused".to_owned()),
        (Expected::Invalid, true) => Err("is invalid and was accepted".to_owned()),
        _ => Ok(()),
    }
}

/// Whether a token is taken with the keys of its group.
fn is_taken(case: &TokenCase, jws: &str, signatures: &dyn Signatures) -> bool {
    let keys = case.group.public.as_ref().unwrap_or(&case.group.private);
    let keys = match keys.get("keys") {
        Some(_) => KeySet::from_json(keys),
        None => KeySet::from_json(&json!({"keys": [keys]})),
    };
    let token = Token::read(jws.as_bytes());
    keys.is_ok_and(|keys| token.is_ok_and(|token| token.verify(&keys, signatures).is_ok()))
}

fn is_verified(
    case: &SignatureCase,
    keys: &BTreeMap<String, Key>,
    signatures: &dyn Signatures,
) -> Result<bool, String> {
    let key = keys.get(&case.key).ok_or("its key is missing")?;
    let mut jwk = match &key.public_key_jwk {
        Some(jwk) => jwk.clone(),
        None => jwk_of_point(&key.public_key_pem, case.alg)?,
    };
    jwk.insert("kid".to_owned(), "a".into());
    // Some are marked for another hash function than the one they are used with.
    jwk.remove("alg");
    let (text, signature) = (bytes(&case.msg_hex)?, bytes(&case.sig_hex)?);
    Ok(PublicKey::from_jwk(&jwk)
        .is_some_and(|key| key.verify(case.alg, &text, &signature, signatures)))
}

fn keys(file: &Path) -> Result<BTreeMap<String, Key>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The JSON Web Key of a point that is only there in PEM: the structure ends with the point.
fn jwk_of_point(pem: &str, algorithm: JwtAlgorithm) -> Result<Map<String, Value>, String> {
    let (curve, length) = match algorithm {
        JwtAlgorithm::Es256 => ("P-256", 32),
        JwtAlgorithm::Es384 => ("P-384", 48),
        JwtAlgorithm::Es512 => ("P-521", 66),
        _ => return Err("its key is not a point".to_owned()),
    };
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD
        .decode(text)
        .map_err(|error| error.to_string())?;
    let (rest, y) = der.split_at_checked(der.len() - length).unwrap_or_default();
    let (rest, x) = rest
        .split_at_checked(rest.len().saturating_sub(length))
        .unwrap_or_default();
    if rest.last() != Some(&4) {
        return Err("its key is compressed".to_owned());
    }
    let number = |bytes| Value::from(BASE64_URL_SAFE_NO_PAD.encode(bytes));
    Ok([
        ("kty", "EC".into()),
        ("crv", curve.into()),
        ("x", number(x)),
        ("y", number(y)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect())
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair| {
        let pair = str::from_utf8(pair).map_err(|error| error.to_string())?;
        u8::from_str_radix(pair, 16).map_err(|error| error.to_string())
    };
    digits.map(byte).collect()
}
