//! The files of every target, as they were looked at and found good, and what is refused.
//!
//! `tests/targets/PROJECT` holds a user's files and, by target, what they become; `envoy/compose` is
//! what the example becomes for docker-compose. `UPDATE_GOLDEN=1` writes all of it anew: read the
//! difference before it is committed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use attache::diagnostic::Report;
use attache::embedded_filters::Filter;
use attache::project::{self, Project};
use attache::secrets_key::SecretsKey;
use attache::targets::{Contents, Layout, Modules, Request, Target, files};

const SECRETS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Digests that are the same for every build of the filters.
struct Numbered;

impl Modules for Numbered {
    fn sha256(&self, filter: Filter) -> Result<String, String> {
        Ok(format!(
            "{:0>64}",
            Filter::ALL
                .iter()
                .position(|known| *known == filter)
                .unwrap()
        ))
    }

    fn image_sha256(&self, filter: Filter) -> Result<String, String> {
        Ok(self.sha256(filter)?.replacen('0', "f", 1))
    }
}

fn load(folder: &Path) -> Project {
    let mut report = Report::new();
    let given = |name: &str| (name == "ATTACHE_SECRETS_KEY").then(|| SECRETS_KEY.to_owned());
    let key = SecretsKey::from_environment(&given);
    project::load_with(folder, key, &mut report)
        .unwrap_or_else(|| panic!("{}: {:?}", folder.display(), report.diagnostics()))
}

fn request(target: Target, layout: Layout, wasm: Option<&str>) -> Request {
    Request {
        layout,
        wasm: wasm.map(|place| place.parse().unwrap()),
        certificate_authorities: Some("/etc/ssl/certs/ca-certificates.crt".into()),
        ..Request::new(target)
    }
}

/// The texts of a target by their paths; what is said of it goes to the report.
fn texts(
    project: &Project,
    request: &Request,
    report: &mut Report,
) -> Vec<(Cow<'static, str>, String)> {
    let made = files(project, request, &Numbered, report).unwrap();
    let made = made.unwrap_or_else(|| panic!("{:?}", report.diagnostics()));
    made.into_iter()
        .filter_map(|file| match file.contents {
            Contents::Text(text) => Some((file.path, text)),
            Contents::Module(_) => None,
        })
        .collect()
}

const IMAGES: &str = "oci://registry.example.com/attache/{filter}:1.0";
const URLS: &str = "https://filters.example.com/{filter}.wasm";

#[test]
fn every_target_is_written_as_expected() {
    use Layout::{Fused, Split};
    let mut differences = String::new();
    for (project, target, layout, wasm, folder) in [
        (
            "examples/petstore",
            Target::Envoy,
            Fused,
            None,
            "tests/targets/petstore/envoy",
        ),
        (
            "examples/petstore",
            Target::Compose,
            Fused,
            None,
            "envoy/compose",
        ),
        (
            "examples/petstore",
            Target::Istio,
            Fused,
            Some(IMAGES),
            "tests/targets/petstore/istio",
        ),
        (
            "examples/petstore",
            Target::EnvoyGateway,
            Fused,
            Some(IMAGES),
            "tests/targets/petstore/envoy-gateway",
        ),
        (
            "tests/targets/secrets",
            Target::Envoy,
            Fused,
            Some(URLS),
            "tests/targets/secrets/envoy",
        ),
        (
            "tests/targets/secrets",
            Target::Compose,
            Fused,
            None,
            "tests/targets/secrets/compose",
        ),
        (
            "tests/targets/secrets",
            Target::Istio,
            Fused,
            Some(URLS),
            "tests/targets/secrets/istio",
        ),
        (
            "tests/targets/secrets",
            Target::EnvoyGateway,
            Fused,
            Some(URLS),
            "tests/targets/secrets/envoy-gateway",
        ),
        (
            "tests/targets/shared-state",
            Target::Compose,
            Fused,
            None,
            "tests/targets/shared-state/compose",
        ),
        (
            "tests/targets/split",
            Target::Envoy,
            Split,
            None,
            "tests/targets/split/envoy",
        ),
        (
            "tests/targets/split",
            Target::Istio,
            Split,
            Some(IMAGES),
            "tests/targets/split/istio",
        ),
        (
            "tests/targets/split",
            Target::EnvoyGateway,
            Split,
            Some(URLS),
            "tests/targets/split/envoy-gateway",
        ),
    ] {
        let loaded = with_secret(&root().join(project));
        let request = request(target, layout, wasm);
        let made = texts(&loaded, &request, &mut Report::new());
        assert_eq!(
            made,
            texts(&loaded, &request, &mut Report::new()),
            "{folder}"
        );
        for (name, text) in made {
            // What is the same for every gateway stands in envoy/compose, from where it is taken.
            let is_common = name.contains('/') || name == "webdis.json";
            if name == "webdis.json" {
                compare(
                    &root().join("envoy/compose/webdis.json"),
                    &text,
                    &mut differences,
                );
            }
            if is_common && folder != "envoy/compose" {
                continue;
            }
            assert!(
                !text.contains(SECRET) && !text.contains(SECRETS_KEY),
                "{folder}/{name}"
            );
            assert!(
                text.lines().all(|line| line.trim_end() == line),
                "{folder}/{name}: blanks"
            );
            assert!(
                !text.contains("\n\n\n") && text.ends_with('\n'),
                "{folder}/{name}"
            );
            // What Envoy reads is made by the command, and not kept where people run it.
            let folder = match (folder, &*name) {
                ("envoy/compose", "envoy.yaml") => "tests/targets/petstore/compose",
                _ => folder,
            };
            // Each filter refuses when it has crashed, and may hold what it has to read.
            for setting in ["FAIL_RELOAD", "allow_on_headers_stop_iteration"] {
                let is_for_envoy = !name.contains("compose") && !is_common;
                assert!(
                    !is_for_envoy || text.contains(setting),
                    "{folder}: {setting}"
                );
            }
            compare(&root().join(folder).join(&*name), &text, &mut differences);
        }
    }
    assert!(
        differences.is_empty(),
        "set UPDATE_GOLDEN=1 to accept:\n{differences}"
    );
}

/// A project whose credential, if it has one, is [`SECRET`].
fn with_secret(folder: &Path) -> Project {
    let settings = fs::read_to_string(folder.join("attache.yaml")).unwrap();
    if !settings.contains("secretAccessKeyEnv") {
        return load(folder);
    }
    let copy = tempfile::tempdir().unwrap();
    fs::copy(
        folder.join("openapi.yaml"),
        copy.path().join("openapi.yaml"),
    )
    .unwrap();
    fs::write(copy.path().join("alice.txt"), SECRET).unwrap();
    let settings = settings.replace(
        "secretAccessKeyEnv: ALICE",
        "secretAccessKeyFile: alice.txt",
    );
    fs::write(copy.path().join("attache.yaml"), settings).unwrap();
    load(copy.path())
}

fn compare(path: &Path, found: &str, differences: &mut String) {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == found {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, found).unwrap();
    } else {
        let at = expected
            .lines()
            .zip(found.lines())
            .position(|(one, other)| one != other);
        let lines = |text: &str| {
            let from = at.unwrap_or_default();
            text.lines()
                .skip(from)
                .take(5)
                .collect::<Vec<_>>()
                .join("\n")
        };
        writeln!(
            differences,
            "=== {}, line {:?}\n--- expected\n{}\n--- found\n{}",
            path.display(),
            at,
            lines(&expected),
            lines(found)
        )
        .unwrap();
    }
}

fn attache(folder: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_attache"))
        .arg("compile")
        .args(arguments)
        .arg("--out")
        .arg(out.path().join("out"))
        .current_dir(root().join(folder))
        .output()
        .unwrap();
    let wrote = out.path().join("out").exists();
    assert_eq!(wrote, output.status.success(), "{folder}: {output:?}");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn what_cannot_be_split_is_told_all_at_once_and_each_at_its_place() {
    let (code, told) = attache(
        "tests/targets/beyond-split",
        &["--target", "envoy", "--layout", "split"],
    );
    assert_eq!(code, Some(1), "{told}");
    let mut differences = String::new();
    let expected = root().join("tests/targets/beyond-split/diagnostics.txt");
    compare(&expected, &told, &mut differences);
    assert!(
        differences.is_empty(),
        "set UPDATE_GOLDEN=1 to accept:\n{differences}"
    );
}

#[test]
fn a_place_of_the_filter_that_a_target_cannot_reach_is_refused_with_one_that_it_can() {
    for (arguments, code, told) in [
        (
            &["--target", "istio"] as &[&str],
            1,
            "say which with `--wasm oci://",
        ),
        (
            &["--target", "envoy-gateway"],
            1,
            "say which with `--wasm oci://",
        ),
        (
            &["--target", "istio", "--wasm", "file"],
            1,
            "as a file of the proxy's container with `--wasm file:///PATH`",
        ),
        (
            &["--target", "envoy-gateway", "--wasm", "file:///f.wasm"],
            1,
            "from images and URLs, not from files",
        ),
        (
            &[
                "--target",
                "envoy",
                "--wasm",
                "oci://r.example.com/gateway:1",
            ],
            1,
            "Envoy does not pull images by itself",
        ),
        (
            &[
                "--target",
                "compose",
                "--wasm",
                "oci://r.example.com/gateway:1",
            ],
            1,
            "Envoy does not pull images by itself",
        ),
        (
            &["--target", "compose", "--wasm", "file:///f.wasm"],
            1,
            "the container has no `/f.wasm`",
        ),
        (
            &[
                "--target",
                "envoy",
                "--layout",
                "split",
                "--wasm",
                "file:///f.wasm",
            ],
            1,
            "put `{filter}` into the place",
        ),
        (
            &["--target", "envoy", "--wasm", "gateway.wasm"],
            2,
            "say file, file:///PATH, oci://",
        ),
        (&["--target", "nowhere"], 2, "invalid value 'nowhere'"),
        (
            &["--target", "envoy", "--layout", "thin"],
            2,
            "invalid value 'thin'",
        ),
    ] {
        let (found, said) = attache("tests/targets/split", arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
}

#[test]
fn back_ends_of_this_machine_are_warned_about_where_the_proxy_is_elsewhere() {
    let project = load(&root().join("examples/petstore"));
    for (target, wasm, warned) in [
        (Target::Envoy, None, false),
        (Target::Compose, None, true),
        (Target::Istio, Some(IMAGES), true),
        (Target::EnvoyGateway, Some(IMAGES), true),
    ] {
        let mut report = Report::new();
        texts(&project, &request(target, Layout::Fused, wasm), &mut report);
        let found = report.diagnostics();
        assert_eq!(found.len(), usize::from(warned), "{target:?}");
        assert!(!report.has_errors());
        if let [found] = found {
            assert_eq!(found.code, "loopback-back-end");
            assert!(
                found.message.contains("`127.0.0.1:9000`"),
                "{}",
                found.message
            );
        }
    }
}
