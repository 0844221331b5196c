use std::fs;
use std::path::Path;

use clap::Parser;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Arguments, Failure, Surroundings, run};
use crate::api_key_value::ApiKeyValue;
use crate::diagnostic::Report;

const NOW: &str = "2026-11-20T10:00:00Z";
const ACME: &str = "acme-value-0123456789abcdefghij";
const GIVEN: &str = "given-value-0123456789abcdefghi";

const CONFIGURATION: &str = r#"# yaml-language-server: $schema=./schema.json
apis:
  petstore:
    definition: openapi.yaml            # as exported
    stages: {prod: {}}
usagePlans:
  gold: {apiStages: [{api: petstore, stage: prod}]}
  trial: {apiStages: [{api: petstore, stage: prod}]}
  other: {apiStages: []}

# Our customers.
apiKeys:
  # the first one
  acme: {value: "acme-value-0123456789abcdefghij", usagePlans: [gold], enabled: true}   # in a line
  globex:
    # only the digest
    valueSha256: "00000000000000000000000000000000000000000000000000000000000000aa"   # old
    usagePlans:
      - gold   # the plan
    # nothing more

# Files of AWS's kind.
apiKeyFiles: [keys.csv]
"#;

const KEY_FILE: &str = "Name,key,UsagePlanIds\r\n\
    initech,initech-value-0123456789abcdef,\"gold\"\r\n\
    hooli,hooli-value-0123456789abcdefgh,\r\n";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// A folder with declared files, and what the last command said.
struct Folder {
    folder: TempDir,
    output: String,
    notices: String,
    findings: Vec<String>,
    rendered: String,
}

impl Folder {
    fn new(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("attache.yaml"), configuration).unwrap();
        fs::write(folder.path().join("keys.csv"), KEY_FILE).unwrap();
        Self {
            folder,
            output: String::new(),
            notices: String::new(),
            findings: Vec::new(),
            rendered: String::new(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    fn run_with(&mut self, arguments: &[&str], input: &str) -> Result<(), Failure> {
        let folder = self.path().to_str().unwrap().to_owned();
        let line = ["keys", "-C", &folder]
            .into_iter()
            .chain(arguments.iter().copied());
        let line = Line::try_parse_from(line).unwrap();
        let (mut output, mut notices, mut report) = (Vec::new(), Vec::new(), Report::new());
        let mut surroundings = Surroundings {
            input: &mut input.as_bytes(),
            output: &mut output,
            notices: &mut notices,
            now: NOW.parse().unwrap(),
        };
        let result = run(&line.arguments, &mut surroundings, &mut report);
        self.output = String::from_utf8(output).unwrap();
        self.notices = String::from_utf8(notices).unwrap();
        let found = report.diagnostics().iter();
        self.findings = found.map(|finding| finding.message.clone()).collect();
        self.rendered = crate::diagnostic::human(&report);
        result
    }

    fn run(&mut self, arguments: &[&str]) -> Result<(), Failure> {
        self.run_with(arguments, "")
    }

    /// The value that the last command showed.
    fn shown(&self) -> ApiKeyValue {
        let value = self.output.strip_suffix('\n').unwrap();
        assert_eq!(value.len(), 40);
        ApiKeyValue::new(value.to_owned()).unwrap()
    }

    fn listed(&mut self) -> Vec<Value> {
        self.run(&["list", "--output", "json"]).unwrap();
        let listed: Value = serde_json::from_str(&self.output).unwrap();
        listed["apiKeys"].as_array().unwrap().clone()
    }

    fn listed_key(&mut self, name: &str) -> Value {
        let keys = self.listed();
        keys.into_iter().find(|key| key["name"] == name).unwrap()
    }
}

/// `CONFIGURATION` with one passage replaced; it stands there exactly once.
fn with(old: &str, new: &str) -> String {
    assert_eq!(CONFIGURATION.matches(old).count(), 1, "{old}");
    CONFIGURATION.replace(old, new)
}

#[test]
fn create_shows_the_value_once_and_writes_only_its_digest() {
    let mut folder = Folder::new(CONFIGURATION);
    folder
        .run(&[
            "create",
            "new",
            "--plan",
            "gold",
            "--expires-at",
            "2027-01-31T00:00:00Z",
        ])
        .unwrap();
    let value = folder.shown();
    assert!(!folder.notices.contains(value.reveal()));
    assert_eq!(
        folder.text("attache.yaml"),
        with(
            "      - gold   # the plan\n",
            &format!(
                "      - gold   # the plan\n  new: {{valueSha256: \"{}\", usagePlans: [gold], \
                 expiresAt: \"2027-01-31T00:00:00Z\"}}\n",
                String::from(value.digest())
            )
        )
    );
}

#[test]
fn create_stores_the_value_itself_when_asked_to() {
    let mut folder = Folder::new(CONFIGURATION);
    folder
        .run_with(
            &["create", "new", "--plain", "--value-stdin"],
            &format!("{GIVEN}\n"),
        )
        .unwrap();
    assert_eq!(folder.output, "");
    assert!(
        folder
            .text("attache.yaml")
            .contains(&format!("\n  new: {{value: \"{GIVEN}\"}}\n"))
    );
}

#[test]
fn create_prints_json_when_asked_to() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["create", "new", "--output", "json"]).unwrap();
    let shown: Value = serde_json::from_str(&folder.output).unwrap();
    assert_eq!(shown["name"], "new");
    assert_eq!(shown["value"].as_str().unwrap().len(), 40);
}

#[test]
fn the_first_key_finds_its_place_in_any_kind_of_file() {
    for (before, expected) in [
        (
            "usagePlans: {gold: {}}\n",
            "usagePlans: {gold: {}}\napiKeys:\n  new: KEY\n",
        ),
        (
            "usagePlans: {gold: {}} # plans",
            "usagePlans: {gold: {}} # plans\napiKeys:\n  new: KEY\n",
        ),
        (
            "apiKeys: {}   # none yet\napis: {}\n",
            "apiKeys: {new: KEY}   # none yet\napis: {}\n",
        ),
        (
            "apiKeys: {old: {value: \"01234567890123456789\"}}\n",
            "apiKeys: {old: {value: \"01234567890123456789\"}, new: KEY}\n",
        ),
        (
            "apiKeys:\r\n    old: {value: \"01234567890123456789\"}\r\n# end\r\n",
            "apiKeys:\r\n    old: {value: \"01234567890123456789\"}\r\n    new: KEY\r\n# end\r\n",
        ),
    ] {
        let mut folder = Folder::new(before);
        folder
            .run_with(&["create", "new", "--value-stdin"], GIVEN)
            .unwrap();
        let digest = ApiKeyValue::new(GIVEN.to_owned()).unwrap().digest();
        let key = format!("{{valueSha256: \"{}\"}}", String::from(digest));
        let text = folder.text("attache.yaml");
        assert_eq!(text.trim_end(), expected.replace("KEY", &key).trim_end());
        assert_eq!(folder.listed_key("new")["enabled"], true);
    }
}

#[test]
fn an_empty_apikeys_takes_the_first_key() {
    let before = "apiKeys:   # none yet\n\n# the APIs\napis: {}\n";
    let mut folder = Folder::new(before);
    folder.run(&["create", "new"]).unwrap();
    let text = folder.text("attache.yaml");
    for line in before.lines() {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(folder.listed_key("new")["enabled"], true);
}

#[test]
fn create_refuses_what_could_not_work() {
    let long = "n".repeat(1025);
    for (arguments, input, exit_code, finding) in [
        (
            &["create", "new", "--plan", "silver"][..],
            "",
            1,
            "no usage plan is named `silver`",
        ),
        (
            &["create", "new", "--plan", "gold", "--plan", "trial"],
            "",
            1,
            "the usage plans `gold` and `trial` both hold the stage `prod` of the API `petstore`",
        ),
        (
            &["create", "acme"],
            "",
            1,
            "an API key is named `acme` already",
        ),
        (
            &["create", "hooli"],
            "",
            1,
            "an API key is named `hooli` already",
        ),
        (
            &["create", "new", "--value-stdin"],
            ACME,
            1,
            "the value belongs to the API key `acme`",
        ),
        (
            &["create", "new", "--value-stdin"],
            "hooli-value-0123456789abcdefgh",
            1,
            "the value belongs to the API key `hooli`",
        ),
        (
            &["create", "new", "--value-stdin"],
            "short",
            2,
            "at least 20 characters",
        ),
        (&["create", "new", "--expires-at", NOW], "", 2, "is past"),
        (&["create", ""], "", 2, "an API key has a name"),
        (&["create", &long], "", 2, "at most 1024"),
        (&["revoke", "nobody"], "", 1, "no API key is named `nobody`"),
        (&["rotate", "nobody"], "", 1, "no API key is named `nobody`"),
        (
            &["rotate", "acme", "--value-stdin"],
            ACME,
            1,
            "the value belongs to the API key `acme`",
        ),
        (&["rotate", "acme", "--expires-at", NOW], "", 2, "is past"),
        (
            &["rotate", "hooli", "--overlap", "24h"],
            "",
            1,
            "has no room for an expiry",
        ),
    ] {
        let mut folder = Folder::new(CONFIGURATION);
        let failure = folder.run_with(arguments, input).unwrap_err();
        assert_eq!(failure.exit_code(), exit_code, "{arguments:?}");
        let said = format!("{failure}\n{}", folder.rendered);
        assert!(said.contains(finding), "{said}");
        assert!(input.is_empty() || !said.contains(input), "{said}");
        assert_eq!(folder.output, "");
        assert_eq!(folder.text("attache.yaml"), CONFIGURATION);
        assert_eq!(folder.text("keys.csv"), KEY_FILE);
    }
}

#[test]
fn a_file_with_a_fault_is_not_touched() {
    for (configuration, finding) in [
        ("apiKeys: {a: {value: \"01234567890123456789\"}\n", ""),
        ("apiKeys: [a]\n", "`apiKeys` is a mapping, not a list"),
        (
            "apiKeys:\n  a: SECRET-0123456789-0123456789\n",
            "an API key is a mapping, not text",
        ),
        ("apiKeys:\n  a: {}\n", "either `value` or `valueSha256`"),
        (
            "apiKeys:\n  a: {value: \"SECRET\"}\n",
            "at least 20 characters",
        ),
        (
            "apiKeys:\n  a: {valueSha256: \"SECRET-0123456789-0123456789\"}\n",
            "64 hexadecimal",
        ),
        (
            "apiKeys:\n  a: {value: \"SECRET-0123456789\", valueSha256: \"00\"}\n",
            "either `value` or `valueSha256`",
        ),
        (
            "apiKeys:\n  a: {value: SECRET-0123456789-012345}\n  b: {value: SECRET-0123456789-012345}\n",
            "the API key `b` has the value of `a`",
        ),
        (
            "apiKeys:\n  hooli: {value: SECRET-0123456789-012345}\napiKeyFiles: [keys.csv]\n",
            "the API key `hooli` has the name of `hooli`",
        ),
        ("apiKeyFiles: [absent.csv]\n", "cannot read"),
        (
            "apiKeys:\n  a: {value: SECRET-0123456789-012345, expiresAt: tomorrow}\n",
            "`expiresAt` is a moment",
        ),
    ] {
        for arguments in [
            &["create", "new"][..],
            &["revoke", "a"],
            &["rotate", "a"],
            &["list"],
        ] {
            let mut folder = Folder::new(configuration);
            let failure = folder.run(arguments).unwrap_err();
            assert_eq!(failure.exit_code(), 1);
            let said = format!("{}\n{}", folder.findings.join("\n"), folder.rendered);
            assert!(
                !folder.findings.is_empty() && said.contains(finding),
                "{configuration}: {said}"
            );
            assert!(!said.contains("SECRET"), "{said}");
            assert_eq!(folder.text("attache.yaml"), configuration);
        }
    }
}

#[test]
fn revoke_disables_and_keeps_the_entry() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["revoke", "acme"]).unwrap();
    assert_eq!(
        folder.text("attache.yaml"),
        with("enabled: true", "enabled: false")
    );
    folder.run(&["revoke", "acme"]).unwrap();
    assert!(folder.notices.contains("already"), "{}", folder.notices);

    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["revoke", "globex"]).unwrap();
    assert_eq!(
        folder.text("attache.yaml"),
        with(
            "      - gold   # the plan\n",
            "      - gold   # the plan\n    enabled: false\n"
        )
    );
    assert_eq!(folder.listed_key("globex")["enabled"], false);
}

#[test]
fn revoke_removes_when_asked_to() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["revoke", "acme", "--delete"]).unwrap();
    let line = "  acme: {value: \"acme-value-0123456789abcdefghij\", usagePlans: [gold], \
                enabled: true}   # in a line\n";
    assert_eq!(folder.text("attache.yaml"), with(line, ""));
    folder.run(&["revoke", "globex", "--delete"]).unwrap();
    let text = folder.text("attache.yaml");
    assert!(
        text.contains("# Our customers.") && text.contains("apiKeyFiles"),
        "{text}"
    );
    assert_eq!(folder.listed().len(), 2);
}

#[test]
fn keys_of_an_api_key_file_are_edited_there() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["revoke", "initech"]).unwrap();
    assert_eq!(
        folder.text("keys.csv"),
        "Name,key,UsagePlanIds,Enabled\r\n\
         initech,initech-value-0123456789abcdef,\"gold\",false\r\n\
         hooli,hooli-value-0123456789abcdefgh,,true\r\n"
    );
    folder.run(&["revoke", "initech", "--delete"]).unwrap();
    folder.run(&["rotate", "hooli"]).unwrap();
    let value = folder.shown();
    assert_eq!(
        folder.text("keys.csv"),
        format!(
            "Name,key,UsagePlanIds,Enabled\r\nhooli,{},,true\r\n",
            value.reveal()
        )
    );
    assert_eq!(folder.text("attache.yaml"), CONFIGURATION);
}

#[test]
fn rotate_ends_the_old_value_at_once_unless_told_otherwise() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["rotate", "globex"]).unwrap();
    let value = folder.shown();
    assert_eq!(
        folder.text("attache.yaml"),
        with(
            "00000000000000000000000000000000000000000000000000000000000000aa",
            &String::from(value.digest())
        )
    );
}

#[test]
fn rotate_with_overlap_keeps_the_name_so_that_usage_is_counted_once() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["rotate", "acme", "--overlap", "24h"]).unwrap();
    let first = String::from(folder.shown().digest());
    let old = String::from(ApiKeyValue::new(ACME.to_owned()).unwrap().digest());
    assert_eq!(
        folder.text("attache.yaml"),
        with(
            &format!("{{value: \"{ACME}\", usagePlans: [gold], enabled: true}}"),
            &format!(
                "{{valueSha256: \"{first}\", usagePlans: [gold], enabled: true, previousValues: \
                 [{{valueSha256: \"{old}\", expiresAt: \"2026-11-21T10:00:00Z\"}}]}}"
            )
        )
    );
    let before = folder.listed().len();

    folder
        .run(&["rotate", "acme", "--expires-at", "2026-12-01T00:00:00Z"])
        .unwrap();
    let key = folder.listed_key("acme");
    assert_eq!(
        key["previousValues"],
        json!([{"expiresAt": "2026-12-01T00:00:00Z"}, {"expiresAt": "2026-11-21T10:00:00Z"}])
    );
    assert_eq!(folder.listed().len(), before);

    folder.run(&["rotate", "acme"]).unwrap();
    let last = String::from(folder.shown().digest());
    assert_eq!(
        folder.text("attache.yaml"),
        with(
            &format!("{{value: \"{ACME}\", usagePlans: [gold], enabled: true}}"),
            &format!("{{valueSha256: \"{last}\", usagePlans: [gold], enabled: true}}")
        )
    );
}

#[test]
fn rotate_forgets_values_whose_overlap_is_over() {
    let zeros = "0".repeat(64);
    let configuration = with(
        "    # nothing more\n",
        &format!(
            "    previousValues:\n      - {{valueSha256: \"{zeros}\", expiresAt: \"2026-11-20T09:00:00Z\"}}\n"
        ),
    );
    let mut folder = Folder::new(&configuration);
    folder
        .run(&["rotate", "globex", "--overlap", "7d", "--plain"])
        .unwrap();
    let text = folder.text("attache.yaml");
    assert!(!text.contains(&zeros), "{text}");
    assert_eq!(
        folder.listed_key("globex")["previousValues"],
        json!([{"expiresAt": "2026-11-27T10:00:00Z"}])
    );
    for comment in [
        "# only the digest",
        "# old",
        "# the plan",
        "# Files of AWS's kind.",
    ] {
        assert!(text.contains(comment), "{text}");
    }
}

#[test]
fn list_shows_where_each_key_is_and_never_its_value() {
    let mut folder = Folder::new(CONFIGURATION);
    folder.run(&["list"]).unwrap();
    let path = folder.path().display().to_string();
    let yaml = format!("{path}/attache.yaml");
    let csv = format!("{path}/keys.csv");
    assert_eq!(
        folder.output,
        format!(
            "NAME     PLANS  ENABLED  EXPIRES  DECLARED\n\
             acme     gold   yes      never    {yaml}:14\n\
             globex   gold   yes      never    {yaml}:15\n\
             initech  gold   yes      never    {csv}:2\n\
             hooli    -      yes      never    {csv}:3\n"
        )
    );
    assert_eq!(
        folder.listed_key("initech"),
        json!({
            "name": "initech", "usagePlans": ["gold"], "enabled": true, "expiresAt": null,
            "previousValues": [], "file": csv, "line": 2
        })
    );
    assert!(!folder.output.contains("value-0123") && !folder.output.contains("00aa"));
}

#[test]
fn import_declares_hashed_keys_and_reports_conflicts() {
    let mut folder = Folder::new(CONFIGURATION);
    let file = folder.path().join("aws.csv");
    fs::write(
        &file,
        format!(
            "key,NAME,Description,enabled,UsagePlanIds\n\
             {GIVEN},fresh,\"for #1: us\",FALSE,\"gold,silver\"\n\
             other-value-0123456789abcdefghi,true,,,\"trial,gold\"\n\
             {ACME},copy,,,\n\
             name-value-0123456789abcdefghij,hooli,,,\n"
        ),
    )
    .unwrap();
    let file = file.to_str().unwrap().to_owned();

    let failure = folder
        .run(&["import", &file, "--fail-on-warnings"])
        .unwrap_err();
    assert!(matches!(failure, Failure::Refused));
    assert_eq!(folder.text("attache.yaml"), CONFIGURATION);

    folder.run(&["import", &file, "--output", "json"]).unwrap();
    assert_eq!(
        folder.output,
        "{\"imported\":[\"fresh\",\"true\"],\"warnings\":4}\n"
    );
    let mut findings = folder.findings.clone();
    findings.sort();
    assert_eq!(
        findings,
        [
            "`trial` and `gold` both hold the stage `prod` of the API `petstore`, so `true` \
             belongs to `trial` alone",
            "an API key is named `hooli` already",
            "no usage plan is named `silver`, so `fresh` does not belong to it",
            "the value of `copy` belongs to the API key `acme` already",
        ]
    );
    let digest = |value: &str| String::from(ApiKeyValue::new(value.to_owned()).unwrap().digest());
    assert_eq!(
        folder.text("attache.yaml"),
        with(
            "      - gold   # the plan\n",
            &format!(
                "      - gold   # the plan\n  \
                 fresh: {{valueSha256: \"{}\", description: \"for #1: us\", usagePlans: [gold], \
                 enabled: false}}\n  \
                 \"true\": {{valueSha256: \"{}\", usagePlans: [trial]}}\n",
                digest(GIVEN),
                digest("other-value-0123456789abcdefghi")
            )
        )
    );
    assert!(!folder.text("attache.yaml").contains(GIVEN));
}

#[test]
fn import_refuses_a_faulty_file_whole() {
    let mut folder = Folder::new(CONFIGURATION);
    let file = folder.path().join("aws.csv");
    fs::write(&file, format!("Name,Key\na,{GIVEN}\nb,short\n")).unwrap();
    let failure = folder.run(&["import", file.to_str().unwrap()]).unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    assert_eq!(
        folder.findings,
        ["an API key value has at least 20 characters"]
    );
    assert_eq!(folder.text("attache.yaml"), CONFIGURATION);
}

#[test]
fn a_missing_configuration_is_named() {
    let mut folder = Folder::new("");
    fs::remove_file(folder.path().join("attache.yaml")).unwrap();
    let failure = folder.run(&["list"]).unwrap_err();
    assert!(failure.to_string().contains("attache.yaml"), "{failure}");
}

#[cfg(unix)]
#[test]
fn permissions_and_links_survive() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let mut folder = Folder::new(CONFIGURATION);
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("real.yaml");
    let link = folder.path().join("attache.yaml");
    fs::rename(&link, &target).unwrap();
    symlink(&target, &link).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o646)).unwrap();
    folder.run(&["revoke", "acme"]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o646
    );
    assert!(
        fs::read_to_string(&target)
            .unwrap()
            .contains("enabled: false")
    );
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    let folder = Folder::new(CONFIGURATION);
    let file = folder.path().join("attache.yaml");
    let failure = super::replace_file::replace_file(&file, b"before", b"after").unwrap_err();
    assert!(matches!(failure, Failure::Changed { .. }));
    assert_eq!(folder.text("attache.yaml"), CONFIGURATION);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn wrong_arguments_are_usage_errors() {
    for line in [
        &["keys", "create", "a", "--hashed", "--plain"][..],
        &["keys", "create", "a", "--expires-at", "tomorrow"],
        &["keys", "rotate", "a", "--overlap", "soon"],
        &["keys", "rotate", "a", "--overlap", "-1h"],
        &["keys", "update"],
        &["keys", "update", "a", "--expires-at", "tomorrow"],
        &[
            "keys",
            "update",
            "a",
            "--expires-at",
            NOW,
            "--no-expires-at",
        ],
        &[
            "keys",
            "rotate",
            "a",
            "--overlap",
            "1h",
            "--expires-at",
            NOW,
        ],
    ] {
        let error = Line::try_parse_from(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line:?}");
    }
}

#[test]
fn update_tells_where_a_key_of_the_files_is_edited() {
    let mut folder = Folder::new(CONFIGURATION);
    for (name, place) in [
        ("acme", "attache.yaml` on line 14;"),
        ("hooli", "keys.csv` on line 3;"),
        ("nobody", "and none of them is named `nobody`;"),
    ] {
        let failure = folder.run(&["update", name, "--enable"]).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        let said = failure.to_string();
        assert!(said.contains(place), "{said}");
        assert!(
            said.ends_with("give `--fleet` for those in Redis"),
            "{said}"
        );
    }
    assert_eq!(folder.text("attache.yaml"), CONFIGURATION);
    assert_eq!(folder.text("keys.csv"), KEY_FILE);
}

/// Files as people write them: comments anywhere, block and flow, wide and narrow indentation.
fn configurations() -> impl Strategy<Value = String> {
    let comment = prop_oneof![Just(""), Just("   # c: {d}"), Just(" # \"quoted\"")];
    let line = prop_oneof![
        Just(""),
        Just("\n"),
        Just("# alone\n"),
        Just("  # indented\n")
    ];
    let key = ("[a-z]{1,8}", any::<bool>(), comment, line.clone());
    (proptest::collection::vec(key, 1..5), 1..5_usize, line, any::<bool>()).prop_map(
        |(keys, indentation, line, last)| {
            let mut text = format!("# top\napis: {{}}   # none\n{line}");
            let keys: std::collections::BTreeMap<_, _> = keys
                .into_iter()
                .map(|(name, block, comment, line)| (name, (block, comment, line)))
                .collect();
            text.push_str("apiKeys:\n");
            let pad = " ".repeat(indentation);
            for (index, (name, (block, comment, line))) in keys.iter().enumerate() {
                text.push_str(line);
                if *block {
                    text.push_str(&format!(
                        "{pad}k{name}:{comment}\n{pad}{pad}value: value-number-0123456789-{index}{comment}\n"
                    ));
                } else {
                    text.push_str(&format!(
                        "{pad}k{name}: {{value: value-number-0123456789-{index}}}{comment}\n"
                    ));
                }
            }
            if last {
                text.push_str(line);
                text.push_str("account: {region: eu-west-1} # end\n");
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn create_revoke_delete_leaves_the_file_as_it_was(
        configuration in configurations(),
        name in "[^\\p{Cc}]{1,12}",
    ) {
        let mut folder = Folder::new(&configuration);
        prop_assume!(folder.listed().iter().all(|key| key["name"] != name.as_str()));
        folder.run(&["create", "--", &name]).unwrap();
        prop_assert_eq!(&folder.listed_key(&name)["enabled"], true);
        folder.run(&["revoke", "--", &name]).unwrap();
        prop_assert_eq!(&folder.listed_key(&name)["enabled"], false);
        folder.run(&["revoke", "--delete", "--", &name]).unwrap();
        prop_assert_eq!(folder.text("attache.yaml"), configuration);
    }

    #[test]
    fn no_edit_of_one_key_touches_another(
        configuration in configurations(),
        chosen in any::<prop::sample::Index>(),
        verb in prop::sample::select(vec![
            "revoke", "revoke --delete", "rotate", "rotate --overlap 1h", "rotate --plain",
        ]),
    ) {
        let mut folder = Folder::new(&configuration);
        let keys = folder.listed();
        let name = chosen.get(&keys)["name"].as_str().unwrap().to_owned();
        let arguments: Vec<&str> = verb.split(' ').chain([&*name]).collect();
        folder.run(&arguments).unwrap();
        let text = folder.text("attache.yaml");
        for line in configuration.lines().filter(|line| !line.contains("value") && !line.contains(&name)) {
            prop_assert!(text.contains(line), "{} is gone from\n{}", line, text);
        }
        let others = |keys: Vec<Value>| -> Vec<Value> {
            keys.into_iter()
                .filter(|key| key["name"] != name.as_str())
                .map(|key| json!([key["name"], key["enabled"], key["previousValues"]]))
                .collect()
        };
        prop_assert_eq!(others(keys), others(folder.listed()));
    }
}
