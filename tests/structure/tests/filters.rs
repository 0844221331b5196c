//! A filter is a name for a service and nothing more, and its module is small.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot happen ends the test, in the functions that it calls too"
)]

use std::fs;
use std::path::{Path, PathBuf};

use attache_structure::root;

/// The folder of each filter, its module, and how large that may be in bytes.
const FILTERS: [(&str, &str, u64); 6] = [
    // The aim is 1 500 000, with everything in it; RATIONALE.md says what takes how much and what
    // was tried. These numbers keep it from growing unseen.
    ("gateway", "gateway.wasm", 2_250_000),
    ("api-key", "api_key.wasm", 700_000),
    // Verifying tokens without the proxy's help is most of it; docs/benchmarks.md and RATIONALE.md say
    // what else was tried against the aim of 700 000.
    ("authorizer", "authorizer.wasm", 1_150_000),
    ("response-cache", "response_cache.wasm", 350_000),
    // The aim is 700 000: templates, JSONPath, regular expressions and schemas are most of it.
    ("transform", "transform.wasm", 1_000_000),
    ("usage-plan", "usage_plan.wasm", 700_000),
];

const LONGEST: usize = 30;

#[test]
fn a_filter_is_one_line() {
    for (folder, ..) in FILTERS {
        let sources = root().join("filters").join(folder).join("src");
        let files: Vec<PathBuf> = fs::read_dir(&sources)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files, [sources.join("lib.rs")]);
        let source = fs::read_to_string(&files[0]).unwrap();
        assert!(source.lines().count() <= LONGEST, "`{folder}` is too long");
        let code: Vec<&str> = source
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .collect();
        let [line] = code[..] else {
            panic!("`{folder}` says more than which service it is: {code:#?}");
        };
        let service = line
            .strip_prefix("attache_host::filter!(")
            .and_then(|rest| rest.strip_suffix(");"))
            .unwrap_or_else(|| panic!("`{folder}`: {line}"));
        let names = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
        assert!(service.bytes().all(names), "`{folder}`: {line}");
    }
}

#[test]
fn every_filter_is_known_here() {
    let mut found: Vec<String> = fs::read_dir(root().join("filters"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let manifest = fs::read_to_string(path.join("Cargo.toml"));
            manifest.is_ok_and(|text| text.contains("cdylib"))
        })
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut known = FILTERS.map(|(folder, ..)| folder);
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn every_module_keeps_to_its_budget() {
    let Some(folder) = std::env::var_os("ATTACHE_WASM_DIR") else {
        println!("skipped: ATTACHE_WASM_DIR names no folder of modules");
        return;
    };
    for (_, module, budget) in FILTERS {
        let size = fs::metadata(PathBuf::from(&folder).join(module))
            .unwrap()
            .len();
        println!("{module}: {size} of {budget} bytes");
        assert!(size <= budget, "`{module}` has {size} bytes");
    }
}

/// The filters whose policies look at heads alone, and decide at once: the rooms that they are made
/// of. All others are called back for bodies.
const AT_ONCE: [(&str, &[&str]); 2] = [
    ("api_key.wasm", &["api_key", "filter/api_key"]),
    ("usage_plan.wasm", &["usage_plan", "filter/usage_plan"]),
];

/// While a policy waits for a callout or a body, the body's callbacks are what holds the request. A
/// module without them would let a body carry it past an authorizer that has not answered yet.
#[test]
fn a_filter_whose_policies_wait_is_called_back_for_bodies() {
    let policies = root().join("filters/policies/src");
    for (module, rooms) in AT_ONCE {
        for room in rooms {
            let file = policies.join(format!("{room}.rs"));
            assert!(file.is_file(), "{}", file.display());
            let files = sources(&policies.join(room)).into_iter().chain([file]);
            for file in files {
                assert!(
                    !waits(&file),
                    "{} waits, and {module} cannot",
                    file.display()
                );
            }
        }
    }
    let Some(folder) = std::env::var_os("ATTACHE_WASM_DIR") else {
        println!("skipped: ATTACHE_WASM_DIR names no folder of modules");
        return;
    };
    for (_, module, _) in FILTERS {
        let bytes = fs::read(PathBuf::from(&folder).join(module)).unwrap();
        let decides_at_once = AT_ONCE.iter().any(|(known, _)| *known == module);
        for callback in [
            "proxy_on_request_body",
            "proxy_on_response_body",
            "proxy_on_http_call_response",
            "proxy_on_tick",
        ] {
            let called_back = bytes
                .windows(callback.len())
                .any(|part| part == callback.as_bytes());
            assert_eq!(called_back, !decides_at_once, "{module}: {callback}");
        }
    }
}

fn waits(file: &Path) -> bool {
    let source = fs::read_to_string(file).unwrap();
    let mut code = source.lines().map(str::trim);
    code.any(|line| {
        !line.starts_with("//")
            && [
                ".callout(",
                ".request_body(",
                ".response_body(",
                ".pass_on(",
                ".pause(",
            ]
            .iter()
            .any(|wait| line.contains(wait))
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files
}
