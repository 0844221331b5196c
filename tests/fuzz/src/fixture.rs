//! A gateway with a little of everything, for inputs that are requests and answers.

use std::sync::{Arc, LazyLock};

use attache_policies::{Gateway, Service};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The value of the one API key.
pub(crate) const API_KEY: &str = "an-api-key-for-the-corpus";

/// The time-out that one operation sets for its back end, in milliseconds.
pub(crate) const TIMEOUT: u32 = 1_234;

/// A REST API at `shop.localhost` with a stage `prod`, and an HTTP API at `club.localhost` with
/// the stage `$default`.
pub(crate) fn gateway() -> Arc<Gateway> {
    static GATEWAY: LazyLock<Arc<Gateway>> = LazyLock::new(|| compile(&document()));
    Arc::clone(&GATEWAY)
}

fn compile(document: &Value) -> Arc<Gateway> {
    match <Gateway as Service>::compile(document.to_string().as_bytes(), &|_: &str| None) {
        Ok(gateway) => Arc::new(gateway),
        Err(reasons) => panic!("{reasons:#?}"),
    }
}

fn document() -> Value {
    let plan = json!({
        "id": "gold",
        "throttle": {"rateLimit": 1, "burstLimit": 2},
        "quota": {"limit": 100, "period": "DAY"},
        "apiStages": [{"api": "shop", "stage": "prod"}],
    });
    let key = json!({"id": "acme", "digest": digest(API_KEY), "usagePlans": ["gold"]});
    json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "eu-central-1"},
        "apis": [rest_api(), http_api()],
        "usagePlans": [plan],
        "apiKeys": [key],
        "rateLimitHeaders": true,
        "accessLog": true,
    })
}

fn rest_api() -> Value {
    let mapped = json!({
        "integration.request.path.id": "method.request.path.id",
        "integration.request.header.x-from-header": "method.request.header.x-given",
        "integration.request.header.x-from-query": "method.request.querystring.q",
        "integration.request.header.x-from-path": "method.request.path.id",
        "integration.request.header.x-all": "method.request.multivalueheader.x-given",
        "integration.request.header.x-source": "context.identity.sourceIp",
        "integration.request.header.x-agent": "context.identity.userAgent",
        "integration.request.header.x-path": "context.path",
        "integration.request.header.x-domain": "context.domainName",
        "integration.request.querystring.from": "method.request.header.x-given",
        "integration.request.querystring.q": "method.request.multivaluequerystring.q",
    });
    json!({
        "id": "shop", "name": "Shop", "protocol": "REST",
        "operations": [
            operation("/", "GET", false, "http://127.0.0.1:9000/", &json!({})),
            operation("/items/{id}", "ANY", false, "http://127.0.0.1:9000/{id}/x?a={id}", &mapped),
            operation("/files/{path+}", "GET", false, "http://127.0.0.1:9000/f/{path}", &json!({
                "integration.request.path.path": "method.request.path.path",
            })),
            operation("/mine", "ANY", true, "https://127.0.0.1:9001/mine", &json!({})),
        ],
        "stages": [{"name": "prod", "metricsEnabled": true}],
    })
}

fn http_api() -> Value {
    json!({
        "id": "club", "name": "Club", "protocol": "HTTP",
        "operations": [
            operation("/members/{id}", "GET", false, "http://127.0.0.1:9000/{id}", &json!({})),
            operation("/all/{rest+}", "ANY", false, "http://127.0.0.1:9000/{rest}", &json!({})),
        ],
        "stages": [{"name": "$default"}],
    })
}

fn operation(path: &str, method: &str, key: bool, uri: &str, mapped: &Value) -> Value {
    json!({
        "path": path, "method": method, "apiKeyRequired": key,
        "integration": {"httpProxy": {
            "uri": uri,
            "timeoutInMillis": if method == "ANY" { TIMEOUT } else { 29_000 },
            "requestParameters": mapped,
        }},
    })
}

fn digest(value: &str) -> String {
    let digest = Sha256::digest(value);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
