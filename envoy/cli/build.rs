//! Takes the filters that `make wasm` built into the binary, from the folder that
//! `ATTACHE_WASM_DIR` names. Without it the binary has none and says so when it needs one.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

const FILTERS: [(&str, &str); 6] = [
    ("GATEWAY", "gateway.wasm"),
    ("API_KEY", "api_key.wasm"),
    ("AUTHORIZER", "authorizer.wasm"),
    ("RESPONSE_CACHE", "response_cache.wasm"),
    ("TRANSFORM", "transform.wasm"),
    ("USAGE_PLAN", "usage_plan.wasm"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=ATTACHE_WASM_DIR");
    let folder = std::env::var_os("ATTACHE_WASM_DIR").map(PathBuf::from);
    let mut source = String::new();
    for (name, file) in FILTERS {
        let value = match &folder {
            None => "None".to_owned(),
            Some(folder) => {
                let path = folder.join(file);
                println!("cargo::rerun-if-changed={}", path.display());
                let path = path
                    .canonicalize()
                    .map_err(|error| format!("`{}`: {error}", path.display()))?;
                format!("Some(include_bytes!({path:?}))")
            }
        };
        writeln!(source, "const {name}: Option<&[u8]> = {value};")?;
    }
    let output = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    std::fs::write(PathBuf::from(output).join("filters.rs"), source)?;
    Ok(())
}
