//! What a request's authorization is decided by, for tools that explain a decision.

use std::cell::OnceCell;

use super::request_keys::LazyKeys;
use super::{Api, AuthorizationRequest, Authorizations, Rule};
use crate::client_certificate::ClientCertificate;
use crate::denial::Denial;
use crate::exchange::Exchange;
use crate::iam::{self, Accounts, ConditionKeys};
use crate::jwt::{TokenAuthorizer, TokenAuthorizers};
use crate::lambda_authorizer::{AuthorizerRequest, LambdaAuthorizer};
use crate::sigv4::{Credential, Credentials};

/// What an operation asks for.
#[derive(Clone, Copy, Debug)]
pub enum Demand<'a> {
    /// Nothing: everybody may call, as far as the resource policy allows.
    Nothing,
    /// A signature with one of these credentials.
    Signature(&'a Credentials),
    /// A Lambda authorizer's word. `None` when there is no such authorizer.
    Lambda(Option<&'a LambdaAuthorizer>),
    /// A token.
    Token {
        /// All authorizers for tokens.
        authorizers: &'a TokenAuthorizers,
        /// Which of them.
        authorizer: TokenAuthorizer,
        /// The scopes of which the token needs one.
        scopes: &'a [String],
    },
}

/// One request and all that its authorization is decided by. It decides nothing itself:
/// [`Authorizations::authorize`] does.
pub struct Inspection<'r> {
    demand: Demand<'r>,
    method_arn: String,
    account_id: &'r str,
    exchange: &'r Exchange,
    request: AuthorizationRequest<'r>,
    /// Read when it is asked for: few requests need it.
    client_certificate: OnceCell<Option<ClientCertificate>>,
    keys: LazyKeys<'r>,
}

impl Authorizations {
    /// Gathers what a request's authorization is decided by.
    ///
    /// # Errors
    ///
    /// How the request is refused before anything is asked: [`Denial::UriTooLong`].
    pub fn inspect<'r>(
        &'r self,
        exchange: &'r Exchange,
        request: AuthorizationRequest<'r>,
    ) -> Result<Inspection<'r>, Denial> {
        let (api, rule) = self.rule(request.route)?;
        self.gather(api, rule, exchange, request)
    }

    /// Gathers what a request to an operation of an API is decided by.
    pub(super) fn gather<'r>(
        &'r self,
        api: &'r Api,
        rule: &'r Rule,
        exchange: &'r Exchange,
        request: AuthorizationRequest<'r>,
    ) -> Result<Inspection<'r>, Denial> {
        let route = request.route;
        let demand = match rule {
            Rule::Open => Demand::Nothing,
            Rule::Signature => Demand::Signature(&self.credentials),
            Rule::Lambda(authorizer) => {
                Demand::Lambda(self.lambda.get(route.api, route.stage, *authorizer))
            }
            Rule::Token { authorizer, scopes } => Demand::Token {
                authorizers: &self.tokens,
                authorizer: *authorizer,
                scopes,
            },
        };
        Ok(Inspection {
            demand,
            method_arn: self.method_arn(api, route)?,
            account_id: &self.account_id,
            exchange,
            request,
            client_certificate: OnceCell::new(),
            keys: LazyKeys::new(exchange, request.time, api.vpc_endpoint.as_ref()),
        })
    }
}

impl<'r> Inspection<'r> {
    /// What the operation asks for.
    #[must_use]
    pub const fn demand(&self) -> Demand<'r> {
        self.demand
    }

    /// The ARN that policies judge the request by.
    #[must_use]
    pub fn method_arn(&self) -> &str {
        &self.method_arn
    }

    /// What policies are asked of a caller of whom only the request is known.
    #[must_use]
    pub fn access(&self) -> iam::Request<'_> {
        iam::Request {
            action: iam::INVOKE,
            resource: &self.method_arn,
            principal: None,
            keys: &self.keys,
        }
    }

    /// The condition keys when the request is signed with a credential. What policies are asked of
    /// its owner is [`access`](Self::access) with these and the credential's principal.
    #[must_use]
    pub fn keys_of_signer<'k>(&self, credential: &'k Credential) -> impl ConditionKeys + 'k
    where
        'r: 'k,
    {
        self.keys
            .signed_by(credential.principal(), credential.is_temporary())
    }

    /// Whether the owner of a credential is of the API's account.
    #[must_use]
    pub fn accounts(&self, credential: &Credential) -> Accounts {
        Accounts::of(credential.principal(), self.account_id)
    }

    /// What a Lambda authorizer is asked about.
    #[must_use]
    pub fn authorizer_request(&self) -> AuthorizerRequest<'_> {
        let headers = self.exchange.request();
        let ports = self.exchange.ports();
        let certificate = || ClientCertificate::of(headers, ports);
        AuthorizerRequest {
            headers,
            route: self.request.route,
            ids: self.request.ids,
            time: self.request.time,
            connection: ports,
            client_certificate: self.client_certificate.get_or_init(certificate).as_ref(),
            access: self.access(),
        }
    }
}
