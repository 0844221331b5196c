//! A Lambda function as people write them with AWS's crates: it answers with what it has seen.
#![allow(missing_docs, reason = "a program for tests")]

use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};
use serde_json::json;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(service_fn(answer)))
}

async fn answer(request: Request) -> Result<Response<Body>, Error> {
    let parameters = request.query_string_parameters();
    if parameters.first("fail").is_some() {
        return Err("as asked".into());
    }
    if parameters.first("bytes").is_some() {
        let response = Response::builder().header("content-type", "image/png");
        return Ok(response.body(Body::Binary(vec![0x89, 0xff, 0]))?);
    }
    let (format, caller) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => ("1.0", context.identity.source_ip.clone()),
        Some(RequestContext::ApiGatewayV2(context)) => ("2.0", context.http.source_ip.clone()),
        _ => ("none", None),
    };
    let (body, is_binary) = match request.body() {
        Body::Text(text) => (text.clone(), false),
        Body::Binary(bytes) => (format!("{bytes:?}"), true),
        _ => (String::new(), false),
    };
    let seen = json!({
        "format": format,
        "caller": caller,
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "id": request.path_parameters().first("id"),
        "query": parameters.all("q"),
        "tenant": request.headers().get("x-tenant").and_then(|value| value.to_str().ok()),
        "stage": request.stage_variables().first("colour"),
        "body": body,
        "isBinary": is_binary,
    });
    let response = Response::builder()
        .status(StatusCode::CREATED)
        .header("content-type", "application/json")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2");
    Ok(response.body(Body::Text(seen.to_string()))?)
}
