//! The access log: one JSON object per request, under AWS's `$context` names.
//!
//! What Envoy knows, Envoy writes. The rest is published by the filter, field by field, with
//! [`AccessLog::publish`](attache_policies::ports::AccessLog::publish), and read here as the
//! filter state `wasm.FIELD`. Both sides use AWS's names, shortened as in AWS's own sample format
//! (`ip` for `$context.identity.sourceIp`).
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>

use minijinja::{Value, context};

use super::{AccessLog, TargetError, text};

/// The fields that the filter publishes under their own names.
pub const PUBLISHED: [&str; 23] = [
    "accessKey",
    "accountId",
    "apiId",
    "apiKeyId",
    "authorizer",
    "authorizerLatency",
    "basePathMatched",
    "cacheStatus",
    "caller",
    "claims",
    "deploymentId",
    "domainName",
    "errorMessage",
    "errorResponseType",
    "httpMethod",
    "integrationStatus",
    "isCanaryRequest",
    "path",
    "principalId",
    "resourcePath",
    "stage",
    "user",
    "userArn",
];

/// The fields that Envoy fills by itself.
const OWN: [(&str, &str); 11] = [
    ("cipherSuite", "%DOWNSTREAM_TLS_CIPHER%"),
    // The filter puts AWS's identifiers on every answer. HTTP APIs have one, REST APIs two.
    (
        "extendedRequestId",
        "%RESP(X-AMZ-APIGW-ID?APIGW-REQUESTID)%",
    ),
    (
        "integrationLatency",
        "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%",
    ),
    ("ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
    ("protocol", "%PROTOCOL%"),
    ("requestId", "%RESP(X-AMZN-REQUESTID?APIGW-REQUESTID)%"),
    ("requestTime", "%START_TIME(%d/%b/%Y:%H:%M:%S +0000)%"),
    ("responseLatency", "%DURATION%"),
    ("responseLength", "%BYTES_SENT%"),
    ("status", "%RESPONSE_CODE%"),
    ("tlsVersion", "%DOWNSTREAM_TLS_VERSION%"),
];

/// Always empty. A format of one operator takes that operator's type, `null` when it has no value;
/// a format of two is text, in which a missing value is `-`, as AWS writes it.
const NOTHING: &str = "%RESP(:STATUS):0%";

pub(super) fn context(sink: &AccessLog) -> Result<Value, TargetError> {
    let file = match sink {
        AccessLog::StandardOutput => None,
        AccessLog::File(path) => Some(text(path)?),
    };
    let own = OWN.map(|(name, format)| (name, format!("{format}{NOTHING}")));
    let published =
        PUBLISHED.map(|name| (name, format!("%FILTER_STATE(wasm.{name}:PLAIN)%{NOTHING}")));
    let mut fields: Vec<(&str, String)> = own.into_iter().chain(published).collect();
    fields.sort();
    let fields: Vec<Value> = fields
        .iter()
        .map(|(name, format)| context! { name => *name, format })
        .collect();
    Ok(context! { file, fields })
}
