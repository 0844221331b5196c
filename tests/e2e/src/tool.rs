use std::path::{Path, PathBuf};

/// Something in the folder of tools that `make` keeps (`ATTACHE_TOOLS`, or `.tools`), or `None` after
/// a line on standard error which says that a test is skipped, and which target gets it.
#[must_use]
pub fn tool(path: &str, target: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ATTACHE_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools"),
        PathBuf::from,
    );
    let tool = folder.join(path);
    if tool.exists() {
        return Some(tool);
    }
    skip(&format!(".tools/{path}"), target);
    None
}

/// The first of these programs that the `PATH` leads to, or `None` as [`tool`].
#[must_use]
pub fn installed(programs: &[&str], target: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = || std::env::split_paths(&path);
    let found = programs
        .iter()
        .flat_map(|program| places().map(move |folder| folder.join(program)))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        skip(&programs.join("` or `"), target);
    }
    found
}

#[expect(
    clippy::print_stderr,
    reason = "the tests' output is where a skipped test is told of"
)]
fn skip(missing: &str, target: &str) {
    eprintln!("skipped: there is no `{missing}`: run `make {target}`");
}
