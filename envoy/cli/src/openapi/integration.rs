//! `x-amazon-apigateway-integration`: what answers an operation.

pub(super) mod cache_key;
mod connection;
mod parameters;
mod responses;
mod transformation;
mod without_effect;

use attache_model::{
    Aws, AwsProxy, CacheKey, Http, HttpProxy, Integration, Mock, PayloadFormatVersion, Protocol,
};

use super::method_response::MethodResponses;
use super::{Located, OperationPlaces, Place, Reading};
use crate::document::{Node, Pointer};
use cache_key::Declared;

/// What an integration may say, whatever its type.
const FIELDS: &[&str] = &[
    "type",
    "uri",
    "httpMethod",
    "requestParameters",
    "timeoutInMillis",
    "tlsConfig",
    "connectionType",
    "connectionId",
    "cacheKeyParameters",
    "cacheNamespace",
    "passthroughBehavior",
    "requestTemplates",
    "responses",
    "responseParameters",
    "payloadFormatVersion",
    "contentHandling",
    "credentials",
    "integrationSubtype",
    "integrationTarget",
    "responseTransferMode",
    "description",
];

/// What AWS answers when an `aws_proxy` integration names another service.
const LAMBDA_ONLY: &str = "integrations of type `AWS_PROXY` currently only support Lambda function and Firehose stream \
     invocations";

/// An integration, and what only `attache.yaml` can complete.
pub(super) struct ImportedIntegration {
    pub(super) integration: Integration,
    pub(super) vpc_link: Option<ImportedVpcLink>,
    /// Which of its requests get the same response from a stage's cache.
    pub(super) cache_key: CacheKey,
}

/// The VPC link of an integration with `connectionType: VPC_LINK`.
#[derive(Clone, Debug)]
pub struct ImportedVpcLink {
    /// Its id as written; may hold `${stageVariables.name}`.
    pub id: String,
    /// Where the document names it.
    pub place: Place,
}

/// The types of integrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    HttpProxy,
    Http,
    AwsProxy,
    Aws,
    Mock,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "http_proxy" => Self::HttpProxy,
            "http" => Self::Http,
            "aws_proxy" => Self::AwsProxy,
            "aws" => Self::Aws,
            "mock" => Self::Mock,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::HttpProxy => "http_proxy",
            Self::Http => "http",
            Self::AwsProxy => "aws_proxy",
            Self::Aws => "aws",
            Self::Mock => "mock",
        }
    }

    /// Where it stands in an operation of the model.
    const fn pointer(self) -> &'static str {
        match self {
            Self::HttpProxy => "/integration/httpProxy",
            Self::Http => "/integration/http",
            Self::AwsProxy => "/integration/awsProxy",
            Self::Aws => "/integration/aws",
            Self::Mock => "/integration/mock",
        }
    }

    const fn is_http(self) -> bool {
        matches!(self, Self::HttpProxy | Self::Http)
    }

    const fn is_aws(self) -> bool {
        matches!(self, Self::AwsProxy | Self::Aws)
    }
}

/// Reads an integration, `$ref` included. `None` when it cannot be served; the report says why.
pub(super) fn read<'d>(
    reading: &mut Reading<'d, '_>,
    integration: Located<'d>,
    method_responses: &MethodResponses,
    declared: &Declared<'_>,
    places: &mut OperationPlaces,
) -> Option<ImportedIntegration> {
    places.insert("/integration", integration.place());
    let integration = reading.follow(integration)?;
    reading.mapping(&integration)?;
    let kind = kind(reading, &integration)?;
    places.insert(kind.pointer(), integration.place());
    let mut part = Part {
        reading,
        integration,
        kind,
        places,
    };
    let errors = part.reading.error_count();
    part.reading.fields(&part.integration, FIELDS);
    part.unsupported();
    part.without_effect();
    let vpc_link = part.connection();
    let cache_key = part.cache_key(declared);
    let integration = match kind {
        Kind::HttpProxy => part
            .http_proxy(vpc_link.is_some())
            .map(Integration::HttpProxy),
        Kind::Http => part.http(method_responses).map(Integration::Http),
        Kind::AwsProxy => part.aws_proxy().map(Integration::AwsProxy),
        Kind::Aws => part.aws(method_responses).map(Integration::Aws),
        Kind::Mock => Some(Integration::Mock(part.mock(method_responses))),
    };
    if part.reading.error_count() > errors {
        return None;
    }
    Some(ImportedIntegration {
        integration: integration?,
        vpc_link,
        cache_key,
    })
}

fn kind<'d>(reading: &mut Reading<'d, '_>, integration: &Located<'d>) -> Option<Kind> {
    let Some(kind) = integration.get("type") else {
        reading.error(
            "missing-field",
            integration.place(),
            "the integration has no `type`",
            Some("write `type: http_proxy`"),
        );
        return None;
    };
    let name = reading.text(&kind)?;
    let found = Kind::of(name);
    match (found, reading.protocol) {
        (None, _) => reading.error(
            "unknown-value",
            kind.place(),
            format!("`{name}` is not a type of integration"),
            Some("the types are `http_proxy`, `http`, `aws_proxy`, `aws` and `mock`"),
        ),
        (Some(Kind::Http | Kind::Aws | Kind::Mock), Protocol::Http) => {
            reading.error(
                "unknown-value",
                kind.place(),
                format!("HTTP APIs have no integrations of type `{name}`"),
                Some("use `http_proxy` or `aws_proxy`, or serve the API with `protocol: REST`"),
            );
            return None;
        }
        (Some(_), _) => {}
    }
    found
}

/// One integration while it is read.
struct Part<'p, 'd, 'r> {
    reading: &'p mut Reading<'d, 'r>,
    integration: Located<'d>,
    kind: Kind,
    places: &'p mut OperationPlaces,
}

impl<'d> Part<'_, 'd, '_> {
    /// The pointer of a part in the model.
    fn pointer(&self, part: &str) -> Pointer {
        Pointer::from(format!("{}/{part}", self.kind.pointer()))
    }

    /// The value of a field; one that is null, as in many exports, is not there.
    fn get(&self, field: &str) -> Option<Located<'d>> {
        self.integration
            .get(field)
            .filter(|value| !value.node.is_null())
    }

    /// The same for a field that stands under `part` in the model.
    fn get_as(&mut self, field: &str, part: &str) -> Option<Located<'d>> {
        let value = self.get(field)?;
        self.places.insert(self.pointer(part), value.place());
        Some(value)
    }

    fn http_proxy(&mut self, has_vpc_link: bool) -> Option<HttpProxy> {
        let uri = self.uri(has_vpc_link);
        let http_method = self.http_method();
        let request_parameters = self.parameters("requestParameters", "requestParameters");
        let response_parameters = self.response_parameters();
        let content_handling = self.content_handling("contentHandling");
        let timeout_in_millis = self.timeout_in_millis();
        let tls = self.tls_options();
        Some(HttpProxy {
            http_method,
            request_parameters,
            response_parameters,
            content_handling,
            timeout_in_millis: timeout_in_millis?,
            tls,
            ..HttpProxy::new(uri?)
        })
    }

    fn http(&mut self, method_responses: &MethodResponses) -> Option<Http> {
        let uri = self.uri(false);
        let http_method = self.http_method();
        let request = self.request();
        let responses = self.responses(method_responses);
        let timeout_in_millis = self.timeout_in_millis();
        let tls = self.tls_options();
        Some(Http {
            uri: uri?,
            http_method,
            request,
            responses,
            timeout_in_millis: timeout_in_millis?,
            tls,
            vpc_link: None,
        })
    }

    fn aws_proxy(&mut self) -> Option<AwsProxy> {
        let uri = self.uri(false);
        let http_method = self.http_method();
        let payload_format_version = self.payload_format_version();
        let response_parameters = self.response_parameters();
        let timeout_in_millis = self.timeout_in_millis();
        let uri = uri?;
        if let Some(service) = service_of(&uri)
            && service != "lambda"
            && let Some(place) = self.get("uri")
        {
            self.reading.error(
                "unsupported-integration",
                place.place(),
                LAMBDA_ONLY,
                Some("call other services with an integration of type `aws`"),
            );
            return None;
        }
        Some(AwsProxy {
            uri,
            http_method,
            payload_format_version,
            response_parameters,
            timeout_in_millis: timeout_in_millis?,
        })
    }

    fn aws(&mut self, method_responses: &MethodResponses) -> Option<Aws> {
        let uri = self.uri(false);
        let http_method = self.http_method();
        let request = self.request();
        let responses = self.responses(method_responses);
        let timeout_in_millis = self.timeout_in_millis();
        Some(Aws {
            uri: uri?,
            http_method,
            request,
            responses,
            timeout_in_millis: timeout_in_millis?,
        })
    }

    fn mock(&mut self, method_responses: &MethodResponses) -> Mock {
        Mock {
            request: self.request(),
            responses: self.responses(method_responses),
        }
    }

    /// Where the integration leads. Behind a VPC link an HTTP API may name a listener or a service
    /// by its ARN.
    fn uri(&mut self, has_vpc_link: bool) -> Option<String> {
        let Some(uri) = self.get_as("uri", "uri") else {
            // It needs none, and is refused for itself.
            if self.get("integrationSubtype").is_some() {
                return None;
            }
            let hint = match self.kind {
                Kind::AwsProxy if self.reading.protocol == Protocol::Http => {
                    "write the ARN of the Lambda function: `uri: arn:aws:lambda:…`"
                }
                Kind::AwsProxy | Kind::Aws => {
                    "write what is called: `uri: arn:aws:apigateway:REGION:SERVICE:…`"
                }
                _ => "write the address of the back end: `uri: https://…`",
            };
            self.reading.error(
                "missing-field",
                self.integration.place(),
                "the integration has no `uri`",
                Some(hint),
            );
            return None;
        };
        let text = self.reading.text(&uri)?;
        if self.kind.is_http() && text.starts_with("arn:") && !has_vpc_link {
            self.reading.error(
                "unknown-value",
                uri.place(),
                format!(
                    "an `{}` integration calls a URL, not an ARN",
                    self.kind.name()
                ),
                Some(
                    "write `https://…`, or use `aws_proxy` for a Lambda function, or `connectionType: VPC_LINK` for a listener",
                ),
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn payload_format_version(&mut self) -> PayloadFormatVersion {
        let found = self.get_as("payloadFormatVersion", "payloadFormatVersion");
        let Some(found) = found else {
            if self.reading.protocol == Protocol::Http {
                self.reading.warning(
                    "missing-field",
                    self.integration.place(),
                    "the integration has no `payloadFormatVersion`: the function gets format 1.0",
                    Some("write `payloadFormatVersion: \"2.0\"`, or \"1.0\" if that is meant"),
                );
            }
            return PayloadFormatVersion::V1;
        };
        match (format_version(&found), self.reading.protocol) {
            (Some(PayloadFormatVersion::V2), Protocol::Rest) => {
                self.reading.warning(
                    "field-without-effect",
                    found.place(),
                    "`payloadFormatVersion` has no effect: functions get format 1.0 from REST APIs",
                    None,
                );
                PayloadFormatVersion::V1
            }
            (Some(version), _) => version,
            (None, _) => {
                self.reading.error(
                    "unknown-value",
                    found.place(),
                    "the payload format versions are 1.0 and 2.0",
                    Some("write `\"2.0\"`, in quotes"),
                );
                PayloadFormatVersion::V1
            }
        }
    }
}

/// A version, also when written as a number.
fn format_version(found: &Located<'_>) -> Option<PayloadFormatVersion> {
    match (found.node.as_str(), found.node.as_i64()) {
        (Some("1.0"), _) | (_, Some(1)) => Some(PayloadFormatVersion::V1),
        (Some("2.0"), _) | (_, Some(2)) => Some(PayloadFormatVersion::V2),
        _ => None,
    }
}

/// The service of `arn:aws:apigateway:REGION:SERVICE:…`, without its subdomain; `None` for what is
/// no such ARN.
#[must_use]
pub fn service_of(uri: &str) -> Option<&str> {
    let mut parts = uri.split(':');
    let is_action = parts.next() == Some("arn") && parts.nth(1) == Some("apigateway");
    let service = parts.nth(1).filter(|_| is_action)?;
    service.rsplit('.').next()
}

/// Whether a field says nothing.
fn is_empty(node: &Node) -> bool {
    node.is_null()
        || node.as_sequence().is_some_and(<[_]>::is_empty)
        || node.as_mapping().is_some_and(<[_]>::is_empty)
}

#[cfg(test)]
mod tests;
