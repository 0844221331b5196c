use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::{read, schema, validator};
use crate::diagnostic::Report;
use crate::document::{Document, Outline};

fn parse(text: &str) -> Document {
    Document::parse(
        Path::new("attache.yaml"),
        text.as_bytes(),
        &mut Report::new(),
    )
    .expect("a tree")
}

#[test]
fn the_schema_is_a_schema_and_knows_no_null() {
    let schema = schema();
    validator(&schema).expect("a schema");
    assert!(!schema.to_string().contains("\"null\""), "{schema:#}");
    assert_eq!(
        schema.pointer("/$defs/Quota/properties/period/enum"),
        Some(&json!(["DAY", "WEEK", "MONTH"]))
    );
}

#[test]
fn what_is_sound_is_read_although_something_else_is_not() {
    let document = parse(
        "apis:\n  shop: {definition: shop.yaml, stages: {prod: {}}}\n  \
         broken: {definition: [], stages: {prod: {}}}\n\
         usagePlans:\n  gold: {throttle: {rateLimit: fast, burstLimit: 1}, quoat: 1}\n",
    );
    let mut report = Report::new();
    let reading = read(&document, &Outline::new(&document), &mut report).expect("a configuration");
    assert!(reading.is_partial);
    assert!(reading.configuration.apis.keys().eq(["shop"]));
    assert!(reading.configuration.usage_plans["gold"].throttle.is_none());
    let mut pointers: Vec<_> = report
        .diagnostics()
        .iter()
        .map(|found| found.pointer.as_str())
        .collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/apis/broken/definition",
            "/usagePlans/gold/quoat",
            "/usagePlans/gold/throttle/rateLimit",
        ]
    );
}

#[test]
fn whatever_fits_the_schema_can_be_read() {
    for text in [
        "apis: {a: {definition: x, stages: {s: {}}}}",
        "apis: {a: {definition: x, stages: {s: {methodSettings: {'*/*': {throttlingBurstLimit: 4294967295, throttlingRateLimit: 1e300}}}}}}",
        "apis: {a: {definition: x, protocol: HTTP, stages: {s: {}}}}\nusagePlans: {p: {quota: {limit: 9007199254740991, period: DAY, offset: 27.0}}}",
        "apis: {a: {definition: x, stages: {s: {}}}}\naccessLog: off\nrateLimitHeaders: true\naccount: {region: eu-west-1}",
        "apis: {a: {definition: x, stages: {s: {cacheCluster: {enabled: true, sizeMiB: 65536, mode: http, longestWaitMillis: 0}, canarySettings: {percentTraffic: 0.5, stageVariableOverrides: {a: b}, useStageCache: true}}}}}\ndomains: {api.example.com: {mappings: {(none): {api: a, stage: s}}, securityPolicy: TLS_1_2}}\nendpoints: {lambda: {url: 'http://x'}}\ncredentials: {k: {principal: {arn: 'arn:aws:iam::000000000000:root'}, policies: [a.json, {Statement: []}]}}",
    ] {
        let mut report = Report::new();
        let document = parse(text);
        let reading = read(&document, &Outline::new(&document), &mut report);
        assert!(reading.is_some_and(|reading| !reading.is_partial), "{text}");
        assert!(
            report
                .diagnostics()
                .iter()
                .all(|found| found.code == "not-supported-yet"),
            "{text}: {report:?}"
        );
    }
}

#[test]
fn no_message_repeats_what_may_be_a_key() {
    const KEY: &str = "kR4fh2-Zq90LmVx7TbYw31";
    for text in [
        format!("apiKeys: {{acme: {KEY}}}"),
        format!("apiKeys: {{acme: {{{KEY}}}}}"),
        format!("apiKeys: {{acme: {{{KEY}: true}}}}"),
        format!("apiKeys: {{acme: {{valueSha256: {KEY}}}}}"),
        format!("apiKeys: {{acme: {{usagePlans: {KEY}}}}}"),
        format!("apiKeys: {{acme: {{enabled: {KEY}}}}}"),
        format!("apiKeys: {{acme: {{previousValues: {KEY}}}}}"),
        format!("apiKeys: {{acme: {{value: x,{KEY}}}}}"),
        format!("apiKeys: {{{KEY}: }}"),
        format!("apiKeys: {{{KEY}: gold}}"),
        format!("apiKeys: [{KEY}]"),
        format!("apiKeys: {KEY}"),
        "apiKeys: {acme: {value: 12345678901234567890}}".to_owned(),
        format!("managementApi: {KEY}"),
        format!("managementApi: [{KEY}]"),
        format!("managementApi: {{{KEY}}}"),
        format!("managementApi: {{{KEY}: true}}"),
        format!("managementApi: {{tokenSha256: {KEY}}}"),
        format!("managementApi: {{token: x,{KEY}}}"),
        format!("managementApi: {{token: [{KEY}]}}"),
        "managementApi: {token: 12345678901234567890}".to_owned(),
    ] {
        let mut report = Report::new();
        let document = parse(&text);
        let _ = read(&document, &Outline::new(&document), &mut report);
        assert!(report.has_errors(), "{text}");
        let said = format!("{:?}", report.diagnostics());
        assert!(
            !said.contains(KEY) && !said.contains("1234567890"),
            "{said}"
        );
    }
}

/// A slip of someone who edits the file by hand.
#[derive(Clone, Debug)]
enum Slip {
    Remove(usize),
    Insert(usize, char),
    Indent(usize, usize),
    RemoveLine(usize),
    RepeatLine(usize),
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        any::<usize>().prop_map(Slip::Remove),
        (
            any::<usize>(),
            prop::sample::select(&[' ', '\t', '\n', ':', '"', '{', '[', '#', 'é'][..])
        )
            .prop_map(|(place, character)| Slip::Insert(place, character)),
        (any::<usize>(), 0..8_usize).prop_map(|(line, depth)| Slip::Indent(line, depth)),
        any::<usize>().prop_map(Slip::RemoveLine),
        any::<usize>().prop_map(Slip::RepeatLine),
    ]
}

fn with(text: &str, slip: &Slip) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    match *slip {
        Slip::Remove(place) => {
            characters.remove(place % characters.len());
        }
        Slip::Insert(place, character) => characters.insert(place % characters.len(), character),
        Slip::Indent(line, depth) => {
            let line = line % lines.len();
            lines[line] = " ".repeat(depth) + lines[line].trim_start();
        }
        Slip::RemoveLine(line) => {
            lines.remove(line % lines.len());
        }
        Slip::RepeatLine(line) => {
            let line = line % lines.len();
            lines.insert(line, lines[line].clone());
        }
    }
    match slip {
        Slip::Remove(_) | Slip::Insert(..) => characters.into_iter().collect(),
        _ => lines.join("\n") + "\n",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever one slip does to a file: it is read to the end, every finding lies within the text
    /// and says what to do, and no half of a key is shown or told.
    #[test]
    fn a_slip_is_found_and_shows_no_key(slip in slip()) {
        const HALVES: [&str; 2] = ["kR4fh2-Zq90", "LmVx7TbYw31"];
        let sound = format!(
            "apis:\n  shop:\n    definition: shop.yaml\n    stages: {{prod: {{}}}}\n\
             usagePlans:\n  gold:\n    throttle: {{rateLimit: 1, burstLimit: 1}}\n\
             apiKeys:\n  acme: {{value: {0}{1}, usagePlans: [gold]}}\n  globex:\n    \
             value: \"{0}{1}\"\n    usagePlans: [gold]\n",
            HALVES[0], HALVES[1]
        );
        let text = with(&sound, &slip);
        let file = Path::new("attache.yaml");
        let mut report = Report::new();
        let document = Document::parse(file, text.as_bytes(), &mut report);
        if let Some(document) = &document {
            let _ = read(document, &Outline::new(document), &mut report);
            report.add_source(file, super::super::masked(document));
        } else {
            prop_assert!(report.has_errors());
            report.add_source(file, super::super::masked_unparsed(&text));
        }
        for found in report.diagnostics() {
            prop_assert!(found.span.start <= found.span.end && found.span.end <= text.len());
            prop_assert!(found.hint.is_some(), "{}", found.message);
        }
        let said = crate::diagnostic::human(&report) + &crate::diagnostic::json(&report).unwrap();
        for half in HALVES {
            prop_assert!(!said.contains(half), "{}\n{}", text, said);
        }
    }
}
