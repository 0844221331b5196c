//! `attache-trim FLAVOUR INPUT OUTPUT`: a step of the build.
//!
//! The SDK exports every callback of the proxy-wasm ABI, and the proxy enters the virtual machine
//! once per request for each one that it finds, whether the filter does anything there or not. An
//! empty filter that exports only what it uses costs little more than half of one that exports
//! all. So the build leaves exports out, and with them the code that only they reach, and the names
//! of functions.
#![expect(
    clippy::disallowed_methods,
    reason = "it is a program of the build, not a filter: it has files and arguments"
)]

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use walrus::ModuleConfig;

/// What the proxy calls on every filter, or that it cannot load one without.
const ALWAYS: [&str; 5] = [
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    // Without it the SDK would keep every stream for ever.
    "proxy_on_delete",
];

/// Which callbacks a module keeps besides [`ALWAYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// Decides on heads alone, at once. Not for a filter that ever waits: the proxy would let a
    /// held request go on with its body, past a decision that has not been made.
    Headers,
    /// Also reads bodies, waits for other services, and runs errands on a timer.
    Bodies,
}

impl Flavour {
    fn named(name: &str) -> Option<Self> {
        match name {
            "headers" => Some(Self::Headers),
            "bodies" => Some(Self::Bodies),
            _ => None,
        }
    }

    const fn callbacks(self) -> &'static [&'static str] {
        match self {
            Self::Headers => &["proxy_on_request_headers", "proxy_on_response_headers"],
            Self::Bodies => &[
                "proxy_on_request_headers",
                "proxy_on_request_body",
                "proxy_on_request_trailers",
                "proxy_on_response_headers",
                "proxy_on_response_body",
                "proxy_on_response_trailers",
                "proxy_on_http_call_response",
                "proxy_on_tick",
            ],
        }
    }

    fn keeps(self, export: &str) -> bool {
        !export.starts_with("proxy_on_")
            || ALWAYS.contains(&export)
            || self.callbacks().contains(&export)
    }
}

#[derive(Debug)]
enum TrimError {
    Usage,
    Read(String, std::io::Error),
    Module(String),
    Missing(&'static str),
    Write(String, std::io::Error),
}

impl fmt::Display for TrimError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => formatter.write_str("usage: attache-trim headers|bodies INPUT OUTPUT"),
            Self::Read(file, error) => write!(formatter, "`{file}` cannot be read: {error}"),
            Self::Module(reason) => write!(formatter, "not a WebAssembly module: {reason}"),
            Self::Missing(export) => write!(
                formatter,
                "the module does not export `{export}`: it is no proxy-wasm filter, or the SDK \
                 has another name for it now"
            ),
            Self::Write(file, error) => write!(formatter, "`{file}` cannot be written: {error}"),
        }
    }
}

fn trim(module: &[u8], flavour: Flavour) -> Result<Vec<u8>, TrimError> {
    // The names of functions are an eighth of a module, and nobody sees them but in a trap.
    let mut module = ModuleConfig::new()
        .generate_name_section(false)
        .parse(module)
        .map_err(|error| TrimError::Module(format!("{error:#}")))?;
    for needed in ALWAYS.iter().chain(flavour.callbacks()) {
        if !module.exports.iter().any(|export| export.name == *needed) {
            return Err(TrimError::Missing(needed));
        }
    }
    let dropped: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !flavour.keeps(&export.name))
        .map(walrus::Export::id)
        .collect();
    for export in dropped {
        module.exports.delete(export);
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn run(arguments: &[String]) -> Result<(), TrimError> {
    let [flavour, input, output] = arguments else {
        return Err(TrimError::Usage);
    };
    let flavour = Flavour::named(flavour).ok_or(TrimError::Usage)?;
    let module = std::fs::read(input).map_err(|error| TrimError::Read(input.clone(), error))?;
    let trimmed = trim(&module, flavour)?;
    std::fs::write(output, trimmed).map_err(|error| TrimError::Write(output.clone(), error))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "attache-trim: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALWAYS, Flavour, TrimError, trim};

    /// A module that exports `names`, each a function with a constant of its own.
    fn module(names: &[&str]) -> Vec<u8> {
        let functions: String = names
            .iter()
            .enumerate()
            .map(|(number, name)| {
                format!("(func (export \"{name}\") (result i32) i32.const {number})")
            })
            .collect();
        wat::parse_str(format!(
            "(module (memory (export \"memory\") 1) {functions})"
        ))
        .unwrap()
    }

    fn exports(module: &[u8]) -> Vec<String> {
        let module = walrus::Module::from_buffer(module).unwrap();
        let mut names: Vec<String> = module
            .exports
            .iter()
            .map(|export| export.name.clone())
            .collect();
        names.sort();
        names
    }

    fn sdk() -> Vec<&'static str> {
        let mut names = vec![
            "_initialize",
            "proxy_abi_version_0_2_1",
            "proxy_on_done",
            "proxy_on_log",
            "proxy_on_queue_ready",
        ];
        names.extend(ALWAYS);
        names.extend(Flavour::Bodies.callbacks());
        names
    }

    #[test]
    fn a_flavour_keeps_its_callbacks_and_everything_that_is_none() {
        for flavour in [Flavour::Headers, Flavour::Bodies] {
            let whole = module(&sdk());
            let trimmed = trim(&whole, flavour).unwrap();
            let mut expected: Vec<String> = ALWAYS
                .iter()
                .chain(flavour.callbacks())
                .chain(&["_initialize", "memory", "proxy_abi_version_0_2_1"])
                .map(|name| (*name).to_owned())
                .collect();
            expected.sort();
            assert_eq!(exports(&trimmed), expected);
            let functions = walrus::Module::from_buffer(&trimmed)
                .unwrap()
                .funcs
                .iter()
                .count();
            assert_eq!(
                functions,
                expected.len() - 1,
                "the code of dropped exports stays"
            );
        }
    }

    #[test]
    fn a_module_without_a_needed_callback_is_refused() {
        let names: Vec<&str> = sdk()
            .into_iter()
            .filter(|name| *name != "proxy_on_delete")
            .collect();
        assert!(matches!(
            trim(&module(&names), Flavour::Headers),
            Err(TrimError::Missing("proxy_on_delete"))
        ));
        assert!(matches!(
            trim(b"\0asm", Flavour::Headers),
            Err(TrimError::Module(_))
        ));
    }
}
