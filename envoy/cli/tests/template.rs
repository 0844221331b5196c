//! `attache template` as a process: what it prints, to the byte, and what it says of faults.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs the command in a folder that holds these files, with this standard input.
fn template(files: &[(&str, &str)], arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"))
        .arg("template")
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _ = command.stdin.take().unwrap().write_all(input.as_bytes());
    command.wait_with_output().unwrap()
}

fn rendered(files: &[(&str, &str)], arguments: &[&str], input: &str) -> String {
    let output = template(files, arguments, input);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert_eq!(told, "");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = template(files, arguments, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_template_is_rendered_to_the_byte() {
    let files = [
        (
            "t.vtl",
            "#set($pet = $input.path('$.pet'))\n{\"name\": \"$pet.name\", \"all\": $input.json('$')}",
        ),
        ("body.json", "{\"pet\": {\"name\": \"Ada\", \"n\": 1.50}}"),
    ];
    let arguments = ["--template", "t.vtl", "--body", "body.json"];
    let found = rendered(&files, &arguments, "");
    assert!(
        found.starts_with("{\"name\": \"Ada\", \"all\": {\"pet\":{\"name\":\"Ada\","),
        "{found}"
    );
    assert!(!found.ends_with('\n'));
    // Colours are for terminals, but these are the template's own.
    assert_eq!(
        rendered(&[("t.vtl", "\u{1b}[1mx\r\n")], &["--template", "t.vtl"], ""),
        "\u{1b}[1mx\r\n"
    );
}

#[test]
fn an_event_tells_of_the_request() {
    let event = r#"{
        "params": {"path": {"id": "7"}, "querystring": {"page": "2"}, "header": {"X-Who": "me"}},
        "context": {"stage": "prod", "identity": {"sourceIp": "192.0.2.1"}},
        "stageVariables": {"table": "pets"}
    }"#;
    let text = "$input.params('id') $input.params().querystring.page $input.params('X-Who') \
                $context.stage $context.identity.sourceIp $stageVariables.table \
                $util.base64Encode('a')|$input.body|$context.nothing|";
    let found = rendered(
        &[("t.vtl", text)],
        &["--template", "t.vtl", "--event", "-"],
        event,
    );
    assert_eq!(found, "7 2 me prod 192.0.2.1 pets YQ==|{}||");
    let found = rendered(
        &[("t.vtl", "$input.body")],
        &["--template", "t.vtl", "--body", "-"],
        "as it is",
    );
    assert_eq!(found, "as it is");
}

#[test]
fn a_fault_is_told_with_its_place() {
    let told = refused(&[("t.vtl", "a\n  #if($x")], &["--template", "t.vtl"]);
    assert!(
        told.contains("`t.vtl`") && told.contains("line 2"),
        "{told}"
    );
    let endless =
        "#foreach($a in [1..900])#foreach($b in [1..900])#foreach($c in [1..900])x#end#end#end";
    let told = refused(&[("t.vtl", endless)], &["--template", "t.vtl"]);
    assert!(told.contains("line 1"), "{told}");
    let told = refused(
        &[("t.vtl", "")],
        &["--template", "t.vtl", "--event", "none.json"],
    );
    assert!(told.contains("none.json"), "{told}");
    let told = refused(&[], &["--template", "-", "--body", "-"]);
    assert!(told.contains("standard input"), "{told}");
}
