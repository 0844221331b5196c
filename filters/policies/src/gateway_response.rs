//! What an API makes of its refusals: `x-amazon-apigateway-gateway-responses`.
//!
//! A refusal has a [type](GatewayResponseType). The API may say for each type which status, header
//! fields and body the client gets. `DEFAULT_4XX` and `DEFAULT_5XX` say it for all types of their
//! class that the API does not name; a type that it names owes them nothing, and what it leaves
//! out is as if nothing had been said at all.
//!
//! Templates are text with references, not in the Velocity Template Language. Values go into them as
//! they are, which the author of a template in JSON has to bear in mind:
//! `$context.error.messageString` has its quotes and escapes, `$context.error.message` has not, and
//! a header field of the client may hold a quotation mark. Only
//! `$context.error.validationErrorString`, which quotes the names of properties and which everybody
//! writes between quotation marks, is escaped for JSON.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html>

mod compile;
mod reference;
mod response_type;
mod template;

use std::collections::BTreeMap;

use attache_model::Protocol;

use crate::authorization::Caller;
use crate::denial::Denial;
use crate::exchange::Reply;
use crate::headers::Headers;
use crate::integration::encoding::Value;
use crate::ports::{Connection, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Route;

use reference::Refusal;
pub use response_type::GatewayResponseType;
use template::{Piece, Template};

/// What the refusals of every API look like.
#[derive(Debug, Default)]
pub struct GatewayResponses {
    apis: Vec<ApiResponses>,
}

#[derive(Debug, Default)]
struct ApiResponses {
    responses: BTreeMap<GatewayResponseType, Response>,
    /// Empty when the API changes nothing.
    stages: Vec<StageContext>,
}

/// What references know of a stage.
#[derive(Debug)]
struct StageContext {
    variables: BTreeMap<String, String>,
    /// `context.deploymentId`
    deployment_id: Box<str>,
    /// `context.isCanaryRequest`
    is_canary_request: Option<bool>,
}

/// What an API says of one type.
#[derive(Debug)]
struct Response {
    status: Option<u16>,
    headers: Box<[HeaderMapping]>,
    /// Empty for the body that the refusal has by itself.
    templates: Box<[Template]>,
}

#[derive(Debug)]
struct HeaderMapping {
    /// In lower case.
    name: String,
    source: Piece,
}

/// What is known of a request that is refused: the more, the further it came.
#[derive(Clone, Copy)]
pub struct RefusedRequest<'r> {
    /// The position of the API, when the host named one.
    pub api: Option<usize>,
    /// The position of the stage, when the path named one.
    pub stage: Option<usize>,
    /// The name of the stage.
    pub stage_name: Option<&'r str>,
    /// The resource path of the operation, such as `/pets/{petId}`.
    pub resource_path: Option<&'r str>,
    /// Where the request goes, when an operation serves it.
    pub route: Option<Route<'r>>,
    /// The client's header fields, pseudo-headers included.
    pub headers: &'r Headers,
    /// Its names.
    pub ids: &'r RequestIds,
    /// When it arrived.
    pub time: Timestamp,
    /// Where the client's address and the protocol are asked for.
    pub connection: &'r dyn Connection,
    /// The caller's API key, once it is known to be one.
    pub api_key: Option<&'r [u8]>,
    /// The id of that key.
    pub api_key_id: Option<&'r str>,
    /// Who calls, as far as it is known.
    pub caller: &'r Caller,
}

impl GatewayResponses {
    /// The answer to a refused request, without the header fields that every answer carries.
    ///
    /// A refusal that came before the stage was known is never changed, since gateway responses are
    /// deployed to stages; and neither is that of a body over 10 MB.
    #[must_use]
    pub fn reply(
        &self,
        denial: &Denial,
        protocol: Protocol,
        request: &RefusedRequest<'_>,
    ) -> Reply {
        let mut reply = denial.reply(protocol);
        let api = request.api.and_then(|api| self.apis.get(api));
        let Some((api, response)) =
            api.and_then(|api| Some((api, api.response(denial, protocol)?)))
        else {
            return reply;
        };
        let refusal = Refusal {
            denial,
            request,
            stage: request.stage.and_then(|stage| api.stages.get(stage)),
        };
        if let Some(template) =
            template::choose(&response.templates, request.headers.last(b"accept"))
        {
            reply.set_header("content-type", template.content_type.as_bytes().to_vec());
            reply.body = template.render(&refusal);
        }
        for mapping in &response.headers {
            let value = match &mapping.source {
                Piece::Text(text) => Some(Value::text(text.as_bytes())),
                Piece::Reference(reference) => reference.value(&refusal),
            };
            if let Some(value) = value {
                reply.set_header(&mapping.name, value.into_field());
            }
        }
        reply.status = response.status.unwrap_or(reply.status);
        if matches!(reply.status, 204 | 205 | 304) {
            // RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5: these have no body.
            reply.body.clear();
        }
        reply
    }
}

impl ApiResponses {
    /// What the API says of a refusal.
    fn response(&self, denial: &Denial, protocol: Protocol) -> Option<&Response> {
        let response_type = denial.response_type(protocol)?;
        if response_type == GatewayResponseType::RequestTooLarge {
            return None;
        }
        self.responses.get(&response_type).or_else(|| {
            let class = match denial.status(protocol) {
                ..=499 => GatewayResponseType::Default4xx,
                _ => GatewayResponseType::Default5xx,
            };
            self.responses.get(&class)
        })
    }
}

#[cfg(test)]
mod tests;
