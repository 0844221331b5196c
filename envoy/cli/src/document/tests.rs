use std::path::Path;

use proptest::prelude::*;

use super::{Document, Format, MAX_DEPTH, Node, Pointer, ReferenceError, Value};
use crate::diagnostic::Report;

fn parse_as(name: &str, bytes: &[u8]) -> (Option<Document>, Report) {
    let mut report = Report::new();
    let document = Document::parse(Path::new(name), bytes, &mut report);
    (document, report)
}

fn yaml(text: &str) -> Document {
    let (document, report) = parse_as("a.yaml", text.as_bytes());
    assert!(!report.has_errors(), "{text}: {:?}", report.diagnostics());
    document.unwrap_or_else(|| panic!("no tree: {text}"))
}

/// The tree as JSON text, for comparing.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::String(text) => format!("{text:?}"),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
        }
        Value::Mapping(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| format!("{:?}:{}", entry.key, show(&entry.value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

#[test]
fn scalars_follow_the_core_schema() {
    for (text, expected) in [
        ("null", "null"),
        ("~", "null"),
        ("", "null"),
        ("# only a comment", "null"),
        ("true", "true"),
        ("yes", "\"yes\""),
        ("on", "\"on\""),
        ("0", "0"),
        ("-12", "-12"),
        ("+12", "12"),
        ("012", "12"),
        ("0x1F", "31"),
        ("0o17", "15"),
        ("1_000", "\"1_000\""),
        ("12:30", "\"12:30\""),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9.223372036854776e18"),
        ("0xFFFFFFFFFFFFFFFFFF", "4.722366482869645e21"),
        ("1.5", "1.5"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("1e3", "1000.0"),
        ("1e999", "inf"),
        ("-.inf", "-inf"),
        (".nan", "NaN"),
        (".", "\".\""),
        ("e3", "\"e3\""),
        ("1e", "\"1e\""),
        ("infinity", "\"infinity\""),
        ("nan", "\"nan\""),
        ("'200'", "\"200\""),
        ("\"true\"", "\"true\""),
        ("!!str 200", "\"200\""),
        ("! 200", "\"200\""),
        ("!!float 1", "1.0"),
        ("|\n  a\n  b\n", "\"a\\nb\\n\""),
        (">-\n  a\n  b\n", "\"a b\""),
    ] {
        assert_eq!(show(&yaml(text).root), expected, "{text}");
    }
}

#[test]
fn collections_keep_their_order_and_their_keys_as_written() {
    for (text, expected) in [
        (
            "200: a\n'404': b\ntrue: c\n~: d",
            r#"{"200":"a","404":"b","true":"c","~":"d"}"#,
        ),
        ("1.0: a\n010: b", r#"{"1.0":"a","010":"b"}"#),
        ("b:\na: [1, {c: 2}]", r#"{"b":null,"a":[1,{"c":2}]}"#),
        ("- - 1\n  - 2\n- x: 1\n  y: 2", r#"[[1,2],{"x":1,"y":2}]"#),
        ("a: &x {k: 1}\nb: *x", r#"{"a":{"k":1},"b":{"k":1}}"#),
        ("a: &x 200\n*x : b", r#"{"a":200,"200":"b"}"#),
        (
            "a: &x {k: 1, l: 2}\nb: &y {l: 3, m: 4}\nc:\n  l: 9\n  <<: [*x, *y]",
            r#"{"a":{"k":1,"l":2},"b":{"l":3,"m":4},"c":{"l":9,"k":1,"m":4}}"#,
        ),
        (
            "a: &x {k: 1}\nb:\n  <<: *x\n  k: 2",
            r#"{"a":{"k":1},"b":{"k":2}}"#,
        ),
        ("\"<<\": 1", r#"{"<<":1}"#),
    ] {
        assert_eq!(show(&yaml(text).root), expected, "{text}");
    }
}

#[test]
fn places_are_bytes_whatever_stands_before() {
    for prefix in ["", "\u{feff}", "# é日本😀\r\n", "\u{feff}# é\n"] {
        for filler in ["x", "é日😀", &"日".repeat(200)] {
            for end in ["\n", "\r\n"] {
                let text = format!(
                    "{prefix}first: '{filler}'{end}path:{end}  key: value # {filler}{end}  list:{end}    - one{end}    - {{a: 1}}{end}empty:{end}last: end{end}"
                );
                let document = yaml(&text);
                let path = document.root.entry("path").unwrap();
                let key = path.value.entry("key").unwrap();
                let list = path.value.get("list").unwrap();
                let at = |span: &std::ops::Range<usize>| text.get(span.clone()).unwrap();
                assert_eq!(at(&path.key_span), "path");
                assert_eq!(at(&key.key_span), "key");
                assert_eq!(at(&key.value.span), "value");
                assert_eq!(at(&list.child("0").unwrap().span), "one");
                assert_eq!(at(&list.child("1").unwrap().span), "{a: 1}");
                assert_eq!(at(&list.span), format!("- one{end}    - {{a: 1}}"));
                assert!(at(&path.value.span).starts_with("key: value"), "{text}");
                assert!(at(&path.value.span).ends_with("- {a: 1}"), "{text}");
                assert_eq!(
                    at(&document.root.get("first").unwrap().span),
                    format!("'{filler}'")
                );
                let empty = document.root.entry("empty").unwrap();
                assert_eq!(empty.value.span, empty.key_span.end..empty.key_span.end);
                assert_eq!(at(&document.root.get("last").unwrap().span), "end");
            }
        }
    }
}

#[test]
fn json_is_read_exactly() {
    let text = "\u{feff}{\"a\\ud83d\\ude00\": [1, -0.5, 1E2, true, null],\t\"é\": \"\\u0041\\n/\"}";
    let (document, report) = parse_as("a.json", text.as_bytes());
    assert!(!report.has_errors(), "{:?}", report.diagnostics());
    let document = document.unwrap();
    assert_eq!(
        show(&document.root),
        "{\"a😀\":[1,-0.5,100.0,true,null],\"é\":\"A\\n/\"}"
    );
    let entry = document.root.entry("é").unwrap();
    assert_eq!(text.get(entry.key_span.clone()).unwrap(), "\"é\"");
    assert_eq!(
        text.get(entry.value.span.clone()).unwrap(),
        "\"\\u0041\\n/\""
    );
    assert_eq!(text.get(document.root.span.clone()), text.get(3..));
}

#[test]
fn every_fault_has_its_place() {
    let deep_yaml = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
    let deep_block = "- ".repeat(3000);
    let very_deep = "[".repeat(200_000);
    let laughs = (0..40).fold("a0: &a0 [lol, lol]\n".to_owned(), |text, level| {
        let next = level + 1;
        format!("{text}a{next}: &a{next} [*a{level}, *a{level}]\n")
    });
    /// Name, text, code of the first fault, line, column, pointer, part of the message.
    type Case<'c> = (&'c str, &'c [u8], &'c str, usize, usize, &'c str, &'c str);
    let cases: &[Case<'_>] = &[
        (
            "a.yaml",
            b"a: 1\nb: [1, 2\nc: 3\n",
            "syntax",
            3,
            2,
            "",
            "not YAML",
        ),
        (
            "a.yaml",
            b"a:\n\tb: 1\n",
            "syntax",
            2,
            1,
            "",
            "a tab in the indentation",
        ),
        (
            "a.yaml",
            b"a: 1\nb: 2\na: 3\n",
            "duplicate-key",
            3,
            1,
            "/a",
            "`a` stands twice",
        ),
        (
            "a.yaml",
            b"x:\n  200: 1\n  '200': 2\n",
            "duplicate-key",
            3,
            3,
            "/x/200",
            "`200`",
        ),
        (
            "a.yaml",
            b"a: 1\n---\nb: 2\n",
            "several-documents",
            2,
            1,
            "",
            "second YAML document",
        ),
        (
            "a.yaml",
            b"a: !Sub '${X}'\n",
            "cloudformation-intrinsic",
            1,
            4,
            "/a",
            "`!Sub`",
        ),
        (
            "a.yaml",
            b"a:\n  - !Ref X\n",
            "cloudformation-intrinsic",
            2,
            5,
            "/a/0",
            "`!Ref`",
        ),
        (
            "a.yaml",
            b"a: !If [x, y, z]\n",
            "cloudformation-intrinsic",
            1,
            4,
            "/a",
            "`!If`",
        ),
        ("a.yaml", b"a: !novel x\n", "tag", 1, 4, "/a", "`!novel`"),
        ("a.yaml", b"a: !!int x\n", "tag", 1, 4, "/a", "`!!int`"),
        (
            "a.yaml",
            b"a: !!binary x\n",
            "tag",
            1,
            4,
            "/a",
            "`!!binary`",
        ),
        ("a.yaml", b"a: *nowhere\n", "syntax", 1, 4, "", "anchor"),
        (
            "a.yaml",
            b"a: &x\n  b: *x\n",
            "recursive-alias",
            2,
            6,
            "/a/b",
            "its own anchor",
        ),
        (
            "a.yaml",
            b"? [a, b]\n: 1\n",
            "key-not-text",
            1,
            3,
            "",
            "a list stands",
        ),
        ("a.yaml", b"a:\n  <<: 1\n", "merge-key", 2, 7, "/a", "`<<`"),
        ("a.yaml", b"a: '\xff'\n", "not-utf-8", 1, 5, "", "UTF-8"),
        (
            "a.yaml",
            b"a: '\xc3\xa9' \xff\n",
            "not-utf-8",
            1,
            8,
            "",
            "UTF-8",
        ),
        (
            "a.yaml",
            deep_yaml.as_bytes(),
            "nested-too-deep",
            1,
            101,
            "any",
            "100 levels",
        ),
        (
            "a.yaml",
            deep_block.as_bytes(),
            "nested-too-deep",
            1,
            201,
            "any",
            "100 levels",
        ),
        (
            "a.yaml",
            very_deep.as_bytes(),
            "nested-too-deep",
            1,
            0,
            "any",
            "100 levels",
        ),
        (
            "a.yaml",
            laughs.as_bytes(),
            "too-many-aliases",
            17,
            0,
            "any",
            "stand for more than",
        ),
        ("a.json", b"", "syntax", 1, 1, "", "empty"),
        ("a.json", b"{\"a\": 1,}", "syntax", 1, 8, "", "not JSON"),
        ("a.json", b"{\"a\": 01}", "syntax", 1, 0, "", "not JSON"),
        ("a.json", b"{\"a\": 'x'}", "syntax", 1, 0, "", "not JSON"),
        (
            "a.json",
            b"{\"a\": 1} // no",
            "syntax",
            1,
            0,
            "",
            "not JSON",
        ),
        (
            "a.json",
            b"{\"a\": 1\n\"b\": 2}",
            "syntax",
            1,
            8,
            "",
            "not JSON",
        ),
        (
            "a.json",
            b"{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}",
            "duplicate-key",
            1,
            24,
            "/b/c",
            "`c`",
        ),
        (
            "a.json",
            very_deep.as_bytes(),
            "nested-too-deep",
            1,
            0,
            "any",
            "100 levels",
        ),
        (
            "a.json",
            deep_yaml.as_bytes(),
            "nested-too-deep",
            1,
            101,
            "any",
            "100 levels",
        ),
        ("a.json", b"{\"a\": \xff}", "not-utf-8", 1, 7, "", "UTF-8"),
    ];
    for (name, bytes, code, line, column, pointer, message) in cases {
        let (_, report) = parse_as(name, bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let first = report
            .diagnostics()
            .first()
            .unwrap_or_else(|| panic!("accepted: {shown}"));
        assert_eq!(first.code, *code, "{shown}: {first:?}");
        let position = report.position(first).unwrap();
        assert_eq!(position.line, *line, "{shown}: {first:?}");
        // The parsers' own faults are placed by them; 0 leaves the column open, and the
        // pointers of deep places are long.
        if *column != 0 {
            assert_eq!(position.column, *column, "{shown}: {first:?}");
        }
        assert!(
            *pointer == "any" || first.pointer == *pointer,
            "{shown}: {first:?}"
        );
        assert!(first.message.contains(message), "{shown}: {first:?}");
    }
}

#[test]
fn faults_that_leave_a_tree_are_all_listed() {
    let (document, report) = parse_as(
        "a.yaml",
        b"a: !Sub x\nb: !Ref y\nb: 2\nc: {d: !GetAtt z.Arn}\n",
    );
    assert!(document.is_some());
    let codes: Vec<_> = report
        .diagnostics()
        .iter()
        .map(|found| found.code)
        .collect();
    assert_eq!(
        codes,
        [
            "cloudformation-intrinsic",
            "cloudformation-intrinsic",
            "duplicate-key",
            "cloudformation-intrinsic"
        ]
    );
}

#[test]
fn aliases_are_cheap_enough_for_real_files() {
    let mut text = "base: &base {a: 1, b: [1, 2, 3]}\nitems:\n".to_owned();
    for _ in 0..2000 {
        text.push_str("  - <<: *base\n    c: *base\n");
    }
    let document = yaml(&text);
    assert_eq!(
        document.pointer("/items/1999/c/b/2").unwrap().as_i64(),
        Some(3)
    );
}

#[test]
fn the_name_decides_the_format_and_the_text_where_it_does_not() {
    for (name, text, format) in [
        ("a.json", "a: 1", Format::Json),
        ("a.JSON", "", Format::Json),
        ("a.yaml", "{}", Format::Yaml),
        ("a.yml", "{}", Format::Yaml),
        ("openapi", "\u{feff} \n{}", Format::Json),
        ("openapi", "openapi: 3.0.1", Format::Yaml),
    ] {
        assert_eq!(Format::of(Path::new(name), text), format, "{name} {text}");
    }
}

#[test]
fn numbers_are_read_where_they_are_whole() {
    let document = yaml("[29000, 3.0, 1e3, 1.5, '7', 1e300, true]");
    let numbers: Vec<_> = document
        .root
        .as_sequence()
        .unwrap()
        .iter()
        .map(Node::as_i64)
        .collect();
    assert_eq!(
        numbers,
        [Some(29000), Some(3), Some(1000), None, None, None, None]
    );
}

#[test]
fn references_are_followed_within_the_document_only() {
    let document = yaml(
        "a: {$ref: '#/b~1c'}\nb/c: {$ref: '#/d%20e/1'}\nd e: [0, {x: 1}]\n\
         loop: {$ref: '#/back'}\nback: {$ref: '#/loop'}\nself: {$ref: '#'}\n\
         far: {$ref: 'other.yaml#/x'}\nnone: {$ref: '#/zzz'}\nbad: {$ref: '#%zz'}\nlist: {$ref: [1]}\n\
         $ref: '#/a'\n",
    );
    let resolve = |key: &str| {
        let node = document.root.get(key).unwrap();
        document.resolve(node, &Pointer::root().key(key))
    };
    let found = resolve("a").unwrap();
    assert_eq!(found.pointer.as_str(), "/d e/1");
    assert_eq!(show(found.node), r#"{"x":1}"#);
    assert_eq!(resolve("d e").unwrap().pointer.as_str(), "/d e");
    assert_eq!(resolve("self").unwrap().pointer.as_str(), "/d e/1");
    for (key, error) in [
        ("loop", ReferenceError::Cycle("#/back".to_owned())),
        ("far", ReferenceError::External("other.yaml#/x".to_owned())),
        ("none", ReferenceError::Missing("#/zzz".to_owned())),
        ("bad", ReferenceError::Missing("#%zz".to_owned())),
        ("list", ReferenceError::NotText),
    ] {
        assert_eq!(resolve(key).unwrap_err(), error, "{key}");
    }
}

#[test]
fn pointers_find_what_they_name() {
    let document = yaml("a/b: {m~n: [x, y]}\n'': {'': z}");
    let text = |pointer| document.pointer(pointer).and_then(Node::as_str);
    assert_eq!(text("/a~1b/m~0n/1"), Some("y"));
    assert_eq!(text("//"), Some("z"));
    for absent in [
        "/a~1b/m~0n/2",
        "/a~1b/m~0n/01",
        "/a~1b/m~0n/+1",
        "/a~1b/m~0n/-",
        "x",
        "/~",
    ] {
        assert!(document.pointer(absent).is_none(), "{absent}");
    }
}

/// Text made of what means something to YAML.
fn yaml_like() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            Just("- "),
            Just("a"),
            Just(": "),
            Just("\n"),
            Just("\r\n"),
            Just("  "),
            Just("\t"),
            Just("["),
            Just("]"),
            Just("{"),
            Just("}"),
            Just(","),
            Just("&x "),
            Just("*x"),
            Just("<<: "),
            Just("!Sub "),
            Just("!!int "),
            Just("? "),
            Just("|\n"),
            Just(">+2\n"),
            Just("'"),
            Just("\""),
            Just("\\u00"),
            Just("#"),
            Just("---\n"),
            Just("...\n"),
            Just("%YAML 1.2\n"),
            Just("é"),
            Just("😀"),
            Just("\u{feff}"),
            Just("200"),
            Just("\0"),
            Just("%TAG ! x\n"),
            Just("!<a> "),
            Just("\u{85}"),
            Just("\u{2028}"),
            Just("@"),
            Just("`"),
        ],
        0..40,
    )
    .prop_map(|parts| parts.concat())
}

fn spans_are_sound(text: &str, node: &Node) {
    assert!(
        text.get(node.span.clone()).is_some(),
        "{:?} of {text:?}",
        node.span
    );
    for item in node.as_sequence().unwrap_or_default() {
        spans_are_sound(text, item);
    }
    for entry in node.as_mapping().unwrap_or_default() {
        assert!(text.get(entry.key_span.clone()).is_some());
        spans_are_sound(text, &entry.value);
    }
}

fn survives(name: &str, bytes: &[u8]) {
    let (document, report) = parse_as(name, bytes);
    match document {
        Some(document) => spans_are_sound(&document.text, &document.root),
        None => assert!(report.has_errors()),
    }
    for found in report.diagnostics() {
        assert!(report.position(found).is_some());
        assert!(found.span.start <= found.span.end);
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e15..1e15_f64).prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(".*", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn to_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(text) => text.clone().into(),
        Value::Sequence(items) => items.iter().map(to_json).collect(),
        Value::Mapping(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), to_json(&entry.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_yaml_panics(text in yaml_like()) {
        survives("a.yaml", text.as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        survives("a.yaml", &bytes);
        survives("a.json", &bytes);
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        survives("a.yaml", text.as_bytes());
        survives("a.json", text.as_bytes());
    }

    #[test]
    fn json_is_what_serde_json_reads(text in r#"([\[\]{},:"\\/ 0-9eE.+-]|true|null|\\u[dD][89cC]00|\\u0041|"a"|\n|\t){0,12}"#) {
        let (document, report) = parse_as("a.json", text.as_bytes());
        let duplicates = report.diagnostics().iter().any(|found| found.code == "duplicate-key");
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) => if !duplicates {
                prop_assert_eq!(to_json(&document.unwrap().root), value, "{}", text);
            },
            // Beyond f64 it refuses what we read as infinite.
            Err(error) => prop_assert!(
                report.has_errors() || error.to_string().contains("number out of range"),
                "{}: {}", text, error
            ),
        }
    }
}

proptest! {
    #[test]
    fn json_written_is_json_read(value in json_value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let (document, report) = parse_as("a.json", text.as_bytes());
        prop_assert!(!report.has_errors(), "{:?}", report.diagnostics());
        let document = document.unwrap();
        prop_assert_eq!(to_json(&document.root), value);
        spans_are_sound(&document.text, &document.root);
    }
}

#[test]
fn functions_of_a_template_are_written_out() {
    let parse = |text: &str| {
        let mut report = Report::new();
        let document = Document::parse_template(Path::new("a.yaml"), text.as_bytes(), &mut report);
        assert!(!report.has_errors(), "{text}: {:?}", report.diagnostics());
        document.expect("a tree").root.to_json()
    };
    for (text, written) in [
        ("a: !Ref B", r#"{"a":{"Ref":"B"}}"#),
        ("a: !Sub '${B}'", r#"{"a":{"Fn::Sub":"${B}"}}"#),
        ("a: !GetAtt B.C", r#"{"a":{"Fn::GetAtt":"B.C"}}"#),
        ("a: !Condition B", r#"{"a":{"Condition":"B"}}"#),
        (
            "a: !If [B, !Ref C, {d: !Ref E}]",
            r#"{"a":{"Fn::If":["B",{"Ref":"C"},{"d":{"Ref":"E"}}]}}"#,
        ),
        (
            "a: !Transform {Name: AWS::Include}",
            r#"{"a":{"Fn::Transform":{"Name":"AWS::Include"}}}"#,
        ),
        (
            "a: &b !Ref B\nc: *b",
            r#"{"a":{"Ref":"B"},"c":{"Ref":"B"}}"#,
        ),
    ] {
        assert_eq!(parse(text).to_string(), written, "{text}");
    }
    let mut report = Report::new();
    Document::parse_template(Path::new("a.yaml"), b"a: !Reff B", &mut report);
    assert!(report.has_errors(), "other tags stay faults");
}
