//! What a configuration becomes for each target: the files, and what they cannot say.
//!
//! Every target has the same pieces of Envoy's configuration in it, those of
//! [`crate::envoy_target`]; a target only says them in its own resources.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use attache_model::Gateway;
use clap::ValueEnum;

use crate::compile::access_log;
use crate::compose_target::{self, Containers};
use crate::diagnostic::{Diagnostic, Report};
use crate::embedded_filters::Filter;
use crate::envoy_gateway_target::{self, Fetched};
use crate::envoy_target::{
    Chain, Code, Deployment, Pieces, SECRETS_FOLDER, Settings, TargetError, chained_configuration,
    system_certificate_authorities,
};
use crate::filter_source::FilterSource;
use crate::istio_target;
use crate::project::Project;
use crate::secrets_key::is_needed;
use crate::split_layout;

/// What the compiled files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// A plain Envoy: one configuration file and the filter.
    Envoy,
    /// docker-compose: Envoy, Prometheus and Grafana, each in a container.
    Compose,
    /// A gateway of an Istio mesh.
    Istio,
    /// A gateway of Envoy Gateway.
    EnvoyGateway,
}

/// Which filters do the gateway's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// All of it in one filter.
    #[default]
    Fused,
    /// Filters of one concern each, between Envoy's own routes.
    Split,
}

/// What is decided by whoever deploys the gateway, not by its definition.
#[derive(Clone, Debug)]
pub struct Request {
    /// What the files are for.
    pub target: Target,
    /// Which filters do the work.
    pub layout: Layout,
    /// Where proxies get the filters from; `None` where nothing was said.
    pub wasm: Option<FilterSource>,
    /// The address that clients connect to, for targets that listen by themselves.
    pub address: IpAddr,
    /// The port that clients connect to; `None` for the target's usual one.
    pub port: Option<u16>,
    /// The port that clients use TLS at, for targets that listen by themselves.
    pub tls_port: u16,
    /// The port of Envoy's own pages, on the loopback interface.
    pub admin_port: u16,
    /// The namespace of the resources of a cluster.
    pub namespace: String,
    /// The PEM file with the authorities of `https` back ends, for a target that runs on this
    /// machine; the other ones bring their own.
    pub certificate_authorities: Option<PathBuf>,
}

/// What is known of the filters' modules.
pub trait Modules {
    /// The SHA-256 of a module, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    fn sha256(&self, filter: Filter) -> Result<String, String>;

    /// The SHA-256 of the manifest of its image, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    fn image_sha256(&self, filter: Filter) -> Result<String, String>;
}

/// A file of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path in the folder of the files.
    pub path: Cow<'static, str>,
    /// What is in it.
    pub contents: Contents,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Text.
    Text(String),
    /// The module of a filter.
    Module(Filter),
}

/// What the resources of a cluster depend on beside the gateway itself.
pub(crate) struct ClusterResources<'a, C> {
    /// Their namespace.
    pub(crate) namespace: &'a str,
    /// The port that clients connect to.
    pub(crate) port: u16,
    /// The filters.
    pub(crate) chain: &'a Chain,
    /// The code of each filter of the chain, in its order.
    pub(crate) code: Vec<C>,
    /// What else the head of the file says: lines of comment.
    pub(crate) notes: &'a [String],
}

/// The authorities in the images of Envoy, of Istio's proxy and of Envoy Gateway's.
const CERTIFICATE_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

impl Request {
    /// A request for what `attache compile --target TARGET` gives without further arguments.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            layout: Layout::Fused,
            wasm: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            tls_port: 8443,
            admin_port: 9901,
            namespace: "default".to_owned(),
            certificate_authorities: system_certificate_authorities(),
        }
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.target {
            Target::Envoy | Target::Compose => 8080,
            Target::Istio | Target::EnvoyGateway => 80,
        })
    }

    fn settings(&self, project: &Project) -> Settings {
        let (address, certificate_authorities) = match self.target {
            Target::Envoy => (self.address, self.certificate_authorities.clone()),
            // Inside of the container; which address of the machine leads there, compose.yaml says.
            _ => (
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                Some(PathBuf::from(CERTIFICATE_AUTHORITIES)),
            ),
        };
        Settings {
            listen: SocketAddr::new(address, self.port()),
            tls_port: self.tls_port,
            admin: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.admin_port),
            // As the comment in the file says, Envoy is started in the folder.
            filter: PathBuf::from(Filter::Gateway.file_name()),
            access_log: access_log(&project.access_log),
            certificate_authorities,
        }
    }

    /// Where proxies get the filters from.
    ///
    /// # Errors
    ///
    /// When that was not said, and has to be.
    fn source(&self, chain: &Chain) -> Result<FilterSource, String> {
        let source = match (&self.wasm, self.target) {
            (Some(source), _) => source.clone(),
            (None, Target::Envoy | Target::Compose) => FilterSource::Beside,
            (None, Target::Istio | Target::EnvoyGateway) => {
                return Err(
                    "the proxies of a cluster get the filter from an image or a URL: say which \
                     with `--wasm oci://REGISTRY/REPOSITORY:TAG`; `attache image` makes the image"
                        .to_owned(),
                );
            }
        };
        if chain.filters.len() > 1 && source.is_for_one_filter() {
            return Err(
                "the split layout has several filters: put `{filter}` into the place that \
                 `--wasm` names, for `api-key`, `usage-plan` and so on"
                    .to_owned(),
            );
        }
        Ok(source)
    }
}

/// The files of a target; `None` when the report says why there are none.
///
/// # Errors
///
/// What a file cannot be written for.
pub fn files(
    project: &Project,
    request: &Request,
    modules: &dyn Modules,
    report: &mut Report,
) -> Result<Option<Vec<File>>, String> {
    warn_of_loopback(project, request, report);
    refuse_certificates(project, request.target, report);
    let chain = match request.layout {
        Layout::Fused => Some(Chain::fused(&project.gateway).map_err(told)?),
        Layout::Split => split_layout::chain(project, report),
    };
    let Some(chain) = chain.filter(|_| !report.has_errors()) else {
        return Ok(None);
    };
    let source = request.source(&chain)?;
    let files = match request.target {
        Target::Envoy => envoy(project, request, &chain, &source, modules)?,
        Target::Compose => compose(project, request, &chain, &source, modules)?,
        Target::Istio => vec![istio(project, request, &chain, &source, modules)?],
        Target::EnvoyGateway => vec![envoy_gateway(project, request, &chain, &source, modules)?],
    };
    Ok(Some(files))
}

/// The filters of a chain, each once, and the files that they lie in beside the configuration.
fn beside(chain: &Chain, source: &FilterSource) -> Vec<Filter> {
    let used = |filter: &Filter| {
        chain
            .filters
            .iter()
            .any(|chained| chained.module == *filter)
    };
    match source {
        FilterSource::Beside => Filter::ALL.into_iter().filter(used).collect(),
        _ => Vec::new(),
    }
}

fn envoy_configuration(
    project: &Project,
    request: &Request,
    chain: &Chain,
    source: &FilterSource,
    modules: &dyn Modules,
) -> Result<String, String> {
    let mut upstreams = project.upstreams.clone();
    let in_container = request.target == Target::Compose;
    let folder = if in_container {
        compose_target::FOLDER
    } else {
        ""
    };
    let mut codes = Vec::new();
    for filter in &chain.filters {
        let sha256 = |filter| modules.sha256(filter);
        let code = source.for_envoy(filter.module, folder, sha256, &mut upstreams)?;
        codes.push((filter.module, code));
    }
    let code = |module: Filter| {
        let known = codes.iter().find(|(filter, _)| *filter == module);
        known.map_or_else(
            || Code::File(PathBuf::from(module.file_name())),
            |(_, code)| code.clone(),
        )
    };
    let beside = beside(chain, source)
        .into_iter()
        .map(|filter| Ok((filter.file_name(), modules.sha256(filter)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let mut notes = notes(request.layout);
    if let FilterSource::Url(_) = source {
        // Between paragraphs.
        notes.extend((!notes.is_empty()).then(String::new));
        notes.extend(
            [
                "Envoy fetches the filter when it starts. It says of itself that this is not stable;",
                "a file, as `--wasm file` writes it, is the safer way.",
            ]
            .map(str::to_owned),
        );
    }
    let statistics = SocketAddr::new(
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        compose_target::STATISTICS_PORT,
    );
    chained_configuration(
        &project.gateway,
        &upstreams,
        &project.transport,
        &request.settings(project),
        &Deployment {
            chain,
            secrets: &Path::new(folder).join(SECRETS_FOLDER),
            code: &code,
            in_container,
            modules: &beside,
            notes: &notes,
            statistics: in_container.then_some(statistics),
        },
    )
    .map_err(told)
}

fn envoy(
    project: &Project,
    request: &Request,
    chain: &Chain,
    source: &FilterSource,
    modules: &dyn Modules,
) -> Result<Vec<File>, String> {
    let text = envoy_configuration(project, request, chain, source, modules)?;
    let mut files = vec![File::text("envoy.yaml", text)];
    files.extend(secrets(project)?);
    files.extend(beside(chain, source).into_iter().map(File::module));
    Ok(files)
}

fn compose(
    project: &Project,
    request: &Request,
    chain: &Chain,
    source: &FilterSource,
    modules: &dyn Modules,
) -> Result<Vec<File>, String> {
    if let FilterSource::File(path) = source {
        return Err(format!(
            "the container has no `{path}`: take the filter as a file beside the others, `--wasm file`"
        ));
    }
    let text = envoy_configuration(project, request, chain, source, modules)?;
    let beside = beside(chain, source);
    let names: Vec<&str> = beside.iter().map(|filter| filter.file_name()).collect();
    let certificate_folders = project
        .transport
        .folders()
        .map(|folder| folder.to_str().ok_or(TargetError::Path(folder.to_owned())))
        .collect::<Result<BTreeSet<&str>, TargetError>>()
        .map_err(told)?;
    let shares = compose_target::shares(project);
    let containers = compose_target::compose(&Containers {
        address: request.address.to_string(),
        port: request.port(),
        tls_port: (!project.transport.domains.is_empty()).then_some(request.tls_port),
        files: &names,
        certificate_folders: &certificate_folders,
        needs_secrets_key: is_needed(&project.gateway),
        shares,
        signs: project
            .upstreams
            .iter()
            .any(|back_end| back_end.signing.is_some()),
    })
    .map_err(told)?;
    let mut files = vec![
        File::text("compose.yaml", containers),
        File::text("envoy.yaml", text),
    ];
    files.extend(
        compose_target::WATCHING
            .iter()
            .chain(shares.then_some(&compose_target::WEBDIS))
            .map(|(path, text)| File::text(*path, *text)),
    );
    files.extend(secrets(project)?);
    files.extend(beside.into_iter().map(File::module));
    Ok(files)
}

fn istio(
    project: &Project,
    request: &Request,
    chain: &Chain,
    source: &FilterSource,
    modules: &dyn Modules,
) -> Result<File, String> {
    let code = |filter: Filter| {
        let place = source.place(filter);
        let remote = |uri: String, sha256: String| Code::Remote {
            uri,
            cluster: istio_target::NO_CLUSTER.to_owned(),
            sha256,
        };
        match source {
            FilterSource::Beside => Err(
                "no file is beside a proxy of a cluster: give the filter as an image or a URL, \
                 or as a file of the proxy's container with `--wasm file:///PATH`"
                    .to_owned(),
            ),
            FilterSource::File(_) => Ok(Code::File(PathBuf::from(place))),
            FilterSource::Image(_) => Ok(remote(
                format!("oci://{place}"),
                modules.image_sha256(filter)?,
            )),
            FilterSource::Url(_) => Ok(remote(place, modules.sha256(filter)?)),
        }
    };
    let text = in_cluster(project, request, chain, &code, istio_target::resources)?;
    Ok(File::text("istio.yaml", text))
}

fn envoy_gateway(
    project: &Project,
    request: &Request,
    chain: &Chain,
    source: &FilterSource,
    modules: &dyn Modules,
) -> Result<File, String> {
    let code = |filter: Filter| {
        let place = source.place(filter);
        match source {
            FilterSource::Beside | FilterSource::File(_) => Err(
                "Envoy Gateway takes filters from images and URLs, not from files: \
                 `--wasm oci://REGISTRY/REPOSITORY:TAG`"
                    .to_owned(),
            ),
            FilterSource::Image(_) => Ok(Fetched {
                is_image: true,
                place,
                sha256: modules.image_sha256(filter)?,
            }),
            FilterSource::Url(_) => Ok(Fetched {
                is_image: false,
                place,
                sha256: modules.sha256(filter)?,
            }),
        }
    };
    let write = envoy_gateway_target::resources;
    let text = in_cluster(project, request, chain, &code, write)?;
    Ok(File::text("envoy-gateway.yaml", text))
}

/// The resources of a cluster, whose proxies get each filter as `code` says.
fn in_cluster<C>(
    project: &Project,
    request: &Request,
    chain: &Chain,
    code: &dyn Fn(Filter) -> Result<C, String>,
    write: fn(&Gateway, &Pieces, &ClusterResources<'_, C>) -> Result<String, TargetError>,
) -> Result<String, String> {
    let code = chain
        .filters
        .iter()
        .map(|filter| code(filter.module))
        .collect::<Result<Vec<_>, String>>()?;
    let pieces = Pieces::new(
        &project.gateway,
        &project.upstreams,
        &project.transport,
        &request.settings(project),
        chain.routes.is_some(),
    )
    .map_err(told)?;
    let resources = ClusterResources {
        namespace: &request.namespace,
        port: request.port(),
        chain,
        code,
        notes: &notes(request.layout),
    };
    write(&project.gateway, &pieces, &resources).map_err(told)
}

/// The files by which Envoy finds certificates and trust stores.
fn secrets(project: &Project) -> Result<Vec<File>, String> {
    let secrets = project.transport.secret_files().map_err(told)?;
    let files = secrets.into_iter().map(|secret| {
        let path = format!("{SECRETS_FOLDER}/{}", secret.name);
        File::text(path, secret.resource.text)
    });
    Ok(files.collect())
}

impl File {
    fn text(path: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Self {
            path: path.into(),
            contents: Contents::Text(text),
        }
    }

    const fn module(filter: Filter) -> Self {
        Self {
            path: Cow::Borrowed(filter.file_name()),
            contents: Contents::Module(filter),
        }
    }
}

/// What the head of a file says of a layout.
fn notes(layout: Layout) -> Vec<String> {
    match layout {
        Layout::Fused => Vec::new(),
        Layout::Split => [
            "The layout is split: filters of one concern each, on routes of Envoy's own. They publish",
            "neither metrics nor fields of the access log.",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

/// Tells of certificates in files of this machine, which a cluster's proxies do not have: theirs come
/// from the cluster.
fn refuse_certificates(project: &Project, target: Target, report: &mut Report) {
    if matches!(target, Target::Envoy | Target::Compose) {
        return;
    }
    let mut refuse = |pointer: String, message: String, hint: &'static str| {
        let (file, span, pointer) = match project.places.find(&pointer) {
            Some(place) => (place.file, place.span, place.pointer),
            None => (project.file.clone(), 0..0, String::new()),
        };
        report.push(
            Diagnostic::error("certificate-in-cluster", file, span, pointer, message).hint(hint),
        );
    };
    for (index, domain) in project.gateway.domains.iter().enumerate() {
        if domain.tls {
            refuse(
                format!("/domains/{index}/tls"),
                format!(
                    "the certificate of `{}` is a file of this machine, and the proxies of a \
                     cluster have it not",
                    domain.name
                ),
                "leave `certificate` out, and end TLS before this gateway, in a gateway or load \
                 balancer that has the certificate as a Secret",
            );
        }
    }
    for (index, api) in project.gateway.apis.iter().enumerate() {
        for (position, stage) in api.stages.iter().enumerate() {
            if let Some(id) = &stage.client_certificate_id {
                refuse(
                    format!("/apis/{index}/stages/{position}/clientCertificateId"),
                    format!(
                        "the client certificate `{id}` is a file of this machine, and the proxies \
                         of a cluster have it not"
                    ),
                    "leave `clientCertificateId` out; in a mesh, mutual TLS towards back ends is \
                     the mesh's",
                );
            }
        }
    }
}

/// Tells of back ends that are on the machine of whoever compiles, and not where the proxy will be.
fn warn_of_loopback(project: &Project, request: &Request, report: &mut Report) {
    if request.target == Target::Envoy {
        return;
    }
    let hosts: BTreeSet<String> = project
        .upstreams
        .iter()
        .filter(|back_end| {
            let is_loopback = |address: IpAddr| address.is_loopback();
            back_end.host == "localhost" || back_end.host.parse().is_ok_and(is_loopback)
        })
        .map(attache_policies::Upstream::authority)
        .collect();
    let hint = match request.target {
        Target::Compose => {
            "name the back end as the container reaches it: `host.docker.internal` for this \
             machine, or the name of a service"
        }
        _ => {
            "name the back end as the proxy reaches it, such as `NAME.NAMESPACE.svc.cluster.local`"
        }
    };
    for host in hosts {
        report.push(
            Diagnostic::warning(
                "loopback-back-end",
                project.file.clone(),
                0..0,
                String::new(),
                format!("the back end `{host}` is, for the proxy, its own container"),
            )
            .hint(hint),
        );
    }
}

fn told(error: TargetError) -> String {
    error.to_string()
}
