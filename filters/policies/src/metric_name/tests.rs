use std::collections::BTreeMap;
use std::sync::LazyLock;

use attache_model::Verb;
use proptest::prelude::*;
use regex::Regex;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{LABELS, Measure, method, stage};

/// Reads a name as the proxy does: every rule over the whole name, then the first groups cut out.
fn read(name: &str) -> (String, BTreeMap<&'static str, String>) {
    static RULES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
        LABELS
            .map(|label| (label.name, Regex::new(label.expression).unwrap()))
            .into()
    });
    let full = format!("wasmcustom.{name}");
    let mut rest = full.clone();
    let mut labels = BTreeMap::new();
    for (label, rule) in RULES.iter() {
        if let Some(groups) = rule.captures(&full) {
            labels.insert(*label, groups[2].to_owned());
            rest = rest.replacen(&groups[1], "", 1);
        }
    }
    (rest, labels)
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn names_are_readable() {
    for (name, expected) in [
        (
            stage("petstore", "prod", Measure::Count),
            "attache.api.petstore.stage.prod.Count",
        ),
        (
            stage("a.b", "$default", Measure::ServerError),
            "attache.api.a%2Eb.stage.$default.5XXError",
        ),
        (
            method(
                "petstore",
                "prod",
                Verb::Get,
                "/pets/{petId}",
                Measure::Latency,
            ),
            "attache.api.petstore.stage.prod.method.GET.resource./pets/{petId}.Latency",
        ),
        (
            method(
                "petstore",
                "v1",
                Verb::Any,
                "/files/{name+}/a.json",
                Measure::ClientError,
            ),
            "attache.api.petstore.stage.v1.method.ANY.resource./files/{name+}/a.json.4XXError",
        ),
    ] {
        assert_eq!(name, expected);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_resource_that_looks_like_labels_stays_one_value() {
    let resource = "/x.stage.y.method.GET.resource.z";
    let name = method("a", "s", Verb::Put, resource, Measure::Count);
    let (rest, labels) = read(&name);
    assert_eq!(rest, "wasmcustom.attache.Count");
    assert_eq!(labels["resource"], resource);
    assert_eq!(labels["method"], "PUT");
    assert_eq!(labels["stage"], "s");
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn every_name_is_read_back(
        api in "\\PC{1,12}",
        stage_name in "\\PC{1,12}",
        resource in "/[a-z.%{}+$é\u{1}]{0,20}",
        measure in prop::sample::select(Measure::ALL.to_vec()),
        verb in prop::sample::select(Verb::ALL.to_vec()),
    ) {
        let name = method(&api, &stage_name, verb, &resource, measure);
        prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic()));
        let (rest, labels) = read(&name);
        prop_assert_eq!(rest, format!("wasmcustom.attache.{}", measure.as_str()));
        prop_assert_eq!(decode(&labels["api"]), api.clone());
        prop_assert_eq!(decode(&labels["stage"]), stage_name.clone());
        prop_assert_eq!(labels["method"].as_str(), verb.as_str());
        prop_assert_eq!(decode(&labels["resource"]), resource);

        let (rest, labels) = read(&stage(&api, &stage_name, measure));
        prop_assert_eq!(rest, format!("wasmcustom.attache.{}", measure.as_str()));
        prop_assert_eq!(decode(&labels["api"]), api);
        prop_assert_eq!(decode(&labels["stage"]), stage_name);
        prop_assert_eq!(labels.len(), 2);
    }
}
