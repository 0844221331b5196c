//! `attache keys --fleet` as a process: what it asks of Redis, and what it prints.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod shared_redis;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use shared_redis::{KEYS, Redis, attache, refused, told};

const CONFIGURATION: &str = "
apis: {shop: {definition: openapi.yaml, stages: {prod: {}}}}
usagePlans:
  gold: {apiStages: [{api: shop, stage: prod}]}
  trial: {apiStages: [{api: shop, stage: prod}]}
apiKeys:
  declared: {value: declared-value-0123456789}
state: {redis: {url: 'http://REDIS', auth: {token: a-token-0123456789}, apiKeys: true}}
";

fn folder(redis: &Redis) -> tempfile::TempDir {
    shared_redis::folder(redis, CONFIGURATION)
}

fn keys_given(folder: &Path, arguments: &[&str], input: &str) -> Output {
    attache(folder, &[&["keys", "--fleet"], arguments].concat(), input)
}

fn keys(folder: &Path, arguments: &[&str]) -> Output {
    keys_given(folder, arguments, "")
}

#[test]
fn redis_is_given_digests_only() {
    let redis = Redis::start();
    let folder = folder(&redis);
    let created = keys(folder.path(), &["create", "acme", "--plan", "gold"]);
    let (value, notice) = told(&created);
    let value = value.trim();
    assert_eq!(value.len(), 40);
    assert_eq!(
        notice,
        "created the API key `acme` in Redis; every gateway knows within two seconds; keep the \
         value, it is not shown again\n"
    );
    let rotated = keys(folder.path(), &["rotate", "acme", "--overlap", "1h"]);
    let new = told(&rotated).0.trim();
    let given = "given-value-0123456789";
    let arguments = ["create", "globex", "--value-stdin"];
    let created = keys_given(folder.path(), &arguments, given);
    assert_eq!(told(&created).0, "");
    let record = redis.record(KEYS, "acme");
    assert_eq!(record["usagePlans"], json!(["gold"]));
    assert_eq!(record["previousValues"].as_array().unwrap().len(), 1);
    let asked = redis.asked();
    for value in [value, new, given] {
        assert!(!asked.contains(value), "{asked}");
    }
    let plain = keys(folder.path(), &["create", "another", "--plain"]);
    assert!(refused(&plain, 2).contains("leave out `--plain`"));
}

#[test]
fn keys_are_listed_revoked_and_removed() {
    let redis = Redis::start();
    let folder = folder(&redis);
    let expiry = "2096-01-31T00:00:00Z";
    for arguments in [
        &["create", "globex", "--expires-at", expiry][..],
        &["create", "acme", "--plan", "trial"],
        &["revoke", "globex"],
    ] {
        told(&keys(folder.path(), arguments));
    }
    assert_eq!(
        told(&keys(folder.path(), &["list"])).0,
        "\
NAME    PLANS  ENABLED  EXPIRES               DECLARED
acme    trial  yes      never                 in Redis
globex  -      no       2096-01-31T00:00:00Z  in Redis
"
    );
    let listed = keys(folder.path(), &["list", "--output", "json"]);
    let listed: Value = serde_json::from_str(told(&listed).0).unwrap();
    assert_eq!(
        listed["apiKeys"][1],
        json!({
            "name": "globex", "usagePlans": [], "enabled": false, "expiresAt": expiry,
            "previousValues": []
        })
    );
    let again = keys(folder.path(), &["revoke", "globex"]);
    assert_eq!(told(&again).1, "the API key `globex` is disabled already\n");
    let removed = keys(folder.path(), &["revoke", "--delete", "globex"]);
    assert_eq!(
        told(&removed).1,
        "removed the API key `globex` in Redis; every gateway knows within two seconds\n"
    );
    let gone = keys(folder.path(), &["rotate", "globex"]);
    assert!(refused(&gone, 1).contains("no API key in Redis is named `globex`"));
    // The files are as they were.
    let configuration = std::fs::read_to_string(folder.path().join("attache.yaml")).unwrap();
    assert_eq!(
        configuration,
        CONFIGURATION.replace("REDIS", &redis.address())
    );
}

#[test]
fn a_key_of_the_files_and_one_in_redis_are_not_the_same() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&keys(folder.path(), &["create", "acme", "--plan", "gold"]));
    let create = |name: &str, value: &str| {
        keys_given(folder.path(), &["create", name, "--value-stdin"], value)
    };
    let given = "given-value-0123456789";
    told(&create("globex", given));
    for (output, reason) in [
        (
            create("acme", "another-value-0123456789"),
            "an API key is named `acme` already, in Redis",
        ),
        (
            create("declared", "another-value-0123456789"),
            "an API key is named `declared` already",
        ),
        (
            create("more", given),
            "the value belongs to the API key `globex` already, in Redis",
        ),
        (
            create("more", "declared-value-0123456789"),
            "belongs to the API key `declared` already",
        ),
        (
            keys(folder.path(), &["revoke", "declared"]),
            "`declared` is declared in",
        ),
        (
            keys(folder.path(), &["create", "more", "--plan", "none"]),
            "no usage plan is named `none`",
        ),
    ] {
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_file_is_imported_but_for_what_is_there() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&keys(folder.path(), &["create", "acme"]));
    let mut file = String::from("Name,key,UsagePlanIds,Enabled\r\n");
    file.push_str("acme,value-of-acme-0123456789,gold,true\r\n");
    file.push_str("declared,value-of-declared-0123,gold,true\r\n");
    file.push_str("closed,value-of-closed-012345,\"gold,unknown\",false\r\n");
    for key in 0..1_300 {
        file.push_str(&format!("key{key},value-of-key-{key:08},gold,true\r\n"));
    }
    std::fs::write(folder.path().join("keys.csv"), file).unwrap();
    let imported = keys(folder.path(), &["import", "keys.csv", "--output", "json"]);
    let imported: Value = serde_json::from_str(told(&imported).0).unwrap();
    assert_eq!(imported["warnings"], 3);
    assert_eq!(imported["imported"].as_array().unwrap().len(), 1_301);
    let closed = redis.record(KEYS, "closed");
    assert_eq!(
        (&closed["enabled"], &closed["usagePlans"]),
        (&json!(false), &json!(["gold"]))
    );
    // More than one answer holds.
    let listed = keys(folder.path(), &["list", "--output", "json"]);
    let listed: Value = serde_json::from_str(told(&listed).0).unwrap();
    assert_eq!(listed["apiKeys"].as_array().unwrap().len(), 1_302);
}

#[test]
fn who_does_not_answer_and_who_is_not_asked_is_said() {
    let redis = Redis::start();
    let folder = folder(&redis);
    for (answer, reason) in [
        (r#"{"EVAL": [false, "READONLY no"]}"#, "READONLY no"),
        ("no JSON", "no answer of Redis came with status 200"),
        (
            r#"{"EVAL": ["lost"]}"#,
            "Redis has lost a part of the API keys",
        ),
        (
            r#"{"EVAL": ["else"]}"#,
            "it answered something else than was asked for",
        ),
    ] {
        redis.answers(answer);
        let output = keys(folder.path(), &["create", "acme"]);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("a-token"), "{said}");
    }
    let file = folder.path().join("attache.yaml");
    let configuration = std::fs::read_to_string(&file).unwrap();
    for (found, instead, reason) in [
        (
            ", apiKeys: true",
            "",
            "the gateways read no API keys from Redis",
        ),
        (
            "state:",
            "# state:",
            "there is no Redis that gateways share",
        ),
    ] {
        std::fs::write(&file, configuration.replace(found, instead)).unwrap();
        let output = keys(folder.path(), &["list"]);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
}
