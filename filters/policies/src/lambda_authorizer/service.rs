//! The function, or the web service in its place, that an authorizer asks.

use std::collections::BTreeMap;

use attache_model::{Endpoint, LambdaAuthorizer};

use crate::exchange::Callout;
use crate::integration::Upstream;
use crate::integration::uri::{has_stage_variables, parse_fixed, resolve_stage_variables};
use crate::lambda_function::{Function, Invocation};

use super::cache_key::CacheKey;

/// Whom an authorizer asks, with the stage's variables in place.
#[derive(Debug)]
pub(super) enum Service {
    /// The Invoke API of AWS Lambda.
    Function(Invocation),
    /// A web service.
    Web {
        upstream: Upstream,
        cluster: String,
        authority: String,
        target: String,
    },
}

/// Why there is nobody to ask.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServiceFault {
    /// A stage variable makes it one. AWS too finds out at the call.
    OfStageVariable,
    /// The URI of the authorizer.
    Uri(String),
    /// `endpoints.lambda` is needed and missing.
    NoEndpoint,
    /// `endpoints.lambda.url` is not a URL.
    Endpoint(&'static str),
}

impl Service {
    /// Reads the authorizer's URI.
    pub(super) fn compile(
        definition: &LambdaAuthorizer,
        variables: &BTreeMap<String, String>,
        endpoint: Option<&Endpoint>,
    ) -> Result<Self, ServiceFault> {
        let uri = resolve_stage_variables(&definition.uri, variables);
        let fault = |reason: &str| {
            if has_stage_variables(&definition.uri) {
                ServiceFault::OfStageVariable
            } else {
                ServiceFault::Uri(reason.to_owned())
            }
        };
        if !uri.starts_with("arn:") {
            let (upstream, target) = parse_fixed(&uri).map_err(fault)?;
            return Ok(Self::Web {
                cluster: upstream.cluster(),
                authority: upstream.authority(),
                upstream,
                target,
            });
        }
        let function = Function::of_invocation_uri(&uri).map_err(fault)?;
        let endpoint = endpoint.ok_or(ServiceFault::NoEndpoint)?;
        Invocation::compile(&function, Some(endpoint))
            .map(Self::Function)
            .map_err(ServiceFault::Endpoint)
    }

    pub(super) const fn upstream(&self) -> &Upstream {
        match self {
            Self::Function(invocation) => &invocation.upstream,
            Self::Web { upstream, .. } => upstream,
        }
    }

    /// The call that hands over an event.
    pub(super) fn callout(
        &self,
        event: Vec<u8>,
        timeout_millis: u32,
        shared_as: Option<CacheKey>,
    ) -> Callout {
        match self {
            Self::Function(invocation) => Callout {
                shared_as,
                ..invocation.callout(event, timeout_millis)
            },
            Self::Web {
                cluster,
                authority,
                target,
                ..
            } => Callout {
                cluster: cluster.clone(),
                headers: vec![
                    (":method".to_owned(), b"POST".to_vec()),
                    (":path".to_owned(), target.clone().into_bytes()),
                    (":authority".to_owned(), authority.clone().into_bytes()),
                    ("content-type".to_owned(), b"application/json".to_vec()),
                ],
                body: event,
                timeout_millis,
                shared_as,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attache_model::{AuthorizerEvent, Endpoint, LambdaAuthorizer};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Service, ServiceFault};

    fn compile(uri: &str, endpoint: Option<&str>) -> Result<Service, ServiceFault> {
        let definition = LambdaAuthorizer {
            event: AuthorizerEvent::Token,
            enable_simple_responses: false,
            identity_sources: Vec::new(),
            identity_validation_expression: None,
            result_ttl_in_seconds: 300,
            uri: uri.to_owned(),
            timeout_in_millis: 29_000,
        };
        let variables = BTreeMap::from([("name".to_owned(), "guard".to_owned())]);
        let endpoint = endpoint.map(|url| Endpoint {
            url: url.to_owned(),
            sign: false,
        });
        Service::compile(&definition, &variables, endpoint.as_ref())
    }

    const INVOKE: &str = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/";

    #[wasm_bindgen_test(unsupported = test)]
    fn a_function_is_invoked_by_its_name() {
        for (function, endpoint, cluster, target) in [
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:guard",
                "http://127.0.0.1:9001",
                "http_127.0.0.1_9001",
                "/2015-03-31/functions/guard/invocations",
            ),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:guard:live",
                "https://lambda.example/",
                "https_lambda.example_443",
                "/2015-03-31/functions/guard/invocations?Qualifier=live",
            ),
            (
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:a_B-9:$LATEST",
                "http://localhost/base/",
                "http_localhost_80",
                "/base/2015-03-31/functions/a_B-9/invocations?Qualifier=%24LATEST",
            ),
            (
                "123456789012:function:guard",
                "http://localhost",
                "http_localhost_80",
                "/2015-03-31/functions/guard/invocations",
            ),
            (
                "guard",
                "http://localhost",
                "http_localhost_80",
                "/2015-03-31/functions/guard/invocations",
            ),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:${stageVariables.name}",
                "http://localhost",
                "http_localhost_80",
                "/2015-03-31/functions/guard/invocations",
            ),
        ] {
            let uri = format!("{INVOKE}{function}/invocations");
            let service = compile(&uri, Some(endpoint)).unwrap();
            assert!(matches!(service, Service::Function(_)));
            let callout = service.callout(b"{}".to_vec(), 7, Some([1; 32]));
            assert_eq!(callout.cluster, cluster);
            assert_eq!(
                (callout.timeout_millis, callout.shared_as),
                (7, Some([1; 32]))
            );
            let headers = callout.headers.iter();
            let headers: Vec<_> = headers
                .map(|(name, value)| (name.as_str(), str::from_utf8(value).unwrap()))
                .collect();
            assert_eq!(headers[..2], [(":method", "POST"), (":path", target)]);
            assert_eq!(
                headers[3..],
                [
                    ("content-type", "application/json"),
                    ("x-amz-invocation-type", "RequestResponse"),
                ]
            );
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_web_service_gets_a_plain_post() {
        let service = compile("https://auth.example:8443/check?v=1", None).unwrap();
        assert!(matches!(service, Service::Web { .. }));
        let callout = service.callout(b"{}".to_vec(), 7, None);
        assert_eq!(callout.cluster, "https_auth.example_8443");
        assert_eq!(
            callout.headers,
            [
                (":method".to_owned(), b"POST".to_vec()),
                (":path".to_owned(), b"/check?v=1".to_vec()),
                (":authority".to_owned(), b"auth.example:8443".to_vec()),
                ("content-type".to_owned(), b"application/json".to_vec()),
            ]
        );
        assert_eq!(callout.body, b"{}");
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_cannot_be_asked_is_refused() {
        for uri in [
            "",
            "guard",
            "ftp://a",
            "http://a/{b}",
            "http://{a}/",
            "arn:aws:lambda:eu-west-1:123456789012:function:guard",
            "arn:aws:apigateway:eu-west-1:s3:path/2015-03-31/functions/guard/invocations",
            "arn:aws:apigateway::lambda:path/2015-03-31/functions/guard/invocations",
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/guard",
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions//invocations",
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/a/../b/invocations",
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/a%2f/invocations",
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/a:b?c/invocations",
            "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/a:/invocations",
        ] {
            assert!(
                matches!(compile(uri, Some("http://a")), Err(ServiceFault::Uri(_))),
                "{uri}"
            );
        }
        let function = format!("{INVOKE}guard/invocations");
        assert_eq!(
            compile(&function, None).err(),
            Some(ServiceFault::NoEndpoint)
        );
        for endpoint in ["", "localhost", "http://a?b", "http://{a}"] {
            assert!(
                matches!(
                    compile(&function, Some(endpoint)),
                    Err(ServiceFault::Endpoint(_))
                ),
                "{endpoint}"
            );
        }
        for uri in ["${stageVariables.none}", "http://${stageVariables.none}/"] {
            assert_eq!(
                compile(uri, None).err(),
                Some(ServiceFault::OfStageVariable)
            );
        }
    }
}
