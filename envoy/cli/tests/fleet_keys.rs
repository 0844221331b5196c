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
fn a_key_moves_from_plan_to_plan_and_keeps_its_values() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&keys(folder.path(), &["create", "acme", "--plan", "gold"]));
    told(&keys(folder.path(), &["rotate", "acme", "--overlap", "1h"]));
    let before = redis.record(KEYS, "acme");
    let added = keys(folder.path(), &["update", "acme", "--plan", "trial"]);
    let said = refused(&added, 1);
    assert!(said.contains("overlapping-usage-plans"), "{said}");
    assert!(said.contains("`--remove-plan gold`"), "{said}");
    assert_eq!(redis.record(KEYS, "acme"), before);

    let update = ["update", "acme", "--plan", "trial", "--remove-plan", "gold"];
    let moved = keys(folder.path(), &update);
    assert_eq!(
        told(&moved),
        (
            "",
            "changed the API key `acme` in Redis; every gateway knows within two seconds\n"
        )
    );
    let mut after = before.clone();
    after["usagePlans"] = json!(["trial"]);
    assert_eq!(redis.record(KEYS, "acme"), after);
    let again = keys(folder.path(), &["update", "acme", "--plan", "trial"]);
    assert_eq!(
        told(&again).1,
        "the API key `acme` is so already, in Redis\n"
    );

    // It says what the list says.
    let json = ["--output", "json"];
    let update = ["update", "acme", "--remove-plan", "trial"];
    let updated = keys(folder.path(), &[&update[..], &json].concat());
    let updated: Value = serde_json::from_str(told(&updated).0).unwrap();
    assert_eq!(updated["usagePlans"], json!([]));
    assert_eq!(updated["previousValues"].as_array().unwrap().len(), 1);
    let listed = keys(folder.path(), &[&["list"], &json[..]].concat());
    let listed: Value = serde_json::from_str(told(&listed).0).unwrap();
    assert_eq!(listed["apiKeys"], json!([updated]));
}

#[test]
fn a_key_is_enabled_again_and_its_end_is_moved() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&keys(folder.path(), &["create", "acme", "--plan", "gold"]));
    let before = redis.record(KEYS, "acme");
    told(&keys(folder.path(), &["revoke", "acme"]));
    let update = |arguments: &[&str]| {
        let output = keys(folder.path(), &[&["update", "acme"], arguments].concat());
        told(&output).1.to_owned()
    };
    let expiry = "2096-01-31T00:00:00Z";
    assert_eq!(
        update(&["--expires-at", expiry]),
        "changed the API key `acme` in Redis, which is disabled; every gateway knows within two \
         seconds\n"
    );
    assert!(update(&["--enable"]).starts_with("changed the API key `acme` in Redis; every"));
    let mut expected = before.clone();
    expected["expiresAt"] = json!(3_978_806_400_000_u64);
    assert_eq!(redis.record(KEYS, "acme"), expected);
    update(&["--no-expires-at"]);
    assert_eq!(redis.record(KEYS, "acme"), before);

    // It is made of what another command has left.
    let mut other = before.clone();
    other["enabled"] = json!(false);
    other["expiresAt"] = json!(1_000);
    redis.has_written_meanwhile(KEYS, "acme", &other);
    let notice = update(&["--enable", "--remove-plan", "gold"]);
    assert!(notice.contains("in Redis, which has expired;"), "{notice}");
    other.as_object_mut().unwrap().remove("enabled");
    other.as_object_mut().unwrap().remove("usagePlans");
    assert_eq!(redis.record(KEYS, "acme"), other);
}

#[test]
fn what_a_key_cannot_become_is_refused() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&keys(folder.path(), &["create", "acme", "--plan", "gold"]));
    told(&keys(folder.path(), &["create", "globex"]));
    let before = redis.record(KEYS, "acme");
    let past = "2020-01-31T00:00:00Z";
    for (arguments, code, reason) in [
        (&["acme"][..], 2, "nothing is to be changed"),
        (
            &["acme", "--plan", "gold", "--remove-plan", "gold"],
            2,
            "`gold` stands with `--plan` and with `--remove-plan`",
        ),
        (
            &["acme", "--expires-at", past],
            2,
            "`--expires-at` is past: `attache keys revoke --fleet`",
        ),
        (
            &["acme", "--remove-plan", "trial"],
            1,
            "`acme` in Redis does not belong to the usage plan `trial`",
        ),
        (
            &["acme", "--remove-plan", "trial"],
            1,
            "it belongs to `gold`",
        ),
        (
            &["globex", "--remove-plan", "gold"],
            1,
            "it belongs to no usage plan",
        ),
        (
            &["acme", "--plan", "none"],
            1,
            "no usage plan is named `none`",
        ),
        (
            &["globex", "--plan", "gold", "--plan", "trial"],
            1,
            "choose one of them",
        ),
        (
            &["initech", "--enable"],
            1,
            "no API key in Redis is named `initech`",
        ),
        (
            &["declared", "--enable"],
            1,
            "`declared` is declared in `./attache.yaml` on line 7",
        ),
        (&["declared", "--enable"], 1, "edit it there"),
    ] {
        let output = keys(folder.path(), &[&["update"], arguments].concat());
        let said = refused(&output, code);
        assert!(said.contains(reason), "{said}");
    }
    assert_eq!(redis.record(KEYS, "acme"), before);
    let of_files = attache(folder.path(), &["keys", "update", "declared"], "");
    let said = refused(&of_files, 2);
    assert!(
        said.contains("`declared` is declared in `./attache.yaml` on line 7"),
        "{said}"
    );
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
