//! `attache usage-plans --fleet` as a process, and what becomes of `attache keys --fleet` beside it.

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
use shared_redis::{KEYS, PLANS, Redis, attache, refused, told};

const CONFIGURATION: &str = "
apis:
  shop: {definition: openapi.yaml, stages: {prod: {}, test: {}}}
  web: {definition: openapi.yaml, protocol: HTTP, stages: {prod: {}}}
usagePlans:
  declared: {apiStages: [{api: shop, stage: prod}]}
state:
  redis: {url: 'http://REDIS', auth: {token: a-token-0123456789}, apiKeys: true, usagePlans: true}
";

fn folder(redis: &Redis) -> tempfile::TempDir {
    shared_redis::folder(redis, CONFIGURATION)
}

fn plans(folder: &Path, arguments: &[&str]) -> Output {
    let arguments = [&["usage-plans", "--fleet"], arguments].concat();
    attache(folder, &arguments, "")
}

fn keys(folder: &Path, arguments: &[&str]) -> Output {
    attache(folder, &[&["keys", "--fleet"], arguments].concat(), "")
}

#[test]
fn a_plan_is_created_changed_and_listed_as_aws_has_it() {
    let redis = Redis::start();
    let folder = folder(&redis);
    let created = plans(
        folder.path(),
        &[
            "create",
            "gold",
            "--rate-limit",
            "10",
            "--burst-limit",
            "20",
            "--quota-limit",
            "1000",
            "--quota-period",
            "WEEK",
            "--quota-offset",
            "1",
            "--quota-time-zone",
            "Europe/Berlin",
            "--api-stage",
            "shop:prod",
            "--method-throttle",
            "shop:prod:x/GET=0.5:2",
        ],
    );
    assert_eq!(
        told(&created),
        (
            "",
            "created the usage plan `gold` in Redis; every gateway knows within two seconds\n"
        )
    );
    let record = redis.record(PLANS, "gold");
    assert_eq!(
        record["throttle"],
        json!({"rateLimit": 10.0, "burstLimit": 20})
    );
    assert_eq!(record["quota"]["timeZone"]["name"], "Europe/Berlin");
    assert!(record["quota"]["timeZone"]["tzif"].is_string());
    assert_eq!(
        told(&plans(folder.path(), &["create", "idle"])).1,
        "created the usage plan `idle` in Redis, which holds no stage, so its keys open nothing by \
         it; every gateway knows within two seconds\n"
    );
    assert_eq!(
        told(&plans(folder.path(), &["list"])).0,
        "\
NAME  THROTTLE        QUOTA                                   STAGES
gold  10/s, burst 20  1000 per WEEK, offset 1, Europe/Berlin  shop:prod (1 method throttled)
idle  -               -                                       -
"
    );

    // What is not given stays.
    let changed = plans(
        folder.path(),
        &[
            "update",
            "gold",
            "--burst-limit",
            "40",
            "--api-stage",
            "shop:test",
            "--output",
            "json",
        ],
    );
    let (changed, notice) = told(&changed);
    assert_eq!(
        notice,
        "changed the usage plan `gold` in Redis; every gateway knows within two seconds\n"
    );
    let gold = json!({
        "name": "gold",
        "throttle": {"rateLimit": 10.0, "burstLimit": 40},
        "quota": {"limit": 1000, "period": "WEEK", "offset": 1, "timeZone": "Europe/Berlin"},
        "apiStages": [
            {"apiId": "shop", "stage": "prod",
             "throttle": {"/x/GET": {"rateLimit": 0.5, "burstLimit": 2}}},
            {"apiId": "shop", "stage": "test"},
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(changed).unwrap(), gold);
    let listed = plans(folder.path(), &["list", "--output", "json"]);
    let listed: Value = serde_json::from_str(told(&listed).0).unwrap();
    let idle = json!({"name": "idle", "apiStages": []});
    assert_eq!(listed, json!({"usagePlans": [gold, idle]}));

    told(&plans(
        folder.path(),
        &[
            "update",
            "gold",
            "--no-throttle",
            "--no-quota",
            "--remove-api-stage",
            "shop:test",
            "--remove-method-throttle",
            "shop:prod:/x/GET",
        ],
    ));
    assert_eq!(
        redis.record(PLANS, "gold"),
        json!({
            "id": "gold", "throttle": null, "quota": null,
            "apiStages": [{"api": "shop", "stage": "prod"}],
        })
    );
    // The files are as they were.
    let configuration = std::fs::read_to_string(folder.path().join("attache.yaml")).unwrap();
    assert_eq!(
        configuration,
        CONFIGURATION.replace("REDIS", &redis.address())
    );
}

#[test]
fn what_gateways_would_not_load_is_not_written() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "there", "--api-stage", "shop:prod"],
    ));
    let asked = redis.times_asked();
    let throttle = ["--rate-limit", "1", "--burst-limit", "1"];
    for (arguments, reason) in [
        (
            &["declared"][..],
            "the usage plan `declared` is declared in `attache.yaml`",
        ),
        (
            &["new", "--api-stage", "shpo:prod"],
            "names the API `shpo`, which is not there",
        ),
        (
            &["new", "--api-stage", "shop:live"],
            "names the stage `live`, which the API `shop` does not have",
        ),
        (
            &["new", "--api-stage", "web:prod"],
            "`web`, which is an HTTP API",
        ),
        (
            &[
                "new",
                "--api-stage",
                "shop:prod",
                "--api-stage",
                "shop:prod",
            ],
            "holds the stage `prod` of `shop` twice",
        ),
        (
            &[
                "new",
                "--api-stage",
                "shop:prod",
                "--method-throttle",
                "shop:prod:/x/GET=1:1",
            ],
            "throttles single methods and has no throttle itself",
        ),
        (
            &["new", "--method-throttle", "shop:prod:/x/GET=1:1"],
            "`new` does not hold the stage `prod` of `shop`",
        ),
        (
            &[
                "new",
                "--quota-limit",
                "1",
                "--quota-period",
                "DAY",
                "--quota-offset",
                "1",
            ],
            "the offset of a quota per DAY must be 0",
        ),
        (
            &[
                "new",
                "--quota-limit",
                "1",
                "--quota-period",
                "DAY",
                "--quota-time-zone",
                "Berlin",
            ],
            "`Berlin` is not a time zone of the IANA database",
        ),
    ] {
        let output = plans(folder.path(), &[&["create"], arguments].concat());
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
    for (method, reason) in [
        ("/y/GET", "`shop` has no operation `/y/GET`"),
        ("/x", "`/x` does not end with a method"),
        ("*/*", "cannot be for all of them"),
    ] {
        let method = format!("shop:prod:{method}=1:1");
        let arguments = [
            "create",
            "new",
            "--api-stage",
            "shop:prod",
            "--method-throttle",
            &method,
        ];
        let output = plans(folder.path(), &[&arguments[..], &throttle].concat());
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
    for rate in ["--rate-limit=-1", "--rate-limit=NaN"] {
        let output = plans(
            folder.path(),
            &["create", "new", rate, "--burst-limit", "1"],
        );
        let said = refused(&output, 1);
        assert!(said.contains("rate"), "{said}");
    }
    // Whoever refuses a plan by itself asks Redis nothing.
    assert_eq!(redis.times_asked(), asked);
    let again = plans(folder.path(), &["create", "there"]);
    let said = refused(&again, 1);
    assert!(said.contains("repeated-usage-plan"), "{said}");
    assert!(
        said.contains("a usage plan is named `there` already, in Redis"),
        "{said}"
    );
    assert_eq!(
        redis.record(PLANS, "there")["apiStages"][0]["stage"],
        "prod"
    );
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:prod"],
    ));
    for (arguments, reason) in [
        (
            &["update", "silver", "--rate-limit", "1"][..],
            "no usage plan in Redis is named `silver`",
        ),
        (
            &["delete", "silver"],
            "no usage plan in Redis is named `silver`",
        ),
        (
            &["update", "declared", "--no-quota"],
            "`declared` is declared in `attache.yaml`",
        ),
        (
            &["delete", "declared"],
            "`declared` is declared in `attache.yaml`",
        ),
        (
            &["update", "gold", "--remove-api-stage", "shop:test"],
            "`gold` does not hold the stage `test` of `shop`",
        ),
        (
            &[
                "update",
                "gold",
                "--remove-method-throttle",
                "shop:prod:/x/GET",
            ],
            "`gold` has no throttle for `/x/GET` of `shop:prod`",
        ),
    ] {
        let output = plans(folder.path(), arguments);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn options_that_do_not_fit_together_are_said() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:prod"],
    ));
    for (arguments, reason) in [
        (
            &["create", "", "--rate-limit", "1"][..],
            "a usage plan has a name",
        ),
        (
            &["create", "new", "--rate-limit", "1"],
            "give both `--rate-limit`",
        ),
        (
            &["create", "new", "--quota-limit", "1"],
            "give both `--quota-limit`",
        ),
        (
            &["update", "gold", "--quota-offset", "1"],
            "give both `--quota-limit`",
        ),
        (&["update", "gold"], "nothing is to be changed"),
        (
            &[
                "update",
                "gold",
                "--method-throttle",
                "shop:prod:/x/GET=1:1",
                "--method-throttle",
                "shop:prod:x/GET=2:2",
            ],
            "given twice for `/x/GET`",
        ),
    ] {
        let output = plans(folder.path(), arguments);
        let said = refused(&output, 2);
        assert!(said.contains(reason), "{said}");
    }
    let of_files = attache(folder.path(), &["usage-plans", "list"], "");
    let said = refused(&of_files, 2);
    assert!(
        said.contains("edited in `attache.yaml`, under `usagePlans`"),
        "{said}"
    );
}

#[test]
fn a_plan_is_deleted_when_nothing_depends_on_it() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:prod"],
    ));
    told(&keys(folder.path(), &["create", "acme", "--plan", "gold"]));
    let output = plans(folder.path(), &["delete", "gold"]);
    let said = refused(&output, 1);
    assert!(
        said.contains(
            "Cannot delete Usage Plan gold because there are API Stages associated with it, \
             including shop:prod"
        ),
        "{said}"
    );
    assert!(said.contains("--remove-api-stage shop:prod"), "{said}");
    told(&plans(
        folder.path(),
        &["update", "gold", "--remove-api-stage", "shop:prod"],
    ));
    let output = plans(folder.path(), &["delete", "gold"]);
    let said = refused(&output, 1);
    assert!(
        said.contains("API keys in Redis belong to the usage plan `gold`: `acme`"),
        "{said}"
    );
    assert!(
        said.contains("`attache keys update KEY --fleet --remove-plan gold`"),
        "{said}"
    );
    told(&keys(
        folder.path(),
        &["update", "acme", "--remove-plan", "gold"],
    ));
    assert_eq!(
        told(&plans(folder.path(), &["delete", "gold"])).1,
        "deleted the usage plan `gold` in Redis; every gateway knows within two seconds\n"
    );
    assert_eq!(
        told(&plans(folder.path(), &["list"])).0,
        "NAME  THROTTLE  QUOTA  STAGES\n"
    );

    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:prod"],
    ));
    told(&keys(
        folder.path(),
        &["create", "globex", "--plan", "gold"],
    ));
    told(&plans(folder.path(), &["delete", "gold", "--force"]));
    // The key keeps the name of the plan, should it come again.
    assert_eq!(redis.record(KEYS, "globex")["usagePlans"], json!(["gold"]));
}

#[test]
fn keys_of_redis_belong_to_plans_of_redis_and_of_the_files_one_for_each_stage() {
    let redis = Redis::start();
    let folder = folder(&redis);
    for (plan, stage) in [("gold", "shop:prod"), ("tests", "shop:test")] {
        told(&plans(
            folder.path(),
            &["create", plan, "--api-stage", stage],
        ));
    }
    let create = |name: &str, plans: [&str; 2]| {
        let [one, other] = plans;
        keys(
            folder.path(),
            &["create", name, "--plan", one, "--plan", other],
        )
    };
    told(&create("acme", ["gold", "tests"]));
    told(&create("globex", ["declared", "tests"]));
    for (names, reason) in [
        (
            ["gold", "declared"],
            "both hold the stage `prod` of the API `shop`",
        ),
        (["gold", "silver"], "no usage plan is named `silver`"),
    ] {
        let output = create("initech", names);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("no usage plan is named `gold`"), "{said}");
    }
    // A plan that gets a stage has keys that another plan opens it for.
    for (plan, reason) in [
        ("gold", "`acme` in Redis belongs to `gold` and `tests`"),
        ("tests", "in Redis belongs to `tests` and "),
    ] {
        let stage = if plan == "gold" {
            "shop:test"
        } else {
            "shop:prod"
        };
        let output = plans(folder.path(), &["update", plan, "--api-stage", stage]);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
        assert!(said.contains("overlapping-usage-plans"), "{said}");
        assert!(said.contains("--fleet --remove-plan"), "{said}");
    }
    // So has one that comes again.
    told(&plans(folder.path(), &["delete", "gold", "--force"]));
    let output = plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:test"],
    );
    let said = refused(&output, 1);
    assert!(
        said.contains("`acme` in Redis belongs to `gold` and `tests`"),
        "{said}"
    );
    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:prod"],
    ));
}

#[test]
fn a_key_moves_between_plans_of_redis_and_of_the_files() {
    let redis = Redis::start();
    let folder = folder(&redis);
    for (plan, stage) in [("gold", "shop:prod"), ("tests", "shop:test")] {
        told(&plans(
            folder.path(),
            &["create", plan, "--api-stage", stage],
        ));
    }
    told(&keys(
        folder.path(),
        &["create", "acme", "--plan", "declared"],
    ));
    let update =
        |arguments: &[&str]| keys(folder.path(), &[&["update", "acme"], arguments].concat());
    let belongs = || redis.record(KEYS, "acme")["usagePlans"].clone();
    for (arguments, reason) in [
        (
            &["--plan", "gold"][..],
            "both hold the stage `prod` of the API `shop`",
        ),
        (
            &["--plan", "gold"],
            "`--remove-plan declared` takes the key out",
        ),
        (&["--plan", "silver"], "no usage plan is named `silver`"),
    ] {
        let output = update(arguments);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
    told(&update(&["--plan", "tests"]));
    assert_eq!(belongs(), json!(["declared", "tests"]));
    told(&update(&["--plan", "gold", "--remove-plan", "declared"]));
    assert_eq!(belongs(), json!(["tests", "gold"]));
    let output = update(&["--plan", "declared"]);
    assert!(refused(&output, 1).contains("`--remove-plan gold` takes the key out"));

    // A plan that is gone stays a name until the key is taken out of it.
    told(&plans(folder.path(), &["delete", "gold", "--force"]));
    told(&update(&["--plan", "declared"]));
    assert_eq!(belongs(), json!(["tests", "gold", "declared"]));
    told(&update(&["--remove-plan", "gold"]));
    assert_eq!(belongs(), json!(["tests", "declared"]));
}

#[test]
fn a_file_of_keys_names_plans_of_redis() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:prod"],
    ));
    let file = "Name,key,UsagePlanIds\r\n\
                acme,value-of-acme-0123456789,gold\r\n\
                globex,value-of-globex-01234567,\"gold,declared,none\"\r\n";
    std::fs::write(folder.path().join("keys.csv"), file).unwrap();
    let imported = keys(folder.path(), &["import", "keys.csv"]);
    let (_, notice) = told(&imported);
    assert!(notice.contains("no usage plan is named `none`"), "{notice}");
    assert!(notice.contains("both hold the stage `prod`"), "{notice}");
    assert_eq!(redis.record(KEYS, "acme")["usagePlans"], json!(["gold"]));
    let globex = redis.record(KEYS, "globex");
    assert_eq!(globex["usagePlans"].as_array().unwrap().len(), 1);
}

#[test]
fn a_change_is_made_of_what_another_command_has_left() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "gold", "--rate-limit", "1", "--burst-limit", "2"],
    ));
    let other = json!({
        "id": "gold", "throttle": {"rateLimit": 5.0, "burstLimit": 2}, "quota": null,
        "apiStages": [],
    });
    redis.has_written_meanwhile(PLANS, "gold", &other);
    told(&plans(
        folder.path(),
        &["update", "gold", "--burst-limit", "9"],
    ));
    assert_eq!(
        redis.record(PLANS, "gold")["throttle"],
        json!({"rateLimit": 5.0, "burstLimit": 9})
    );
}

#[test]
fn who_does_not_answer_and_who_is_not_asked_is_said() {
    let redis = Redis::start();
    let folder = folder(&redis);
    let file = folder.path().join("attache.yaml");
    let configuration = std::fs::read_to_string(&file).unwrap();
    for (found, instead, reason) in [
        (
            ", usagePlans: true",
            "",
            "the gateways read no usage plans from Redis",
        ),
        (
            ", apiKeys: true",
            "",
            "usage plans live in Redis, and the API keys that can belong to them do not",
        ),
        (
            "state:\n  redis:",
            "# ",
            "there is no Redis that gateways share",
        ),
    ] {
        std::fs::write(&file, configuration.replace(found, instead)).unwrap();
        let output = plans(folder.path(), &["list"]);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
    }
    std::fs::write(&file, configuration).unwrap();
    for (answer, reason) in [
        (r#"{"EVAL": [false, "READONLY no"]}"#, "READONLY no"),
        (
            r#"{"EVAL": ["lost"]}"#,
            "Redis has lost a part of the usage plans",
        ),
        (
            r#"{"EVAL": ["changed", "new"]}"#,
            "a usage plan is named `new` already, in Redis",
        ),
    ] {
        redis.answers(answer);
        let output = plans(folder.path(), &["create", "new"]);
        let said = refused(&output, 1);
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("a-token"), "{said}");
    }
}

#[test]
fn a_stage_that_is_gone_is_removed_before_anything_else_is_changed() {
    let redis = Redis::start();
    let folder = folder(&redis);
    told(&plans(
        folder.path(),
        &["create", "gold", "--api-stage", "shop:test"],
    ));
    let file = folder.path().join("attache.yaml");
    let configuration = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, configuration.replace(", test: {}", "")).unwrap();
    let limits = ["--rate-limit", "1", "--burst-limit", "1"];
    let output = plans(folder.path(), &[&["update", "gold"], &limits[..]].concat());
    let said = refused(&output, 1);
    assert!(said.contains("names the stage `test`"), "{said}");
    let removed = ["update", "gold", "--remove-api-stage", "shop:test"];
    told(&plans(folder.path(), &[&removed[..], &limits].concat()));
    assert_eq!(redis.record(PLANS, "gold")["apiStages"], json!([]));
}
