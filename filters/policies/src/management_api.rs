//! The part of API Gateway's management API that the gateway answers itself: what is kept of a
//! stage's responses is forgotten, and what keys have used is told and extended.
//!
//! ```text
//! DELETE /restapis/ID/stages/STAGE/cache/data
//! GET    /usageplans/ID/usage?startDate=YYYY-MM-DD&endDate=YYYY-MM-DD
//! PATCH  /usageplans/ID/keys/KEY/usage
//! GET    /usageplans/counts                     attache's own: all counts, for the next start
//! ```
//!
//! It is off unless the configuration has a token for it. When it is on, a request for exactly such
//! a path is for it, whatever the host says, and reaches no API: no stage may be called `restapis`
//! or `usageplans` then. Every other request is routed as without it.

mod flush_stage_authorizers_cache;
mod flush_stage_cache;
mod stage;
pub(crate) mod usage;

use attache_model::{self as model, Protocol};
use sha2::{Digest, Sha256};

use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::{Exchange, Reply};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::integration::encoding::decoded;
use crate::request_id::RequestIds;
use crate::sigv4::hexadecimal;

use flush_stage_authorizers_cache::FlushStageAuthorizersCache;
use flush_stage_cache::FlushStageCache;
use stage::NamedStage;
use usage::{DeclaredKeys, UsageCall};

/// The first segments of AWS's paths.
const FIRST_SEGMENTS: [&str; 2] = ["restapis", "usageplans"];

/// As many segments as the longest of the paths has, and one more.
const MOST_SEGMENTS: usize = 7;

/// The management API of a gateway that has one.
#[derive(Debug)]
pub(crate) struct ManagementApi {
    /// SHA-256 of the token.
    token: [u8; 32],
    account_id: Box<str>,
    /// As in [`Gateway::usage_plans`](model::Gateway::usage_plans).
    plans: Vec<DeclaredKeys>,
}

/// What is asked for.
enum Call<'r> {
    Flush(FlushStageCache<'r>),
    FlushAuthorizers(FlushStageAuthorizersCache<'r>),
    Usage(UsageCall<'r>),
}

/// An error in the form of AWS's management API.
pub(crate) struct Refusal {
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
                if FIRST_SEGMENTS.contains(&&*definition.name) {
                    errors.push(
                        CompileError::new(
                            format!("/apis/{api}/stages/{stage}/name"),
                            format!(
                                "no stage can be called `{}` beside the management API",
                                definition.name
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
                plans: DeclaredKeys::of(gateway),
            })),
            _ => Err(errors),
        }
    }

    /// The answer to a request that is for it; `None` for any other.
    pub(crate) async fn answer(
        &self,
        gateway: &Gateway,
        exchange: &Exchange,
        ids: &RequestIds,
    ) -> Option<Reply> {
        let call = Call::of(exchange.request())?;
        let mut reply = match self.authenticate(exchange.request()) {
            Err(denial) => denial.reply(Protocol::Rest),
            Ok(()) => {
                let answer = match call {
                    Call::Flush(flush) => {
                        let flushed = self.flush(gateway, exchange, ids, flush).await;
                        flushed.map(|()| accepted())
                    }
                    Call::FlushAuthorizers(flush) => {
                        let flushed = self.flush_authorizers(gateway, exchange, flush).await;
                        flushed.map(|()| accepted())
                    }
                    Call::Usage(call) => self.usage(gateway, exchange, call).await,
                };
                answer.unwrap_or_else(Refusal::reply)
            }
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
}

impl<'r> Call<'r> {
    /// Reads the request line; `None` for a request that is for something else.
    fn of(request: &'r Headers) -> Option<Self> {
        let target = request.first(b":path")?.strip_prefix(b"/")?;
        if !FIRST_SEGMENTS
            .iter()
            .any(|first| target.starts_with(first.as_bytes()))
        {
            return None;
        }
        let mut halves = target.splitn(2, |byte| *byte == b'?');
        let (path, query) = (halves.next()?, halves.next().unwrap_or_default());
        let segments = path.split(|byte| *byte == b'/').take(MOST_SEGMENTS);
        let segments: Vec<&[u8]> = segments.collect();
        let method = request.first(b":method")?;
        match segments.split_first()? {
            (&b"restapis", rest) => Self::of_stage(method, rest, query),
            (&b"usageplans", rest) => UsageCall::of(method, rest, query).map(Self::Usage),
            _ => None,
        }
    }

    /// Reads what stands after `/restapis/`.
    fn of_stage(method: &[u8], segments: &[&'r [u8]], query: &'r [u8]) -> Option<Self> {
        let [api, b"stages", stage, b"cache", kept] = segments else {
            return None;
        };
        let stage = NamedStage { api, stage };
        match *kept {
            b"data" if method == b"DELETE" => Some(Self::Flush(FlushStageCache { stage, query })),
            b"authorizers" if method == b"DELETE" => {
                Some(Self::FlushAuthorizers(FlushStageAuthorizersCache {
                    stage,
                    query,
                }))
            }
            _ => None,
        }
    }
}

/// As AWS answers: what is to be forgotten will be.
fn accepted() -> Reply {
    Reply {
        status: 202,
        ..Reply::default()
    }
}

/// Whether a segment of the path is a name, such as `%24default`.
fn is_named(segment: &[u8], name: &str) -> bool {
    decoded(segment).eq(name.bytes())
}

impl Refusal {
    fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: 404,
            error_type: "NotFoundException",
            message: message.into(),
        }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            error_type: "BadRequestException",
            message: message.into(),
        }
    }

    fn unavailable(message: &str) -> Self {
        Self {
            status: 503,
            error_type: "ServiceUnavailableException",
            message: message.to_owned(),
        }
    }

    pub(crate) fn reply(self) -> Reply {
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
