//! Lambda functions: how they are named, and the call of the Invoke API that runs one.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use attache_model::{Endpoint, TlsOptions};

use crate::exchange::Callout;
use crate::integration::uri::parse_fixed;
use crate::integration::{Scheme, Signing, Upstream};

/// The name of the service in ARNs, endpoints and signatures.
pub(crate) const SERVICE: &str = "lambda";

/// Neither an event nor an answer is longer, in bytes: Lambda's limit for functions that are
/// waited for.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;

/// A Lambda function, as an ARN names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function<'u> {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    partition: &'u str,
    region: &'u str,
    name: &'u str,
    /// A version or an alias.
    qualifier: Option<&'u str>,
}

impl<'u> Function<'u> {
    /// Reads `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations`,
    /// where FUNCTION is `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]` or its end
    /// from `ACCOUNT` or `NAME` on.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn of_invocation_uri(uri: &'u str) -> Result<Self, &'static str> {
        const NO_INVOCATION: &str = "it is an ARN, but not one of a function's invocation";
        let (partition, service, region, rest) = arn(uri).ok_or(NO_INVOCATION)?;
        let function = rest
            .strip_prefix("lambda:path/")
            .filter(|_| service == "apigateway")
            .and_then(|path| path.split_once("/functions/"))
            .and_then(|(_, function)| function.strip_suffix("/invocations"))
            .ok_or(NO_INVOCATION)?;
        match arn(function) {
            Some((partition, SERVICE, region, rest)) => Self::named(partition, region, rest),
            _ => Self::named(partition, region, function),
        }
    }

    /// Reads `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn of_arn(text: &'u str) -> Result<Self, &'static str> {
        match arn(text) {
            Some((partition, SERVICE, region, rest)) if rest.contains(":function:") => {
                Self::named(partition, region, rest)
            }
            _ => Err("it is not the ARN of a function"),
        }
    }

    /// `named` is `NAME[:QUALIFIER]`, or that behind `ACCOUNT:function:`.
    fn named(partition: &'u str, region: &'u str, named: &'u str) -> Result<Self, &'static str> {
        let named = match named.split_once(":function:") {
            Some((_, named)) => named,
            None => named,
        };
        let (name, qualifier) = match named.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (named, None),
        };
        let is_name = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !text.is_empty() && text.len() <= 128 && text.bytes().all(allowed)
        };
        let is_qualifier = |text: &str| text == "$LATEST" || is_name(text);
        let is_region = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            text.bytes().all(allowed)
        };
        if !is_name(name) || !qualifier.is_none_or(is_qualifier) || !is_region(region) {
            return Err("it names no function");
        }
        Ok(Self {
            partition,
            region,
            name,
            qualifier,
        })
    }
}

/// Partition, service and region of an ARN, and what follows them.
fn arn(text: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = text.strip_prefix("arn:")?.splitn(4, ':');
    let partition = parts.next().filter(|partition| !partition.is_empty())?;
    let service = parts.next()?;
    let region = parts.next().filter(|region| !region.is_empty())?;
    Some((partition, service, region, parts.next()?))
}

/// The call that runs a function.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) upstream: Upstream,
    cluster: String,
    authority: String,
    target: String,
}

impl Invocation {
    /// The call of a function at `endpoint`, or at AWS's own where none is named.
    ///
    /// # Errors
    ///
    /// Why `endpoint` is not the URL of a service.
    pub(crate) fn compile(
        function: &Function<'_>,
        endpoint: Option<&Endpoint>,
    ) -> Result<Self, &'static str> {
        let (mut upstream, base) = match endpoint {
            Some(endpoint) => parse_fixed(&endpoint.url)?,
            None => (aws_endpoint(function), String::new()),
        };
        if base.contains('?') {
            return Err("it has a query string");
        }
        if endpoint.is_none_or(|endpoint| endpoint.sign) {
            upstream.signing = Some(Signing {
                service: SERVICE.to_owned(),
                region: function.region.to_owned(),
            });
        }
        let base = base.trim_end_matches('/');
        let mut target = format!("{base}/2015-03-31/functions/{}/invocations", function.name);
        if let Some(qualifier) = function.qualifier {
            target.push_str("?Qualifier=");
            target.push_str(&qualifier.replace('$', "%24"));
        }
        Ok(Self {
            cluster: upstream.cluster(),
            authority: upstream.authority(),
            upstream,
            target,
        })
    }

    /// The request target of the call.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The call with an event, whose answer is waited for.
    pub(crate) fn callout(&self, event: Vec<u8>, timeout_millis: u32) -> Callout {
        let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        Callout {
            cluster: self.cluster.clone(),
            headers: vec![
                field(":method", "POST"),
                field(":path", &self.target),
                field(":authority", &self.authority),
                field("content-type", "application/json"),
                field("x-amz-invocation-type", "RequestResponse"),
            ],
            body: event,
            timeout_millis,
            shared_as: None,
        }
    }
}

/// <https://docs.aws.amazon.com/general/latest/gr/lambda-service.html>
fn aws_endpoint(function: &Function<'_>) -> Upstream {
    let domain = match function.partition {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    Upstream {
        scheme: Scheme::Https,
        host: format!("{SERVICE}.{}.{domain}", function.region).to_ascii_lowercase(),
        port: 443,
        tls: TlsOptions::default(),
        client_certificate_id: None,
        signing: None,
    }
}

#[cfg(test)]
mod tests {
    use attache_model::Endpoint;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Function, Invocation};

    const INVOKE: &str = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/";

    #[wasm_bindgen_test(unsupported = test)]
    fn a_function_that_no_endpoint_is_named_for_is_at_aws_and_its_calls_are_signed() {
        for (uri, cluster, target) in [
            (
                format!("{INVOKE}arn:aws:lambda:us-east-1:123456789012:function:f:7/invocations"),
                "https_lambda.us-east-1.amazonaws.com_443_signed_lambda_us-east-1",
                "/2015-03-31/functions/f/invocations?Qualifier=7",
            ),
            (
                format!("{INVOKE}f/invocations"),
                "https_lambda.eu-west-1.amazonaws.com_443_signed_lambda_eu-west-1",
                "/2015-03-31/functions/f/invocations",
            ),
            (
                format!("{INVOKE}arn:aws-cn:lambda:cn-north-1:1:function:f/invocations"),
                "https_lambda.cn-north-1.amazonaws.com.cn_443_signed_lambda_cn-north-1",
                "/2015-03-31/functions/f/invocations",
            ),
        ] {
            let function = Function::of_invocation_uri(&uri).unwrap();
            let call = Invocation::compile(&function, None)
                .unwrap()
                .callout(b"{}".to_vec(), 7);
            assert_eq!((&*call.cluster, call.timeout_millis), (cluster, 7));
            assert!(call.headers.contains(&(":path".to_owned(), target.into())));
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn calls_at_a_named_endpoint_are_signed_when_it_says_so() {
        let function =
            Function::of_arn("arn:aws:lambda:us-east-1:123456789012:function:f").unwrap();
        for (sign, cluster) in [
            (false, "http_localhost_9001"),
            (true, "http_localhost_9001_signed_lambda_us-east-1"),
        ] {
            let url = "http://localhost:9001/base/".to_owned();
            let call = Invocation::compile(&function, Some(&Endpoint { url, sign })).unwrap();
            assert_eq!(call.upstream.cluster(), cluster);
            let call = call.callout(Vec::new(), 1);
            assert!(call.headers.contains(&(
                ":path".to_owned(),
                b"/base/2015-03-31/functions/f/invocations".to_vec()
            )));
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn an_arn_of_a_function_names_one() {
        for text in [
            "",
            "f",
            "arn:aws:lambda:us-east-1:123456789012:f",
            "arn:aws:lambda::123456789012:function:f",
            "arn:aws:lambda:us/east:123456789012:function:f",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:lambda:us-east-1:123456789012:function:a/b",
            "arn:aws:sqs:us-east-1:123456789012:function:f",
        ] {
            assert!(Function::of_arn(text).is_err(), "{text}");
        }
        let function = Function::of_arn("arn:aws:lambda:us-east-1:1:function:f:$LATEST").unwrap();
        assert_eq!(function.name, "f");
        assert_eq!(function.qualifier, Some("$LATEST"));
    }
}
