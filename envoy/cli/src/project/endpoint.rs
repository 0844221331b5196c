use std::collections::BTreeSet;

use attache_model::{Api, AuthorizerKind, Endpoints, Integration};

use super::{Lowering, Pointer};
use crate::configuration::{Configuration, suggestion};
use crate::openapi::service_of;

/// Not a service of integrations: it has the keys of user pools.
const COGNITO: &str = "cognito";
const LAMBDA: &str = "lambda";

impl Lowering<'_> {
    /// Where AWS's services are. One that nothing calls is warned about: it may be a slip.
    pub(super) fn endpoints(&mut self, configuration: &Configuration, apis: &[Api]) -> Endpoints {
        let pointer = Pointer::root().key("endpoints");
        let model = Pointer::root().key("endpoints");
        self.remember(model.clone(), &pointer);
        let called = called(apis);
        // Every API has an entry in the model, or there would be an error.
        let is_complete = !self.report.has_errors();
        let mut endpoints = Endpoints::new();
        for (name, endpoint) in &configuration.endpoints {
            let pointer = pointer.key(name);
            let model = model.key(name);
            self.remember(model.key("url"), &pointer.key("url"));
            self.remember(model.key("sign"), &pointer.key("sign"));
            self.remember(model, &pointer);
            if is_complete && name != COGNITO && name != LAMBDA && !called.contains(name.as_str()) {
                let meant = suggestion::closest(name, called.iter().copied());
                self.warn(
                    "endpoint-without-integration",
                    &pointer,
                    format!("no integration calls the service `{name}`"),
                    meant.map_or_else(
                        || "write the service as it stands in the `uri` of integrations".to_owned(),
                        |meant| format!("did you mean `{meant}`?"),
                    ),
                );
            }
            if name != COGNITO {
                let endpoint = attache_model::Endpoint {
                    url: endpoint.url.clone(),
                    sign: endpoint.sign,
                };
                endpoints.insert(name.clone(), endpoint);
            } else if endpoint.sign {
                self.warn(
                    "field-without-effect",
                    &pointer.key("sign"),
                    "`sign` has no effect: the keys of user pools are public",
                    "remove it",
                );
            }
        }
        endpoints
    }
}

/// The services that integrations and authorizers name.
fn called(apis: &[Api]) -> BTreeSet<&str> {
    let mut called = BTreeSet::new();
    for api in apis {
        for operation in &api.operations {
            match &operation.integration {
                Integration::AwsProxy(_) => {
                    called.insert(LAMBDA);
                }
                Integration::Aws(aws) => called.extend(service_of(&aws.uri)),
                Integration::HttpProxy(_) | Integration::Http(_) | Integration::Mock(_) => {}
            }
        }
        let mut authorizers = api.authorizers.iter().map(|authorizer| &authorizer.kind);
        if authorizers.any(|kind| matches!(kind, AuthorizerKind::Lambda(_))) {
            called.insert(LAMBDA);
        }
    }
    called
}
