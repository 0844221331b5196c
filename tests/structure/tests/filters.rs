//! A filter is a name for a service and nothing more, and its module is small.

use std::fs;
use std::path::{Path, PathBuf};

use attache_structure::root;

/// The folder of each filter, its module, and how large that may be in bytes.
const FILTERS: [(&str, &str, u64); 3] = [
    ("gateway", "gateway.wasm", 1_500_000),
    ("api-key", "api_key.wasm", 700_000),
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

/// While a policy waits for a callout or a body, the body's callbacks are what holds the request. A
/// module without them would let a body carry it past an authorizer that has not answered yet, so
/// the first policy that waits has to change how the filters are trimmed.
#[test]
fn a_filter_whose_policies_wait_is_called_back_for_bodies() {
    let policies = root().join("filters/policies/src");
    let files = sources(&policies);
    assert!(files.contains(&policies.join("pipeline.rs")), "{files:?}");
    let waiting = files
        .into_iter()
        .filter(|file| !file.starts_with(policies.join("exchange")))
        .filter(|file| *file != policies.join("exchange.rs"))
        .find(|file| {
            let source = fs::read_to_string(file).unwrap();
            let mut code = source.lines().map(str::trim);
            code.any(|line| {
                !line.starts_with("//")
                    && [".callout(", ".request_body(", ".response_body("]
                        .iter()
                        .any(|wait| line.contains(wait))
            })
        });
    let (Some(waiting), Some(folder)) = (waiting, std::env::var_os("ATTACHE_WASM_DIR")) else {
        return;
    };
    for (_, module, _) in FILTERS {
        let bytes = fs::read(PathBuf::from(&folder).join(module)).unwrap();
        for callback in ["proxy_on_request_body", "proxy_on_response_body"] {
            assert!(
                bytes
                    .windows(callback.len())
                    .any(|part| part == callback.as_bytes()),
                "{} waits, and {module} has no {callback}: trim it with the flavour `bodies`",
                waiting.display()
            );
        }
    }
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
