//! Redoc, which turns a definition into a page: where it is kept, and how it comes there.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use tar::Archive;

/// The package and the version that the page is tested with.
const PACKAGE: &str = "redoc@2.5.4";

/// The file of the package that is the whole renderer.
const BUNDLE: &str = "package/bundles/redoc.standalone.js";

/// The SHA-256 of that file.
const DIGEST: &str = "dcaf76612bc4a3fbcc923a8966dee2f6146a5f32e5ce1b6f02dd60cbbf89500b";

/// More than any version of it has.
const MOST_BYTES: u64 = 64 << 20;

/// The one thing that Redoc would fetch, and what stands in its place: the picture beside its name.
const PICTURE: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const NO_PICTURE: &str = "data:image/svg+xml,%3Csvg xmlns=%27http://www.w3.org/2000/svg%27/%3E";

/// The renderer.
#[derive(Debug)]
pub(super) struct Renderer {
    script: String,
}

impl Renderer {
    /// The script, which fetches nothing.
    pub(super) fn script(&self) -> &str {
        &self.script
    }

    fn new(script: &str) -> Self {
        Self {
            script: script.replace(PICTURE, NO_PICTURE),
        }
    }
}

/// The renderer that was named, the one that was fetched before, or the one that npm fetches.
///
/// # Errors
///
/// There is none; the reason says what to do.
pub(super) fn find(named: Option<&Path>) -> Result<Renderer, String> {
    if let Some(file) = named {
        return match std::fs::read_to_string(file) {
            Ok(script) if script.contains("Redoc") => Ok(Renderer::new(&script)),
            Ok(_) => Err(format!("`{}` is not Redoc", file.display())),
            Err(error) => Err(format!("cannot read `{}`: {error}", file.display())),
        };
    }
    let folder = cache_folder();
    let file = folder
        .as_deref()
        .map(|folder| folder.join(format!("{PACKAGE}.js")));
    // What is not what it was is fetched again.
    let kept = file.as_deref().and_then(|file| std::fs::read(file).ok());
    let bytes = match kept.filter(|kept| is_genuine(kept)) {
        Some(kept) => kept,
        None => {
            let fetched = fetch()?;
            // The next run can fetch it as well.
            if let Some(file) = file {
                let _kept_or_not = keep(&file, &fetched);
            }
            fetched
        }
    };
    let script = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok(Renderer::new(&script))
}

fn is_genuine(bundle: &[u8]) -> bool {
    let digest = Sha256::digest(bundle);
    let digest = digest.iter().map(|byte| format!("{byte:02x}"));
    digest.collect::<String>() == DIGEST
}

/// Where things are kept that can be fetched again (XDG Base Directory Specification).
fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))?;
    Some(folder.join("attache"))
}

fn keep(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut kept = tempfile::NamedTempFile::new_in(folder)?;
    kept.write_all(bytes)?;
    kept.persist(file)?;
    Ok(())
}

/// Has npm fetch the package, from whatever registry it is set up for.
fn fetch() -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let npm = which::which("npm").map_err(|_| no_renderer("there is no `npm` to fetch it"))?;
    let output = Command::new(npm)
        .args(["pack", PACKAGE, "--silent", "--ignore-scripts"])
        .current_dir(folder.path())
        .output()
        .map_err(|error| no_renderer(&format!("`npm` does not run: {error}")))?;
    let package = std::fs::read_dir(folder.path())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension() == Some(OsStr::new("tgz")));
    let Some(package) = package.filter(|_| output.status.success()) else {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().map(str::trim).collect();
        let last = said.iter().rev().find(|line| !line.is_empty());
        return Err(no_renderer(&format!(
            "`npm pack {PACKAGE}` failed: {}",
            last.copied().unwrap_or("it did not say why")
        )));
    };
    let bundle = unpack(&package).map_err(|reason| no_renderer(&reason))?;
    match is_genuine(&bundle) {
        true => Ok(bundle),
        false => Err(no_renderer(&format!(
            "what npm fetched is not the file of {PACKAGE} that is known here"
        ))),
    }
}

fn unpack(package: &Path) -> Result<Vec<u8>, String> {
    let read = || -> std::io::Result<Option<Vec<u8>>> {
        let mut archive = Archive::new(GzDecoder::new(std::fs::File::open(package)?));
        for entry in archive.entries()? {
            let entry = entry?;
            if entry.path()?.as_os_str() == OsStr::new(BUNDLE) {
                let mut bundle = Vec::new();
                entry.take(MOST_BYTES).read_to_end(&mut bundle)?;
                return Ok(Some(bundle));
            }
        }
        Ok(None)
    };
    match read() {
        Ok(Some(bundle)) => Ok(bundle),
        Ok(None) => Err(format!("the package holds no `{BUNDLE}`")),
        Err(error) => Err(format!("the package cannot be read: {error}")),
    }
}

fn no_renderer(reason: &str) -> String {
    format!(
        "no renderer for the page: {reason}; install Node.js, which brings npm, or run `npm pack \
         {PACKAGE}` elsewhere and name its `{BUNDLE}` with `--renderer` or ATTACHE_REDOC"
    )
}
