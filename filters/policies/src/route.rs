//! Which API, stage and operation a request is for.
//!
//! The host names the API, the first path segment its stage, and the rest of the path together
//! with the method the operation:
//!
//! ```text
//! petstore.example.com   /prod   /pets/7/   ?limit=2
//! └─ API                 └─ stage └─ resource path  └─ raw query string
//! ```
//!
//! A stage serves what was deployed to it, so that several entries of the configuration may have one
//! API id, each with its stages; a stage may have a canary release, which gets a part of its
//! requests and stands beside it or in an entry of its own. Position by position, a [`Route`] says
//! which entry, stage and operation it is, and everything after routing goes by those: so a request
//! sees one release from its authorizer to its gateway response.
//!
//! Paths are compared as the bytes that the client sent: API Gateway does not percent-decode
//! them. Slashes before the stage count as one, and so do those right after it; a slash at the
//! end is ignored, and slashes in between are kept.
//!
//! What is borrowed, what is found and what is refused is in [`Route`] and [`Unmatched`]; the
//! search itself is in `tree`.

mod compile;
mod domain;
mod signature;
mod template;
mod tree;

use attache_model::{Protocol, Verb};

use crate::denial::Denial;
use crate::headers::Headers;
use crate::ports::{Connection, Random};
pub use domain::CustomDomain;
use domain::Domains;
use template::{PathParameter, Segment};
use tree::Tree;

/// Where every request of every API goes: compiled once from a configuration.
///
/// ```text
/// host ──► API ──► stage ──► release ──► operation
///          by id   by name   its own,    by path and method, among those
///                            or its      of the release's entry in the
///                            canary's    configuration
/// ```
#[derive(Debug)]
pub struct Routes {
    /// Every API id once, sorted by it.
    apis: Vec<ApiRoutes>,
    any_host: Option<usize>,
    /// The operations of each entry of the configuration, in its order.
    operations: Vec<Operations>,
    domains: Domains<MappedStage>,
}

/// The stage that a base path of a custom domain name leads to: positions in [`Routes::apis`] and in
/// [`ApiRoutes::stages`].
#[derive(Clone, Copy, Debug)]
struct MappedStage {
    api: usize,
    /// `None` for the stage `$default`.
    stage: Option<usize>,
}

/// The stages of one API id, wherever they stand in the configuration.
#[derive(Debug)]
struct ApiRoutes {
    /// In lower case.
    id: Box<str>,
    protocol: Protocol,
    any_host: bool,
    /// Whether custom domain names are the only way to it.
    is_behind_domains: bool,
    /// The first entry of the configuration with this id, for what is said when not even the stage
    /// is known.
    first: usize,
    /// The stages that a path names.
    stages: Vec<(Box<str>, StageRoutes)>,
    /// The stage `$default` of an HTTP API.
    default_stage: Option<StageRoutes>,
}

/// What answers the requests of a stage.
#[derive(Debug)]
struct StageRoutes {
    release: Release,
    canary: Option<CanaryRelease>,
}

/// What a stage serves: positions of the API in the configuration, and of the stage in the API.
#[derive(Clone, Copy, Debug)]
struct Release {
    api: usize,
    stage: usize,
}

/// The release that gets a part of a stage's traffic.
#[derive(Debug)]
struct CanaryRelease {
    release: Release,
    /// How many of the 2⁶⁴ numbers that can be drawn mean this release.
    draws: u128,
}

/// The operations of one entry of the configuration.
#[derive(Debug)]
struct Operations {
    /// Position of the API in [`Routes::apis`].
    api: usize,
    tree: Tree,
    /// The route `$default` of an HTTP API.
    default_route: Option<usize>,
    /// For each operation, the parameters of its path.
    parameters: Vec<Box<[PathParameter]>>,
}

/// Where one request goes. Everything in it is borrowed from the request and the routes.
#[derive(Clone, Copy, Debug)]
pub struct Route<'r> {
    /// Position of the API in the configuration.
    pub api: usize,
    /// Position of the stage in its API.
    pub stage: usize,
    /// Position of the operation in its API.
    pub operation: usize,
    /// The method that the client asked for, `X-HTTP-Method-Override` applied. Never `ANY`.
    pub verb: Verb,
    /// The path as requested, the stage or the base path included (`$context.path`): slashes at
    /// its start count as one, all else is as it came.
    pub path: &'r [u8],
    /// The path without the stage or the base path: slashes at its start count as one, a slash at
    /// its end is kept.
    pub resource_path: &'r [u8],
    /// The custom domain name that the request came under; `None` at the API's own host name.
    pub domain: Option<CustomDomain<'r>>,
    /// What follows the first `?`, as it came; empty when there is none.
    pub query: &'r [u8],
    parameters: &'r [PathParameter],
}

impl<'r> Route<'r> {
    /// The raw value of a path parameter, or `None` when the operation's path has none of that
    /// name. It is not decoded. A greedy parameter has no slash at its end.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> Option<&'r [u8]> {
        self.parameters
            .iter()
            .find(|parameter| &*parameter.name == name)
            .map(|parameter| parameter.value_in(self.resource_path))
    }

    /// `path` of events in format 1.0: never with the stage, but with the base path of a custom
    /// domain.
    #[must_use]
    pub const fn event_path(&self) -> &'r [u8] {
        match self.domain {
            Some(_) => self.path,
            None => self.resource_path,
        }
    }

    /// `rawPath` of events in format 2.0: with the stage, but not with the base path of a custom
    /// domain
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
    #[must_use]
    pub const fn raw_path(&self) -> &'r [u8] {
        match self.domain {
            Some(_) => self.resource_path,
            None => self.path,
        }
    }

    /// The route itself, if the request may come by its connection.
    ///
    /// # Errors
    ///
    /// When the custom domain is served to other connections.
    pub fn admitted(self, connection: &dyn Connection) -> Result<Self, Denial> {
        if let Some(domain) = self.domain {
            domain.admit(connection)?;
        }
        Ok(self)
    }

    /// The route of a request to a filter that serves one API with one stage and one operation,
    /// whatever the path; `None` for a method that API Gateway does not know.
    pub(crate) fn of_whole_request(request: &'r Headers) -> Option<Self> {
        let (path, query) = split_query(request.first(b":path").unwrap_or_default());
        Some(Self {
            api: 0,
            stage: 0,
            operation: 0,
            verb: Verb::from_request(request.first(b":method").unwrap_or_default())?,
            path,
            resource_path: path,
            domain: None,
            query,
            parameters: &[],
        })
    }

    /// What can be said of a request that no operation serves: its path and its query string. The
    /// method is [`Verb::Any`] where API Gateway does not know the request's own.
    pub(crate) fn of_unmatched(request: &'r Headers) -> Self {
        let (target, query) = split_query(request.first(b":path").unwrap_or_default());
        let path = collapse_leading_slashes(target);
        Self {
            api: usize::MAX,
            stage: usize::MAX,
            operation: usize::MAX,
            verb: Verb::from_request(request.first(b":method").unwrap_or_default())
                .unwrap_or(Verb::Any),
            path,
            resource_path: path,
            domain: None,
            query,
            parameters: &[],
        }
    }

    /// All path parameters with their raw values, in the order of the path.
    pub fn path_parameters(&self) -> impl Iterator<Item = (&'r str, &'r [u8])> + use<'r> {
        let resource_path = self.resource_path;
        self.parameters
            .iter()
            .map(move |parameter| (&*parameter.name, parameter.value_in(resource_path)))
    }
}

/// A request that no operation serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// Whose way of refusing applies. [`Protocol::Rest`] when not even the API is known.
    pub protocol: Protocol,
    /// Position of the API, when the host named one; the first with its id, when the path names
    /// none of its stages.
    pub api: Option<usize>,
    /// Position of the stage, when the path named one.
    pub stage: Option<usize>,
    /// The refusal.
    pub denial: Denial,
}

impl Unmatched {
    /// Host or stage are not known.
    const fn stage(protocol: Protocol, api: Option<usize>) -> Self {
        Self {
            protocol,
            api,
            stage: None,
            denial: Denial::UnknownStage,
        }
    }
}

impl From<Unmatched> for Denial {
    fn from(unmatched: Unmatched) -> Self {
        unmatched.denial
    }
}

/// An API, a stage of it, the path without the stage, and the domain that led there.
type FoundApi<'r> = (
    &'r ApiRoutes,
    Option<&'r StageRoutes>,
    &'r [u8],
    Option<CustomDomain<'r>>,
);

impl Routes {
    /// Finds the operation that serves a request, as if no stage had a canary release.
    ///
    /// # Errors
    ///
    /// When there is none: [`Denial::UnknownStage`] when host or stage are unknown, otherwise
    /// [`Denial::MissingAuthenticationToken`], or [`Denial::IncompleteSignature`] when the
    /// request has an `Authorization` header, as REST APIs then read a signature from it.
    pub fn find<'r>(&'r self, request: &'r Headers) -> Result<Route<'r>, Unmatched> {
        self.find_by(request, None)
    }

    /// The same of a request that a canary release may get: which one it goes to is drawn, once,
    /// where the stage has one.
    ///
    /// # Errors
    ///
    /// The same. Whether there is such an operation is a matter of the release that is drawn.
    pub fn find_release<'r>(
        &'r self,
        request: &'r Headers,
        random: &dyn Random,
    ) -> Result<Route<'r>, Unmatched> {
        self.find_by(request, Some(random))
    }

    fn find_by<'r>(
        &'r self,
        request: &'r Headers,
        random: Option<&dyn Random>,
    ) -> Result<Route<'r>, Unmatched> {
        let mut head = RequestHead::read(request);
        let (target, query) = split_query(head.target);
        let path = collapse_leading_slashes(target);
        let (api, stage, resource_path, domain) = self
            .find_api(head.authority, path)
            .ok_or_else(|| Unmatched::stage(Protocol::Rest, None))?;
        if api.protocol == Protocol::Http {
            // The override is a feature of REST APIs.
            head.method_override = None;
        }
        let Some(stage) = stage else {
            return Err(Unmatched::stage(api.protocol, Some(api.first)));
        };
        let release = stage.release(random);
        self.find_in(release, path, resource_path, query, head.verb())
            .map(|route| Route { domain, ..route })
            .ok_or_else(|| Unmatched {
                protocol: api.protocol,
                api: Some(release.api),
                stage: Some(release.stage),
                denial: match head.authorization {
                    Some(value) if api.protocol == Protocol::Rest => {
                        signature::refusal(value, request)
                    }
                    _ => Denial::MissingAuthenticationToken,
                },
            })
    }

    /// The API and the stage that a request is for, if it has such a stage, what is left of the path,
    /// and the position of the custom domain name.
    fn find_api<'r>(&'r self, authority: &[u8], path: &'r [u8]) -> Option<FoundApi<'r>> {
        if let Some(mapped) = self.domains.find(authority, path) {
            let (mapped, domain, resource_path) = mapped?;
            let api = self.apis.get(mapped.api)?;
            let stage = match mapped.stage {
                Some(stage) => api.stages.get(stage).map(|(_, stage)| stage),
                None => api.default_stage.as_ref(),
            };
            return Some((api, stage, resource_path, Some(domain)));
        }
        let api = self.api(authority)?;
        Some(match api.stage(path).filter(|_| !api.is_behind_domains) {
            Some((stage, resource_path)) => (api, Some(stage), resource_path, None),
            None => (api, None, path, None),
        })
    }

    /// The positions of API and stage that a request is for, whether it has such an operation or not,
    /// and its path without the stage.
    pub(crate) fn find_stage<'r>(
        &'r self,
        request: &'r Headers,
    ) -> Option<(usize, usize, &'r [u8])> {
        let head = RequestHead::read(request);
        let path = collapse_leading_slashes(split_query(head.target).0);
        let (_, stage, resource_path, _) = self.find_api(head.authority, path)?;
        let release = stage?.release(None);
        Some((release.api, release.stage, resource_path))
    }

    /// The same for a request to a release that is known already, whatever its host: the stage
    /// stands in its path.
    pub(crate) fn find_of_release<'r>(
        &'r self,
        api: usize,
        stage: usize,
        request: &'r Headers,
    ) -> Option<Route<'r>> {
        let head = RequestHead::read(request);
        let (target, query) = split_query(head.target);
        let path = collapse_leading_slashes(target);
        let stages = self.apis.get(self.operations.get(api)?.api)?;
        let (_, resource_path) = stages.stage(path)?;
        let release = Release::new(api, stage);
        self.find_in(release, path, resource_path, query, head.verb())
    }

    fn find_in<'r>(
        &'r self,
        Release { api, stage }: Release,
        path: &'r [u8],
        resource_path: &'r [u8],
        query: &'r [u8],
        verb: Option<Verb>,
    ) -> Option<Route<'r>> {
        let operations = self.operations.get(api)?;
        let verb = verb?;
        let found = operations.tree.find(resource_path, verb);
        let operation = found.or(operations.default_route)?;
        let parameters = operations.parameters.get(operation);
        Some(Route {
            api,
            stage,
            operation,
            verb,
            path,
            resource_path,
            domain: None,
            query,
            parameters: parameters.map_or(&[], |all| all),
        })
    }

    /// The API whose id is the first label of the host name, or the one that answers at any.
    fn api(&self, authority: &[u8]) -> Option<&ApiRoutes> {
        let label = first_label(authority);
        let lowered = || label.iter().map(u8::to_ascii_lowercase);
        let named = self
            .apis
            .binary_search_by(|api| api.id.bytes().cmp(lowered()));
        self.apis.get(named.ok().or(self.any_host)?)
    }
}

impl ApiRoutes {
    /// The stage that a path names, and what is left of the path.
    fn stage<'p>(&self, path: &'p [u8]) -> Option<(&StageRoutes, &'p [u8])> {
        let after_slash = path.strip_prefix(b"/")?;
        let length = after_slash
            .iter()
            .position(|byte| *byte == b'/')
            .unwrap_or(after_slash.len());
        let (name, rest) = after_slash.split_at_checked(length)?;
        let named = self
            .stages
            .iter()
            .find(|(stage, _)| stage.as_bytes() == name);
        match named {
            Some((_, stage)) if rest.is_empty() => Some((stage, b"/")),
            Some((_, stage)) => Some((stage, collapse_leading_slashes(rest))),
            None => Some((self.default_stage.as_ref()?, path)),
        }
    }
}

impl StageRoutes {
    /// What answers one request. Nothing is drawn where there is nothing to choose from.
    fn release(&self, random: Option<&dyn Random>) -> Release {
        match (&self.canary, random) {
            (Some(canary), Some(random)) if u128::from(random.next_u64()) < canary.draws => {
                canary.release
            }
            _ => self.release,
        }
    }
}

impl Release {
    const fn new(api: usize, stage: usize) -> Self {
        Self { api, stage }
    }

    /// Where a field of the stage stands.
    fn pointer(self, field: &str) -> String {
        format!("/apis/{}/stages/{}/{field}", self.api, self.stage)
    }
}

impl CanaryRelease {
    /// `percent` is from 0 to 100.
    fn new(release: Release, percent: f64) -> Self {
        const ALL_DRAWS: f64 = 18_446_744_073_709_551_616.0;
        Self {
            release,
            // A power of two changes no digit of the percentage: what is rounded is the division, and
            // what is cut off is less than one draw.
            draws: (percent * ALL_DRAWS / 100.0) as u128,
        }
    }
}

/// The names of a resource path's parameters, `None` when the path cannot be read.
pub(crate) fn parameter_names(path: &str, protocol: Protocol) -> Option<Vec<&str>> {
    if path == compile::DEFAULT {
        return Some(Vec::new());
    }
    let segments = template::parse(path, protocol).ok()?;
    let names = segments.into_iter().filter_map(|segment| match segment {
        Segment::Literal(_) => None,
        Segment::Parameter(name) | Segment::Greedy(name) => Some(name),
    });
    Some(names.collect())
}

/// What routing reads of a request, in one pass over its header fields.
#[derive(Default)]
struct RequestHead<'r> {
    authority: &'r [u8],
    target: &'r [u8],
    method: &'r [u8],
    method_override: Option<&'r [u8]>,
    authorization: Option<&'r [u8]>,
}

impl<'r> RequestHead<'r> {
    /// The method that the client asks for; `None` for one that API Gateway does not know.
    fn verb(&self) -> Option<Verb> {
        Verb::from_request(self.method_override.unwrap_or(self.method))
    }

    fn read(request: &'r Headers) -> Self {
        let mut head = Self::default();
        for (name, value) in request.iter() {
            match name {
                b":authority" => head.authority = value,
                b":path" => head.target = value,
                b":method" => head.method = value,
                b"x-http-method-override" if !value.is_empty() => {
                    head.method_override = Some(value);
                }
                b"authorization" => head.authorization = Some(value),
                _ => {}
            }
        }
        head
    }
}

/// Splits a request target at its first `?`.
fn split_query(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|byte| *byte == b'?') {
        Some(mark) => (
            target.get(..mark).unwrap_or_default(),
            target.get(mark + 1..).unwrap_or_default(),
        ),
        None => (target, &[]),
    }
}

/// Leaves one of the slashes that a path begins with.
fn collapse_leading_slashes(path: &[u8]) -> &[u8] {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    path.get(slashes.saturating_sub(1)..).unwrap_or_default()
}

/// The host name up to its first dot. Empty for an IPv6 address.
fn first_label(authority: &[u8]) -> &[u8] {
    let end = authority
        .iter()
        .position(|byte| matches!(byte, b'.' | b':' | b'['))
        .unwrap_or(authority.len());
    authority.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod release_tests;
#[cfg(test)]
mod tests;
