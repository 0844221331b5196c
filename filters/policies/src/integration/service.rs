//! The URI of a service of AWS's, and how that service is called.
//!
//! ```text
//! arn:aws:apigateway:eu-west-1:dynamodb:action/PutItem
//! arn:aws:apigateway:eu-west-1:sqs:path/123456789012/orders
//! arn:aws:apigateway:eu-west-1:runtime.sagemaker:path//endpoints/e/invocations
//!                    └─ region └─ service  └─ action or path
//! ```
//!
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html#apigw-PutIntegration-request-uri>

use attache_model::TlsOptions;

use super::compile::{Deployment, Endpoints};
use super::destination::Destination;
use super::upstream::{Scheme, Signing, Upstream};
use super::uri::{
    Piece, Placeholder, UriFault, has_stage_variables, parse_fixed, pieces, resolve_stage_variables,
};
use crate::compile_error::CompileError;
use crate::lambda_function::{Function, Invocation};

/// A service and how it is called.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) destination: Destination,
    /// Whether it is a Lambda function, which is called by its name.
    pub(super) is_function: bool,
    /// `X-Amz-Target` and the content type of a JSON protocol, where API Gateway adds them.
    pub(super) target: Option<(Box<str>, &'static str)>,
}

/// Why a URI is not that of a service.
enum Fault {
    /// Of the URI itself.
    Uri(String),
    /// A placeholder that nothing is mapped to: AWS takes it literally, and refuses every call.
    Unmapped,
    /// Of the endpoint that `endpoints` names for a service.
    Endpoint {
        service: String,
        reason: &'static str,
    },
}

/// Puts the stage's variables in place and reads the URI of an `AWS` integration. `mapped` gives
/// what a placeholder stands for, `None` for one that nothing ever does.
///
/// `None` when it cannot be called as it is configured: that is a fault of the document where it
/// is one in every stage, and otherwise of every call, as AWS does.
pub(super) fn compile(
    uri: &str,
    deployment: &Deployment<'_>,
    pointer: &str,
    mapped: impl Fn(&str) -> Option<Placeholder>,
    endpoints: &mut Endpoints,
    errors: &mut Vec<CompileError>,
) -> Option<Called> {
    let text = resolve_stage_variables(uri, &deployment.stage.variables);
    match read(&text, deployment, &mapped, endpoints) {
        Ok(called) => return Some(called),
        Err(Fault::Unmapped) => {}
        Err(Fault::Uri(_)) if has_stage_variables(uri) => {}
        Err(Fault::Uri(reason)) => errors.push(
            CompileError::new(
                format!("{pointer}/uri"),
                format!("`{uri}` cannot be called: {reason}"),
            )
            .hint(
                "write it as `arn:aws:apigateway:REGION:SERVICE:action/ACTION` or \
                 `arn:aws:apigateway:REGION:SERVICE:path/PATH`",
            ),
        ),
        Err(Fault::Endpoint { service, reason }) => errors.push(
            CompileError::new(
                format!("/endpoints/{service}/url"),
                format!("it is not a URL: {reason}"),
            )
            .hint("write it as `http://HOST:PORT` or `https://…`"),
        ),
    }
    None
}

fn read(
    text: &str,
    deployment: &Deployment<'_>,
    mapped: &impl Fn(&str) -> Option<Placeholder>,
    endpoints: &mut Endpoints,
) -> Result<Called, Fault> {
    let refuse = |reason: &str| Fault::Uri(reason.to_owned());
    let mut parts = text.splitn(6, ':');
    let is_gateways = parts.next() == Some("arn");
    let partition = parts.next().unwrap_or_default();
    let is_gateways = is_gateways && parts.next() == Some("apigateway");
    let region = parts.next().unwrap_or_default();
    let service = parts.next().unwrap_or_default();
    let Some(rest) = parts.next().filter(|_| is_gateways) else {
        return Err(refuse("it is not the ARN of a service's API"));
    };
    let is_label = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !is_label(partition) || !is_label(region) {
        return Err(refuse("it names no region"));
    }
    if service.is_empty() || !service.split('.').all(is_label) {
        return Err(refuse("it names no service"));
    }
    if service == "lambda" && rest.starts_with("path/") {
        return function(text, deployment, endpoints);
    }
    let service = Service::new(service, partition, region);
    let (upstream, base) = service.endpoint(deployment)?;
    let (path, query, target) = match rest.split_once('/') {
        Some(("path", path)) => {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let path = format!("{base}/{}", path.trim_start_matches('/'));
            (path, query.to_owned(), None)
        }
        Some(("action", action)) if !action.is_empty() => {
            let (name, parameters) = match action.split_once(['&', '?']) {
                Some((name, parameters)) => (name, parameters),
                None => (action, ""),
            };
            let path = format!("{base}/");
            match service.json_protocol() {
                Some((prefix, content_type)) => {
                    let target = format!("{prefix}.{name}").into();
                    (path, parameters.to_owned(), Some((target, content_type)))
                }
                None if parameters.is_empty() => (path, format!("Action={name}"), None),
                None => (path, format!("Action={name}&{parameters}"), None),
            }
        }
        _ => return Err(refuse("it names neither an action nor a path")),
    };
    let read = |text: &str| -> Result<Box<[Piece]>, Fault> {
        pieces(text, mapped).map_err(|fault| match fault {
            UriFault::Unmapped => Fault::Unmapped,
            UriFault::Malformed(reason) => refuse(reason),
            UriFault::PlaceholderInHost => refuse("it has a placeholder in its host"),
        })
    };
    Ok(Called {
        destination: Destination::new(endpoints.intern(upstream), read(&path)?, read(&query)?),
        is_function: false,
        target,
    })
}

/// A Lambda function is called by its name, and not by the ARN that the URI has.
fn function(
    uri: &str,
    deployment: &Deployment<'_>,
    endpoints: &mut Endpoints,
) -> Result<Called, Fault> {
    let function = Function::of_invocation_uri(uri).map_err(|why| Fault::Uri(why.to_owned()))?;
    let endpoint = deployment.endpoints.get("lambda");
    let invocation =
        Invocation::compile(&function, endpoint).map_err(|reason| Fault::Endpoint {
            service: "lambda".to_owned(),
            reason,
        })?;
    let target = invocation.target();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let literal = |text: &str| -> Box<[Piece]> {
        let text = Some(text).filter(|text| !text.is_empty());
        text.map(|text| Piece::Literal(text.as_bytes().into()))
            .into_iter()
            .collect()
    };
    Ok(Called {
        destination: Destination::new(
            endpoints.intern(invocation.upstream.clone()),
            literal(path),
            literal(query),
        ),
        is_function: true,
        target: None,
    })
}

/// A service as the URI of an integration names it.
struct Service<'u> {
    /// What stands before the service, such as an S3 bucket.
    subdomain: Option<&'u str>,
    name: &'u str,
    partition: &'u str,
    region: &'u str,
}

impl<'u> Service<'u> {
    fn new(text: &'u str, partition: &'u str, region: &'u str) -> Self {
        let (subdomain, name) = match text.rsplit_once('.') {
            Some((subdomain, name)) => (Some(subdomain), name),
            None => (None, text),
        };
        Self {
            subdomain,
            name,
            partition,
            region,
        }
    }

    /// Where the service is, and the path that all of its paths begin with.
    fn endpoint(&self, deployment: &Deployment<'_>) -> Result<(Upstream, String), Fault> {
        let signing = Some(Signing {
            service: self.signing_name().to_owned(),
            region: self.region.to_owned(),
        });
        let Some(endpoint) = deployment.endpoints.get(self.name) else {
            let upstream = Upstream {
                client_certificate_id: None,
                scheme: Scheme::Https,
                host: self.host(),
                port: 443,
                tls: TlsOptions::default(),
                signing,
            };
            return Ok((upstream, String::new()));
        };
        let fault = |reason| Fault::Endpoint {
            service: self.name.to_owned(),
            reason,
        };
        let (mut upstream, base) = parse_fixed(&endpoint.url).map_err(fault)?;
        if base.contains('?') {
            return Err(fault("it has a query string"));
        }
        if endpoint.sign {
            upstream.signing = signing;
        }
        let mut base = base.trim_end_matches('/').to_owned();
        if let ("s3", Some(bucket)) = (self.name, self.subdomain) {
            // The host is given, so that the bucket has to stand in the path.
            base.push('/');
            base.push_str(bucket);
        }
        Ok((upstream, base))
    }

    /// The host of AWS's own endpoint.
    ///
    /// <https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html>
    fn host(&self) -> String {
        let domain = match self.partition {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let host = match (self.name, self.partition) {
            // Services without regions.
            ("iam" | "route53" | "cloudfront", "aws") => format!("{}.{domain}", self.name),
            ("iotdata", _) => format!("iot.{}.{domain}", self.region),
            ("mobiletargeting", _) => format!("pinpoint.{}.{domain}", self.region),
            (name, _) => format!("{name}.{}.{domain}", self.region),
        };
        match self.subdomain {
            Some(subdomain) => format!("{subdomain}.{host}"),
            None => host,
        }
        .to_ascii_lowercase()
    }

    /// The name of the service in signatures, where it is not that of its host.
    fn signing_name(&self) -> &'u str {
        match self.name {
            "appsync-api" => "appsync",
            "email" => "ses",
            name => name,
        }
    }

    /// What `X-Amz-Target` begins with, and the content type, for the actions of the services
    /// that API Gateway speaks JSON to by itself. To all others it says `?Action=`, as their
    /// Query protocol wants it.
    fn json_protocol(&self) -> Option<(&'static str, &'static str)> {
        const JSON_1_0: &str = "application/x-amz-json-1.0";
        const JSON_1_1: &str = "application/x-amz-json-1.1";
        Some(match self.name {
            "dynamodb" => ("DynamoDB_20120810", JSON_1_0),
            "firehose" => ("Firehose_20150804", JSON_1_1),
            "kinesis" => ("Kinesis_20131202", JSON_1_1),
            "states" => ("AWSStepFunctions", JSON_1_0),
            _ => return None,
        })
    }
}
