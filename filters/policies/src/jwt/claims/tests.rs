use proptest::prelude::*;
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Claims, Rendering};

fn read(text: &str) -> Option<Claims> {
    Claims::read(text.as_bytes(), Rendering::Http)
}

fn text<'c>(claims: &'c Claims, name: &str) -> Option<&'c str> {
    claims.texts.get(name)?.as_str()
}

#[wasm_bindgen_test(unsupported = test)]
fn registered_claims_are_of_their_types() {
    let claims = read(
        r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":3,"nbf":1,"iat":2,"jti":"j","nonce":"n",
            "client_id":"c","token_use":"id","scope":"x  y","scp":["z"]}"#,
    )
    .unwrap();
    assert_eq!(claims.issuer.as_deref(), Some("i"));
    assert_eq!(claims.subject.as_deref(), Some("s"));
    assert_eq!(claims.audience, Some(vec!["a".to_owned(), "b".to_owned()]));
    let times = (claims.expires_at, claims.not_before, claims.issued_at);
    assert_eq!(times, (Some(3), Some(1), Some(2)));
    assert_eq!(claims.client_id.as_deref(), Some("c"));
    assert_eq!(claims.token_use.as_deref(), Some("id"));
    assert_eq!(claims.scopes, ["x", "y", "z"]);

    assert_eq!(read("{}"), Some(Claims::default()));
    for wrong in [
        r#"{"iss":1}"#,
        r#"{"sub":["a"]}"#,
        r#"{"aud":1}"#,
        r#"{"aud":["a",1]}"#,
        r#"{"aud":null}"#,
        r#"{"exp":"3"}"#,
        r#"{"exp":null}"#,
        r#"{"exp":-1}"#,
        r#"{"nbf":true}"#,
        r#"{"iat":[1]}"#,
        r#"{"jti":1}"#,
        r#"{"nonce":{}}"#,
        "[]",
        "null",
        "1",
        "",
        "{",
        "{}{}",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_name_comes_once() {
    for twice in [
        r#"{"iss":"a","iss":"a"}"#,
        r#"{"other":1,"x":2,"other":3}"#,
        r#"{"a":1,"\u0061":2}"#,
    ] {
        assert_eq!(read(twice), None, "{twice}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn times_are_whole_seconds() {
    for (written, expected) in [
        ("0", 0),
        ("1.999", 1),
        ("-0.5", 0),
        ("1e9", 1_000_000_000),
        ("1.5e3", 1_500),
        ("9999999999", 9_999_999_999),
        ("18446744073709551615", u64::MAX),
        ("1e300", u64::MAX),
    ] {
        let claims = read(&format!("{{\"exp\":{written}}}")).unwrap();
        assert_eq!(claims.expires_at, Some(expected), "{written}");
    }
}

/// Azure writes `scp` as words too.
#[wasm_bindgen_test(unsupported = test)]
fn scopes_are_words_or_a_list() {
    for (claims, expected) in [
        (r#"{"scope":"a b"}"#, &["a", "b"][..]),
        (r#"{"scp":["a","b"]}"#, &["a", "b"]),
        (r#"{"scp":"a b"}"#, &["a", "b"]),
        (r#"{"scope":""}"#, &[]),
        (r#"{"scope":1}"#, &[]),
        (r#"{"scope":["a",1]}"#, &[]),
        (r#"{"scope":null}"#, &[]),
    ] {
        assert_eq!(read(claims).unwrap().scopes, expected, "{claims}");
    }
}

/// Lists of HTTP APIs: DG http-api-jwt-authorizer; lists and times of REST APIs: events recorded
/// by others, such as `exp: 'Tue Apr 04 18:39:39 UTC 2023'` beside `auth_time: '1680629979'`.
#[wasm_bindgen_test(unsupported = test)]
fn claims_are_texts() {
    let written = r#"{"text":"a \"b\" é","yes":true,"no":false,"nothing":null,"one":1,
        "exact":1.10,"large":123456789012345678901234567890,"power":1E3,
        "list":["a","b c",1,true],"empty":[],"nested":[["a"],{"b":1},null],
        "object":{"b": [1, 2],"a":"x"},"auth_time":1680629979,"exp":1680633579,
        "iat":1680629979,"nbf":1680629979}"#;
    for (name, http, rest) in [
        ("text", Some("a \"b\" é"), Some("a \"b\" é")),
        ("yes", Some("true"), Some("true")),
        ("no", Some("false"), Some("false")),
        ("nothing", None, None),
        ("one", Some("1"), Some("1")),
        ("exact", Some("1.10"), Some("1.10")),
        (
            "large",
            Some("123456789012345678901234567890"),
            Some("123456789012345678901234567890"),
        ),
        ("power", Some("1E3"), Some("1E3")),
        ("list", Some("[a b c 1 true]"), Some("a,b c,1,true")),
        ("empty", Some("[]"), Some("")),
        (
            "nested",
            Some("[[\"a\"] {\"b\":1} null]"),
            Some("[\"a\"],{\"b\":1},null"),
        ),
        (
            "object",
            Some("{\"a\":\"x\",\"b\":[1,2]}"),
            Some("{\"a\":\"x\",\"b\":[1,2]}"),
        ),
        ("auth_time", Some("1680629979"), Some("1680629979")),
        (
            "exp",
            Some("1680633579"),
            Some("Tue Apr 04 18:39:39 UTC 2023"),
        ),
        (
            "iat",
            Some("1680629979"),
            Some("Tue Apr 04 17:39:39 UTC 2023"),
        ),
        (
            "nbf",
            Some("1680629979"),
            Some("Tue Apr 04 17:39:39 UTC 2023"),
        ),
    ] {
        for (rendering, expected) in [(Rendering::Http, http), (Rendering::Rest, rest)] {
            let claims = Claims::read(written.as_bytes(), rendering).unwrap();
            assert_eq!(text(&claims, name), expected, "{name} {rendering:?}");
        }
    }
    let far = Claims::read(br#"{"exp":99999999999999}"#, Rendering::Rest).unwrap();
    assert_eq!(text(&far, "exp"), Some("99999999999999"));
}

#[wasm_bindgen_test(unsupported = test)]
fn only_strings_are_strings() {
    let claims = read(r#"{"a":"1","b":1,"c":["x"],"d":null,"e":true}"#).unwrap();
    for (name, expected, is_there) in [
        ("a", Some("1"), true),
        ("b", None, true),
        ("c", None, true),
        ("d", None, false),
        ("e", None, true),
        ("f", None, false),
    ] {
        assert_eq!(claims.string(name), expected, "{name}");
        assert_eq!(claims.contains(name), is_there, "{name}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn depth_is_bounded() {
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&deep(100)).is_some());
    assert_eq!(read(&deep(6_000)), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_size_covers_the_texts() {
    let claims = json!({"a": "x".repeat(1_000), "aud": ["y".repeat(1_000)]}).to_string();
    let size = read(&claims).unwrap().size();
    assert!((3_000..5_000).contains(&size), "{size}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = Claims::read(&bytes, Rendering::Rest);
    }

    #[test]
    fn any_number_is_kept_as_it_is_written(number in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?") {
        let claims = read(&format!("{{\"n\":{number}}}")).unwrap();
        prop_assert_eq!(text(&claims, "n"), Some(number.as_str()));
    }
}
