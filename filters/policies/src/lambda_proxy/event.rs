//! What the function is given: the request, field for field and in the order of AWS's samples.

use attache_model::{PayloadFormatVersion, Protocol, Verb};

use super::LambdaProxy;
use super::authorizer::{AuthorizerForm, push_authorizer};
use super::body::event_body;
use crate::client_certificate::ClientCertificate;
use crate::integration::{IntegrationRequest, is_hidden};
use crate::lambda_event::{
    EventRequest, Fields, Identity, Names, Object, push_cookies, request_context_1,
    request_context_2,
};

/// Writes the event of a request as JSON.
pub(super) fn event(
    proxy: &LambdaProxy,
    request: &IntegrationRequest<'_>,
    body: &[u8],
    trace: &[u8],
) -> Vec<u8> {
    let certificate = ClientCertificate::of(request.headers, request.connection);
    let described = EventRequest {
        headers: request.headers,
        route: request.route,
        ids: request.ids,
        time: request.time,
        connection: request.connection,
        client_certificate: certificate.as_ref(),
    };
    let mut out = Vec::with_capacity(2048 + body.len() + body.len() / 3);
    let mut event = Object::begin(&mut out);
    let event_of = Event {
        proxy,
        request,
        described,
        body,
        trace,
    };
    match proxy.format {
        PayloadFormatVersion::V1 => event_of.push_1(&mut event),
        PayloadFormatVersion::V2 => event_of.push_2(&mut event),
    }
    event.end();
    out
}

struct Event<'e> {
    proxy: &'e LambdaProxy,
    request: &'e IntegrationRequest<'e>,
    described: EventRequest<'e>,
    body: &'e [u8],
    trace: &'e [u8],
}

impl<'e> Event<'e> {
    /// Format 1.0: of REST APIs, and with one more field of HTTP APIs. Maps that would be empty
    /// are `null`.
    fn push_1(&self, event: &mut Object<'_>) {
        let (request, deployment) = (self.request, &self.proxy.deployment);
        if deployment.protocol == Protocol::Http {
            event.text("version", "1.0");
        }
        event.text(
            "resource",
            deployment.resource_path(request.route.operation),
        );
        event.bytes("path", request.route.event_path());
        event.text("httpMethod", Verb::as_str(request.route.verb));
        let headers = self.headers(Names::AsAws);
        headers.push_last(event, "headers");
        headers.push_all(event, "multiValueHeaders");
        let query = Fields::of_query(request.route.query);
        if query.is_empty() {
            event.null("queryStringParameters");
            event.null("multiValueQueryStringParameters");
        } else {
            query.push_last(event, "queryStringParameters");
            query.push_all(event, "multiValueQueryStringParameters");
        }
        let identity = Identity {
            api_key: request.api_key,
            api_key_id: request.api_key_id,
            caller: Some(request.caller),
        };
        request_context_1(event, &self.described, deployment, identity, &|context| {
            self.push_authorizer(context);
        });
        for (name, fields) in self.path_and_variables() {
            if fields.is_empty() {
                event.null(name);
            } else {
                fields.push_last(event, name);
            }
        }
        let body = self.body();
        event.bytes_or_null("body", body.as_ref().map(|body| body.text.as_bytes()));
        event.boolean("isBase64Encoded", body.is_some_and(|body| body.is_base64));
    }

    /// Format 2.0, which only HTTP APIs have. Members that would be empty are left out.
    fn push_2(&self, event: &mut Object<'_>) {
        let (request, deployment) = (self.request, &self.proxy.deployment);
        let route = request.route;
        event.text("version", "2.0");
        event.text("routeKey", &deployment.route_key(route.operation));
        event.bytes("rawPath", route.raw_path());
        event.bytes("rawQueryString", route.query);
        push_cookies(request.headers, event);
        self.headers(Names::Lower).push_joined(event, "headers");
        let query = Fields::of_query(route.query);
        if !query.is_empty() {
            query.push_joined(event, "queryStringParameters");
        }
        request_context_2(event, &self.described, deployment, &|context| {
            self.push_authorizer(context);
        });
        let body = self.body();
        if let Some(body) = &body {
            event.text("body", &body.text);
        }
        let [path, variables] = self.path_and_variables();
        push_unless_empty(event, path);
        event.boolean("isBase64Encoded", body.is_some_and(|body| body.is_base64));
        push_unless_empty(event, variables);
    }

    /// The client's header fields with those that API Gateway adds.
    fn headers(&self, names: Names) -> Fields<'e> {
        let headers = self.request.headers;
        let format = self.proxy.format;
        let is_left_out = |name: &[u8]| match (name, self.proxy.deployment.protocol) {
            // There is one more of it below.
            (b"x-amzn-trace-id", _) => true,
            (b"authorization", Protocol::Rest) => is_signature(headers.last(name)),
            (name, Protocol::Rest) => is_hidden(name),
            // The length is that of what the client sent.
            (b"connection" | b"transfer-encoding" | b"te" | b"upgrade", Protocol::Http) => true,
            // They have a place of their own.
            (b"cookie", Protocol::Http) => format == PayloadFormatVersion::V2,
            _ => false,
        };
        let mut fields = Fields::of_headers(headers, names, is_left_out);
        fields.add(names, b"x-amzn-trace-id", self.trace.to_vec());
        let mut add = |name: &'static [u8], value: &dyn Fn() -> Vec<u8>| {
            // The proxy writes the first and the last by itself.
            if !headers.contains(name) {
                fields.add(names, name, value());
            }
        };
        add(b"x-forwarded-for", &|| {
            self.request.connection.source_address()
        });
        add(b"x-forwarded-port", &|| self.port().to_vec());
        add(b"x-forwarded-proto", &|| self.scheme().to_vec());
        fields
    }

    fn scheme(&self) -> &'e [u8] {
        let headers = self.request.headers;
        let scheme = headers.last(b"x-forwarded-proto");
        scheme
            .or_else(|| headers.first(b":scheme"))
            .unwrap_or(b"http")
    }

    /// The port that the client has connected to, as far as it says so.
    fn port(&self) -> &'e [u8] {
        let authority = self.request.headers.last(b":authority").unwrap_or_default();
        let port = authority.rsplit(|byte| *byte == b':').next();
        let port = port.filter(|port| {
            port.len() < authority.len() && !port.is_empty() && port.iter().all(u8::is_ascii_digit)
        });
        port.unwrap_or(match self.scheme() {
            b"https" => b"443",
            _ => b"80",
        })
    }

    fn path_and_variables(&self) -> [(&'static str, Fields<'e>); 2] {
        let variables = &self.proxy.deployment.variables;
        [
            (
                "pathParameters",
                Fields::of_path(self.request.route.path_parameters()),
            ),
            ("stageVariables", Fields::of_variables(variables)),
        ]
    }

    fn body(&self) -> Option<super::body::EventBody<'e>> {
        event_body(
            self.body,
            self.request.headers,
            self.proxy.deployment.protocol,
            &self.proxy.binary_media_types,
        )
    }

    fn push_authorizer(&self, context: &mut Object<'_>) {
        let form = AuthorizerForm {
            protocol: self.proxy.deployment.protocol,
            format: self.proxy.format,
            has_scopes: self.proxy.has_scopes,
        };
        push_authorizer(context, self.request.caller, &form);
    }
}

fn push_unless_empty(event: &mut Object<'_>, (name, fields): (&str, Fields<'_>)) {
    if !fields.is_empty() {
        fields.push_last(event, name);
    }
}

/// A signature was for the gateway.
fn is_signature(authorization: Option<&[u8]>) -> bool {
    authorization.is_some_and(|value| value.starts_with(b"AWS4-HMAC-SHA256"))
}
