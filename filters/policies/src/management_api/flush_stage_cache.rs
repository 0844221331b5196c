//! `FlushStageCache`: what is kept of a stage's responses is forgotten.
//!
//! ```text
//! DELETE /restapis/ID/stages/STAGE/cache/data                      everything
//! DELETE …/cache/data?method=/pets/GET                             one method's
//! DELETE …/cache/data?path=/pets/7%3Fx=1[&verb=GET]                one response
//! ```
//!
//! The first form is AWS's, and answers as that does; the others are attache's own. The one response
//! is found by its path without the stage, its query, and the header fields that the request itself
//! has, so that what a cache key reads of a header field is sent along.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageCache.html>

use attache_model::Verb;

use super::stage::{NamedStage, Release};
use super::{ManagementApi, Refusal};
use crate::authorization::Caller;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::integration::IntegrationRequest;
use crate::integration::encoding::pairs;
use crate::request_id::RequestIds;

/// `DELETE /restapis/API/stages/STAGE/cache/data`.
#[derive(Clone, Copy)]
pub(super) struct FlushStageCache<'r> {
    pub(super) stage: NamedStage<'r>,
    /// Still encoded.
    pub(super) query: &'r [u8],
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

impl ManagementApi {
    pub(super) async fn flush(
        &self,
        gateway: &Gateway,
        exchange: &Exchange,
        ids: &RequestIds,
        flush: FlushStageCache<'_>,
    ) -> Result<(), Refusal> {
        let releases = self.releases(gateway, flush.stage)?;
        let target = Target::read(flush.query)?;
        let (mut is_known, mut is_certain) = (false, true);
        for Release { place, api, name } in releases {
            let cache = gateway.response_caches.stage(place.0, place.1);
            let operation = match &target {
                Target::Method(method) => api.operation(method),
                Target::Everything | Target::Response { .. } => None,
            };
            let certain = match &target {
                Target::Method(_) if operation.is_none() => None,
                Target::Everything | Target::Method(_) => Some(match cache {
                    Some(cache) => cache.flush(exchange, operation).await,
                    None => true,
                }),
                Target::Response { path, verb } => {
                    let request = other_request(exchange.request(), name, path, verb);
                    remove(gateway, place, &request, ids, exchange).await
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
            Err(Refusal::unavailable("The cache cannot be reached."))
        }
    }
}

/// Forgets the response to a request of a stage. Whether that is certain; `None` when no operation
/// serves it.
async fn remove(
    gateway: &Gateway,
    (api, stage): (usize, usize),
    request: &Headers,
    ids: &RequestIds,
    exchange: &Exchange,
) -> Option<bool> {
    let route = gateway.routes.find_of_release(api, stage, request)?;
    let Some(cached) = gateway.response_caches.find(route, request) else {
        // Nothing is ever kept for it.
        return Some(true);
    };
    let ports = exchange.ports();
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
    Some(cached.remove(exchange, &request).await)
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
