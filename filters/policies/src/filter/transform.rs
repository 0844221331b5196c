//! A filter that validates requests and maps bodies, on routes that are the proxy's own.
//!
//! ```json
//! {
//!   "api": "shop",
//!   "stage": "prod",
//!   "stageVariables": {"currency": "EUR"},
//!   "models": {"Order": {"type": "object", "required": ["sku"]}},
//!   "operations": [{
//!     "method": "POST",
//!     "path": "/orders/{id}",
//!     "requestValidation": {
//!       "requiredParameters": ["method.request.header.x-customer"],
//!       "requestModels": [{"contentType": "application/json", "model": "Order"}]
//!     },
//!     "request": {
//!       "parameters": {"integration.request.header.x-order": "method.request.path.id"},
//!       "templates": [{
//!         "contentType": "application/json",
//!         "template": "<order>$input.path('$.sku')</order>"
//!       }]
//!     },
//!     "responses": [{
//!       "statusCode": 200,
//!       "templates": [{"contentType": "application/json", "template": "{\"ok\": true}"}]
//!     }]
//!   }]
//! }
//! ```
//!
//! `operations` must be there; of an operation, `path` and `method` (`ANY` for all) must. A request
//! that no operation is for passes as it is, and so does an answer of an operation without
//! `responses`. Everything is written as in the gateway's own configuration document, and means the
//! same but for two things: the client's and the back end's own header fields pass beside the
//! mapped ones, and where a request goes is the proxy's business, so that
//! `integration.request.path` has no meaning. A template for a request that came without a body
//! has no effect on it: Envoy cannot add one.

use std::collections::BTreeMap;
use std::sync::Arc;

use attache_model::{
    Account, Api, Gateway, Integration, IntegrationResponse, Mock, Operation, Protocol,
    RequestTransformation, RequestValidation, Stage, Verb,
};
use serde::Deserialize;

use super::configuration::{from_json, reasons};
use crate::authorization::Caller;
use crate::compile_error::CompileError;
use crate::denial::Denial;
use crate::exchange::{Answer, Edits, Exchange, Service};
use crate::integration::{Answered, IntegrationRequest, Transformations};
use crate::observation::Observation;
use crate::ports::Environment;
use crate::request_id::RequestIds;
use crate::request_validation::RequestValidations;
use crate::route::{Route, Routes};

/// The filter of `transform.wasm`.
#[derive(Debug)]
pub struct TransformFilter {
    routes: Routes,
    validations: RequestValidations,
    transformations: Transformations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    #[serde(default)]
    api: String,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    stage_variables: BTreeMap<String, String>,
    #[serde(default)]
    binary_media_types: Vec<String>,
    #[serde(default)]
    models: BTreeMap<String, serde_json::Value>,
    operations: Vec<OperationRules>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OperationRules {
    path: String,
    method: Verb,
    #[serde(default)]
    request_validation: RequestValidation,
    #[serde(default)]
    request: RequestTransformation,
    #[serde(default)]
    responses: Vec<IntegrationResponse>,
}

/// An API that answers at any host is never asked for by its name.
const ANY_NAME: &str = "api";

/// The stage of an HTTP API that takes no part of the path for itself.
const WHOLE_PATH: &str = "$default";

impl Service for TransformFilter {
    fn compile(configuration: &[u8], _: &dyn Environment) -> Result<Self, Vec<String>> {
        let gateway = one_stage(from_json(configuration)?);
        let validations = RequestValidations::compile(&gateway);
        let transformations = Transformations::compile(&gateway);
        match (
            Routes::compile(&by_whole_path(&gateway)),
            validations,
            transformations,
        ) {
            (Ok(routes), Ok(validations), Ok(transformations)) => Ok(Self {
                routes,
                validations,
                transformations,
            }),
            (routes, validations, transformations) => {
                let faults = [routes.err(), validations.err(), transformations.err()];
                let faults = faults.into_iter().flatten().flatten().map(of_filter);
                Err(reasons(&faults.collect::<Vec<_>>()))
            }
        }
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let Ok(route) = self.routes.find(exchange.request()) else {
            // It is no operation's.
            return Answer::PassThrough(Edits::default());
        };
        match self.transform(&exchange, route).await {
            Ok(answered) => answered.into(),
            Err(denial) => Answer::Reply(denial.reply(Protocol::Rest)),
        }
    }
}

impl TransformFilter {
    async fn transform(&self, exchange: &Exchange, route: Route<'_>) -> Result<Answered, Denial> {
        let ports = exchange.ports();
        let time = ports.now();
        let document = self.validations.validate(exchange, route).await?;
        let transformation = self
            .transformations
            .get(route.operation)
            .ok_or(Denial::ApiConfigurationError)?;
        let ids = RequestIds::generate(ports);
        let caller = Caller::default();
        let request = IntegrationRequest {
            headers: exchange.request(),
            route,
            ids: &ids,
            time,
            connection: ports,
            api_key: None,
            api_key_id: None,
            caller: &caller,
        };
        let mut seen = Observation::begin(exchange.request(), time);
        transformation
            .answer(exchange, &request, document, &mut seen)
            .await
    }
}

/// The place in the filter's configuration of a fault in the gateway's.
fn of_filter(mut fault: CompileError) -> CompileError {
    if let Some(rest) = fault.pointer.strip_prefix("/apis/0") {
        fault.pointer = rest.to_owned();
    }
    fault
}

/// The rules in a gateway of one API with one stage.
fn one_stage(configuration: Configuration) -> Gateway {
    let operations = configuration.operations.into_iter().map(|rules| Operation {
        request_validation: rules.request_validation,
        ..Operation::new(
            rules.path,
            rules.method,
            Integration::Mock(Mock {
                request: rules.request,
                responses: rules.responses,
            }),
        )
    });
    Gateway {
        apis: vec![Api {
            any_host: true,
            binary_media_types: configuration.binary_media_types,
            models: configuration.models,
            operations: operations.collect(),
            stages: vec![Stage {
                variables: configuration.stage_variables,
                ..Stage::new(configuration.stage)
            }],
            ..Api::new(configuration.api, Protocol::Rest)
        }],
        ..Gateway::new(Account::default())
    }
}

/// The same operations, found by the whole path of a request.
fn by_whole_path(gateway: &Gateway) -> Gateway {
    let apis = gateway.apis.iter().map(|api| Api {
        any_host: true,
        operations: api.operations.clone(),
        stages: vec![Stage::new(WHOLE_PATH)],
        ..Api::new(ANY_NAME, Protocol::Http)
    });
    Gateway {
        apis: apis.collect(),
        ..Gateway::new(Account::default())
    }
}

#[cfg(test)]
#[path = "transform_tests.rs"]
mod tests;
