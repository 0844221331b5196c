use proptest::prelude::*;
use serde_json::{Value as Json, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Schema, SchemaFault};
use crate::json::{ReadOptions, read};

fn compile(schema: &Json) -> Result<Schema, Vec<SchemaFault>> {
    Schema::compile(schema, &|_| None)
}

/// What is wrong with a text, as `$context.error.validationErrorString` has it.
fn errors(schema: &Schema, text: &str) -> String {
    let value = read(text, ReadOptions::default()).unwrap().value;
    match schema.validate(&value) {
        Ok(()) => String::new(),
        Err(errors) => {
            let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
            format!("[{}]", messages.join(", "))
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn errors_have_the_words_of_json_schema_validator() {
    for (schema, text, expected) in [
        (
            json!({"required": ["b", "a", "c"]}),
            r#"{"c": 1}"#,
            r#"[object has missing required properties (["a","b"])]"#,
        ),
        (
            json!({"type": "integer"}),
            r#""x""#,
            r#"[instance type (string) does not match any allowed primitive type (allowed: ["integer"])]"#,
        ),
        (
            json!({"type": ["number", "null"]}),
            "[]",
            r#"[instance type (array) does not match any allowed primitive type (allowed: ["integer","null","number"])]"#,
        ),
        (
            json!({"type": "integer"}),
            "1.0",
            r#"[instance type (number) does not match any allowed primitive type (allowed: ["integer"])]"#,
        ),
        (
            json!({"enum": ["a", 1]}),
            r#""b""#,
            r#"[instance value ("b") not found in enum (possible values: ["a",1])]"#,
        ),
        (
            json!({"minimum": 1}),
            "0",
            "[numeric instance is lower than the required minimum (minimum: 1, found: 0)]",
        ),
        (
            json!({"maximum": 1.5}),
            "2.25",
            "[numeric instance is greater than the required maximum (maximum: 1.5, found: 2.25)]",
        ),
        (
            json!({"minimum": 1, "exclusiveMinimum": true}),
            "1.0",
            "[numeric instance is not strictly greater than the required minimum 1]",
        ),
        (
            json!({"maximum": 1, "exclusiveMaximum": true}),
            "1",
            "[numeric instance is not strictly lower than the required maximum 1]",
        ),
        (
            json!({"multipleOf": 0.01}),
            "0.015",
            "[remainder of division is not zero (0.015 / 0.01)]",
        ),
        (
            json!({"minLength": 2}),
            r#""é""#,
            r#"[string "é" is too short (length: 1, required minimum: 2)]"#,
        ),
        (
            json!({"maxLength": 1}),
            r#""ab""#,
            r#"[string "ab" is too long (length: 2, maximum allowed: 1)]"#,
        ),
        (
            json!({"pattern": "^[a-z]+$"}),
            r#""A""#,
            r#"[ECMA 262 regex "^[a-z]+$" does not match input string "A"]"#,
        ),
        (
            json!({"properties": {"a": {}}, "patternProperties": {"^x": {}}, "additionalProperties": false}),
            r#"{"c": 1, "a": 1, "b": 1, "xy": 1}"#,
            r#"[object instance has properties which are not allowed by the schema: ["b","c"]]"#,
        ),
        (
            json!({"minItems": 1}),
            "[]",
            "[array is too short: must have at least 1 elements but instance has 0 elements]",
        ),
        (
            json!({"maxItems": 1}),
            "[1, 2]",
            "[array is too long: must have at most 1 elements but instance has 2 elements]",
        ),
        (
            json!({"items": [{}], "additionalItems": false}),
            "[1, 2]",
            "[schema only allows 1 elements in array but instance has 2 elements]",
        ),
        (
            json!({"uniqueItems": true}),
            r#"[{"a": 1, "b": 2}, 1, {"b": 2.0, "a": 1}]"#,
            "[array must not contain duplicate elements]",
        ),
        (
            json!({"minProperties": 1}),
            "{}",
            "[object has too few properties (found 0 but schema requires at least 1)]",
        ),
        (
            json!({"maxProperties": 0}),
            r#"{"a": 1}"#,
            "[object has too many properties (found 1 but schema requires at most 0)]",
        ),
        (
            json!({"dependencies": {"a": ["b", "c"]}}),
            r#"{"a": 1, "b": 1}"#,
            r#"[property "a" of object has missing property dependencies (schema requires ["b","c"]; missing: ["c"])]"#,
        ),
        (
            json!({"anyOf": [{"type": "null"}, {"minimum": 3}]}),
            "1",
            "[instance failed to match at least one required schema among 2]",
        ),
        (
            json!({"oneOf": [{"minimum": 1}, {"minimum": 3}]}),
            "5",
            "[instance failed to match exactly one schema (matched 2 out of 2)]",
        ),
        (
            json!({"allOf": [{"minimum": 1}, {"minimum": 3}]}),
            "2",
            "[instance failed to match all required schemas (matched only 1 out of 2)]",
        ),
        (
            json!({"not": {}}),
            "2",
            "[instance matched a schema which it should not have]",
        ),
        (
            json!({"format": "email"}),
            r#""x""#,
            r#"[string "x" is not a valid email address]"#,
        ),
        // Keywords by name; properties by name; nothing inside of what is wrong.
        (
            json!({"type": "object", "required": ["a"], "minProperties": 3, "properties": {"b": {"type": "null"}}}),
            r#"{"b": 1}"#,
            r#"[object has too few properties (found 1 but schema requires at least 3), object has missing required properties (["a"])]"#,
        ),
        (
            json!({"properties": {
                "b": {"type": "null"},
                "a": {"required": ["x"]},
                "c": {"properties": {"d": {"type": "null"}}}
            }}),
            r#"{"c": {"d": 1}, "b": 1, "a": {}}"#,
            r#"[object has missing required properties (["x"]), instance type (integer) does not match any allowed primitive type (allowed: ["null"])]"#,
        ),
    ] {
        assert_eq!(
            errors(&compile(&schema).unwrap(), text),
            expected,
            "{schema}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_fits_fits() {
    for (schema, text) in [
        (json!({}), "[1, {}]"),
        (json!({"type": "integer"}), "12345678901234567890123"),
        (
            json!({"maximum": 12_345_678_901_234_567_890_u64}),
            "12345678901234567890",
        ),
        (json!({"multipleOf": 0.01}), "0.1"),
        (
            json!({"multipleOf": 0.000_000_1}),
            "123456789012345678901234567890",
        ),
        (json!({"multipleOf": 7}), "7e300"),
        (json!({"enum": [{"a": [1, null]}]}), r#"{"a": [1.0, null]}"#),
        (
            json!({"uniqueItems": true}),
            r#"[1, "1", true, [1], {"a": 1}, {"a": 2}, null, false, 10, 100]"#,
        ),
        (
            json!({"minimum": 1, "minLength": 5, "required": ["a"]}),
            "true",
        ),
        (
            json!({"oneOf": [{"type": "null"}, {"type": "string"}]}),
            "null",
        ),
        // Ignored words.
        (
            json!({"nullable": true, "discriminator": "x", "readOnly": 1, "exclusiveMinimum": 3, "example": {}, "format": "int32", "default": 1, "xml": 1, "deprecated": 1, "externalDocs": 1}),
            "1",
        ),
        (
            json!({"items": {"type": "integer"}, "additionalItems": false}),
            "[1, 2]",
        ),
        (json!({"maxLength": 2}), r#""😀😀""#),
    ] {
        assert_eq!(errors(&compile(&schema).unwrap(), text), "", "{schema}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn references_lead_to_other_models() {
    let pet = json!({"properties": {
        "owner": {"$ref": "https://apigateway.amazonaws.com/restapis/a1/models/Owner"},
        "tag": {"$ref": "#/definitions/Tag"},
        "food": {"$ref": "#/components/schemas/Food"}
    }});
    let owner = json!({
        "properties": {"pets": {"type": "array", "items": {"$ref": "https://apigateway.amazonaws.com/restapis/a1/models/Pet"}}},
    });
    // Its `#/definitions/Name` is its own.
    let tag = json!({"definitions": {"Name": {"type": "string"}}, "$ref": "#/definitions/Name"});
    let food = json!({"properties": {"next": {"$ref": "#/components/schemas/Food"}, "n": {"type": "integer"}}});
    let resolve = |uri: &str| match uri.rsplit('/').next()? {
        "Owner" => Some(&owner),
        "Pet" => Some(&pet),
        "Tag" => Some(&tag),
        "Food" => Some(&food),
        _ => None,
    };
    let schema = Schema::compile(&pet, &resolve).unwrap();
    assert_eq!(
        errors(&schema, r#"{"owner": {"pets": [{"tag": "a"}]}}"#),
        ""
    );
    assert!(errors(&schema, r#"{"owner": {"pets": [{"tag": 1}]}}"#).contains("(integer)"));
    assert!(errors(&schema, r#"{"owner": {"pets": 1}}"#).contains("(integer)"));
    assert!(errors(&schema, r#"{"food": {"next": {"n": "x"}}}"#).contains("(string)"));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_no_schema_is_refused() {
    for (schema, pointer, reason) in [
        (json!(true), "", "must be an object"),
        (json!({"type": "str"}), "/type", "no type `str`"),
        (json!({"type": []}), "/type", "a string"),
        (json!({"required": true}), "/required", "list of names"),
        (
            json!({"properties": {"a/b": {"required": [1]}}}),
            "/properties/a~1b/required",
            "list of names",
        ),
        (json!({"properties": []}), "/properties", "an object"),
        (
            json!({"items": [{}, {"minLength": -1}]}),
            "/items/1/minLength",
            "not negative",
        ),
        (json!({"maxItems": 1.5}), "/maxItems", "integer"),
        (json!({"minimum": "1"}), "/minimum", "a number"),
        (json!({"multipleOf": 0}), "/multipleOf", "greater than 0"),
        (json!({"pattern": "[a"}), "/pattern", "unclosed"),
        (
            json!({"patternProperties": {"(": {}}}),
            "/patternProperties/(",
            "unclosed",
        ),
        (json!({"enum": []}), "/enum", "something in it"),
        (json!({"allOf": []}), "/allOf", "a schema in it"),
        (json!({"anyOf": [1]}), "/anyOf/0", "an object"),
        (
            json!({"dependencies": {"a": 1}}),
            "/dependencies/a",
            "an object",
        ),
        (json!({"uniqueItems": 1}), "/uniqueItems", "boolean"),
        (
            json!({"additionalProperties": 1}),
            "/additionalProperties",
            "boolean or a schema",
        ),
        (
            json!({"not": {"$ref": "#/x"}}),
            "/not/$ref",
            "`#/x` leads to no schema",
        ),
        (json!({"$ref": 1}), "/$ref", "a string"),
        (json!({"$ref": "#"}), "", "back to itself"),
        (
            json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}, "not": {"$ref": "#/a"}}),
            "",
            "back to itself",
        ),
    ] {
        let faults = compile(&schema).unwrap_err();
        assert_eq!(faults.len(), 1, "{schema} {faults:?}");
        assert_eq!(faults[0].pointer, pointer, "{schema}");
        assert!(faults[0].reason.contains(reason), "{schema} {faults:?}");
    }
    // All of them.
    let faults = compile(&json!({"type": 1, "minimum": "", "not": {"type": 2}})).unwrap_err();
    assert_eq!(faults.len(), 3);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_fault_of_another_model_is_reported_where_it_is_referred_to() {
    let broken = json!({"properties": {"a": {"type": "str"}}});
    let schema = json!({"items": {"$ref": "other"}});
    let faults = Schema::compile(&schema, &|_| Some(&broken)).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].pointer, "/items/$ref");
    assert!(faults[0].reason.contains("`other`"), "{faults:?}");
}

#[wasm_bindgen_test(unsupported = test)]
fn no_value_takes_for_ever() {
    // Both alternatives at every level: 2¹⁰⁰.
    let either = json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "b": {"type": "null"}}});
    let deep = format!("{}{{\"b\": 1}}{}", "{\"a\":".repeat(100), "}".repeat(100));
    assert!(errors(&compile(&either).unwrap(), &deep).contains("too long"));
    // Without end.
    let endless = json!({"allOf": [{"$ref": "#"}]});
    assert!(errors(&compile(&endless).unwrap(), "1").contains("validation loop"));
    let hostile = json!({"pattern": "^(a+)+$"});
    let text = format!("\"{}b\"", "a".repeat(60));
    assert!(errors(&compile(&hostile).unwrap(), &text).contains("regular expression"));
    let unique = json!({"uniqueItems": true});
    let long = format!(
        "[{}0]",
        (0..50_000).fold(String::new(), |all, item| all + &format!("{item},"))
    );
    assert!(errors(&compile(&unique).unwrap(), &long).contains("duplicate"));
    // A long chain.
    let chain: serde_json::Map<String, Json> = (0..50_000)
        .map(|link| (link.to_string(), json!({"$ref": format!("#/{}", link + 1)})))
        .chain([("50000".to_owned(), json!({"type": "null"}))])
        .collect();
    let mut chain = Json::Object(chain);
    chain["not"] = json!({"$ref": "#/0"});
    assert!(errors(&compile(&chain).unwrap(), "null").contains("should not"));
    let many = json!({"items": {"type": "null"}});
    let messages = errors(
        &compile(&many).unwrap(),
        &format!("[{}1]", "1,".repeat(50_000)),
    );
    assert!(messages.len() < 100_000, "{}", messages.len());
}

/// Schemas of everything but formats and regular expressions, in which the two could differ.
#[cfg(not(target_family = "wasm"))]
fn schema() -> impl Strategy<Value = Json> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let constant = || {
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(1),
            json!(2.5),
            json!("a"),
            json!("ab"),
            json!([]),
            json!([1]),
            json!({}),
            json!({"a": 1}),
        ])
    };
    let types = prop::sample::select(vec![
        "array", "boolean", "integer", "null", "number", "object", "string",
    ]);
    let leaf = prop_oneof![
        Just(json!({})),
        types.prop_map(|name| json!({"type": name})),
        prop::collection::vec(constant(), 1..4).prop_map(|values| json!({"enum": values})),
        (0..3, any::<bool>()).prop_map(
            |(limit, exclusive)| json!({"minimum": limit, "exclusiveMinimum": exclusive})
        ),
        (0..3, any::<bool>()).prop_map(
            |(limit, exclusive)| json!({"maximum": limit, "exclusiveMaximum": exclusive})
        ),
        (1..4).prop_map(|divisor| json!({"multipleOf": f64::from(divisor) / 2.0})),
        (0..3, 0..3).prop_map(|(least, most)| json!({"minLength": least, "maxItems": most})),
        (0..3, 0..3).prop_map(|(least, most)| json!({"minItems": least, "maxLength": most})),
        (0..2, 0..3)
            .prop_map(|(least, most)| json!({"minProperties": least, "maxProperties": most})),
        prop::collection::btree_set(name(), 1..3).prop_map(|names| json!({"required": names})),
        Just(json!({"uniqueItems": true})),
        Just(json!({"$ref": "#/definitions/a"})),
    ];
    let inner = leaf.prop_recursive(3, 16, 3, move |inner| {
        let all = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            all.clone().prop_map(|all| json!({"allOf": all})),
            all.clone().prop_map(|all| json!({"anyOf": all})),
            all.clone().prop_map(|all| json!({"oneOf": all})),
            inner.clone().prop_map(|inner| json!({"not": inner})),
            inner.clone().prop_map(|inner| json!({"items": inner})),
            (all, any::<bool>())
                .prop_map(|(all, more)| json!({"items": all, "additionalItems": more})),
            (name(), inner.clone(), any::<bool>()).prop_map(|(name, inner, more)| {
                json!({"properties": {name: inner}, "additionalProperties": more})
            }),
            (name(), inner.clone(), inner.clone()).prop_map(|(name, one, other)| {
                json!({"patternProperties": {name: one}, "additionalProperties": other})
            }),
            (name(), name()).prop_map(|(name, other)| json!({"dependencies": {name: [other]}})),
            (name(), inner).prop_map(|(name, inner)| json!({"dependencies": {name: inner}})),
        ]
    });
    (inner.clone(), inner).prop_map(|(root, definition)| {
        // A `$ref` of its own would be a circle.
        let definition = definition
            .as_object()
            .filter(|it| !it.contains_key("$ref"))
            .cloned();
        let mut root = root.as_object().cloned().unwrap_or_default();
        root.insert(
            "definitions".to_owned(),
            json!({"a": definition.unwrap_or_default()}),
        );
        Json::Object(root)
    })
}

#[cfg(not(target_family = "wasm"))]
fn instance() -> impl Strategy<Value = Json> {
    let leaf = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(2.5),
        json!(""),
        json!("a"),
        json!("abc"),
    ]);
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c", "d"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(|entries| json!(entries)),
        ]
    })
}

#[cfg(not(target_family = "wasm"))]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Schemas that refer to themselves without end are refused here, or said to be a loop.
    #[test]
    fn the_jsonschema_crate_says_the_same(schema in schema(), instance in instance()) {
        let endless = schema["definitions"]["a"].to_string().contains("$ref");
        prop_assume!(!endless);
        let theirs = jsonschema::draft4::new(&schema).unwrap();
        let ours = compile(&schema).unwrap();
        prop_assert_eq!(
            errors(&ours, &instance.to_string()).is_empty(),
            theirs.is_valid(&instance),
            "{} {}", schema, instance
        );
    }
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn any_schema_is_compiled_or_refused(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\"type\":", "\"items\":", "\"$ref\":", "\"id\":", "\"#\"", "\"#/items\"", "\"object\"",
            "\"enum\":", "\"properties\":", "\"allOf\":", "\"not\":", "{", "}", "[", "]", ",", "1",
            "-1", "1e400", "true", "null", "\"a\":", "\"multipleOf\":", "0.1", "\"pattern\":", "\"(\"",
        ]), 0..24),
        text in r#"[\[\]{}:,"a1. ]{0,16}"#,
    ) {
        // What is not closed is closed, so that more of it is JSON.
        let schema = format!("{{{}}}", pieces.concat());
        if let Ok(schema) = serde_json::from_str::<Json>(&schema)
            && let Ok(schema) = compile(&schema)
            && let Ok(document) = read(&text, ReadOptions::default())
        {
            let _ = schema.validate(&document.value);
        }
    }
}
