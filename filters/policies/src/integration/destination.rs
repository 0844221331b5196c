//! Where a back end is, and the request line that it is called with.

use std::sync::Arc;

use attache_model::TlsOptions;

use super::compile::{Deployment, Endpoint, Endpoints};
use super::encoding::{Value, push_raw_query};
use super::upstream::Scheme;
use super::uri::{self, Piece, Placeholder, UriFault, has_stage_variables};
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::execution_log::misconfigured;

/// A back end and the request line that it is called with.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) endpoint: Arc<Endpoint>,
    path: Box<[Piece]>,
    query: Box<[Piece]>,
}

/// The URI of a back end as the configuration document has it.
pub(super) struct Definition<'d> {
    pub(super) uri: &'d str,
    pub(super) tls: &'d TlsOptions,
    /// Whom to connect to in place of the URI's own host.
    pub(super) vpc_link: Option<&'d str>,
    /// The integration's place in the document.
    pub(super) pointer: &'d str,
}

impl Destination {
    /// Puts the stage's variables in place and reads the URI. `mapped` gives what a placeholder
    /// stands for, `None` for one that nothing ever does.
    ///
    /// There is no destination when the endpoint cannot be called as it is configured: that is a
    /// fault of the document where it is one in every stage, and otherwise of every call, as AWS
    /// does.
    pub(super) fn compile(
        definition: &Definition<'_>,
        deployment: &Deployment<'_>,
        mapped: impl Fn(&str) -> Option<Placeholder>,
        endpoints: &mut Endpoints,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        let text = uri::resolve_stage_variables(definition.uri, &deployment.stage.variables);
        let place = format!("{}/uri", definition.pointer);
        let uri = match uri::parse(&text, definition.tls, mapped) {
            Ok(uri) => uri,
            Err(UriFault::PlaceholderInHost) => {
                errors.push(
                    CompileError::new(
                        place,
                        format!(
                            "`{}` has a placeholder in its host, which is not supported",
                            definition.uri
                        ),
                    )
                    .hint("name the host, or use `${stageVariables.NAME}` for one host per stage"),
                );
                return None;
            }
            // AWS too finds out at the call what a stage variable made of the endpoint, and takes
            // a placeholder that nothing is mapped to for a character that is not allowed.
            Err(UriFault::Malformed(_)) if has_stage_variables(definition.uri) => return None,
            Err(UriFault::Unmapped) => return None,
            Err(UriFault::Malformed(reason)) => {
                errors.push(
                    CompileError::new(
                        place,
                        format!("`{}` is not a URI of a back end: {reason}", definition.uri),
                    )
                    .hint("write it as `http://HOST:PORT/PATH` or `https://…`"),
                );
                return None;
            }
        };
        let mut upstream = match definition.vpc_link {
            None => uri.upstream,
            Some(link) => {
                // The back end behind the link is still the one that the URI names.
                let tls = TlsOptions {
                    server_name_to_verify: definition
                        .tls
                        .server_name_to_verify
                        .clone()
                        .or_else(|| Some(uri.upstream.host.clone())),
                    ..definition.tls.clone()
                };
                match uri::parse_link(link, &tls) {
                    Ok(upstream) => upstream,
                    Err(reason) => {
                        errors.push(
                            CompileError::new(
                                format!("{}/vpcLink", definition.pointer),
                                format!("`{link}` is not where a VPC link leads: {reason}"),
                            )
                            .hint("write it as `http://HOST:PORT` or `https://HOST:PORT`"),
                        );
                        return None;
                    }
                }
            }
        };
        if upstream.scheme == Scheme::Https {
            let id = &deployment.stage.client_certificate_id;
            upstream.client_certificate_id.clone_from(id);
        }
        Some(Self {
            endpoint: endpoints.intern(upstream),
            path: uri.path,
            query: uri.query,
        })
    }

    /// A destination whose parts are known already.
    pub(super) const fn new(
        endpoint: Arc<Endpoint>,
        path: Box<[Piece]>,
        query: Box<[Piece]>,
    ) -> Self {
        Self {
            endpoint,
            path,
            query,
        }
    }

    /// Begins a request target: the path, or `path` in its place, and the query string that the
    /// URI itself has. `value` is what a placeholder stands for in this request.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when a placeholder gets no value.
    pub(super) fn target<'v>(
        &'v self,
        path: Option<Value<'v>>,
        value: impl Fn(&'v Placeholder) -> Option<Value<'v>>,
    ) -> Result<RequestTarget, Denial> {
        let mut text = Vec::with_capacity(128);
        if let Some(path) = &path {
            if !path.bytes.starts_with(b"/") {
                text.push(b'/');
            }
            path.push_to_path(&mut text);
        }
        let own = if path.is_none() { &*self.path } else { &[] };
        for piece in own {
            match piece {
                Piece::Literal(literal) => text.extend_from_slice(literal),
                Piece::Placeholder(placeholder) => value(placeholder)
                    .ok_or_else(|| unfilled(placeholder))?
                    .push_to_path(&mut text),
            }
        }
        let mut target = RequestTarget {
            text,
            separator: b'?',
        };
        if !self.query.is_empty() {
            target.separate();
        }
        for piece in &self.query {
            match piece {
                Piece::Literal(literal) => target.text.extend_from_slice(literal),
                Piece::Placeholder(placeholder) => value(placeholder)
                    .ok_or_else(|| unfilled(placeholder))?
                    .push_to_query(&mut target.text),
            }
        }
        Ok(target)
    }
}

/// What AWS's execution log says of a destination that is none.
pub(super) const INVALID_ENDPOINT: &str = "Invalid endpoint address";

fn unfilled(placeholder: &Placeholder) -> Denial {
    misconfigured(format_args!(
        "Nothing stands for `{{{}}}` in the endpoint's address.",
        placeholder.name
    ))
}

/// A request target while it is written: a path, then query parameters.
pub(super) struct RequestTarget {
    text: Vec<u8>,
    separator: u8,
}

impl RequestTarget {
    /// A request target as a client sent it, to which parameters may be added.
    pub(super) fn of(target: &[u8]) -> Self {
        Self {
            text: target.to_vec(),
            separator: if target.contains(&b'?') { b'&' } else { b'?' },
        }
    }

    fn separate(&mut self) {
        self.text.push(self.separator);
        self.separator = b'&';
    }

    /// A piece of a query string as a client sent it.
    pub(super) fn push_raw(&mut self, query: &[u8]) {
        self.separate();
        push_raw_query(&mut self.text, query);
    }

    /// One query parameter.
    pub(super) fn push(&mut self, name: &str, value: &Value<'_>) {
        self.separate();
        Value::text(name.as_bytes()).push_to_query(&mut self.text);
        self.text.push(b'=');
        value.push_to_query(&mut self.text);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text
    }
}
