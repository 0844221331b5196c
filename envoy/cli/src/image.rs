//! `attache image`: the filters as OCI images, without Docker.
//!
//! Istio and Envoy Gateway get a filter from a registry. Their loaders take three kinds of image:
//! one in Docker's format, one in OCI's format with the module as `plugin.wasm` in a layer (the
//! `compat` variant of the Wasm image specification), and an artifact with the bare module, of which
//! Istio wants two layers and others one. Written here is the second. It is the one that all
//! loaders read, and an image to every other tool as well: registries scan it, `skopeo` copies it,
//! Kubernetes mounts it as a volume.
//! <https://github.com/solo-io/wasm/blob/master/spec/spec-compat.md>
//!
//! The same filters give the same bytes, so that a digest names a build.

mod layout;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

pub use layout::{Blob, Image, REFERENCE_NAME, sha256};

use crate::command_line::REFUSED;
use crate::embedded_filters::Filter;
use crate::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  attache image --out image
  skopeo copy --preserve-digests oci:image:gateway docker://registry.example.com/attache/gateway:1.0";

/// The arguments of `attache image`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder that the OCI layout is written to; it is made when it is not there.
    #[arg(long, value_name = "OUT")]
    pub out: PathBuf,
}

/// Writes an OCI layout with an image of each filter.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    match write(&arguments.out) {
        Ok(images) => {
            for image in images {
                terminal.notice(&format!(
                    "wrote {}:{} {}",
                    arguments.out.display(),
                    image.name,
                    image.manifest.digest()
                ))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            Ok(ExitCode::from(REFUSED))
        }
    }
}

fn write(out: &Path) -> Result<Vec<Image>, String> {
    let images = Filter::ALL
        .into_iter()
        .map(|filter| {
            let module = filter.module().map_err(|error| error.to_string())?;
            Image::new(filter.image_name(), module).map_err(|error| error.to_string())
        })
        .collect::<Result<Vec<_>, String>>()?;
    layout::write(out, &images)
        .map_err(|error| format!("cannot write `{}`: {error}", out.display()))?;
    Ok(images)
}
