//! The verbs of deployments as people and programs meet them: what they print, what they refuse,
//! and what they leave on the disk.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const ACME: &str = "acme-0123456789-0123456789";
const HASHED: &str = "hashed-0123456789-0123456789";

const ACCESS: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "a-token-that-nobody-guesses-0123456789";
const PASSWORD: &str = "a-password:of-redis-that-nobody-guesses";

const CONFIGURATION: &str = "\
apis:
  pets:
    definition: openapi.yaml
    stages:
      prod:
        variables: {backend: \"127.0.0.1:9000\"}
      dev:
        variables: {backend: \"127.0.0.1:9001\"}
        methodSettings:
          /cats/GET: {throttlingRateLimit: 5, throttlingBurstLimit: 10}
  birds: {definition: openapi.yaml, stages: {live: {}, dev: {}}}
usagePlans:
  gold: {apiStages: [{api: pets, stage: prod}]}
apiKeys:
  acme: {value: acme-0123456789-0123456789, usagePlans: [gold]}
";

/// A folder with a configuration, and the command in it.
struct Folder(tempfile::TempDir);

/// What a command printed, and its exit code.
struct Told {
    code: i32,
    output: String,
    messages: String,
}

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("attache.yaml", CONFIGURATION);
        folder.define(&["cats"]);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("attache.yaml")).unwrap();
        assert!(text.contains(from), "{from}");
        self.write("attache.yaml", &text.replace(from, to));
    }

    /// The definition has these resources.
    fn define(&self, resources: &[&str]) {
        self.write("openapi.yaml", &definition(resources));
    }

    fn attache(&self, line: &str) -> Told {
        self.attache_with(&line.split(' ').collect::<Vec<_>>())
    }

    fn attache_with(&self, arguments: &[&str]) -> Told {
        let output = Command::new(env!("CARGO_BIN_EXE_attache"))
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        Told {
            code: output.status.code().unwrap(),
            output: String::from_utf8(output.stdout).unwrap(),
            messages: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a command that goes well prints.
    fn done(&self, line: &str) -> String {
        let told = self.attache(line);
        assert_eq!(told.code, 0, "{line}: {}", told.messages);
        told.output
    }

    fn json(&self, line: &str) -> Value {
        let output = self.done(&format!("{line} --output json"));
        serde_json::from_str(&output).unwrap()
    }

    /// The deployment that a stage serves.
    fn served(&self, stage: &str) -> String {
        let list = self.json("deployments");
        let stages = list["stages"].as_array().unwrap().iter();
        let mut stages = stages.filter(|found| found["stage"] == stage);
        let deployment = &stages.next().unwrap()["deployment"];
        deployment.as_str().unwrap().to_owned()
    }
}

fn definition(resources: &[&str]) -> String {
    let mut text = "openapi: 3.0.1\ninfo: {title: Pets, version: '1'}\npaths:\n".to_owned();
    for name in resources {
        let uri = format!("http://${{stageVariables.backend}}/{name}");
        text.push_str(&format!(
            "  /{name}:\n    get:\n      x-amazon-apigateway-integration: {{type: http_proxy, \
             httpMethod: GET, uri: '{uri}'}}\n"
        ));
    }
    text
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_stage_serves_what_was_deployed_and_not_what_is_worked_on() {
    let folder = Folder::new();
    folder.write(
        "attache.yaml",
        "apis: {pets: {definition: openapi.yaml, stages: {prod: {variables: {backend: b}}}}}\n",
    );
    let invoke = |path: &str, code: i32| {
        let line = format!("test-invoke --api pets --stage prod GET {path}");
        let told = folder.attache(&line);
        assert_eq!(told.code, code, "{path}: {}", told.messages);
    };
    let told = folder.attache("deployments");
    assert!(
        told.messages.starts_with("nothing was deployed"),
        "{}",
        told.messages
    );

    let first = folder.done("deploy --stage prod -m first");
    assert!(first.starts_with("pets (prod): serves "), "{first}");
    folder.define(&["cats", "dogs"]);
    invoke("/cats", 0);
    invoke("/dogs", 2);
    let diff = folder.done("diff prod .");
    let id = folder.served("prod");
    assert_eq!(
        diff,
        format!(
            "pets (prod): {id} → pets (prod): working files\n\n  + GET /dogs\n\n  1 route added\n"
        )
    );
    let second = folder.done("deploy --stage prod --message second");
    assert!(second.contains(&format!(" in place of {id}")), "{second}");
    assert!(
        second.ends_with("  + GET /dogs\n\n  1 route added\n"),
        "{second}"
    );
    invoke("/dogs", 0);
    let again = folder.done("deploy --stage prod");
    assert_eq!(
        again,
        format!("pets (prod) serves {} already\n", folder.served("prod"))
    );

    // Whatever the working files become.
    folder.write("openapi.yaml", "{}");
    invoke("/dogs", 0);
    folder.done("rollback --stage prod");
    assert_eq!(folder.served("prod"), id);
    invoke("/dogs", 2);
    // Who works on them is told.
    let check = folder.attache("check");
    assert_eq!(check.code, 1);
    assert!(
        check.messages.contains("openapi.yaml"),
        "{}",
        check.messages
    );
    assert!(
        check.messages.ends_with("refused: 1 error to mend\n"),
        "{}",
        check.messages
    );
}

#[test]
fn what_is_not_to_be_deployed_is_refused_and_nothing_is_written() {
    let folder = Folder::new();
    let refused = |line: &str, code: i32, reason: &str| {
        let before = files(folder.0.path());
        let told = folder.attache(line);
        assert_eq!((told.code, told.output.as_str()), (code, ""), "{line}");
        assert!(told.messages.contains(reason), "{line}: {}", told.messages);
        assert_eq!(files(folder.0.path()), before, "{line}");
        told.messages
    };
    refused(
        "deploy --stage nowhere",
        2,
        "`nowhere` is no stage: there is `dev`, `live`, `prod`",
    );
    refused("deploy --stage prdo", 2, "did you mean `prod`?");
    refused(
        "deploy --stage dev",
        2,
        "`birds` and `pets` have a stage `dev`: say with `--api` which one is meant",
    );
    refused(
        "deploy --stage prod --api birds",
        2,
        "`prod` is no stage of `birds`",
    );
    refused("deploy --stage prod --api fish", 2, "`fish` is no API");
    refused(
        "deploy --stage prod --canary 101",
        2,
        "write a number from 0 to 100",
    );
    refused(
        "deploy --stage prod --canary -1",
        2,
        "write a number from 0 to 100",
    );
    refused("deploy --stage prod --canary 10", 1, "error[not-deployed]");
    refused("abandon --stage prod", 1, "error[not-deployed]");
    refused("promote --stage prod", 1, "error[not-deployed]");
    refused(
        "promote --stage prod --from live",
        2,
        "`live` is no stage of `pets`",
    );
    refused(
        "promote --stage prod --from prod",
        2,
        "`--from prod` is the stage itself",
    );
    refused("rollback --stage prod", 1, "error[not-deployed]");
    refused("diff . .", 2, "both sides are the working files");
    refused(
        "diff . abcdef",
        2,
        "`abcdef` is no stage, and as a deployment: there is no",
    );
    refused("deployments --stage nowhere", 2, "`nowhere` is no stage");
    folder.write("openapi.yaml", "openapi: 3.0.1");
    refused("deploy --stage prod", 1, "openapi.yaml");
    folder.define(&["cats"]);

    folder.done("deploy --stage prod");
    refused("rollback --stage prod", 1, "error[no-earlier-deployment]");
    refused(
        "rollback --stage prod --to ffff",
        2,
        "there is no deployment `ffff`",
    );
    refused("promote --stage prod", 1, "error[no-canary]");
    refused("abandon --stage prod", 1, "error[no-canary]");
    refused(
        "promote --stage prod --from dev",
        1,
        "it serves the working files",
    );
    let told = refused("promote --stage prod --from dev", 1, "error[not-deployed]");
    assert!(told.contains("--> attache.yaml:5:7"), "{told}");
    // As an array for programs.
    let told = folder.attache("rollback --stage prod --output json");
    let findings: Value = serde_json::from_str(&told.output).unwrap();
    assert_eq!(findings[0]["code"], "no-earlier-deployment");
    assert_eq!((told.code, told.messages.as_str()), (1, ""));
}

#[test]
fn a_secret_of_the_configuration_is_never_in_a_deployment() {
    let folder = Folder::new();
    folder.edit(
        "  acme:",
        &format!(
            "  hashed: {{valueSha256: \"{}\", usagePlans: [gold]}}\n  acme:",
            sha256(HASHED)
        ),
    );
    let clean = definition(&["cats"]);
    folder.edit(
        "usagePlans:\n",
        "credentials:\n  AKIAIOSFODNN7EXAMPLE:\n    secretAccessKeyFile: access.txt\n    \
         principal: {arn: 'arn:aws:iam::000000000000:user/alice'}\nmanagementApi: {tokenFile: \
         token.txt}\nstate: {redis: {url: 'http://127.0.0.1:7379', auth: {username: gateway, \
         passwordFile: password.txt}}}\nusagePlans:\n",
    );
    folder.write("access.txt", ACCESS);
    folder.write("token.txt", TOKEN);
    folder.write("password.txt", PASSWORD);
    for (secret, whose) in [
        (ACME, "`acme`"),
        (HASHED, "`hashed`"),
        (ACCESS, "`AKIAIOSFODNN7EXAMPLE`"),
        (TOKEN, "the token of the management API"),
        (PASSWORD, "the password for Redis"),
    ] {
        for place in [
            format!("{clean}# curl -H 'x-api-key: {secret}'\n"),
            clean.replace("title: Pets", &format!("title: \"{secret}\"")),
            clean.replace("/cats'", &format!("/cats?key={secret}'")),
        ] {
            assert!(place.contains(secret));
            folder.write("openapi.yaml", &place);
            let told = folder.attache("deploy --stage prod");
            assert_eq!(told.code, 1, "{place}");
            assert!(
                told.messages.contains("error[secret-in-deployment]")
                    && told.messages.contains(whose)
                    && told.messages.contains("`openapi.yaml`, line "),
                "{}",
                told.messages
            );
            assert!(!told.messages.contains(secret), "{}", told.messages);
            assert!(files(&folder.path("deployments")).is_empty());
        }
    }
    folder.define(&["cats"]);
    folder.edit("\"127.0.0.1:9000\"", ACME);
    let told = folder.attache("deploy --stage prod");
    assert!(
        told.messages.contains("stands in the API: "),
        "{}",
        told.messages
    );
    folder.edit(&format!("backend: {ACME}"), "backend: a");
    folder.done("deploy --stage prod");
    for file in files(&folder.path("deployments")) {
        let text = fs::read_to_string(&file).unwrap();
        for secret in [
            ACME,
            HASHED,
            &sha256(HASHED),
            ACCESS,
            TOKEN,
            &sha256(TOKEN),
            PASSWORD,
        ] {
            assert!(!text.contains(secret), "{file}");
        }
        assert!(!text.contains(folder.0.path().to_str().unwrap()), "{file}");
    }
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_would_happen_can_be_seen_before() {
    let folder = Folder::new();
    folder.edit("/cats/GET:", "\"*/*\":");
    folder.done("deploy --stage prod");
    folder.define(&["dogs"]);
    let before = files(folder.0.path());
    let told = folder.json("deploy --stage prod --dry-run");
    assert_eq!(files(folder.0.path()), before);
    assert_eq!(
        (&told["changed"], &told["dryRun"], &told["action"]),
        (&json!(false), &json!(true), &json!("deploy"))
    );
    assert_eq!(
        told["changes"],
        json!([
            {"subject": "GET /cats", "kind": "removed", "before": null, "after": null, "breaking": true},
            {"subject": "GET /dogs", "kind": "added", "before": null, "after": null, "breaking": false},
        ])
    );
    let text = folder.done("deploy --stage prod --dry-run");
    assert!(text.starts_with("pets (prod): would: serves "), "{text}");
    let done = folder.json("deploy --stage prod");
    assert_eq!(done["deployment"], told["deployment"]);
    assert_eq!(done["changed"], true);
    assert_ne!(files(folder.0.path()), before);
    // For scripts that want to know whether something changes.
    let code = |line: &str| folder.attache(line).code;
    assert_eq!(code("diff prod . --exit-code"), 0);
    folder.define(&["cats"]);
    assert_eq!(code("diff prod ."), 0);
    assert_eq!(code("diff prod . --exit-code"), 1);
}

#[test]
fn deployments_are_listed_with_what_is_served() {
    let folder = Folder::new();
    folder.done("deploy --stage prod -m first");
    let first = folder.served("prod");
    folder.define(&["cats", "dogs"]);
    folder.done("deploy --stage prod -m second");
    let second = folder.served("prod");
    folder.done("rollback --stage prod -m back");

    let list = folder.json("deployments --stage prod");
    let rows: Vec<_> = list["deployments"].as_array().unwrap().iter().collect();
    let seen = |row: &Value| {
        ["id", "served", "action", "message"]
            .map(|field| row[field].as_str().unwrap_or("").to_owned())
    };
    assert_eq!(
        rows.into_iter().map(seen).collect::<Vec<_>>(),
        [
            [first.as_str(), "stage", "rollback", "back"].map(str::to_owned),
            [second.as_str(), "no", "deploy", "second"].map(str::to_owned),
        ]
    );
    let history = list["stages"][0]["history"].as_array().unwrap();
    assert_eq!(history.len(), 3);
    let table = folder.done("deployments");
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("API   STAGE  DEPLOYMENT    SERVED  LAST"),
        "{table}"
    );
    assert!(
        lines[1].starts_with(&format!("pets  prod   {first}  yes     ")),
        "{table}"
    );
    assert!(lines[1].ends_with("rollback  back"), "{table}");
    assert_eq!(lines.len(), 3);

    // What a command leaves that was killed between two files: a deployment that nothing names.
    fs::remove_file(folder.path("deployments/pets/stages/prod.json")).unwrap();
    let list = folder.json("deployments");
    let rows = list["deployments"].as_array().unwrap();
    let mut ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let mut both = [first.as_str(), &second];
    both.sort_unstable();
    assert_eq!(ids, both);
    assert!(
        rows.iter()
            .all(|row| row["served"] == "no" && row["stage"] == "prod")
    );
}

#[test]
fn a_canary_release_is_tried_and_then_promoted_or_abandoned() {
    let folder = Folder::new();
    folder.done("deploy --stage prod -m first");
    let first = folder.served("prod");
    folder.define(&["cats", "dogs"]);
    let told = folder.done("deploy --stage prod --canary 10 -m try");
    assert!(
        told.contains("to 10 % of the requests, and ") && told.contains("+ GET /dogs"),
        "{told}"
    );
    // The same with another share is the same release.
    let told = folder.json("deploy --stage prod --canary 12.5");
    let canary = told["canary"]["deployment"].as_str().unwrap().to_owned();
    assert_eq!(told["canary"]["percentTraffic"], 12.5);
    assert_eq!(
        folder.json("deploy --stage prod --canary 12.5")["changed"],
        false
    );
    let table = folder.done("deployments");
    assert!(
        table.contains(&format!("{canary}  canary, 12.5 %  ")),
        "{table}"
    );

    // Nothing else comes to the stage meanwhile.
    folder.done("deploy --stage dev --api pets");
    folder.define(&["fish"]);
    for line in [
        "deploy --stage prod",
        "deploy --stage prod --canary 10",
        "promote --stage prod --from dev",
        &format!("rollback --stage prod --to {first}"),
    ] {
        let told = folder.attache(line);
        assert_eq!(told.code, 1, "{line}");
        for part in [
            "error[canary-exists]: `prod` has a canary release",
            "--> deployments/pets/stages/prod.json:4:19",
            "`attache promote --stage prod` makes it what the stage serves, `attache abandon",
        ] {
            assert!(told.messages.contains(part), "{line}: {}", told.messages);
        }
    }
    folder.done("abandon --stage prod -m broken");
    assert_eq!(folder.served("prod"), first);
    folder.define(&["cats", "dogs"]);
    folder.done("deploy --stage prod --canary 100");
    folder.done("promote --stage prod");
    assert_eq!(folder.served("prod"), canary);
    folder.done("rollback --stage prod");
    assert_eq!(folder.served("prod"), first);
    let list = folder.json("deployments --stage prod");
    let history = list["stages"][0]["history"].as_array().unwrap();
    let actions: Vec<&str> = history
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "deploy", "canary", "canary", "abandon", "canary", "promote", "rollback"
        ]
    );

    let http = "apis: {pets: {definition: openapi.yaml, protocol: HTTP, stages: {prod: {}}}}\n";
    folder.write("attache.yaml", http);
    fs::remove_dir_all(folder.path("deployments")).unwrap();
    folder.done("deploy --stage prod");
    let told = folder.attache("deploy --stage prod --canary 1");
    assert!(
        told.messages.contains("error[canary-of-http-api]"),
        "{}",
        told.messages
    );
}

#[test]
fn what_one_stage_serves_goes_to_another_with_settings_of_its_own() {
    let folder = Folder::new();
    folder.done("deploy --api pets --stage dev -m tried");
    let dev = folder.served("dev");
    // What is worked on since does not come along, but the settings of the stage do.
    folder.define(&["dogs"]);
    folder.edit(
        "variables: {backend: \"127.0.0.1:9000\"}",
        "variables: {backend: \"127.0.0.1:9002\"}",
    );
    let told = folder.json("promote --stage prod --from dev -m release");
    assert_eq!(told["action"], "promote");
    let prod = folder.served("prod");
    assert_ne!(dev, prod);
    let diff = folder.json("diff dev prod --api pets");
    let changes: Vec<String> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let of = |field: &str| change[field].as_str().unwrap_or("none").to_owned();
            format!(
                "{} {}: {} → {}",
                of("subject"),
                of("setting"),
                of("before"),
                of("after")
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            "stage name: dev → prod",
            "stage variable backend: 127.0.0.1:9001 → 127.0.0.1:9002",
            "GET /cats throttle: 5 a second, 10 at once → none",
        ]
    );
    // Done once is done.
    let again = folder.json("promote --stage prod --from dev");
    assert_eq!(again["changed"], false);
    let list = folder.json("deployments --stage prod");
    assert_eq!(list["stages"][0]["history"][0]["from"], "dev");
    // Settings that do not fit what was deployed are told at their place.
    folder.edit(
        "      prod:\n",
        "      prod:\n        methodSettings: {/dogs/GET: {metricsEnabled: true}}\n",
    );
    let told = folder.attache("promote --stage prod --from dev");
    assert_eq!(told.code, 1);
    assert!(
        told.messages.contains("error[unknown-method]"),
        "{}",
        told.messages
    );
}

#[test]
fn a_declared_canary_release_is_deployed_with_its_variables_and_promoted_with_them() {
    let folder = Folder::new();
    folder.edit(
        "variables: {backend: \"127.0.0.1:9000\"}",
        "variables: {backend: old, kept: \"1\"}\n        canarySettings: {percentTraffic: 5, \
         stageVariableOverrides: {backend: new}, useStageCache: true}",
    );
    // As the working files are served, so they are deployed.
    let told = folder.json("deploy --stage prod");
    assert_eq!(told["canary"]["percentTraffic"], 5.0);
    assert_eq!(told["canary"]["useStageCache"], true);
    let canary = told["canary"]["deployment"].as_str().unwrap().to_owned();
    let first = folder.served("prod");
    let diff = folder.json(&format!("diff {first} {canary}"));
    assert_eq!(
        diff["changes"],
        json!([{
            "subject": "stage", "kind": "changed", "setting": "variable backend",
            "before": "old", "after": "new", "breaking": false,
        }])
    );
    assert_eq!(folder.json("deploy --stage prod")["changed"], false);
    // The share that is typed goes before the one that is declared.
    let told = folder.json("deploy --stage prod --canary 30");
    assert_eq!(told["canary"]["percentTraffic"], 30.0);
    assert_eq!(told["canary"]["deployment"], canary.as_str());
    let told = folder.attache("promote --stage prod");
    for part in [
        "unless it says `backend: \"new\"`, the next deployment takes them back",
        "still has `canarySettings` for `prod`",
    ] {
        assert!(told.messages.contains(part), "{}", told.messages);
    }
    assert_eq!(folder.served("prod"), canary);
    let list = folder.json("deployments --stage prod");
    assert_eq!(list["stages"][0]["canary"], Value::Null);
}
