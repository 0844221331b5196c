use std::sync::Arc;

use attache_model::{self as model, Authorization, AuthorizerKind, Gateway};

use super::{Api, Authorizations, Rule};
use crate::compile_error::CompileError;
use crate::iam::{self, Policy, PolicyKind};
use crate::jwt::{TokenAuthorizer, TokenAuthorizers};
use crate::lambda_authorizer::LambdaAuthorizers;
use crate::ports::Environment;
use crate::shared_cache::SharedCaches;
use crate::sigv4::Credentials;

impl Authorizations {
    /// Compiles the authorizations of a configuration.
    ///
    /// # Errors
    ///
    /// Every fault of an authorizer, a policy or a credential, each with its JSON pointer, and each
    /// operation that names an authorizer which is not there.
    pub fn compile(
        gateway: &Gateway,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut keep = |faults: Vec<CompileError>| errors.extend(faults);
        let lambda = LambdaAuthorizers::compile(gateway).map_err(&mut keep).ok();
        let credentials = Credentials::compile(gateway, environment)
            .map_err(&mut keep)
            .ok();
        let mut tokens = TokenAuthorizers::default();
        let apis = gateway.apis.iter().enumerate();
        let apis = apis
            .map(|(position, api)| {
                compile_api(
                    gateway,
                    api,
                    &format!("/apis/{position}"),
                    &mut tokens,
                    &mut errors,
                )
            })
            .collect();
        match (lambda, credentials) {
            (Some(lambda), Some(credentials)) if errors.is_empty() => Ok(Self {
                region: gateway.account.region.as_str().into(),
                account_id: gateway.account.id.as_str().into(),
                apis,
                lambda,
                tokens,
                credentials,
            }),
            _ => Err(errors),
        }
    }

    /// Has gateways share what authorizers say, where stages have it so.
    ///
    /// # Errors
    ///
    /// As those of [`LambdaAuthorizers`].
    pub(crate) fn share(
        &mut self,
        gateway: &Gateway,
        caches: &Arc<SharedCaches>,
        environment: &dyn Environment,
    ) -> Result<(), Vec<CompileError>> {
        self.lambda.share(gateway, caches, environment)
    }
}

fn compile_api(
    gateway: &Gateway,
    api: &model::Api,
    pointer: &str,
    tokens: &mut TokenAuthorizers,
    errors: &mut Vec<CompileError>,
) -> Api {
    let authorizers: Vec<Option<Compiled>> = api
        .authorizers
        .iter()
        .enumerate()
        .map(|(position, authorizer)| {
            let pointer = format!("{pointer}/authorizers/{position}/kind");
            let compiled = match &authorizer.kind {
                AuthorizerKind::Lambda(_) => return Some(Compiled::Lambda),
                AuthorizerKind::Jwt(jwt) => {
                    tokens.add_jwt(jwt, api.protocol, &format!("{pointer}/jwt"))
                }
                AuthorizerKind::Cognito(cognito) => {
                    tokens.add_cognito(cognito, &format!("{pointer}/cognito"))
                }
            };
            compiled
                .map(Compiled::Token)
                .map_err(|faults| errors.extend(faults))
                .ok()
        })
        .collect();
    let operations = api.operations.iter().enumerate();
    let operations = operations
        .map(|(position, operation)| match &operation.authorization {
            Authorization::None => Rule::Open,
            Authorization::AwsIam => Rule::Signature,
            Authorization::Authorizer { index, scopes } => match authorizers.get(*index) {
                Some(Some(Compiled::Token(authorizer))) => Rule::Token {
                    authorizer: *authorizer,
                    scopes: scopes.clone(),
                },
                // One with a fault is reported above, and then nothing of this is served.
                Some(_) => Rule::Lambda(*index),
                None => {
                    let pointer = format!("{pointer}/operations/{position}/authorization");
                    let reason = format!("the API has no authorizer number {index}");
                    errors.push(CompileError::new(pointer, reason));
                    Rule::Lambda(*index)
                }
            },
        })
        .collect();
    let api_arn = iam::api_arn(&gateway.account.region, &gateway.account.id, &api.id);
    let policy = api.resource_policy.as_ref().and_then(|document| {
        let kind = PolicyKind::Resource { api_arn: &api_arn };
        parse(document, kind, &format!("{pointer}/resourcePolicy"), errors)
    });
    Api {
        id: api.id.as_str().into(),
        protocol: api.protocol,
        stages: api
            .stages
            .iter()
            .map(|stage| stage.name.as_str().into())
            .collect(),
        policy,
        vpc_endpoint: api.vpc_endpoint.clone(),
        operations,
    }
}

enum Compiled {
    Lambda,
    Token(TokenAuthorizer),
}

fn parse(
    document: &serde_json::Value,
    kind: PolicyKind<'_>,
    pointer: &str,
    errors: &mut Vec<CompileError>,
) -> Option<Policy> {
    Policy::parse(document, kind)
        .map_err(|faults| errors.extend(faults.into_iter().map(|fault| fault.within(pointer))))
        .ok()
}
