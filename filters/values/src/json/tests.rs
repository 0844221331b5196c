use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{JsonFault, ReadOptions, Style, read};
use crate::Value;

fn read_json(text: &str) -> (String, bool) {
    let document = read(text, ReadOptions::default());
    let document = document.unwrap_or_else(|error| panic!("{text}: {error}"));
    (document.value.to_json(), document.strict)
}

fn printed(value: &Value) -> String {
    let mut out = String::new();
    value.print(&mut out);
    out
}

/// What json-smart 2.2 makes of JSON.
#[wasm_bindgen_test(unsupported = test)]
fn json_is_read_and_written_compactly() {
    let cases = [
        ("{}", "{}"),
        ("[  ]", "[]"),
        (" null\n", "null"),
        (
            "[ 1 , -2.50 ,true,\tfalse, null ]",
            "[1,-2.5,true,false,null]",
        ),
        (r#"{"b":1,"a":{"c":[]}}"#, r#"{"b":1,"a":{"c":[]}}"#),
        (r#"{"b":1,"a":2,"b":3}"#, r#"{"b":3,"a":2}"#),
        (r#""\u0041\/\b\f\n\r\t\"\\""#, r#""A/\b\f\n\r\t\"\\""#),
        (r#""\ud83d\ude00\u00e9""#, "\"\u{1F600}é\""),
        (r#"{"":""}"#, r#"{"":""}"#),
        ("12345678901234567890123", "12345678901234567890123"),
        ("[1e2,1.0E-5]", "[100.0,1.0E-5]"),
    ];
    for (text, expected) in cases {
        assert_eq!(read_json(text), (expected.into(), true), "{text}");
    }
}

/// What json-smart 2.2 takes beside JSON.
#[wasm_bindgen_test(unsupported = test)]
fn the_permissive_dialect_is_read() {
    let cases = [
        ("", r#""""#),
        ("  ", r#""""#),
        ("a[", r#""a[""#),
        ("true{", r#""true{""#),
        ("a=b", r#""a=b""#),
        ("  abc  def\n", r#""abc  def""#),
        ("'it\"s'", r#""it\"s""#),
        ("nullx", r#""nullx""#),
        ("TRUE", r#""TRUE""#),
        ("NaN", "NaN"),
        ("-", "0"),
        ("-a", r#""-a""#),
        ("+1", r#""+1""#),
        ("01", "1"),
        ("1.", "1.0"),
        (".5", r#"".5""#),
        ("-.5", "-0.5"),
        ("12abc", r#""12abc""#),
        ("1 2", r#""1 2""#),
        ("{a:1}", r#"{"a":1}"#),
        ("{a b:1}", r#"{"a b":1}"#),
        ("{a,b:1}", r#"{"a,b":1}"#),
        ("{'a':'b'}", r#"{"a":"b"}"#),
        ("{1:2, 1.5:3, true:4}", r#"{"1":2,"1.5":3,"true":4}"#),
        (r#"{,"a":1,,}"#, r#"{"a":1}"#),
        (r#"{"a":,"b":2}"#, r#"{"a":"","b":2}"#),
        (r#"{"a":1 "b":2}"#, r#"{"a":"1 \"b\":2"}"#),
        ("{a:b:c, d: 12:30 }", r#"{"a":"b:c","d":"12:30"}"#),
        ("{a:2020-01-01}", r#"{"a":"2020-01-01"}"#),
        ("{a:[b}]}", r#"{"a":["b}"]}"#),
        ("[,]", "[]"),
        ("[1,,2,]", "[1,2]"),
        ("[a b, 'c'd]", r#"["a b","c","d"]"#),
        ("[1 2]", r#"["1 2"]"#),
        ("[1.5 x, 1e, 1-2]", r#"["1.5 x","1e","1-2"]"#),
        ("[- 1]", r#"["- 1"]"#),
        ("[tr ue, nul, N]", r#"["tr ue","nul","N"]"#),
        (r#"["a"x]"#, r#"["a","x"]"#),
        (r#"[a"b"]"#, r#"["a\"b\""]"#),
        (r#"{"a":1}trailing"#, r#"{"a":1}"#),
        ("{statusCode: 200, }foo: [ba r]}", r#"{"statusCode":200}"#),
        ("\"a\" \"b\"", r#""a""#),
        ("/* c */ {}", r#""/* c */ {}""#),
        (r#""\x41\q\'""#, r#""A'""#),
        ("\"x\ny\tz\"", r#""x\ny\tz""#),
        ("\u{FEFF}{}", "\"\u{FEFF}{}\""),
    ];
    for (text, expected) in cases {
        assert_eq!(read_json(text), (expected.into(), false), "{text}");
    }
}

/// json-smart drops control characters, but only from strings with an escape.
#[wasm_bindgen_test(unsupported = test)]
fn control_characters_beside_an_escape_are_dropped() {
    assert_eq!(read_json("\"a\tb\\nc\td\u{7F}e\"").0, r#""ab\ncde""#);
    assert_eq!(read_json("\"a\u{7F}\\n\""), (r#""a\n""#.into(), true));
}

#[wasm_bindgen_test(unsupported = test)]
fn half_a_surrogate_pair_is_replaced() {
    assert_eq!(read_json(r#""a\ud800b""#), ("\"a\u{FFFD}b\"".into(), true));
    assert_eq!(read_json(r#""\udc00\ud83dx""#).0, "\"\u{FFFD}\u{FFFD}x\"");
    assert_eq!(
        read_json(r#""\ud83d\ud83d\ude00""#).0,
        "\"\u{FFFD}\u{1F600}\""
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_a_place() {
    use JsonFault::{Character, End, Escape, Number};
    let cases = [
        ("{a", End, 1, 3),
        ("{", End, 1, 2),
        ("[1,\n [2", End, 2, 4),
        ("[a,b}", End, 1, 6),
        ("{\"a\":1]", End, 1, 8),
        ("\"abc", End, 1, 5),
        ("'", End, 1, 2),
        ("\"x\\", End, 1, 4),
        ("{\"a\"}", Character, 1, 5),
        ("{\"a\":}", Character, 1, 6),
        ("{\"é\" \"b\"}", Character, 1, 6),
        ("{:1}", Character, 1, 2),
        ("{{}}", Character, 1, 2),
        ("{a:'x' ; b:1}", Character, 1, 8),
        ("{\"a\":\"x\"y}", Character, 1, 9),
        ("]", Character, 1, 1),
        (" }", Character, 1, 2),
        ("[:]", Character, 1, 2),
        ("\"\\u12G4\"", Escape, 1, 6),
        ("\"\\x4\"", Escape, 1, 5),
        ("[1e+]", Number, 1, 5),
        ("-.", Number, 1, 3),
    ];
    for (text, fault, line, column) in cases {
        let error = read(text, ReadOptions::default()).expect_err(text);
        assert_eq!(
            (error.fault, error.line, error.column),
            (fault, line, column),
            "{text}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn nesting_has_a_limit() {
    let options = ReadOptions { max_depth: 3 };
    assert!(read("[[{}]]", options).is_ok());
    let error = read("[[{a:[]}]]", options).expect_err("four deep");
    assert_eq!((error.fault, error.offset), (JsonFault::Depth, 5));
    let brackets = "[".repeat(1 << 20);
    let error = read(&brackets, ReadOptions::default()).expect_err("a megabyte of brackets");
    assert_eq!((error.fault, error.offset), (JsonFault::Depth, 128));
}

/// The escapes of json-smart 2.2, tried there with every character.
#[wasm_bindgen_test(unsupported = test)]
fn some_characters_are_escaped() {
    let text =
        "\0\u{B}\u{1F} !\"'/\\\u{7E}\u{7F}\u{80}\u{9F}\u{A0}é\u{1FFF}\u{2000}€\u{20FF}\u{2100}";
    assert_eq!(
        Value::string(text).to_json(),
        concat!(
            "\"\\u0000\\u000B\\u001F !\\\"'/\\\\\u{7E}\\u007F\\u0080\\u009F",
            "\u{A0}é\u{1FFF}\\u2000\\u20AC\\u20FF\u{2100}\""
        )
    );
    assert_eq!(printed(&Value::string(text)), text);
}

/// As recorded from AWS: objects print Java's way, lists as JSON, also within objects.
#[wasm_bindgen_test(unsupported = test)]
fn values_print_as_in_java() {
    let text = r#"{"a":1,"s":"x y","n":null,"l":[{"foo":"a/b"},1.0],"m":{"k":true}}"#;
    let document = read(text, ReadOptions::default()).expect(text);
    assert_eq!(
        printed(&document.value),
        r#"{a=1, s=x y, n=null, l=[{"foo":"a\/b"},1.0], m={k=true}}"#
    );
    let list = Value::list(vec![Value::string("a"), Value::integer(1), document.value]);
    assert_eq!(
        printed(&list),
        r#"[a, 1, {a=1, s=x y, n=null, l=[{"foo":"a\/b"},1.0], m={k=true}}]"#
    );
    assert_eq!(Value::double(f64::INFINITY).to_json(), "null");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_written_has_a_limit() {
    let mut value = Value::list(vec![]);
    for _ in 0..100 {
        value = Value::list(vec![value.clone(), value]);
    }
    let mut out = String::new();
    assert!(!value.write_within(Style::Json, &mut out, 1000));
    assert!(out.len() < 1300, "{}", out.len());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_list_that_holds_itself_is_written_up_to_a_depth() {
    let list = crate::List::new(crate::ListKind::JavaList, Vec::new());
    list.push(Value::List(list.clone()));
    let mut out = String::new();
    assert!(!Value::List(list.clone()).write_within(Style::Java, &mut out, 10_000));
    assert_eq!(out, format!("{}null{}", "[".repeat(256), "]".repeat(256)));
    list.replace(Vec::new());
}

#[wasm_bindgen_test(unsupported = test)]
fn deep_values_are_dropped_without_recursion() {
    let mut value = Value::Null;
    for turn in 0..1_000_000 {
        value = if turn % 2 == 0 {
            Value::list(vec![value])
        } else {
            Value::Map([("a", value)].into_iter().collect())
        };
    }
    drop(value);
}

#[wasm_bindgen_test(unsupported = test)]
fn large_objects_keep_order_and_the_last_value() {
    let members: Vec<_> = (0..500).map(|n| format!("\"k{}\":{n}", n % 100)).collect();
    let expected: Vec<_> = (0..100).map(|n| format!("\"k{n}\":{}", n + 400)).collect();
    let (json, strict) = read_json(&format!("{{{}}}", members.join(",")));
    assert!(strict);
    assert_eq!(json, format!("{{{}}}", expected.join(",")));
}

/// Text from the pieces of the grammar.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(":"),
        Just(","),
        Just("\""),
        Just("'"),
        Just("\\"),
        Just("\\u00e9"),
        Just("\\ud83d"),
        Just("\\n"),
        Just("null"),
        Just("true"),
        Just("1"),
        Just("-"),
        Just("1.5"),
        Just("e5"),
        Just("é"),
        Just(" "),
        Just("\n"),
        Just("\u{1}"),
        Just("abc"),
        Just("\"a\":"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![pieces(), any::<String>()]) {
        match read(&text, ReadOptions::default()) {
            Ok(document) => {
                let json = document.value.to_json();
                let again = read(&json, ReadOptions::default()).expect("what was written");
                prop_assert_eq!(again.value.to_json(), json);
            }
            Err(error) => prop_assert!(error.offset <= text.len()),
        }
    }

    #[test]
    #[cfg(not(target_arch = "wasm32"))]
    fn strict_is_what_serde_json_reads(text in prop_oneof![pieces(), any::<String>()]) {
        let strict = read(&text, ReadOptions::default()).is_ok_and(|document| document.strict);
        // serde_json refuses half surrogate pairs, which RFC 8259 allows, and is not asked to
        // read the numbers that a double does not hold.
        let other = serde_json::from_str::<serde_json::Value>(&text);
        if !text.contains("\\ud83d") {
            prop_assert_eq!(strict, other.is_ok(), "{:?}", other);
        }
    }
}
