//! The part of API Gateway's management API that the gateway answers itself: what is kept of a
//! stage's responses is forgotten.
//!
//! ```text
//! DELETE /restapis/ID/stages/STAGE/cache/data                      everything
//! DELETE …/cache/data?method=/pets/GET                             one method's
//! DELETE …/cache/data?path=/pets/7%3Fx=1[&verb=GET]                one response
//! ```
//!
//! It is off unless the configuration has a token for it. When it is on, a `DELETE` for exactly such
//! a path is for it, whatever the host says, and reaches no API: no stage may be called `restapis`
//! then. Every other request is routed as without it. The first form is AWS's `FlushStageCache`,
//! and answers as that does; the others are attache's own.
//!
//! The one response is found by its path without the stage, its query, and the header fields that
//! the request itself has, so that what a cache key reads of a header field is sent along.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageCache.html>

use attache_model::{self as model, Protocol, Verb};
use sha2::{Digest, Sha256};

use crate::authorization::Caller;
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::{Exchange, Reply};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::integration::IntegrationRequest;
use crate::integration::encoding::{decoded, pairs};
use crate::ports::Ports;
use crate::request_id::RequestIds;
use crate::sigv4::hexadecimal;

/// The first segment of AWS's paths.
const REST_APIS: &str = "restapis";

/// The management API of a gateway that has one.
#[derive(Debug)]
pub(crate) struct ManagementApi {
    /// SHA-256 of the token.
    token: [u8; 32],
    account_id: Box<str>,
}

/// `DELETE /restapis/API/stages/STAGE/cache/data`.
#[derive(Clone, Copy)]
struct FlushStageCache<'r> {
    /// Still encoded, as all of it.
    api: &'r [u8],
    stage: &'r [u8],
    query: &'r [u8],
}

/// What is to be forgotten.
enum Target {
    Everything,
    /// `PATH/METHOD`
    Method(Vec<u8>),
    Response {
        path: Vec<u8>,
        verb: Vec<u8>,
    },
}

/// An error in the form of AWS's management API.
struct Refusal {
    status: u16,
    error_type: &'static str,
    message: String,
}

impl ManagementApi {
    /// Compiles what the configuration says of it; `None` when it says nothing.
    ///
    /// # Errors
    ///
    /// When the token's digest is none, or a stage has the name that the paths begin with.
    pub(crate) fn compile(gateway: &model::Gateway) -> Result<Option<Self>, Vec<CompileError>> {
        let Some(definition) = &gateway.management_api else {
            return Ok(None);
        };
        let mut errors = Vec::new();
        let digest = definition.token_sha256.to_ascii_lowercase();
        let token = hexadecimal::decode(digest.as_bytes());
        if token.is_none() {
            errors.push(
                CompileError::new("/managementApi/tokenSha256", "this is not a SHA-256")
                    .hint("write its 64 hexadecimal digits"),
            );
        }
        for (api, definition) in gateway.apis.iter().enumerate() {
            for (stage, definition) in definition.stages.iter().enumerate() {
                if definition.name == REST_APIS {
                    errors.push(
                        CompileError::new(
                            format!("/apis/{api}/stages/{stage}/name"),
                            format!(
                                "no stage can be called `{REST_APIS}` beside the management API"
                            ),
                        )
                        .hint("call it something else, or take the management API out"),
                    );
                }
            }
        }
        match token {
            Some(token) if errors.is_empty() => Ok(Some(Self {
                token,
                account_id: gateway.account.id.as_str().into(),
            })),
            _ => Err(errors),
        }
    }

    /// The answer to a request that is for it; `None` for any other.
    pub(crate) fn answer(
        &self,
        gateway: &Gateway,
        exchange: &Exchange,
        ids: &RequestIds,
    ) -> Option<Reply> {
        let request = exchange.request();
        let flush = FlushStageCache::of(request)?;
        let mut reply = match self.authenticate(request) {
            Err(denial) => denial.reply(Protocol::Rest),
            Ok(()) => match self.flush(gateway, exchange, ids, flush) {
                // As AWS answers: what is to be forgotten will be.
                Ok(()) => Reply {
                    status: 202,
                    ..Reply::default()
                },
                Err(refusal) => refusal.reply(),
            },
        };
        reply.set_header("x-amzn-requestid", ids.request_id().into());
        Some(reply)
    }

    /// Refuses who does not bring the token, in AWS's words for a signature.
    fn authenticate(&self, request: &Headers) -> Result<(), Denial> {
        const BEARER: &[u8] = b"bearer ";
        let credentials = request
            .last(b"authorization")
            .ok_or(Denial::MissingAuthenticationToken)?;
        let token = credentials
            .split_at_checked(BEARER.len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER))
            .map(|(_, token)| token.trim_ascii())
            .ok_or(Denial::MissingAuthenticationToken)?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        // However many bytes are right, it takes the same time.
        let pairs = digest.iter().zip(&self.token);
        let difference = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        if std::hint::black_box(difference) == 0 {
            Ok(())
        } else {
            Err(Denial::UnrecognizedClient)
        }
    }

    fn flush(
        &self,
        gateway: &Gateway,
        exchange: &Exchange,
        ids: &RequestIds,
        flush: FlushStageCache<'_>,
    ) -> Result<(), Refusal> {
        // What is kept of a stage is kept of its canary release too, which may have a cache and a
        // deployment of its own.
        let mut releases = Vec::new();
        let mut is_api = false;
        for (api, facts) in gateway.apis.iter().enumerate() {
            if is_named(flush.api, &facts.id) {
                is_api = true;
                for (stage, named) in facts.stages.iter().enumerate() {
                    if is_named(flush.stage, &named.name) {
                        releases.push((api, facts, stage, &*named.name));
                    }
                }
            }
        }
        if !is_api {
            return Err(Refusal::not_found(format!(
                "Invalid API identifier specified {}:{}",
                self.account_id,
                String::from_utf8_lossy(flush.api)
            )));
        }
        if releases.is_empty() {
            return Err(Refusal::not_found("Invalid stage identifier specified"));
        }
        let target = Target::read(flush.query)?;
        let ports = exchange.ports();
        let (mut is_known, mut is_certain) = (false, true);
        for (api, facts, stage, name) in releases {
            let cache = gateway.response_caches.stage(api, stage);
            let certain = match &target {
                Target::Everything => Some(cache.is_none_or(|cache| cache.flush(ports, None))),
                Target::Method(method) => facts
                    .operation(method)
                    .map(|operation| cache.is_none_or(|cache| cache.flush(ports, Some(operation)))),
                Target::Response { path, verb } => {
                    let request = other_request(exchange.request(), name, path, verb);
                    remove(gateway, (api, stage), &request, ids, ports)
                }
            };
            is_known |= certain.is_some();
            is_certain &= certain.unwrap_or(true);
        }
        if !is_known {
            return Err(Refusal::not_found(match target {
                Target::Response { .. } => "Invalid resource path specified",
                Target::Everything | Target::Method(_) => "Invalid method identifier specified",
            }));
        }
        if is_certain {
            Ok(())
        } else {
            Err(Refusal {
                status: 503,
                error_type: "ServiceUnavailableException",
                message: "The cache cannot be reached.".to_owned(),
            })
        }
    }
}

/// Whether a segment of the path is a name, such as `%24default`.
fn is_named(segment: &[u8], name: &str) -> bool {
    decoded(segment).eq(name.bytes())
}

/// Forgets the response to a request of a stage. Whether that is certain; `None` when no operation
/// serves it.
fn remove(
    gateway: &Gateway,
    (api, stage): (usize, usize),
    request: &Headers,
    ids: &RequestIds,
    ports: &dyn Ports,
) -> Option<bool> {
    let route = gateway.routes.find_of_release(api, stage, request)?;
    let Some(cached) = gateway.response_caches.find(route, request) else {
        // Nothing is ever kept for it.
        return Some(true);
    };
    let request = IntegrationRequest {
        headers: request,
        route,
        ids,
        time: ports.now(),
        connection: ports,
        api_key: None,
        api_key_id: None,
        caller: &Caller::default(),
    };
    Some(cached.remove(ports, &request))
}

/// The request whose response is meant: this one, with another request line.
fn other_request(request: &Headers, stage: &str, path: &[u8], verb: &[u8]) -> Headers {
    let mut target = Vec::with_capacity(stage.len() + path.len() + 1);
    if stage != "$default" {
        target.push(b'/');
        target.extend_from_slice(stage.as_bytes());
    }
    target.extend_from_slice(path);
    let mut other = Headers::default();
    other.push(b":method", verb);
    other.push(b":path", &target);
    for (name, value) in request.iter() {
        let replaced = [
            &b":method"[..],
            b":path",
            b"authorization",
            b"x-http-method-override",
        ];
        if !replaced.contains(&name) {
            other.push(name, value);
        }
    }
    other
}

impl<'r> FlushStageCache<'r> {
    /// Reads the request line; `None` for a request that is for something else.
    fn of(request: &'r Headers) -> Option<Self> {
        if request.first(b":method") != Some(b"DELETE") {
            return None;
        }
        let target = request.first(b":path")?;
        let (path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(mark) => (target.get(..mark)?, target.get(mark + 1..)?),
            None => (target, &[][..]),
        };
        let mut segments = path.strip_prefix(b"/")?.split(|byte| *byte == b'/');
        let mut next = || segments.next();
        let (first, api, second, stage, third, fourth) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let is_meant = first == REST_APIS.as_bytes()
            && second == b"stages"
            && third == b"cache"
            && fourth == b"data"
            && segments.next().is_none();
        is_meant.then_some(Self { api, stage, query })
    }
}

impl Target {
    fn read(query: &[u8]) -> Result<Self, Refusal> {
        let (mut method, mut path, mut verb) = (None, None, None);
        for pair in pairs(query) {
            let place = match &*pair.name().collect::<Vec<u8>>() {
                b"method" => &mut method,
                b"path" => &mut path,
                b"verb" => &mut verb,
                // To forget everything is not what somebody meant who has misspelt a name.
                _ => {
                    return Err(Refusal::bad_request(
                        "Only method, path and verb are known.",
                    ));
                }
            };
            if place.replace(pair.decoded_value().collect()).is_some() {
                return Err(Refusal::bad_request("A parameter is given twice."));
            }
        }
        match (method, path, verb) {
            (None, None, None) => Ok(Self::Everything),
            (Some(method), None, None) if method == b"*/*" => Ok(Self::Everything),
            (Some(method), None, None) => Ok(Self::Method(method)),
            (None, Some(path), verb) => Ok(Self::Response {
                path,
                verb: verb.unwrap_or_else(|| Verb::Get.as_str().into()),
            }),
            _ => Err(Refusal::bad_request(
                "Give a method, or a path with or without a verb.",
            )),
        }
    }
}

impl Refusal {
    fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: 404,
            error_type: "NotFoundException",
            message: message.into(),
        }
    }

    fn bad_request(message: &str) -> Self {
        Self {
            status: 400,
            error_type: "BadRequestException",
            message: message.to_owned(),
        }
    }

    fn reply(self) -> Reply {
        let message = serde_json::Value::from(self.message);
        Reply {
            status: self.status,
            headers: vec![
                ("content-type".to_owned(), b"application/json".to_vec()),
                ("x-amzn-errortype".to_owned(), self.error_type.into()),
            ],
            body: format!("{{\"message\":{message}}}").into_bytes(),
        }
    }
}
