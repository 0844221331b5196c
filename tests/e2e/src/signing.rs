use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::{Body, Request, Response};
use crate::service::run_client;

/// Who signs, for what, and when: what botocore is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// `AKIA…`.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// The region that is signed for.
    pub region: String,
    /// The service that is signed for.
    pub service: String,
    /// For how many seconds a presigned URL is good; `None`: an `Authorization` header field.
    pub expires: Option<u32>,
    /// By how many seconds the signer's clock is ahead.
    pub skew: i64,
}

impl Signer {
    /// Signs with a header field for `execute-api` in `us-east-1`, now.
    #[must_use]
    pub fn new(access_key_id: &str, secret_access_key: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
            service: "execute-api".to_owned(),
            expires: None,
            skew: 0,
        }
    }

    /// This request to a gateway at `address`, signed by botocore.
    #[must_use]
    pub fn sign(&self, address: SocketAddr, request: &Request) -> Request {
        sign_all(address, &[(self, request)]).remove(0)
    }

    /// What a gateway at `address` answers to botocore, which signs and sends.
    #[must_use]
    pub fn send(&self, address: SocketAddr, request: &Request) -> Response {
        let answers = run_client("sign.py", &json!([order(address, self, request, true)]));
        let answer = &answers[0];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Response {
            status: serde_json::from_value(answer["status"].clone()).expect("a status"),
            headers: fields(&answer["headers"]),
            body: STANDARD.decode(text(&answer["body"])).expect("base64"),
            trailers: Vec::new(),
        }
    }
}

/// These requests to a gateway at `address`, each signed by botocore for its signer.
#[must_use]
pub fn sign_all(address: SocketAddr, requests: &[(&Signer, &Request)]) -> Vec<Request> {
    let orders: Vec<Value> = requests
        .iter()
        .map(|(signer, request)| order(address, signer, request, false))
        .collect();
    let signed = run_client("sign.py", &Value::from(orders));
    let signed = signed.as_array().expect("a list");
    assert_eq!(signed.len(), requests.len());
    signed
        .iter()
        .zip(requests)
        .map(|(signed, (_, request))| {
            let mut headers = fields(&signed["headers"]);
            headers.extend(host(request).cloned());
            Request {
                method: request.method.clone(),
                path: signed["path"].as_str().expect("a path").to_owned(),
                headers,
                body: request.body.clone(),
            }
        })
        .collect()
}

fn order(address: SocketAddr, signer: &Signer, request: &Request, send: bool) -> Value {
    let mut order = serde_json::to_value(signer).expect("JSON");
    let body = match &request.body {
        Body::None => Vec::new(),
        Body::Whole(bytes) => bytes.clone(),
        Body::Pieces(pieces) | Body::Trailed(pieces, _) => pieces.concat(),
    };
    let headers: Vec<[String; 2]> = request
        .headers
        .iter()
        .filter(|(name, _)| name != "host")
        .map(|(name, value)| [name.clone(), String::from_utf8_lossy(value).into_owned()])
        .collect();
    order["method"] = request.method.as_str().into();
    let authority = host(request).map_or_else(
        || address.to_string(),
        |(_, value)| String::from_utf8_lossy(value).into_owned(),
    );
    order["url"] = format!("http://{authority}{}", request.path).into();
    order["headers"] = json!(headers);
    order["body"] = STANDARD.encode(body).into();
    order["send"] = send.into();
    order
}

fn host(request: &Request) -> Option<&(String, Vec<u8>)> {
    request.headers.iter().find(|(name, _)| name == "host")
}

fn fields(list: &Value) -> Vec<(String, Vec<u8>)> {
    let fields: Vec<(String, String)> =
        serde_json::from_value(list.clone()).expect("a list of header fields");
    fields
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect()
}
