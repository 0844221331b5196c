//! Custom domain names: the host names the domain, the first segments of the path a base path of it,
//! and that leads to a stage of an API.
//!
//! ```text
//! api.example.com   /v1/orders   /7?limit=2
//! └─ domain         └─ base path └─ resource path
//! ```
//!
//! The longest base path that a request begins with counts, segment by segment, whether the API
//! behind it has the resource or not:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html>. A name of
//! its own goes before a wildcard, which stands for one label.

use attache_model::{self as model, Gateway};

use super::collapse_leading_slashes;
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::integration::context::host_name;
use crate::ports::Connection;

/// AWS: the longest base path, and how many a domain may have.
const LONGEST_BASE_PATH: usize = 300;
const MOST_MAPPINGS: usize = 200;

/// The longest host name (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;

/// All custom domain names. `S` says which stage a mapping leads to.
#[derive(Debug)]
pub(super) struct Domains<S> {
    /// Sorted by name.
    named: Vec<Domain<S>>,
    /// Sorted by what stands behind the asterisk.
    wildcards: Vec<Domain<S>>,
}

/// A custom domain name.
#[derive(Debug)]
struct Domain<S> {
    /// In lower case; of a wildcard without its asterisk, such as `.example.com`.
    name: Box<str>,
    tls: bool,
    /// The longest first.
    mappings: Vec<Mapping<S>>,
}

#[derive(Debug)]
struct Mapping<S> {
    path: Box<str>,
    stage: S,
}

/// The custom domain name that a request came under.
#[derive(Clone, Copy, Debug)]
pub struct CustomDomain<'r> {
    /// The base path that the request begins with, without slashes around it; empty for the mapping
    /// that has none (`$context.customDomain.basePathMatched`).
    pub base_path: &'r str,
    /// Which server name connections must have; `None` when any will do.
    server_name: Option<Pattern<'r>>,
}

#[derive(Clone, Copy, Debug)]
enum Pattern<'r> {
    Name(&'r str),
    /// Without the asterisk.
    Wildcard(&'r str),
}

impl CustomDomain<'_> {
    /// Whether the request may come by its connection.
    ///
    /// # Errors
    ///
    /// The domain is served under TLS only, and the client has not asked this connection for it:
    /// [`Denial::UnknownStage`] when it has asked for none, [`Denial::MisdirectedRequest`] when it
    /// uses the connection of another domain.
    pub(super) fn admit(&self, connection: &dyn Connection) -> Result<(), Denial> {
        let Some(pattern) = self.server_name else {
            return Ok(());
        };
        let server_name = connection.server_name();
        let matches = match pattern {
            Pattern::Name(name) => server_name.eq_ignore_ascii_case(name.as_bytes()),
            Pattern::Wildcard(suffix) => behind_label(&server_name)
                .is_some_and(|rest| rest.eq_ignore_ascii_case(suffix.as_bytes())),
        };
        if matches {
            Ok(())
        } else if server_name.is_empty() {
            Err(Denial::UnknownStage)
        } else {
            Err(Denial::MisdirectedRequest)
        }
    }
}

impl<S: Copy> Domains<S> {
    /// Where a request goes by its custom domain name. `None`: its host names none. `Some(None)`: no
    /// base path of the domain is the request's. Otherwise the stage, the domain, and what is left
    /// of `path`, whose slashes at the start are one.
    pub(super) fn find<'r>(
        &'r self,
        authority: &[u8],
        path: &'r [u8],
    ) -> Option<Option<(S, CustomDomain<'r>, &'r [u8])>> {
        if self.named.is_empty() && self.wildcards.is_empty() {
            return None;
        }
        let host = host_name(authority);
        let host = host.strip_suffix(b".").unwrap_or(host);
        let (domain, is_wildcard) = match find(&self.named, host) {
            Some(domain) => (domain, false),
            None => (find(&self.wildcards, behind_label(host)?)?, true),
        };
        let found = domain.mappings.iter().find_map(|mapping| {
            let rest = below(path, mapping.path.as_bytes())?;
            let server_name = if is_wildcard {
                Pattern::Wildcard(&domain.name)
            } else {
                Pattern::Name(&domain.name)
            };
            let domain = CustomDomain {
                base_path: &mapping.path,
                server_name: domain.tls.then_some(server_name),
            };
            Some((mapping.stage, domain, rest))
        });
        Some(found)
    }

    /// Compiles the domains of a gateway. `stage` finds the stage of an API by their names.
    pub(super) fn compile(
        gateway: &Gateway,
        stage: impl Fn(&str, &str) -> Option<S>,
        errors: &mut Vec<CompileError>,
    ) -> Self {
        let mut domains = Self {
            named: Vec::new(),
            wildcards: Vec::new(),
        };
        for (position, domain) in gateway.domains.iter().enumerate() {
            let pointer = format!("/domains/{position}");
            let (name, list) = match domain.name.strip_prefix('*') {
                Some(suffix) if suffix.starts_with('.') => (suffix, &mut domains.wildcards),
                _ => (domain.name.as_str(), &mut domains.named),
            };
            if !is_host_name(name.strip_prefix('.').unwrap_or(name)) {
                errors.push(
                    CompileError::new(
                        format!("{pointer}/name"),
                        format!("`{}` is no domain name", domain.name),
                    )
                    .hint("write it in lower case, such as `api.example.com` or `*.example.com`"),
                );
            }
            let compiled = Domain {
                name: name.into(),
                tls: domain.tls,
                mappings: mappings(domain, &pointer, &stage, errors),
            };
            match list.binary_search_by(|other| (*other.name).cmp(name)) {
                Ok(_) => errors.push(CompileError::new(
                    format!("{pointer}/name"),
                    format!("there is a second domain `{}`", domain.name),
                )),
                Err(place) => list.insert(place, compiled),
            }
        }
        domains
    }
}

fn mappings<S>(
    domain: &model::Domain,
    pointer: &str,
    stage: impl Fn(&str, &str) -> Option<S>,
    errors: &mut Vec<CompileError>,
) -> Vec<Mapping<S>> {
    if domain.mappings.len() > MOST_MAPPINGS {
        errors.push(CompileError::new(
            format!("{pointer}/mappings"),
            format!("a domain has at most {MOST_MAPPINGS} mappings"),
        ));
    }
    let mut mappings: Vec<Mapping<S>> = Vec::with_capacity(domain.mappings.len());
    for (position, mapping) in domain.mappings.iter().enumerate() {
        let pointer = format!("{pointer}/mappings/{position}");
        let path = mapping.path.as_str();
        if !is_base_path(path) {
            errors.push(
                CompileError::new(
                    format!("{pointer}/path"),
                    format!("`{path}` cannot be a base path"),
                )
                .hint(
                    "write segments of letters, digits and `$-_.+!*'()` with `/` between them, \
                     300 characters at most",
                ),
            );
        }
        if mappings.iter().any(|other| &*other.path == path) {
            errors.push(CompileError::new(
                format!("{pointer}/path"),
                format!("`{}` has a second mapping for `{path}`", domain.name),
            ));
            continue;
        }
        match stage(&mapping.api, &mapping.stage) {
            Some(stage) => mappings.push(Mapping {
                path: path.into(),
                stage,
            }),
            None => errors.push(
                CompileError::new(
                    format!("{pointer}/stage"),
                    format!(
                        "there is no stage `{}` of an API `{}`",
                        mapping.stage, mapping.api
                    ),
                )
                .hint("a mapping leads to a stage that is served"),
            ),
        }
    }
    mappings.sort_by_key(|mapping| std::cmp::Reverse(mapping.path.len()));
    mappings
}

fn find<'d, S>(domains: &'d [Domain<S>], host: &[u8]) -> Option<&'d Domain<S>> {
    let lowered = || host.iter().map(u8::to_ascii_lowercase);
    let found = domains.binary_search_by(|domain| domain.name.bytes().cmp(lowered()));
    domains.get(found.ok()?)
}

/// A host name from its first dot on; `None` when there is no label before it.
fn behind_label(host: &[u8]) -> Option<&[u8]> {
    let dot = host.iter().position(|byte| *byte == b'.')?;
    host.get(dot..).filter(|_| dot > 0)
}

/// What is left of a path behind a base path: at least a slash, and at its start no more than one.
fn below<'p>(path: &'p [u8], base_path: &[u8]) -> Option<&'p [u8]> {
    if base_path.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(b"/")?.strip_prefix(base_path)? {
        [] => Some(b"/"),
        rest @ [b'/', ..] => Some(collapse_leading_slashes(rest)),
        _ => None,
    }
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    name.len() <= LONGEST_NAME && name.split('.').all(is_label)
}

/// Whether a text can be a base path; the empty one stands for none.
fn is_base_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"$-_.+!*'()".contains(&byte);
        !segment.is_empty() && segment.bytes().all(allowed)
    };
    path.is_empty() || path.len() <= LONGEST_BASE_PATH && path.split('/').all(is_segment)
}

#[cfg(test)]
mod tests;
