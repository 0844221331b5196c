//! Every operator, with and without what may stand around it.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::tests::{GivenKeys, METHOD, lambda_policy, parse};
use super::{INVOKE, Request, Verdict};

/// Whether a condition on the key `aws:x` holds for a request with these values.
fn holds(operator: &str, expected: &Value, values: &[&str]) -> bool {
    let keys = if values.is_empty() {
        GivenKeys::default()
    } else {
        GivenKeys::of(&[("aws:x", values)])
    };
    holds_with(&json!({operator: {"aws:x": expected}}), &keys)
}

fn holds_with(condition: &Value, keys: &GivenKeys) -> bool {
    let policy = parse(&lambda_policy(&[("Condition", condition.clone())]));
    let verdict = policy.evaluate(&Request {
        action: INVOKE,
        resource: METHOD,
        principal: None,
        keys,
    });
    verdict == Verdict::Allow
}

/// Each operator with its opposite: for a value that is there, exactly one of them holds.
#[wasm_bindgen_test(unsupported = test)]
fn operators_compare_and_their_opposites_do_not() {
    for (operators, expected, value, equal) in [
        (&["StringEquals", "StringNotEquals"], json!("a"), "a", true),
        (&["StringEquals", "StringNotEquals"], json!("a"), "A", false),
        (
            &["StringEquals", "StringNotEquals"],
            json!("a*"),
            "ab",
            false,
        ),
        (
            &["StringEquals", "StringNotEquals"],
            json!("a*"),
            "a*",
            true,
        ),
        (
            &["StringEquals", "StringNotEquals"],
            json!(["b", "a"]),
            "a",
            true,
        ),
        (
            &["StringEquals", "StringNotEquals"],
            json!(["b", "c"]),
            "a",
            false,
        ),
        (&["StringEquals", "StringNotEquals"], json!(""), "", true),
        (
            &["StringEquals", "StringNotEquals"],
            json!(true),
            "true",
            true,
        ),
        (&["StringEquals", "StringNotEquals"], json!(1), "1", true),
        (
            &["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
            json!("aB"),
            "Ab",
            true,
        ),
        (
            &["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
            json!("aB"),
            "Abc",
            false,
        ),
        (
            &["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
            json!("é"),
            "x",
            false,
        ),
        (&["StringLike", "StringNotLike"], json!("a*c"), "abbc", true),
        (
            &["StringLike", "StringNotLike"],
            json!("a?c"),
            "abbc",
            false,
        ),
        (&["StringLike", "StringNotLike"], json!("a?c"), "aéc", true),
        (&["StringLike", "StringNotLike"], json!("*"), "", true),
        (&["StringLike", "StringNotLike"], json!("A*"), "abc", false),
        (
            &["NumericEquals", "NumericNotEquals"],
            json!("10"),
            "10.0",
            true,
        ),
        (
            &["NumericEquals", "NumericNotEquals"],
            json!(10),
            "1e1",
            true,
        ),
        (
            &["NumericEquals", "NumericNotEquals"],
            json!(-0.5),
            "-.5",
            true,
        ),
        (
            &["NumericEquals", "NumericNotEquals"],
            json!(10),
            "11",
            false,
        ),
        (
            &["NumericEquals", "NumericNotEquals"],
            json!(10),
            "ten",
            false,
        ),
        (
            &["NumericEquals", "NumericNotEquals"],
            json!(10),
            "NaN",
            false,
        ),
        (
            &["DateEquals", "DateNotEquals"],
            json!("2026-11-21T12:00:00Z"),
            "2026-11-21T13:00:00+01:00",
            true,
        ),
        (
            &["DateEquals", "DateNotEquals"],
            json!("2026-11-21"),
            "1795219200",
            true,
        ),
        (
            &["DateEquals", "DateNotEquals"],
            json!("2026-11-21"),
            "yesterday",
            false,
        ),
        (
            &["IpAddress", "NotIpAddress"],
            json!("203.0.113.0/24"),
            "203.0.113.9",
            true,
        ),
        (
            &["IpAddress", "NotIpAddress"],
            json!("203.0.113.0/24"),
            "203.0.114.9",
            false,
        ),
        (
            &["IpAddress", "NotIpAddress"],
            json!(["10.0.0.0/8", "::1"]),
            "::1",
            true,
        ),
        (
            &["IpAddress", "NotIpAddress"],
            json!("2001:db8::/32"),
            "2001:db8::9",
            true,
        ),
        (
            &["IpAddress", "NotIpAddress"],
            json!("0.0.0.0/0"),
            "nowhere",
            false,
        ),
        (
            &["ArnEquals", "ArnNotEquals"],
            json!("arn:aws:iam::*:user/a*"),
            "arn:aws:iam::123456789012:user/ada",
            true,
        ),
        (
            &["ArnLike", "ArnNotLike"],
            json!("arn:aws:iam::*:user/a?a"),
            "arn:aws:iam::123456789012:user/ada",
            true,
        ),
        // A wildcard stays within its part, but for the last, which has colons of its own.
        (
            &["ArnLike", "ArnNotLike"],
            json!("arn:*:user/ada:::"),
            "arn:aws:iam::123456789012:user/ada",
            false,
        ),
        (
            &["ArnLike", "ArnNotLike"],
            json!("arn:aws:sns:*:*:a*"),
            "arn:aws:sns:us-east-1:123456789012:a:b",
            true,
        ),
        (
            &["ArnLike", "ArnNotLike"],
            json!("arn:aws:iam:*"),
            "arn:aws:iam::123456789012:user/ada",
            true,
        ),
        (
            &["ArnLike", "ArnNotLike"],
            json!("arn:aws:iam::123456789012:user/ada"),
            "arn:aws:iam::123456789012",
            false,
        ),
        (&["ArnLike", "ArnNotLike"], json!("*"), "anything", true),
    ] {
        let [operator, opposite] = operators;
        assert_eq!(
            holds(operator, &expected, &[value]),
            equal,
            "{operator} {expected} {value}"
        );
        assert_eq!(
            holds(opposite, &expected, &[value]),
            !equal,
            "{opposite} {expected} {value}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn orders_have_no_opposite() {
    for (operator, below, equal, above) in [
        ("LessThan", true, false, false),
        ("LessThanEquals", true, true, false),
        ("GreaterThan", false, false, true),
        ("GreaterThanEquals", false, true, true),
    ] {
        let numeric = format!("Numeric{operator}");
        for (value, expected) in [("9.5", below), ("10", equal), ("100", above)] {
            assert_eq!(
                holds(&numeric, &json!("10"), &[value]),
                expected,
                "{numeric} {value}"
            );
        }
        let date = format!("Date{operator}");
        for (value, expected) in [
            ("2026-11-20T23:59:59Z", below),
            ("2026-11-21T00:00:00Z", equal),
            ("1795219201", above),
        ] {
            assert_eq!(
                holds(&date, &json!("2026-11-21"), &[value]),
                expected,
                "{date} {value}"
            );
        }
        // What is no number is neither more nor less.
        assert!(!holds(&numeric, &json!("10"), &["x"]), "{numeric}");
        assert!(!holds(&date, &json!("2026-11-21"), &["x"]), "{date}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn booleans_and_bytes() {
    for (operator, expected, value, equal) in [
        ("Bool", json!("true"), "true", true),
        ("Bool", json!(true), "true", true),
        ("Bool", json!("TRUE"), "true", true),
        ("Bool", json!(false), "true", false),
        ("Bool", json!(false), "false", true),
        ("Bool", json!(["true", false]), "false", true),
        ("Bool", json!(false), "no", false),
        ("BinaryEquals", json!("QmluYXJ5"), "QmluYXJ5", true),
        ("BinaryEquals", json!("QmluYXJ5"), "QmluYXJ6", false),
        ("BinaryEquals", json!("QmluYXJ5"), "Binary", false),
    ] {
        let found = holds(operator, &expected, &[value]);
        assert_eq!(found, equal, "{operator} {expected} {value}");
    }
}

/// What each form of an operator makes of no value, of values that all, some, or none fit.
#[wasm_bindgen_test(unsupported = test)]
fn several_values_and_none() {
    let none: &[&str] = &[];
    for (operator, missing, all, some, no) in [
        ("StringEquals", false, true, true, false),
        ("StringNotEquals", true, false, false, true),
        ("StringEqualsIfExists", true, true, true, false),
        ("StringNotEqualsIfExists", true, false, false, true),
        ("ForAllValues:StringEquals", true, true, false, false),
        ("ForAllValues:StringNotEquals", true, false, false, true),
        (
            "ForAllValues:StringEqualsIfExists",
            true,
            true,
            false,
            false,
        ),
        ("ForAnyValue:StringEquals", false, true, true, false),
        ("ForAnyValue:StringNotEquals", false, false, true, true),
        ("ForAnyValue:StringEqualsIfExists", true, true, true, false),
        (
            "ForAnyValue:StringNotEqualsIfExists",
            true,
            false,
            true,
            true,
        ),
    ] {
        let expected = json!(["a", "b"]);
        for (values, wanted) in [
            (none, missing),
            (&["a", "b"], all),
            (&["a", "c"], some),
            (&["c", "d"], no),
        ] {
            let found = holds(operator, &expected, values);
            assert_eq!(found, wanted, "{operator} {values:?}");
        }
    }
}

/// A key that is missing is unlike everything; nothing else can be said about it.
#[wasm_bindgen_test(unsupported = test)]
fn only_negated_operators_pass_without_the_key() {
    for (operator, expected, passes) in [
        ("StringEqualsIgnoreCase", json!("a"), false),
        ("StringNotEqualsIgnoreCase", json!("a"), true),
        ("StringLike", json!("*"), false),
        ("StringNotLike", json!("*"), true),
        ("NumericEquals", json!(1), false),
        ("NumericNotEquals", json!(1), true),
        ("NumericLessThan", json!(1), false),
        ("DateNotEquals", json!("2026-01-01"), true),
        ("DateGreaterThan", json!("2026-01-01"), false),
        ("Bool", json!(false), false),
        ("BoolIfExists", json!(false), true),
        ("BinaryEquals", json!(""), false),
        ("IpAddress", json!("0.0.0.0/0"), false),
        ("NotIpAddress", json!("0.0.0.0/0"), true),
        ("IpAddressIfExists", json!("10.0.0.0/8"), true),
        ("ArnLike", json!("*"), false),
        ("ArnNotLike", json!("*"), true),
        ("Null", json!(true), true),
        ("Null", json!("false"), false),
        ("Null", json!(["true", "false"]), true),
    ] {
        assert_eq!(
            holds(operator, &expected, &[]),
            passes,
            "{operator} {expected}"
        );
    }
    assert!(!holds("Null", &json!(true), &["x"]));
    assert!(holds("Null", &json!(false), &["x"]));
}

#[wasm_bindgen_test(unsupported = test)]
fn keys_and_operators_are_the_same_in_any_case() {
    let keys = GivenKeys::of(&[("aws:sourceip", &["203.0.113.9"])]);
    for operator in [
        "IpAddress",
        "IPAddress",
        "ipaddress",
        "foranyvalue:IPAddressIFEXISTS",
    ] {
        for key in ["aws:SourceIp", "aws:sourceip", "AWS:SOURCEIP"] {
            for (network, expected) in [("203.0.113.0/24", true), ("10.0.0.0/8", false)] {
                let condition = json!({operator: {key: network}});
                assert_eq!(holds_with(&condition, &keys), expected, "{condition}");
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn strings_and_arns_may_have_variables() {
    let keys = GivenKeys::of(&[
        ("aws:username", &["ada"]),
        ("aws:x", &["team/ada"]),
        ("aws:star", &["*"]),
        ("aws:arn", &["arn:aws:iam::123456789012:user/ada"]),
        ("aws:colons", &["iam::123456789012"]),
    ]);
    for (operator, key, pattern, expected) in [
        ("StringEquals", "aws:x", "team/${aws:username}", true),
        ("StringNotEquals", "aws:x", "team/${aws:username}", false),
        (
            "StringEqualsIgnoreCase",
            "aws:x",
            "TEAM/${aws:username}",
            true,
        ),
        ("StringEqualsIgnoreCase", "aws:x", "TEAM/${aws:star}", false),
        ("StringLike", "aws:x", "*/${aws:username}", true),
        ("StringLike", "aws:x", "team/${aws:star}", false),
        ("StringLike", "aws:x", "team${*}", false),
        ("StringEquals", "aws:star", "${*}", true),
        // A variable without a value: like nothing, and so unlike everything.
        ("StringLike", "aws:x", "${aws:nothing}*", false),
        ("StringNotLike", "aws:x", "${aws:nothing}*", true),
        ("StringEqualsIgnoreCase", "aws:x", "${aws:nothing}", false),
        ("StringEquals", "aws:x", "${aws:nothing, 'team/ada'}", true),
        (
            "ArnLike",
            "aws:arn",
            "arn:aws:iam::*:user/${aws:username}",
            true,
        ),
        (
            "ArnLike",
            "aws:arn",
            "arn:aws:iam::*:user/${aws:star}",
            false,
        ),
        ("ArnLike", "aws:arn", "${aws:arn}", true),
        ("ArnLike", "aws:arn", "${aws:username}", false),
        // Nor does what a variable stands for change where the parts of an ARN end.
        (
            "ArnLike",
            "aws:arn",
            "arn:aws:${aws:colons}:user/ada:*:*",
            false,
        ),
    ] {
        let condition = json!({operator: {key: pattern}});
        assert_eq!(holds_with(&condition, &keys), expected, "{condition}");
    }
}
