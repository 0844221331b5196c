//! A filter that finds out who calls, and refuses as AWS does whoever may not.
//!
//! ```json
//! {
//!   "account": {"id": "123456789012", "region": "eu-central-1"},
//!   "api": "shop",
//!   "stage": "prod",
//!   "protocol": "HTTP",
//!   "authorization": {"jwt": {
//!     "identitySource": "$request.header.Authorization",
//!     "issuers": [{
//!       "issuer": "https://issuer.example",
//!       "audiences": ["shop"],
//!       "keys": {"discovery": "https://issuer.example/.well-known/openid-configuration"}
//!     }],
//!     "algorithms": ["RS256"]
//!   }},
//!   "scopes": ["read"],
//!   "requestHeaders": {"x-customer": "authorizer.claims.sub"}
//! }
//! ```
//!
//! Only `authorization` must be there: `"awsIam"`, with the credentials in `credentials`, or
//! `{"jwt": …}`, `{"cognito": …}` or `{"lambda": …}`, each written as in the gateway's own
//! configuration document. `resourcePolicy` is an IAM policy that has to agree. Account, API and
//! stage are parts of the ARN that policies see, `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/…`.
//!
//! A service that is called needs a cluster by the name of its address: `https_issuer.example_443`
//! for the one above, `http_127.0.0.1_9001` for `http://127.0.0.1:9001`.
//!
//! `requestHeaders` tells the upstream who calls: `authorizer.principalId`, `authorizer.NAME` of
//! the authorizer's context, `authorizer.claims.NAME`, `identity.accessKey`, `identity.accountId`,
//! `identity.caller`, `identity.principalOrgId`, `identity.user` and `identity.userArn`. A client's
//! own header of that name never gets through. Later filters find the same as JSON in the filter
//! state `wasm.attache_caller`, which no client can write.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{
    Account, Api, Authorization, Authorizer, AuthorizerKind, CognitoAuthorizer, Credential,
    Endpoints, Gateway, Integration, JwtAuthorizer, LambdaAuthorizer, Mock, Operation, Protocol,
    Stage, Verb, VpcEndpoint,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::configuration::{from_json, reasons};
use crate::authorization::{AuthorizationRequest, Authorizations, Caller, CallerField};
use crate::denial::Denial;
use crate::exchange::{Answer, CalloutAnswer, Edits, Errand, Exchange, Service};
use crate::headers::{HeaderEdit, is_field_name};
use crate::ports::{Environment, FilterState, Ports};
use crate::request_id::RequestIds;
use crate::route::Route;

/// The name in the filter state. The proxy shows it to its access log and to CEL expressions as
/// `wasm.attache_caller`.
const CALLER: &str = "attache_caller";

/// The filter of `authorizer.wasm`.
#[derive(Debug)]
pub struct AuthorizerFilter {
    authorizations: Authorizations,
    protocol: Protocol,
    request_headers: Vec<(String, CallerField)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    #[serde(default = "account")]
    account: Account,
    #[serde(default)]
    api: String,
    #[serde(default)]
    stage: String,
    #[serde(default = "rest")]
    protocol: Protocol,
    authorization: Rule,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    credentials: Vec<Credential>,
    #[serde(default)]
    endpoints: Endpoints,
    #[serde(default)]
    resource_policy: Option<Value>,
    #[serde(default)]
    vpc_endpoint: Option<VpcEndpoint>,
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Rule {
    AwsIam,
    Lambda(LambdaAuthorizer),
    Jwt(JwtAuthorizer),
    Cognito(CognitoAuthorizer),
}

fn account() -> Account {
    Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        throttle: None,
    }
}

const fn rest() -> Protocol {
    Protocol::Rest
}

impl Service for AuthorizerFilter {
    fn compile(configuration: &[u8], environment: &dyn Environment) -> Result<Self, Vec<String>> {
        let mut configuration: Configuration = from_json(configuration)?;
        let mut faults = Vec::new();
        let mut request_headers = Vec::new();
        for (header, source) in std::mem::take(&mut configuration.request_headers) {
            let pointer = format!("/requestHeaders/{header}");
            if !is_field_name(&header) {
                faults.push(format!("{pointer}: `{header}` is not the name of a header"));
            }
            match CallerField::parse(&source) {
                Some(field) => request_headers.push((header.to_ascii_lowercase(), field)),
                None => faults.push(format!(
                    "{pointer}: `{source}` is nothing that is known of a caller: write \
                     `authorizer.NAME` or `identity.NAME`"
                )),
            }
        }
        let protocol = configuration.protocol;
        let gateway = one_operation(configuration);
        match Authorizations::compile(&gateway, environment) {
            Ok(authorizations) if faults.is_empty() => Ok(Self {
                authorizations,
                protocol,
                request_headers,
            }),
            Ok(_) => Err(faults),
            Err(mut errors) => {
                for error in &mut errors {
                    error.pointer = of_filter(&error.pointer);
                }
                faults.extend(reasons(&errors));
                Err(faults)
            }
        }
    }

    fn errands(&self, ports: &dyn Ports) -> Vec<Errand> {
        self.authorizations.errands(ports)
    }

    fn fetched(&self, errand: usize, answer: CalloutAnswer, ports: &dyn Ports) {
        self.authorizations.fetched(errand, answer, ports);
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        match self.authorize(&exchange).await {
            Ok(edits) => Answer::PassThrough(edits),
            Err(denial) => Answer::Reply(denial.reply(self.protocol)),
        }
    }
}

impl AuthorizerFilter {
    async fn authorize(&self, exchange: &Exchange) -> Result<Edits, Denial> {
        let ports = exchange.ports();
        let ids = RequestIds::generate(ports);
        let request = AuthorizationRequest {
            route: Route::of_whole_request(exchange.request())
                .ok_or(Denial::MissingAuthenticationToken)?,
            ids: &ids,
            time: ports.now(),
        };
        let caller = self
            .authorizations
            .authorize(exchange, &request, &mut |_| {})
            .await?;
        tell(&caller, ports);
        let headers = self.request_headers.iter().map(|(header, field)| {
            let name = header.clone().into();
            match field.value(&caller) {
                // RFC 9110, section 5.5: what must not stand in a field is replaced by a space.
                Some(value) => HeaderEdit::Set(
                    name,
                    value
                        .bytes()
                        .map(|byte| if byte.is_ascii_control() { b' ' } else { byte })
                        .collect(),
                ),
                None => HeaderEdit::Remove(name),
            }
        });
        Ok(Edits {
            headers: headers.collect(),
            body: None,
        })
    }
}

/// Leaves who calls for later filters.
fn tell(caller: &Caller, state: &(impl FilterState + ?Sized)) {
    let text = json!({
        "principalId": caller.principal_id.as_deref(),
        "context": caller.context.as_deref(),
        "claims": caller.claims.as_deref(),
        "accessKey": caller.signer.as_ref().map(|signer| &*signer.access_key_id),
        "userArn": caller.signer.as_ref().map(|signer| signer.principal.arn.as_str()),
    });
    state.write(CALLER, text.to_string().as_bytes());
}

/// The place in the filter's configuration that stands at another in the gateway's.
fn of_filter(pointer: &str) -> String {
    let places = [
        ("/apis/0/authorizers/0/kind", "/authorization"),
        ("/apis/0/resourcePolicy", "/resourcePolicy"),
    ];
    for (of_gateway, of_filter) in places {
        if let Some(rest) = pointer.strip_prefix(of_gateway) {
            return format!("{of_filter}{rest}");
        }
    }
    pointer.to_owned()
}

/// The rule in a gateway of one API with one stage and one operation.
fn one_operation(configuration: Configuration) -> Gateway {
    let kind = match configuration.authorization {
        Rule::AwsIam => None,
        Rule::Lambda(authorizer) => Some(AuthorizerKind::Lambda(authorizer)),
        Rule::Jwt(authorizer) => Some(AuthorizerKind::Jwt(authorizer)),
        Rule::Cognito(authorizer) => Some(AuthorizerKind::Cognito(authorizer)),
    };
    let authorization = match kind {
        None => Authorization::AwsIam,
        Some(_) => Authorization::Authorizer {
            index: 0,
            scopes: configuration.scopes,
        },
    };
    let authorizers = kind.into_iter().map(|kind| Authorizer {
        name: "authorizer".to_owned(),
        kind,
    });
    Gateway {
        apis: vec![Api {
            any_host: true,
            authorizers: authorizers.collect(),
            resource_policy: configuration.resource_policy,
            vpc_endpoint: configuration.vpc_endpoint,
            operations: vec![Operation {
                authorization,
                // What answers is the proxy's business.
                ..Operation::new("/{proxy+}", Verb::Any, Integration::Mock(Mock::default()))
            }],
            stages: vec![Stage::new(configuration.stage)],
            ..Api::new(configuration.api, configuration.protocol)
        }],
        credentials: configuration.credentials,
        endpoints: configuration.endpoints,
        ..Gateway::new(configuration.account)
    }
}

#[cfg(test)]
#[path = "authorizer_tests.rs"]
mod tests;
