use std::path::PathBuf;

/// The path of a built filter, such as `gateway`, in the folder that `ATTACHE_WASM_DIR` names.
///
/// # Panics
///
/// When the variable is not set or the module is not there; the message says how to get it.
#[must_use]
pub fn module(name: &str) -> PathBuf {
    let Some(folder) = std::env::var_os("ATTACHE_WASM_DIR") else {
        panic!(
            "ATTACHE_WASM_DIR is not set: run `make test`, which builds the filters and sets it"
        );
    };
    let path = PathBuf::from(folder).join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "`{}` is missing: run `make test`, which builds the filters",
        path.display()
    );
    path
}
