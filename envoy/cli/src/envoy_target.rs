//! The gateway as Envoy's configuration.
//!
//! Two shapes of the same thing. [`static_configuration`] is one self-contained file to deploy.
//! [`Dynamic`] is for a running Envoy that follows edits: a bootstrap that never changes, and the
//! listeners, the clusters and the filter's own configuration in files that Envoy watches. An
//! edited definition replaces the filter's root context and adds clusters; no connection is
//! closed and no listener is drained.
//!
//! The files are the templates beside this module, which read like the Envoy configuration that
//! they become, with the reason beside each choice. Every value put into one is quoted as JSON,
//! which YAML contains, so no name in a definition can change the shape of a file. The same
//! input gives the same bytes.

mod access_log;
mod chain;
mod cluster;
mod local_reply;
mod pieces;
pub(crate) mod template;
mod transport;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use attache_model::Gateway;
use attache_policies::integration::DEFAULT_TIMEOUT_MILLIS;
use attache_policies::metric_name::LABELS;
use attache_policies::sealed_secret::VARIABLE as SECRETS_KEY;
use attache_policies::{Scheme, Upstream};
use minijinja::{Value, context};
use sha2::{Digest, Sha256};

use crate::embedded_filters;
use crate::secrets_key::is_needed;

pub use access_log::PUBLISHED as PUBLISHED_FIELDS;
pub(crate) use chain::plugin;
pub use chain::{Chain, ChainedFilter, Code, OwnRoute};
pub(crate) use pieces::{Pieces, SettingValue, items_of, safe, settings_of};
pub use transport::{
    CertificateFiles, SECRETS_FOLDER, SecretFile, TlsDomain, Transport, WebSocketLimits,
};

pub use attache_policies::integration::CLUSTER_HEADER;
use attache_policies::integration::MAPPED_HEADER;

/// The name of the filter and of the resource that holds its configuration.
pub const FILTER_NAME: &str = "attache";

/// What is decided by whoever serves the gateway, not by its definition.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The port at the same address for clients that use TLS, where a custom domain name is served
    /// under it.
    pub tls_port: u16,
    /// Where Envoy's own pages are. They can end the process: a loopback address.
    pub admin: SocketAddr,
    /// The filter's module, as Envoy is to open it.
    pub filter: PathBuf,
    /// Where the access log goes, when the gateway keeps one.
    pub access_log: AccessLog,
    /// A PEM file with the authorities that sign the certificates of `https` back ends.
    pub certificate_authorities: Option<PathBuf>,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// To Envoy's standard output.
    StandardOutput,
    /// To the end of a file, written every ten seconds.
    File(PathBuf),
}

/// Why no configuration could be written.
#[derive(Debug)]
pub enum TargetError {
    /// There are `https` back ends, and nothing to verify them with.
    NoCertificateAuthorities {
        /// The first such back end.
        host: String,
    },
    /// A path that is not Unicode cannot stand in Envoy's configuration.
    Path(PathBuf),
    /// A template did not render.
    Template(minijinja::Error),
    /// The gateway's document could not be written as JSON.
    Document(serde_json::Error),
}

impl std::fmt::Display for TargetError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoCertificateAuthorities { host } => write!(
                formatter,
                "no certificate authorities found to verify `https://{host}` with: install the \
                 system's CA certificates, or name a PEM file in SSL_CERT_FILE"
            ),
            Self::Path(path) => write!(
                formatter,
                "the path `{}` is not Unicode, and Envoy's configuration cannot hold it",
                path.display()
            ),
            Self::Template(error) => write!(formatter, "the template of a file failed: {error}"),
            Self::Document(error) => {
                write!(formatter, "the gateway cannot be written as JSON: {error}")
            }
        }
    }
}

impl std::error::Error for TargetError {}

impl From<minijinja::Error> for TargetError {
    fn from(error: minijinja::Error) -> Self {
        Self::Template(error)
    }
}

/// The PEM file of the system's certificate authorities, found where distributions put it or
/// named by `SSL_CERT_FILE`.
#[must_use]
pub fn system_certificate_authorities() -> Option<PathBuf> {
    openssl_probe::probe().cert_file
}

/// One file that holds everything: `envoy.yaml` beside `gateway.wasm`, and beside the folder
/// [`SECRETS_FOLDER`] with the [`Transport::secret_files`] where there are any.
///
/// # Errors
///
/// [`TargetError`].
pub fn static_configuration(
    gateway: &Gateway,
    upstreams: &BTreeSet<Upstream>,
    transport: &Transport,
    settings: &Settings,
) -> Result<String, TargetError> {
    let code = |_| Code::File(settings.filter.clone());
    chained_configuration(
        gateway,
        upstreams,
        transport,
        settings,
        &Deployment {
            chain: &Chain::fused(gateway)?,
            secrets: Path::new(SECRETS_FOLDER),
            code: &code,
            in_container: false,
            modules: &[(embedded_filters::Filter::Gateway.file_name(), String::new())],
            notes: &[],
            statistics: None,
        },
    )
}

/// Which filters a static configuration has, and what it says of itself.
pub(crate) struct Deployment<'a> {
    /// The filters and who routes.
    pub(crate) chain: &'a Chain,
    /// Where Envoy finds the [`Transport::secret_files`].
    pub(crate) secrets: &'a Path,
    /// Where Envoy opens each module.
    pub(crate) code: &'a dyn Fn(embedded_filters::Filter) -> Code,
    /// Whether Envoy runs beside other containers, rather than by itself.
    pub(crate) in_container: bool,
    /// The modules that lie beside the file, and the SHA-256 of each.
    pub(crate) modules: &'a [(&'static str, String)],
    /// What else the head of the file says: lines of comment.
    pub(crate) notes: &'a [String],
    /// Where others may read the statistics, apart from Envoy's own pages.
    pub(crate) statistics: Option<SocketAddr>,
}

/// The same with filters of choice.
///
/// # Errors
///
/// [`TargetError`].
pub(crate) fn chained_configuration(
    gateway: &Gateway,
    upstreams: &BTreeSet<Upstream>,
    transport: &Transport,
    settings: &Settings,
    deployment: &Deployment<'_>,
) -> Result<String, TargetError> {
    let plugins = deployment
        .chain
        .filters
        .iter()
        .map(|filter| {
            let code = (deployment.code)(filter.module);
            let configuration = template::block(&filter.configuration, 4);
            Ok((
                filter.name.clone(),
                plugin(&filter.name, &code, &configuration)?,
            ))
        })
        .collect::<Result<Vec<_>, TargetError>>()?;
    let own_routes = deployment.chain.own_routes(str::to_owned)?;
    let secrets = deployment.secrets;
    let values = listener_values(
        gateway,
        settings,
        transport::context(transport, secrets, gateway)?,
        &Filter::Here(plugins),
        own_routes.as_deref(),
    )?;
    let listener = template::render("listener.yaml", &values)?;
    let clusters = clusters(upstreams, secrets, settings, Place::Bootstrap)?;
    let mut names: Vec<&str> = deployment.modules.iter().map(|(file, _)| *file).collect();
    names.extend(transport.files().next().map(|_| SECRETS_FOLDER));
    let modules: Vec<Value> = deployment
        .modules
        .iter()
        .filter(|(_, sha256)| !sha256.is_empty())
        .map(|(file, sha256)| context! { file => *file, sha256 })
        .collect();
    let files = Some(names.join(", ")).filter(|files| !files.is_empty());
    Ok(template::render(
        "envoy.yaml",
        &context! {
            ..process(settings),
            ..context! {
                secrets_key => SECRETS_KEY,
                needs_secrets_key => is_needed(gateway),
                has_credentials => !gateway.credentials.is_empty(),
                has_tls => !transport.domains.is_empty(),
                in_container => deployment.in_container,
                files,
                modules,
                notes => deployment.notes.to_vec(),
                listener => template::nested(&listener, 2),
                clusters => template::list(&clusters, 2),
                statistics => deployment.statistics.map(address),
            }
        },
    )?)
}

/// The files of an Envoy that follows edits.
#[derive(Clone, Debug)]
pub struct Dynamic {
    settings: Settings,
    directory: PathBuf,
}

/// One resource file: what it holds, and the version that Envoy reports once it has taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The file's text.
    pub text: String,
    /// A digest of the text.
    pub version: String,
}

impl Dynamic {
    /// Files in `directory`, which only this process and its Envoy may read.
    #[must_use]
    pub const fn new(settings: Settings, directory: PathBuf) -> Self {
        Self {
            settings,
            directory,
        }
    }

    /// Where the bootstrap goes: what Envoy is started with.
    #[must_use]
    pub fn bootstrap_file(&self) -> PathBuf {
        self.directory.join("bootstrap.yaml")
    }

    /// Where the listeners go.
    #[must_use]
    pub fn listeners_file(&self) -> PathBuf {
        self.directory.join("lds.yaml")
    }

    /// Where the clusters go. To be replaced, by a rename, before [`Self::plugin_file`].
    #[must_use]
    pub fn clusters_file(&self) -> PathBuf {
        self.directory.join("cds.yaml")
    }

    /// Where the filter's configuration goes.
    #[must_use]
    pub fn plugin_file(&self) -> PathBuf {
        self.directory.join("ecds").join("attache.yaml")
    }

    /// Where the files of certificates and trust stores go. To be there before the listeners and the
    /// clusters that name them.
    #[must_use]
    pub fn secrets_folder(&self) -> PathBuf {
        self.directory.join(SECRETS_FOLDER)
    }

    /// The bootstrap.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn bootstrap(&self) -> Result<String, TargetError> {
        Ok(template::render(
            "bootstrap.yaml",
            &context! {
                ..process(&self.settings),
                ..context! {
                    listeners_file => text(&self.listeners_file())?,
                    clusters_file => text(&self.clusters_file())?,
                }
            },
        )?)
    }

    /// The listeners.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn listeners(
        &self,
        gateway: &Gateway,
        transport: &Transport,
    ) -> Result<Resource, TargetError> {
        let filter = Filter::In(self.plugin_file());
        let transport = transport::context(transport, &self.secrets_folder(), gateway)?;
        let values = listener_values(gateway, &self.settings, transport, &filter, None)?;
        resource(&template::render("listener.yaml", &values)?)
    }

    /// The clusters.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn clusters(&self, upstreams: &BTreeSet<Upstream>) -> Result<Resource, TargetError> {
        let secrets = self.secrets_folder();
        resource(&clusters(
            upstreams,
            &secrets,
            &self.settings,
            Place::Discovered,
        )?)
    }

    /// The filter's configuration.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub fn plugin(&self, gateway: &Gateway) -> Result<Resource, TargetError> {
        let document = serde_json::to_string(gateway).map_err(TargetError::Document)?;
        let code = Code::File(self.settings.filter.clone());
        let plugin = plugin(FILTER_NAME, &code, &template::quoted(&document))?;
        resource(&template::render(
            "extension.yaml",
            &context! { name => FILTER_NAME, plugin => template::nested(&plugin, 4) },
        )?)
    }
}

/// Where the filters' configuration stands, seen from the listener.
enum Filter {
    /// In it: the plug-ins by the names of the filters.
    Here(Vec<(String, String)>),
    /// In a file, and there is one filter.
    In(PathBuf),
}

/// Whether resources stand in the bootstrap itself, where their type is known, or come by themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Bootstrap,
    Discovered,
}

fn process(settings: &Settings) -> Value {
    let labels: Vec<Value> = LABELS
        .iter()
        .map(|label| context! { name => label.name, regex => label.expression })
        .collect();
    context! {
        listen => address(settings.listen),
        tls_listen => tls_address(settings),
        admin => address(settings.admin),
        labels,
    }
}

fn listener_values(
    gateway: &Gateway,
    settings: &Settings,
    transport: Value,
    filter: &Filter,
    own_routes: Option<&str>,
) -> Result<Value, TargetError> {
    let access_log = if gateway.access_log {
        Some(access_log::context(&settings.access_log)?)
    } else {
        None
    };
    let (plugins, plugin_file) = match filter {
        Filter::Here(plugins) => (plugins.as_slice(), None),
        Filter::In(file) => (&[] as &[_], Some(text(file)?)),
    };
    let filters: Vec<Value> = plugins
        .iter()
        .map(|(name, plugin)| context! { name, plugin => template::nested(plugin, 12) })
        .collect();
    Ok(context! {
        listen => address(settings.listen),
        tls_listen => tls_address(settings),
        transport,
        cluster_header => CLUSTER_HEADER,
        mapped_header => MAPPED_HEADER,
        timeout_seconds => DEFAULT_TIMEOUT_MILLIS / 1000,
        filter_name => FILTER_NAME,
        local_replies => local_reply::context(),
        unanswered => local_reply::UNANSWERED,
        access_log,
        discovered => plugin_file.is_some(),
        filters,
        plugin_file,
        envoy_routes => own_routes.is_some(),
        own_routes => own_routes.map(|routes| template::nested(routes, 12)),
    })
}

fn clusters(
    upstreams: &BTreeSet<Upstream>,
    secrets: &Path,
    settings: &Settings,
    place: Place,
) -> Result<String, TargetError> {
    let unverifiable = upstreams.iter().find(|upstream| {
        upstream.scheme == Scheme::Https && !upstream.tls.insecure_skip_verification
    });
    let authorities = match (&settings.certificate_authorities, unverifiable) {
        (Some(file), _) => Some(text(file)?),
        (None, None) => None,
        (None, Some(upstream)) => {
            return Err(TargetError::NoCertificateAuthorities {
                host: upstream.host.clone(),
            });
        }
    };
    let clusters: Vec<Value> = upstreams
        .iter()
        .map(|upstream| cluster::context(upstream, authorities, secrets))
        .collect::<Result<_, _>>()?;
    Ok(template::render(
        "clusters.yaml",
        &context! { clusters, discovered => place == Place::Discovered },
    )?)
}

fn resource(items: &str) -> Result<Resource, TargetError> {
    let version = Sha256::digest(items.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let text = template::render(
        "discovery.yaml",
        &context! { version => &version, resources => template::list(items, 0) },
    )?;
    Ok(Resource { text, version })
}

fn address(address: SocketAddr) -> Value {
    context! { address => address.ip().to_string(), port => address.port() }
}

fn tls_address(settings: &Settings) -> Value {
    address(SocketAddr::new(settings.listen.ip(), settings.tls_port))
}

fn text(path: &Path) -> Result<&str, TargetError> {
    path.to_str()
        .ok_or_else(|| TargetError::Path(path.to_owned()))
}

#[cfg(test)]
mod tests;
