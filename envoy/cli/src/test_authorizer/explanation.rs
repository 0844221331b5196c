//! What a decision came from, step by step.

use std::fmt::Write;

use attache_model::{self as model, Api, AuthorizerKind, Gateway, Operation, Protocol};
use attache_policies::authorization::{AuthorizationRequest, Authorizations, Demand, Inspection};
use attache_policies::iam::{self, Accounts, PolicyKind};
use attache_policies::jwt::{TokenAuthorizer, TokenAuthorizers};
use attache_policies::lambda_authorizer::{AuthorizerResult, CacheKey, LambdaAuthorizer};
use attache_policies::sigv4::{Credentials, SignatureFault, SignedRequest};
use attache_policies::{CalloutAnswer, Denial, Exchange, Headers};
use serde_json::{Map, Value};

use super::decision::{
    Asked, Authorization, AuthorizationType, CallMade, ClientAnswer, Decision, Evaluation,
    Identity, IdentitySource, PolicySaid, ResultRead, SignatureRead, TokenRead,
};
use super::policy;
use crate::memory_proxy::{self, Call};

/// A request that has been decided about.
pub(super) struct Explanation<'e> {
    pub(super) gateway: &'e Gateway,
    pub(super) authorizations: &'e Authorizations,
    pub(super) exchange: &'e Exchange,
    pub(super) request: AuthorizationRequest<'e>,
    /// What was asked of other services.
    pub(super) calls: Vec<Call>,
}

impl<'e> Explanation<'e> {
    /// How the request came to be let through, or to be refused like this.
    pub(super) async fn of(&self, denial: Option<Denial>) -> Decision {
        let api = self.gateway.apis.get(self.request.route.api);
        let protocol = api.map_or(Protocol::Rest, |api| api.protocol);
        let mut decision = self.beginning(api, answer(denial.as_ref(), protocol));
        let inspected = self.authorizations.inspect(self.exchange, self.request);
        let (Some(api), Ok(inspection)) = (api, inspected) else {
            return decision;
        };
        decision.request.method_arn = Some(inspection.method_arn().to_owned());
        match inspection.demand() {
            Demand::Nothing => self.resource_policy_alone(api, &inspection, &mut decision),
            Demand::Lambda(authorizer) => {
                decision.evaluation.resource_policy =
                    self.resource_policy(api, &inspection.access());
                if let (Some(authorizer), Some(definition)) =
                    (authorizer, lambda_definition(api, self.operation(api)))
                {
                    self.lambda(authorizer, definition, &inspection, &mut decision);
                }
            }
            Demand::Token {
                authorizers,
                authorizer,
                scopes,
            } => {
                let token = self.token(authorizers, authorizer, scopes).await;
                let is_taken = token.fault.is_none();
                decision.token = Some(token);
                if is_taken && api.resource_policy.is_some() {
                    self.resource_policy_alone(api, &inspection, &mut decision);
                }
            }
            Demand::Signature(credentials) => {
                self.signature(credentials, api, &inspection, &mut decision)
                    .await;
            }
        }
        decision
    }

    fn beginning(&self, api: Option<&'e Api>, answer: ClientAnswer) -> Decision {
        let route = self.request.route;
        let operation = api.and_then(|api| self.operation(api));
        let stage = api.and_then(|api| api.stages.get(route.stage));
        let source = self.exchange.ports().source_address();
        Decision {
            request: Asked {
                api: api.map_or_else(String::new, |api| api.id.clone()),
                stage: stage.map_or_else(String::new, |stage| stage.name.clone()),
                operation: operation.map_or_else(String::new, memory_proxy::name),
                source_ip: String::from_utf8_lossy(&source).into_owned(),
                method_arn: None,
            },
            authorization: authorization(api, operation),
            identity: None,
            event: None,
            calls: self.calls.iter().map(call_made).collect(),
            result: None,
            token: None,
            signature: None,
            evaluation: Evaluation::default(),
            answer,
        }
    }

    fn operation(&self, api: &'e Api) -> Option<&'e Operation> {
        api.operations.get(self.request.route.operation)
    }

    /// What the API's own policy says, where it has one.
    fn resource_policy(&self, api: &Api, access: &iam::Request<'_>) -> Option<PolicySaid> {
        let account = &self.gateway.account;
        let api_arn = iam::api_arn(&account.region, &account.id, &api.id);
        let kind = PolicyKind::Resource { api_arn: &api_arn };
        policy::judge(api.resource_policy.as_ref()?, kind, access)
    }

    fn resource_policy_alone(
        &self,
        api: &Api,
        inspection: &Inspection<'_>,
        decision: &mut Decision,
    ) {
        let said = self.resource_policy(api, &inspection.access());
        decision.evaluation.verdict = said.as_ref().map(|said| said.verdict);
        decision.evaluation.resource_policy = said;
    }

    fn lambda(
        &self,
        authorizer: &LambdaAuthorizer,
        definition: &model::LambdaAuthorizer,
        inspection: &Inspection<'_>,
        decision: &mut Decision,
    ) {
        let asked = inspection.authorizer_request();
        let values = authorizer.identity_values(&asked);
        let key = values
            .as_ref()
            .ok()
            .and_then(|values| authorizer.cache_key(values));
        let sources = definition.identity_sources.iter().enumerate();
        let sources = sources.map(|(position, source)| IdentitySource {
            source: source.clone(),
            value: values
                .as_ref()
                .ok()
                .and_then(|values| values.get(position))
                .map(|value| String::from_utf8_lossy(value).into_owned()),
        });
        decision.identity = Some(Identity {
            sources: sources.collect(),
            fault: values.is_err().then(|| identity_fault(definition)),
            cache_key: key.map(hexadecimal),
            ttl_in_seconds: definition.result_ttl_in_seconds,
        });
        let resource = self.resource_verdict(decision);
        let Some(call) = self.calls.first() else {
            if resource == iam::Verdict::ExplicitDeny {
                decision.evaluation.verdict = Some(resource.into());
            } else if values.is_ok() {
                let fault = "the authorizer cannot be asked: a stage variable makes its URI none";
                decision.result = Some(ResultRead {
                    fault: Some(fault.to_owned()),
                    ..ResultRead::default()
                });
            }
            return;
        };
        decision.event = serde_json::from_slice(&call.body).ok();
        let result = match authorizer.read_answer(&call.answer) {
            Ok(result) => result,
            Err(_) => {
                decision.result = Some(ResultRead {
                    fault: Some(result_fault(call, authorizer)),
                    ..ResultRead::default()
                });
                return;
            }
        };
        let access = inspection.access();
        let verdict = result.verdict(&access);
        decision.evaluation.caller = Some(PolicySaid {
            statements: statements_of_answer(call, &access),
            verdict: verdict.into(),
        });
        decision.evaluation.verdict = Some(iam::combine(Accounts::Same, verdict, resource).into());
        decision.result = Some(ResultRead {
            fault: None,
            principal_id: result.principal_id.as_deref().map(str::to_owned),
            context: (*result.context).clone(),
            has_usage_identifier_key: result.usage_identifier_key.is_some(),
        });
    }

    async fn token(
        &self,
        authorizers: &TokenAuthorizers,
        authorizer: TokenAuthorizer,
        scopes: &[String],
    ) -> TokenRead {
        let token = authorizers.authorize(authorizer, scopes, self.exchange);
        let (claims, fault) = match token.await {
            Ok(token) => ((*token.claims.texts).clone(), None),
            Err(denial) => (Map::new(), Some(denial.fault().to_string())),
        };
        TokenRead {
            fault,
            claims,
            scopes: scopes.to_vec(),
        }
    }

    async fn signature(
        &self,
        credentials: &Credentials,
        api: &Api,
        inspection: &Inspection<'_>,
        decision: &mut Decision,
    ) {
        let refused = |fault: &SignatureFault, access_key_id| SignatureRead {
            fault: Some(fault.message().into_owned()),
            access_key_id,
            ..SignatureRead::default()
        };
        let signed = match SignedRequest::parse(self.exchange.request()) {
            Ok(Some(signed)) => signed,
            Ok(None) => {
                decision.signature = Some(SignatureRead {
                    fault: Some("the request is not signed".to_owned()),
                    ..SignatureRead::default()
                });
                return;
            }
            Err(fault) => {
                decision.signature = Some(refused(&fault, None));
                return;
            }
        };
        let claimed = signed.access_key_id();
        let claimed = claimed.map(|id| String::from_utf8_lossy(id).into_owned());
        let body = match signed.needs_body() {
            true => Some(self.exchange.request_body().await),
            false => None,
        };
        let now = self.exchange.ports().now();
        let credential = match signed.verify(credentials, body, now) {
            Ok(credential) => credential,
            Err(fault) => {
                let mut read = refused(&fault, claimed);
                if let SignatureFault::Mismatch(Some(expected)) = &fault {
                    let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
                    read.canonical_request = text(&expected.canonical_request);
                    read.string_to_sign = text(&expected.string_to_sign);
                }
                decision.signature = Some(read);
                return;
            }
        };
        let principal = credential.principal();
        decision.signature = Some(SignatureRead {
            access_key_id: Some(credential.access_key_id().to_owned()),
            principal: Some(principal.arn.clone()),
            ..SignatureRead::default()
        });
        let keys = inspection.keys_of_signer(credential);
        let access = iam::Request {
            principal: Some(principal),
            keys: &keys,
            ..inspection.access()
        };
        let declared = self.gateway.credentials.iter();
        let policies = declared
            .filter(|declared| declared.access_key_id == credential.access_key_id())
            .flat_map(|declared| &declared.policies);
        let identity = credential.evaluate(&access);
        decision.evaluation.caller = Some(PolicySaid {
            statements: policies
                .flat_map(|document| policy::statements(document, PolicyKind::Identity, &access))
                .collect(),
            verdict: identity.into(),
        });
        decision.evaluation.resource_policy = self.resource_policy(api, &access);
        let accounts = inspection.accounts(credential);
        let resource = self.resource_verdict(decision);
        decision.evaluation.cross_account = Some(accounts == Accounts::Different);
        decision.evaluation.verdict = Some(iam::combine(accounts, identity, resource).into());
    }

    fn resource_verdict(&self, decision: &Decision) -> iam::Verdict {
        use super::decision::Verdict;
        let said = decision.evaluation.resource_policy.as_ref();
        match said.map(|said| said.verdict) {
            Some(Verdict::Allow) => iam::Verdict::Allow,
            Some(Verdict::ExplicitDeny) => iam::Verdict::ExplicitDeny,
            Some(Verdict::ImplicitDeny) | None => iam::Verdict::ImplicitDeny,
        }
    }
}

/// What the client gets.
fn answer(denial: Option<&Denial>, protocol: Protocol) -> ClientAnswer {
    let Some(denial) = denial else {
        return ClientAnswer {
            allowed: true,
            status: None,
            headers: Map::new(),
            body: None,
        };
    };
    let reply = denial.reply(protocol);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = reply.headers.iter();
    ClientAnswer {
        allowed: false,
        status: Some(reply.status),
        headers: headers
            .map(|(name, value)| (name.clone(), text(value).into()))
            .collect(),
        body: Some(text(&reply.body)),
    }
}

fn authorization(api: Option<&Api>, operation: Option<&Operation>) -> Authorization {
    let asked = operation.map(|operation| &operation.authorization);
    let (r#type, authorizer) = match asked {
        None | Some(model::Authorization::None) => (AuthorizationType::None, None),
        Some(model::Authorization::AwsIam) => (AuthorizationType::AwsIam, None),
        Some(model::Authorization::Authorizer { index, .. }) => {
            let authorizer = api.and_then(|api| api.authorizers.get(*index));
            let r#type = match authorizer.map(|authorizer| &authorizer.kind) {
                Some(AuthorizerKind::Jwt(_)) => AuthorizationType::Jwt,
                Some(AuthorizerKind::Cognito(_)) => AuthorizationType::CognitoUserPools,
                Some(AuthorizerKind::Lambda(_)) | None => AuthorizationType::Custom,
            };
            (r#type, authorizer.map(|authorizer| authorizer.name.clone()))
        }
    };
    Authorization { r#type, authorizer }
}

fn lambda_definition<'a>(
    api: &'a Api,
    operation: Option<&Operation>,
) -> Option<&'a model::LambdaAuthorizer> {
    let model::Authorization::Authorizer { index, .. } = &operation?.authorization else {
        return None;
    };
    match &api.authorizers.get(*index)?.kind {
        AuthorizerKind::Lambda(definition) => Some(definition),
        AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) => None,
    }
}

fn call_made(call: &Call) -> CallMade {
    CallMade {
        method: call.method.clone(),
        url: call.url.clone(),
        status: status(&call.answer),
        failure: call.failure.clone(),
        milliseconds: call.milliseconds,
    }
}

fn status(answer: &CalloutAnswer) -> Option<u16> {
    let status = answered(answer)?.0.first(b":status")?;
    str::from_utf8(status).ok()?.parse().ok()
}

const fn answered(answer: &CalloutAnswer) -> Option<(&Headers, &Vec<u8>)> {
    match answer {
        CalloutAnswer::Answered { headers, body } => Some((headers, body)),
        CalloutAnswer::Failed => None,
    }
}

/// Why there are no identity values.
fn identity_fault(definition: &model::LambdaAuthorizer) -> String {
    let missing = "an identity source is missing or empty";
    match &definition.identity_validation_expression {
        Some(expression) => format!("{missing}, or the token does not match `{expression}`"),
        None => missing.to_owned(),
    }
}

/// Why the answer to a call is no result.
fn result_fault(call: &Call, authorizer: &LambdaAuthorizer) -> String {
    let Some((headers, body)) = answered(&call.answer) else {
        let reason = call.failure.as_deref().unwrap_or("no answer");
        return format!("the authorizer did not answer: {reason}");
    };
    match status(&call.answer) {
        Some(200) => {}
        Some(401) => return "the authorizer refused the caller with 401".to_owned(),
        Some(status) => return format!("the authorizer answered {status}"),
        None => return "the authorizer answered without a status".to_owned(),
    }
    let answer = serde_json::from_slice::<Value>(body).ok();
    let message = answer.as_ref().and_then(|answer| {
        let message = answer.get("errorMessage")?;
        message.as_str()
    });
    if let Some(message) = message {
        return format!("the function failed: {message}");
    }
    if headers.contains(b"x-amz-function-error") {
        return "the function failed".to_owned();
    }
    match AuthorizerResult::parse(body, authorizer.result_form()) {
        Err(fault) => fault.to_string(),
        Ok(_) => "the answer is not what was expected".to_owned(),
    }
}

/// The statements of the policy that a Lambda authorizer has answered with; simple responses have
/// none.
fn statements_of_answer(
    call: &Call,
    access: &iam::Request<'_>,
) -> Vec<super::decision::StatementSaid> {
    let body = answered(&call.answer).map(|(_, body)| body.as_slice());
    let answer = body.and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let document = answer
        .as_ref()
        .and_then(|answer| answer.get("policyDocument"));
    document.map_or_else(Vec::new, |document| {
        policy::statements(document, PolicyKind::Lambda, access)
    })
}

fn hexadecimal(key: CacheKey) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
