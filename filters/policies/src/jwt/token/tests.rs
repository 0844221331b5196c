use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike, ES256PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike, RS256PublicKey,
    RSAPublicKeyLike,
};
use jwt_simple::claims::NoCustomClaims;
use jwt_simple::common::VerificationOptions;
use jwt_simple::prelude::{Duration, UnixTimeStamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::super::claims::{Claims, Rendering};
use super::super::fault::TokenFault;
use super::super::key_set::KeySet;
use super::super::test_issuer::{
    ALGORITHMS, NoProxy, VerifyingProxy, base64url, jwk, key_id, key_set, sign, signature, token,
};
use super::{LONGEST_TOKEN, Token};

fn verify(token: &str, keys: &Value) -> Result<(), TokenFault> {
    let keys = KeySet::from_json(keys).unwrap();
    let read = Token::read(token.as_bytes())?;
    let without = read.verify(&keys, &NoProxy);
    let with = read.verify(&keys, &VerifyingProxy);
    assert_eq!(with, without, "with and without a proxy that verifies");
    without
}

fn header(algorithm: &str, more: &Value) -> String {
    let mut header = json!({"alg": algorithm, "kid": key_id(algorithm)});
    let more = more.as_object().unwrap().clone();
    header.as_object_mut().unwrap().extend(more);
    header.to_string()
}

#[wasm_bindgen_test(unsupported = test)]
fn every_algorithm_is_verified() {
    let keys = key_set();
    for algorithm in ALGORITHMS {
        let good = token(algorithm, &json!({"sub": "ann"}));
        assert_eq!(verify(&good, &keys), Ok(()), "{algorithm}");

        let (text, _) = good.rsplit_once('.').unwrap();
        let other = token(algorithm, &json!({"sub": "bob"}));
        let (_, other) = other.rsplit_once('.').unwrap();
        let exchanged = format!("{text}.{other}");
        assert_eq!(verify(&exchanged, &keys), Err(TokenFault::Signature));
        let none = format!("{text}.");
        assert_eq!(verify(&none, &keys), Err(TokenFault::Signature));
        let mut longer = signature(algorithm, text.as_bytes());
        longer.push(0);
        let longer = format!("{text}.{}", base64url(&longer));
        assert_eq!(verify(&longer, &keys), Err(TokenFault::Signature));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_single_bit_breaks_a_signature() {
    let keys = key_set();
    for algorithm in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let good = token(algorithm, &json!({"sub": "ann"}));
        let (text, _) = good.rsplit_once('.').unwrap();
        let right = signature(algorithm, text.as_bytes());
        for place in [0, right.len() / 2, right.len() - 1] {
            let mut wrong = right.clone();
            wrong[place] ^= 1;
            let token = format!("{text}.{}", base64url(&wrong));
            assert_eq!(verify(&token, &keys), Err(TokenFault::Signature));
        }
    }
}

/// RFC 8725, sections 2.1 and 3.1: the key decides which algorithm it is for.
#[wasm_bindgen_test(unsupported = test)]
fn the_key_pins_the_algorithm() {
    let pinned = |algorithm: &str| {
        let mut key = jwk(key_id(algorithm));
        key["alg"] = algorithm.into();
        json!({"keys": [key]})
    };
    for algorithm in ALGORITHMS {
        let good = token(algorithm, &json!({}));
        for other in ALGORITHMS {
            let expected = if other == algorithm {
                Ok(())
            } else {
                Err(TokenFault::UnknownKey)
            };
            assert_eq!(
                verify(&good, &pinned(other)),
                expected,
                "{algorithm} {other}"
            );
        }
        // The header says another algorithm than the one that has signed.
        for claimed in ALGORITHMS {
            let same_key = key_id(claimed) == key_id(algorithm);
            let header = json!({"alg": claimed, "kid": key_id(algorithm)}).to_string();
            let token = sign(algorithm, &header, "{}");
            let expected = match (claimed == algorithm, same_key) {
                (true, _) => Ok(()),
                (false, true) => Err(TokenFault::Signature),
                (false, false) => Err(TokenFault::UnknownKey),
            };
            assert_eq!(
                verify(&token, &key_set()),
                expected,
                "{algorithm} {claimed}"
            );
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_alternative_name_of_ed25519_is_the_same() {
    let header = json!({"alg": "Ed25519", "kid": "ed25519"}).to_string();
    assert_eq!(verify(&sign("EdDSA", &header, "{}"), &key_set()), Ok(()));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_not_signed_with_a_public_key_is_refused() {
    for (name, told) in [
        ("none", Some("none")),
        ("None", Some("None")),
        ("HS256", Some("HS256")),
        ("HS512", Some("HS512")),
        ("ES256K", Some("ES256K")),
        ("RSA-OAEP-256", Some("RSA-OAEP-256")),
        ("rs256", Some("rs256")),
        ("", None),
        ("a\" error=\"b", None),
        ("x\r\nset-cookie", None),
        ("ABCDEFGHIJKLMNOPQ", None),
    ] {
        let token = sign("RS256", &header("RS256", &json!({"alg": name})), "{}");
        let fault = TokenFault::Algorithm(told.map(Into::into));
        assert_eq!(verify(&token, &key_set()), Err(fault), "{name:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_that_a_token_brings_along_are_not_used() {
    for member in ["jku", "x5u", "x5t", "x5t#S256", "jwk", "cty"] {
        let header = header("ES256", &json!({member: "https://attacker.example/"}));
        let good = sign("ES256", &header, "{}");
        assert_eq!(verify(&good, &key_set()), Ok(()), "{member}");
        let only_rsa = json!({"keys": [jwk("rsa")]});
        assert_eq!(verify(&good, &only_rsa), Err(TokenFault::UnknownKey));
    }
    // As `jwt-simple`, which takes a key for a string.
    let header = header("ES256", &json!({"jwk": jwk("p256")}));
    let token = sign("ES256", &header, "{}");
    assert_eq!(verify(&token, &key_set()), Err(TokenFault::Malformed));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_critical_header_is_refused() {
    for more in [
        json!({"crit": ["b64"], "b64": false}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": "b64"}),
        json!({"b64": false}),
        json!({"b64": true}),
    ] {
        let token = sign("ES256", &header("ES256", &more), "{}");
        assert_eq!(
            verify(&token, &key_set()),
            Err(TokenFault::CriticalHeader),
            "{more}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_type_is_a_token_or_not_given() {
    for (kind, expected) in [
        (json!("JWT"), Ok(())),
        (json!("jwt"), Ok(())),
        (json!("at+jwt"), Ok(())),
        (Value::Null, Ok(())),
        (json!("JOSE"), Err(TokenFault::Malformed)),
        (json!(""), Err(TokenFault::Malformed)),
        (json!(1), Err(TokenFault::Malformed)),
    ] {
        let token = sign("ES256", &header("ES256", &json!({"typ": kind})), "{}");
        assert_eq!(verify(&token, &key_set()), expected, "{kind}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_key_is_found_by_its_id() {
    for (header, expected) in [
        (json!({"alg": "ES256", "kid": "p256"}), Ok(())),
        (json!({"alg": "ES256"}), Err(TokenFault::UnknownKey)),
        (
            json!({"alg": "ES256", "kid": null}),
            Err(TokenFault::UnknownKey),
        ),
        (
            json!({"alg": "ES256", "kid": "P256"}),
            Err(TokenFault::UnknownKey),
        ),
        (
            json!({"alg": "ES256", "kid": 1}),
            Err(TokenFault::Malformed),
        ),
        (json!({"kid": "p256"}), Err(TokenFault::Malformed)),
        (json!(["ES256"]), Err(TokenFault::Malformed)),
    ] {
        let token = sign("ES256", &header.to_string(), "{}");
        assert_eq!(verify(&token, &key_set()), expected, "{header}");
    }
    // Two keys of one id: both are tried.
    let mut other = jwk("p384");
    other["kid"] = "p256".into();
    let mut third = jwk("rsa");
    third["kid"] = "p256".into();
    let good = token("ES256", &json!({}));
    assert_eq!(
        verify(&good, &json!({"keys": [other, third, jwk("p256")]})),
        Ok(())
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_token_has_three_parts_in_base64url_without_padding() {
    let good = token("ES256", &json!({"sub": "ann"}));
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("three parts");
    };
    for (token, fault) in [
        (String::new(), TokenFault::Segments),
        ("token".to_owned(), TokenFault::Segments),
        (format!("{header}.{claims}"), TokenFault::Segments),
        (format!("{good}."), TokenFault::Segments),
        (format!(".{good}"), TokenFault::Segments),
        ("..".to_owned(), TokenFault::Malformed),
        (
            format!("{header}=.{claims}.{signature}"),
            TokenFault::Malformed,
        ),
        (
            format!("{header}.{claims}=.{signature}"),
            TokenFault::Malformed,
        ),
        (
            format!("{header}.{claims}.{signature}=="),
            TokenFault::Malformed,
        ),
        (
            format!("{header}.{claims}.{signature}\n"),
            TokenFault::Malformed,
        ),
        (
            format!("{header} .{claims}.{signature}"),
            TokenFault::Malformed,
        ),
        (format!("{header}.{claims}.+/"), TokenFault::Malformed),
        (
            format!("{}.{claims}.{signature}", base64url(b"{}x")),
            TokenFault::Malformed,
        ),
        (
            format!(
                "{}.{claims}.{signature}",
                base64url(br#"{"alg":"ES256","alg":"ES256","kid":"p256"}"#)
            ),
            TokenFault::Malformed,
        ),
    ] {
        assert_eq!(verify(&token, &key_set()), Err(fault), "{token}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn size_is_bounded() {
    let long_header = header("ES256", &json!({"x": "x".repeat(6_200)}));
    let token = sign("ES256", &long_header, "{}");
    assert_eq!(verify(&token, &key_set()), Err(TokenFault::Malformed));

    let claims = |length: usize| json!({"x": "x".repeat(length)});
    let mut length = 12_000;
    while self::token("ES256", &claims(length)).len() < LONGEST_TOKEN - 1 {
        length += 1;
    }
    let longest = self::token("ES256", &claims(length));
    assert!(longest.len() <= LONGEST_TOKEN);
    assert_eq!(verify(&longest, &key_set()), Ok(()));
    let too_long = self::token("ES256", &claims(length + 3));
    assert!(too_long.len() > LONGEST_TOKEN);
    assert_eq!(verify(&too_long, &key_set()), Err(TokenFault::TooLong));
}

#[wasm_bindgen_test(unsupported = test)]
fn debugging_a_token_does_not_tell_it() {
    let token = token("ES256", &json!({"sub": "somebody"}));
    let read = Token::read(token.as_bytes()).unwrap();
    assert_eq!(
        format!("{read:?}"),
        "Token { algorithm: Es256, key_id: Some(\"p256\"), .. }"
    );
}

/// Whether `jwt-simple` itself takes a token, with the same keys and apart from time.
fn jwt_simple_takes(token: &str) -> bool {
    let options = || {
        Some(VerificationOptions {
            accept_future: true,
            artificial_time: Some(UnixTimeStamp::from_secs(0)),
            time_tolerance: Some(Duration::from_secs(0)),
            ..VerificationOptions::default()
        })
    };
    let rsa = RS256PublicKey::from_jwk(&jwk("rsa").to_string()).unwrap();
    let p256 = ES256PublicKey::from_jwk(&jwk("p256").to_string()).unwrap();
    let ed25519 = Ed25519PublicKey::from_jwk(&jwk("ed25519").to_string()).unwrap();
    rsa.verify_token::<NoCustomClaims>(token, options()).is_ok()
        || p256
            .verify_token::<NoCustomClaims>(token, options())
            .is_ok()
        || ed25519
            .verify_token::<NoCustomClaims>(token, options())
            .is_ok()
}

/// Whether it is taken here.
fn is_taken(token: &str) -> bool {
    let keys = KeySet::from_json(&key_set()).unwrap();
    Token::read(token.as_bytes()).is_ok_and(|read| {
        let claims = Claims::read(&read.payload, Rendering::Http);
        claims.is_some() && read.verify(&keys, &NoProxy).is_ok()
    })
}

/// JSON with the shapes that matter for a member of a header or of claims.
fn member() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        any::<u32>().prop_map(|number| number.to_string()),
        (any::<i16>(), 0..1000_u32).prop_map(|(whole, rest)| format!("{whole}.{rest}")),
        (1..99_u8, -3..30_i8).prop_map(|(digits, power)| format!("{digits}e{power}")),
    ];
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("[\"a\",\"b\"]".to_owned()),
        Just("[\"a\",1]".to_owned()),
        Just("\"JWT\"".to_owned()),
        Just("\"x\"".to_owned()),
        number,
    ]
}

fn object(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let members = proptest::collection::vec((prop::sample::select(names), member()), 0..4);
    members.prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        members.join(",")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What is taken here `jwt-simple` takes too; and it takes nothing else, but for names that
    /// come twice, and critical headers that it does not know.
    #[test]
    fn tokens_are_read_by_the_rules_of_jwt_simple(
        header in object(&["typ", "cty", "x5c", "jku", "jwk", "x5u", "x5t", "x5t#S256", "other"]),
        claims in object(&["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "other"]),
        algorithm in prop::sample::select(&["ES256", "EdDSA"][..]),
    ) {
        let key = key_id(algorithm);
        let comma = if header.is_empty() { "" } else { "," };
        let header = format!("{{\"alg\":\"{algorithm}\",\"kid\":\"{key}\"{comma}{header}}}");
        let token = sign(algorithm, &header, &format!("{{{claims}}}"));
        let others_come_twice = claims.matches("\"other\"").count() > 1;
        if !others_come_twice {
            prop_assert_eq!(is_taken(&token), jwt_simple_takes(&token), "{} {}", header, claims);
        }
    }

    #[test]
    fn no_bytes_panic(token in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Token::read(&token);
    }

    #[test]
    fn nothing_but_the_token_itself_is_taken(place: prop::sample::Index, byte: u8) {
        let good = token("ES256", &json!({"sub": "ann", "exp": 1}));
        let mut other = good.clone().into_bytes();
        let place = place.index(other.len());
        other[place] = byte;
        if let Ok(other) = String::from_utf8(other) {
            prop_assert_eq!(is_taken(&other), other == good);
        }
    }
}
