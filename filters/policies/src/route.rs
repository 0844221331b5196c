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
mod signature;
mod template;
mod tree;

use attache_model::{Protocol, Verb};

use crate::denial::Denial;
use crate::headers::Headers;
use template::{PathParameter, Segment};
use tree::Tree;

/// Where every request of every API goes: compiled once from a configuration.
#[derive(Debug)]
pub struct Routes {
    apis: Vec<ApiRoutes>,
    /// API ids in lower case, sorted, with the position of the API.
    hosts: Vec<(Box<str>, usize)>,
    any_host: Option<usize>,
}

#[derive(Debug)]
struct ApiRoutes {
    protocol: Protocol,
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
    /// The path as requested, the stage included (`$context.path`): slashes at its start count
    /// as one, all else is as it came.
    pub path: &'r [u8],
    /// The path without the stage: slashes at its start count as one, a slash at its end is
    /// kept.
    pub resource_path: &'r [u8],
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
        let Some((api, routes)) = self.api(head.authority) else {
            return Err(Unmatched::stage(Protocol::Rest, None));
        };
        if routes.protocol == Protocol::Http {
            // The override is a feature of REST APIs.
            head.method_override = None;
        }
        Self::find_in(api, routes, request, &head)
    }

    /// The same for a request to an API that is known already, whatever its host.
    pub(crate) fn find_of_api<'r>(&'r self, api: usize, request: &'r Headers) -> Option<Route<'r>> {
        let head = RequestHead::read(request);
        Self::find_in(api, self.apis.get(api)?, request, &head).ok()
    }

    fn find_in<'r>(
        api: usize,
        routes: &'r ApiRoutes,
        request: &'r Headers,
        head: &RequestHead<'r>,
    ) -> Result<Route<'r>, Unmatched> {
        let (target, query) = split_query(head.target);
        let path = collapse_leading_slashes(target);
        let Some((stage, resource_path)) = routes.stage(path) else {
            return Err(Unmatched::stage(routes.protocol, Some(api)));
        };
        let verb = Verb::from_request(head.method_override.unwrap_or(head.method));
        let found = verb.and_then(|verb| Some((verb, routes.operation(resource_path, verb)?)));
        let Some((verb, operation)) = found else {
            let denial = match head.authorization {
                Some(value) if routes.protocol == Protocol::Rest => {
                    signature::refusal(value, request)
                }
                _ => Denial::MissingAuthenticationToken,
            };
            return Err(Unmatched {
                protocol: routes.protocol,
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
            query,
            parameters: routes.parameters.get(operation).map_or(&[], |all| all),
        })
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
