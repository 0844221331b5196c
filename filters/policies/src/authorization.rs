//! Who may call an operation: its authorization, and the API's resource policy.
//!
//! An operation is open, or asks for an AWS signature, for a token, or for a Lambda authorizer's
//! word. An API may have a resource policy besides. How the two are put together depends on which
//! it is:
//!
//! | Operation | What decides |
//! |---|---|
//! | open | the resource policy alone: it must allow |
//! | Lambda authorizer | an explicit deny of the resource policy at once; otherwise both, table A |
//! | AWS signature | the caller's identity policies and the resource policy: table A, or B when the caller is of another account |
//! | token | the token; then the resource policy must allow |
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html>

mod caller;
mod compile;
mod inspection;
mod refusal;
mod request_keys;

use std::collections::BTreeSet;
use std::sync::Arc;

use attache_model::{Protocol, VpcEndpoint};

use crate::denial::Denial;
use crate::exchange::{CalloutAnswer, Errand, Exchange};
use crate::iam::{self, Accounts, Policy, Verdict};
use crate::integration::Upstream;
use crate::jwt::{TokenAuthorizer, TokenAuthorizers};
use crate::lambda_authorizer::{LambdaAuthorizer, LambdaAuthorizers};
use crate::pipeline::LARGEST_BODY;
use crate::ports::{Ports, Timestamp};
use crate::request_id::RequestIds;
use crate::route::Route;
use crate::shared_cache::Change;
use crate::sigv4::{Credential, Credentials, SignedRequest};

pub use caller::{Caller, CallerField, IdentityField, Signer};
pub use inspection::{Demand, Inspection};

/// The authorizations of all operations of a gateway, compiled.
#[derive(Debug)]
pub struct Authorizations {
    region: Box<str>,
    account_id: Box<str>,
    apis: Vec<Api>,
    lambda: LambdaAuthorizers,
    tokens: TokenAuthorizers,
    credentials: Credentials,
}

#[derive(Debug)]
struct Api {
    id: Box<str>,
    protocol: Protocol,
    stages: Vec<Box<str>>,
    policy: Option<Policy>,
    vpc_endpoint: Option<VpcEndpoint>,
    operations: Vec<Rule>,
}

/// What an operation asks for.
#[derive(Debug)]
enum Rule {
    Open,
    Signature,
    /// The authorizer's number among those of its API.
    Lambda(usize),
    Token {
        authorizer: TokenAuthorizer,
        scopes: Vec<String>,
    },
}

/// Who calls and may.
#[derive(Default)]
pub(crate) struct Authorized {
    pub(crate) caller: Caller,
    /// Why the caller may not do what was asked besides; `None` when they may, or nothing was.
    pub(crate) refused_besides: Option<Denial>,
}

/// One request as its authorization sees it.
#[derive(Clone, Copy)]
pub struct AuthorizationRequest<'r> {
    /// Where it goes.
    pub route: Route<'r>,
    /// Its names.
    pub ids: &'r RequestIds,
    /// When it arrived.
    pub time: Timestamp,
}

impl Authorizations {
    /// Finds out who calls, and whether they may.
    ///
    /// `learnt` is told who calls as soon as that is known, also when they may not.
    ///
    /// # Errors
    ///
    /// How the request is refused. Whatever cannot be decided is refused.
    pub async fn authorize(
        &self,
        exchange: &Exchange,
        request: &AuthorizationRequest<'_>,
        learnt: &mut impl FnMut(&Caller),
    ) -> Result<Caller, Denial> {
        let authorized = self.authorize_besides(exchange, request, None, learnt);
        authorized.await.map(|authorized| authorized.caller)
    }

    /// The same, and whether the caller may do something `besides`, such as
    /// [`iam::INVALIDATE_CACHE`]. The policies that are there already are asked once more; no
    /// signature is verified and no authorizer called for it. Nobody may whom no policy knows: who
    /// calls an open operation, or has brought a token.
    pub(crate) async fn authorize_besides(
        &self,
        exchange: &Exchange,
        request: &AuthorizationRequest<'_>,
        besides: Option<&str>,
        learnt: &mut impl FnMut(&Caller),
    ) -> Result<Authorized, Denial> {
        let (api, rule) = self.rule(request.route)?;
        if matches!(rule, Rule::Open) && api.policy.is_none() && besides.is_none() {
            return Ok(Authorized::default());
        }
        let inspection = self.gather(api, rule, exchange, *request)?;
        let unknown_caller = || match besides {
            Some(action) => {
                let access = iam::Request {
                    action,
                    ..inspection.access()
                };
                refusal::of_anonymous(Verdict::ImplicitDeny, &access).err()
            }
            None => None,
        };
        match inspection.demand() {
            Demand::Nothing => {
                if api.policy.is_some() {
                    api.must_allow(&inspection.access())?;
                }
                Ok(Authorized {
                    caller: Caller::default(),
                    refused_besides: unknown_caller(),
                })
            }
            Demand::Token {
                authorizers,
                authorizer,
                scopes,
            } => {
                let token = authorizers.authorize(authorizer, scopes, exchange).await?;
                let caller = Caller {
                    claims: Some(Arc::clone(&token.claims.texts)),
                    ..Caller::default()
                };
                learnt(&caller);
                if api.policy.is_some() {
                    api.must_allow(&inspection.access())?;
                }
                Ok(Authorized {
                    caller,
                    refused_besides: unknown_caller(),
                })
            }
            Demand::Lambda(authorizer) => {
                ask(api, authorizer, exchange, &inspection, besides, learnt).await
            }
            Demand::Signature(credentials) => {
                let credential = credential(credentials, exchange).await;
                let credential =
                    credential.map_err(|denial| refusal::of_unsigned(denial, api.protocol))?;
                let principal = credential.principal();
                let caller = Caller {
                    signer: Some(Signer {
                        access_key_id: credential.access_key_id().into(),
                        principal: Arc::clone(principal),
                    }),
                    ..Caller::default()
                };
                learnt(&caller);
                let keys = inspection.keys_of_signer(credential);
                let access = iam::Request {
                    principal: Some(principal),
                    keys: &keys,
                    ..inspection.access()
                };
                let accounts = inspection.accounts(credential);
                let judge = |access: &iam::Request<'_>| {
                    let identity = credential.evaluate(access);
                    let verdict = iam::combine(accounts, identity, api.judge(access));
                    refusal::of_signer(verdict, &principal.arn, access)
                };
                judge(&access)?;
                let refused_besides =
                    besides.and_then(|action| judge(&iam::Request { action, ..access }).err());
                Ok(Authorized {
                    caller,
                    refused_besides,
                })
            }
        }
    }

    /// The API that a request goes to, and what its operation asks for. One that is not there has
    /// no door to go through.
    fn rule(&self, route: Route<'_>) -> Result<(&Api, &Rule), Denial> {
        let api = self.apis.get(route.api).ok_or(Denial::UnknownStage)?;
        let rule = api.operations.get(route.operation);
        Ok((api, rule.ok_or(Denial::MissingAuthenticationToken)?))
    }

    /// The ARN that policies judge the request by: with the path that was asked for, without a
    /// slash at its end. The route is the same with one and without, and a policy that denies the
    /// one must not let the other pass.
    fn method_arn(&self, api: &Api, route: Route<'_>) -> Result<String, Denial> {
        let stage = api.stages.get(route.stage).ok_or(Denial::UnknownStage)?;
        let path = String::from_utf8_lossy(route.resource_path);
        iam::method_arn(
            &self.region,
            &self.account_id,
            &api.id,
            stage,
            route.verb.as_str(),
            path.trim_end_matches('/'),
        )
        .map_err(|_| Denial::UriTooLong)
    }

    /// Everything that authorizers call: the clusters that the proxy needs.
    #[must_use]
    pub fn upstreams(&self) -> BTreeSet<&Upstream> {
        let mut upstreams = self.lambda.upstreams();
        upstreams.extend(self.tokens.upstreams());
        upstreams
    }

    /// What is to be fetched now, apart from any request: keys of issuers.
    #[must_use]
    pub fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        self.tokens.errands(ports)
    }

    /// Forgets what Lambda authorizers have said to the requests of a stage. Whether that is certain.
    pub(crate) async fn flush(&self, exchange: &Exchange, api: usize, stage: usize) -> bool {
        self.lambda.flush(exchange, api, stage).await
    }

    /// Forgets what other gateways have had forgotten. Whether that is certain.
    pub(crate) fn forget(&self, ports: &dyn Ports, change: &Change) -> bool {
        self.lambda.forget(ports, change)
    }

    /// What came of an errand.
    pub fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        self.tokens.fetched(errand, answer, ports);
    }
}

impl Api {
    /// What the resource policy says; nothing where there is none.
    fn judge(&self, access: &iam::Request<'_>) -> Verdict {
        self.policy
            .as_ref()
            .map_or(Verdict::ImplicitDeny, |policy| policy.evaluate(access))
    }

    /// The resource policy has the only word.
    fn must_allow(&self, access: &iam::Request<'_>) -> Result<(), Denial> {
        refusal::of_anonymous(self.judge(access), access)
    }
}

/// A Lambda authorizer's word, between the two phases of the resource policy.
async fn ask(
    api: &Api,
    authorizer: Option<&LambdaAuthorizer>,
    exchange: &Exchange,
    inspection: &Inspection<'_>,
    besides: Option<&str>,
    learnt: &mut impl FnMut(&Caller),
) -> Result<Authorized, Denial> {
    let access = inspection.access();
    let resource = api.judge(&access);
    if resource == Verdict::ExplicitDeny {
        refusal::of_anonymous(resource, &access)?;
    }
    let said = authorizer
        .ok_or(Denial::AuthorizerConfigurationError)?
        .authorize(exchange, &inspection.authorizer_request())
        .await?;
    let caller = Caller {
        principal_id: said.result.principal_id.clone(),
        context: Some(Arc::clone(&said.result.context)),
        usage_identifier_key: said.result.usage_identifier_key.clone(),
        authorizer_latency: said.latency_millis,
        ..Caller::default()
    };
    learnt(&caller);
    refusal::of_authorizer(iam::combine(Accounts::Same, said.verdict, resource))?;
    let refused_besides = besides.and_then(|action| {
        let access = iam::Request { action, ..access };
        let (verdict, resource) = (said.result.verdict(&access), api.judge(&access));
        refusal::of_authorizer(iam::combine(Accounts::Same, verdict, resource)).err()
    });
    Ok(Authorized {
        caller,
        refused_besides,
    })
}

/// What the request is signed with. Its body is awaited only when the signature is about it.
async fn credential<'c>(
    credentials: &'c Credentials,
    exchange: &Exchange,
) -> Result<&'c Credential, Denial> {
    let ports = exchange.ports();
    let signed = SignedRequest::parse(exchange.request())
        .map_err(refusal::of_signature)?
        .ok_or(Denial::MissingAuthenticationToken)?;
    signed
        .identify(credentials, ports.now())
        .map_err(refusal::of_signature)?;
    let body = if signed.needs_body() {
        let body = exchange.request_body().await;
        // One that did not say so beforehand.
        if u64::try_from(body.len()).is_ok_and(|length| length > LARGEST_BODY) {
            return Err(Denial::RequestTooLarge);
        }
        Some(body)
    } else {
        None
    };
    signed
        .verify(credentials, body, ports.now())
        .map_err(refusal::of_signature)
}
