//! The configuration document: what the command line writes and the filters read.
//!
//! It is versioned JSON. Enums are externally tagged and unknown fields are errors, so that a
//! document that does not fit is refused with the exact place of its fault. Nothing here decides
//! anything: [`attache_policies`](../attache_policies/index.html) compiles a document into what
//! the request path needs.

mod api;
mod api_key;
mod authorizer;
mod cors;
mod domain;
mod gateway;
mod integration;
mod load;
mod request_validation;
mod response_cache;
mod secret;
mod state;
mod transformation;
mod usage_plan;

pub use api::{Api, ApiKeySource, Canary, MethodSettings, Operation, Protocol, Stage, Verb};
pub use api_key::{ApiKey, KeyDigest, PreviousValue};
pub use authorizer::{
    AdditionalClaim, Authorization, Authorizer, AuthorizerEvent, AuthorizerKind, CognitoAuthorizer,
    Credential, JwtAlgorithm, JwtAuthorizer, JwtIssuer, JwtKeys, LambdaAuthorizer, Principal,
    UserPool, VpcEndpoint,
};
pub use cors::Cors;
pub use domain::{ApiMapping, Domain};
pub use gateway::{Account, Endpoint, Endpoints, Gateway, VERSION};
pub use integration::{
    Aws, AwsProxy, ContentHandling, Http, HttpProxy, Integration, Mock, PayloadFormatVersion,
    TlsOptions,
};
pub use load::{LoadError, from_json};
pub use request_validation::{RequestModel, RequestValidation};
pub use response_cache::{
    CacheCluster, CacheInvalidation, CacheKey, CacheMode, CachedOperation, ManagementApi,
};
pub use secret::{SealedSecret, Secret};
pub use state::{OnFailure, Redis, RedisDialect, State};
pub use transformation::{
    GatewayResponse, IntegrationResponse, MappingTemplate, PassthroughBehavior,
    RequestTransformation,
};
pub use usage_plan::{
    ApiStage, KeptUsage, MethodThrottle, Period, Quota, Throttle, TimeZone, UsagePlan,
};
