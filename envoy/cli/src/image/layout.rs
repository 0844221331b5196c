//! An image and a layout as the OCI image specification 1.1 has them.
//! <https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md>

use std::io;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde::Serialize;
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The annotation by which `oci:FOLDER:NAME` finds an image of a layout.
pub const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";

/// The only file of an image, under the name that Istio and Envoy Gateway look for.
const FILE: &str = "plugin.wasm";

/// Bytes under their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What they are.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
    hexadecimal: String,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let hexadecimal = sha256(&bytes);
        Self {
            media_type,
            bytes,
            hexadecimal,
        }
    }

    fn json(media_type: &'static str, value: &impl Serialize) -> io::Result<Self> {
        Ok(Self::new(media_type, serde_json::to_vec(value)?))
    }

    /// `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("sha256:{}", self.hexadecimal)
    }

    /// The digest without its algorithm, as Istio and Envoy Gateway want to be told it.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.hexadecimal
    }

    fn descriptor(&self) -> Descriptor<'static> {
        Descriptor {
            media_type: self.media_type,
            digest: self.digest(),
            size: self.bytes.len(),
            annotations: None,
        }
    }
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// An image of one filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name within the layout, such as `gateway`.
    pub name: &'static str,
    /// The archive with the module.
    pub layer: Blob,
    /// What the image is for.
    pub config: Blob,
    /// What names the others; its digest is the image's.
    pub manifest: Blob,
}

// The fields in the order in which the specification tells of them.

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'static str,
    digest: String,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations<'a>>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    #[serde(
        rename = "org.opencontainers.image.ref.name",
        skip_serializing_if = "Option::is_none"
    )]
    reference_name: Option<&'a str>,
    #[serde(rename = "org.opencontainers.image.title")]
    title: String,
    #[serde(rename = "org.opencontainers.image.version")]
    version: &'static str,
    #[serde(rename = "org.opencontainers.image.licenses")]
    licenses: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor<'a>,
    layers: [Descriptor<'a>; 1],
    annotations: Annotations<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Descriptor<'a>>,
}

/// No moment of creation: it would be another one each time.
#[derive(Serialize)]
struct Configuration {
    // As Go names them, from which the specification takes its values.
    architecture: &'static str,
    os: &'static str,
    rootfs: RootFilesystem,
}

#[derive(Serialize)]
struct RootFilesystem {
    r#type: &'static str,
    diff_ids: [String; 1],
}

fn annotations<'a>(name: &str, reference_name: Option<&'a str>) -> Annotations<'a> {
    Annotations {
        reference_name,
        title: format!("attache {name}"),
        version: env!("CARGO_PKG_VERSION"),
        licenses: "Apache-2.0",
    }
}

impl Image {
    /// The image of a filter.
    ///
    /// # Errors
    ///
    /// When the archive cannot be made.
    pub fn new(name: &'static str, module: &[u8]) -> io::Result<Self> {
        let archive = archive(module)?;
        let config = Blob::json(
            CONFIG,
            &Configuration {
                architecture: "wasm",
                os: "wasip1",
                rootfs: RootFilesystem {
                    r#type: "layers",
                    diff_ids: [format!("sha256:{}", sha256(&archive))],
                },
            },
        )?;
        let layer = Blob::new(LAYER, compressed(&archive)?);
        let manifest = Blob::json(
            MANIFEST,
            &Manifest {
                schema_version: 2,
                media_type: MANIFEST,
                config: config.descriptor(),
                layers: [layer.descriptor()],
                annotations: annotations(name, None),
            },
        )?;
        Ok(Self {
            name,
            layer,
            config,
            manifest,
        })
    }
}

/// An archive of one file that belongs to nobody and is of no date.
fn archive(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_path(FILE)?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(module.len() as u64);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, module)?;
    archive.into_inner()
}

fn compressed(archive: &[u8]) -> io::Result<Vec<u8>> {
    // 255: of no operating system.
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    encoder.write_all(archive)?;
    encoder.finish()
}

/// Writes a layout that holds these images and nothing else. What is there of an earlier one stays,
/// unnamed; the index is written last.
///
/// # Errors
///
/// When a file cannot be written.
pub(super) fn write(out: &Path, images: &[Image]) -> io::Result<()> {
    let blobs = out.join("blobs").join("sha256");
    std::fs::create_dir_all(&blobs)?;
    for blob in images
        .iter()
        .flat_map(|image| [&image.layer, &image.config, &image.manifest])
    {
        std::fs::write(blobs.join(blob.sha256()), &blob.bytes)?;
    }
    let index = Index {
        schema_version: 2,
        media_type: INDEX,
        manifests: images
            .iter()
            .map(|image| Descriptor {
                annotations: Some(annotations(image.name, Some(image.name))),
                ..image.manifest.descriptor()
            })
            .collect(),
    };
    std::fs::write(out.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")?;
    std::fs::write(out.join("index.json"), serde_json::to_vec(&index)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use serde_json::{Value, json};

    use super::{Blob, Image, sha256, write};

    const MODULE: &[u8] = b"\0asm\x01\0\0\0 not much of a module";

    /// The blob that a descriptor names, which has to be what it says.
    fn read(folder: &std::path::Path, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap();
        let (algorithm, hexadecimal) = digest.split_once(':').unwrap();
        let bytes = std::fs::read(folder.join("blobs").join(algorithm).join(hexadecimal)).unwrap();
        assert_eq!(sha256(&bytes), hexadecimal);
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    #[test]
    fn a_layout_leads_from_a_name_to_the_module() {
        let folder = tempfile::tempdir().unwrap();
        let images = [
            Image::new("gateway", MODULE).unwrap(),
            Image::new("api-key", b"another").unwrap(),
        ];
        write(folder.path(), &images).unwrap();

        let parse = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).unwrap();
        let file = |name: &str| parse(std::fs::read(folder.path().join(name)).unwrap());
        assert_eq!(file("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}));
        let index = file("index.json");
        assert_eq!(index["schemaVersion"], 2);
        for (named, image, module) in [(0, &images[0], MODULE), (1, &images[1], b"another")] {
            let descriptor = &index["manifests"][named];
            assert_eq!(
                descriptor["annotations"]["org.opencontainers.image.ref.name"],
                image.name
            );
            assert_eq!(descriptor["digest"], image.manifest.digest());
            assert_eq!(
                descriptor["mediaType"],
                "application/vnd.oci.image.manifest.v1+json"
            );
            let manifest = parse(read(folder.path(), descriptor));
            assert_eq!(manifest["mediaType"], descriptor["mediaType"]);
            assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
            let layer = &manifest["layers"][0];
            assert_eq!(
                layer["mediaType"],
                "application/vnd.oci.image.layer.v1.tar+gzip"
            );
            let mut archive = Vec::new();
            GzDecoder::new(&*read(folder.path(), layer))
                .read_to_end(&mut archive)
                .unwrap();
            let config = parse(read(folder.path(), &manifest["config"]));
            assert_eq!(
                config["rootfs"],
                json!({"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&archive))]})
            );
            let mut archive = tar::Archive::new(&*archive);
            let mut files = archive.entries().unwrap().map(|entry| {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().display().to_string();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                (name, bytes)
            });
            assert_eq!(
                files.next(),
                Some(("plugin.wasm".to_owned(), module.to_vec()))
            );
            assert_eq!(files.next(), None);
        }
    }

    #[test]
    fn a_digest_names_a_module_on_every_machine() {
        let image = Image::new("gateway", MODULE).unwrap();
        assert_eq!(image, Image::new("gateway", MODULE).unwrap());
        assert_ne!(image, Image::new("gateway", b"another").unwrap());
        // No date, no owner, no name of a system: bytes 4 to 10 of a gzip stream.
        assert_eq!(image.layer.bytes[4..8], [0; 4]);
        assert_eq!(image.layer.bytes[9], 255);
        let Blob { bytes, .. } = image.config;
        assert!(!String::from_utf8(bytes).unwrap().contains("created"));
    }
}
