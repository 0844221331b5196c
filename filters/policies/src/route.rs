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
use crate::ports::Connection;
pub use domain::CustomDomain;
use domain::Domains;
use template::{PathParameter, Segment};
use tree::Tree;

/// Where every request of every API goes: compiled once from a configuration.
#[derive(Debug)]
pub struct Routes {
    apis: Vec<ApiRoutes>,
    /// API ids in lower case, sorted, with the position of the API.
    hosts: Vec<(Box<str>, usize)>,
    any_host: Option<usize>,
    domains: Domains<MappedStage>,
}

/// The stage that a base path of a custom domain leads to: positions of the API and of the stage.
type MappedStage = (usize, usize);

#[derive(Debug)]
struct ApiRoutes {
    protocol: Protocol,
    /// Whether custom domain names are the only way to it.
    is_behind_domains: bool,
    /// The stages that a path names, with their positions.
    stages: Vec<(Box<str>, usize)>,
    /// The stage `$default` of an HTTP API.
    default_stage: Option<usize>,
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

/// Where a request was found to go before its operation is looked for.
struct Place<'r> {
    api: usize,
    stage: usize,
    resource_path: &'r [u8],
    domain: Option<CustomDomain<'r>>,
}

/// A request that no operation serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// Whose way of refusing applies. [`Protocol::Rest`] when not even the API is known.
    pub protocol: Protocol,
    /// Position of the API, when the host named one.
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

impl Routes {
    /// Finds the operation that serves a request.
    ///
    /// # Errors
    ///
    /// When there is none: [`Denial::UnknownStage`] when host or stage are unknown, otherwise
    /// [`Denial::MissingAuthenticationToken`], or [`Denial::IncompleteSignature`] when the
    /// request has an `Authorization` header, as REST APIs then read a signature from it.
    pub fn find<'r>(&'r self, request: &'r Headers) -> Result<Route<'r>, Unmatched> {
        let mut head = RequestHead::read(request);
        let (target, query) = split_query(head.target);
        let path = collapse_leading_slashes(target);
        let place = match self.domains.find(head.authority, path) {
            Some(mapped) => {
                let ((api, stage), domain, resource_path) =
                    mapped.ok_or(Unmatched::stage(Protocol::Rest, None))?;
                Place {
                    api,
                    stage,
                    resource_path,
                    domain: Some(domain),
                }
            }
            None => {
                let (api, routes) = self
                    .api(head.authority)
                    .ok_or(Unmatched::stage(Protocol::Rest, None))?;
                let unknown = Unmatched::stage(routes.protocol, Some(api));
                if routes.is_behind_domains {
                    return Err(unknown);
                }
                let (stage, resource_path) = routes.stage(path).ok_or(unknown)?;
                Place {
                    api,
                    stage,
                    resource_path,
                    domain: None,
                }
            }
        };
        let routes = self
            .apis
            .get(place.api)
            .ok_or(Unmatched::stage(Protocol::Rest, None))?;
        if routes.protocol == Protocol::Http {
            // The override is a feature of REST APIs.
            head.method_override = None;
        }
        routes.find(place, path, query, request, &head)
    }

    /// The same for a request to an API that is known already, whatever its host.
    pub(crate) fn find_of_api<'r>(&'r self, api: usize, request: &'r Headers) -> Option<Route<'r>> {
        let head = RequestHead::read(request);
        let (target, query) = split_query(head.target);
        let path = collapse_leading_slashes(target);
        let routes = self.apis.get(api)?;
        let (stage, resource_path) = routes.stage(path)?;
        let place = Place {
            api,
            stage,
            resource_path,
            domain: None,
        };
        routes.find(place, path, query, request, &head).ok()
    }

    /// The API whose id is the first label of the host name, or the one that answers at any.
    fn api(&self, authority: &[u8]) -> Option<(usize, &ApiRoutes)> {
        let label = first_label(authority);
        let named = self
            .hosts
            .binary_search_by(|(id, _)| {
                id.bytes()
                    .cmp(label.iter().map(|byte| byte.to_ascii_lowercase()))
            })
            .ok()
            .and_then(|found| self.hosts.get(found))
            .map(|(_, api)| *api);
        let api = named.or(self.any_host)?;
        Some((api, self.apis.get(api)?))
    }
}

impl ApiRoutes {
    /// The stage that a path names, and what is left of the path.
    fn stage<'p>(&self, path: &'p [u8]) -> Option<(usize, &'p [u8])> {
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
            Some((_, stage)) if rest.is_empty() => Some((*stage, b"/")),
            Some((_, stage)) => Some((*stage, collapse_leading_slashes(rest))),
            None => Some((self.default_stage?, path)),
        }
    }

    fn find<'r>(
        &'r self,
        place: Place<'r>,
        path: &'r [u8],
        query: &'r [u8],
        request: &'r Headers,
        head: &RequestHead<'r>,
    ) -> Result<Route<'r>, Unmatched> {
        let Place {
            api,
            stage,
            resource_path,
            domain,
        } = place;
        let verb = Verb::from_request(head.method_override.unwrap_or(head.method));
        let found = verb.and_then(|verb| Some((verb, self.operation(resource_path, verb)?)));
        let Some((verb, operation)) = found else {
            let denial = match head.authorization {
                Some(value) if self.protocol == Protocol::Rest => {
                    signature::refusal(value, request)
                }
                _ => Denial::MissingAuthenticationToken,
            };
            return Err(Unmatched {
                protocol: self.protocol,
                api: Some(api),
                stage: Some(stage),
                denial,
            });
        };
        Ok(Route {
            api,
            stage,
            operation,
            verb,
            path,
            resource_path,
            domain,
            query,
            parameters: self.parameters.get(operation).map_or(&[], |all| all),
        })
    }

    fn operation(&self, resource_path: &[u8], verb: Verb) -> Option<usize> {
        self.tree.find(resource_path, verb).or(self.default_route)
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
mod tests;
