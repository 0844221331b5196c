use attache_model::{Gateway, Secret};

use super::{SampleKey, sample_path, write};

fn gateway(apis: &str) -> Gateway {
    let text =
        format!(r#"{{"version": 1, "account": {{"id": "1", "region": "r"}}, "apis": [{apis}]}}"#);
    attache_model::from_json(text.as_bytes()).unwrap()
}

fn operation(method: &str, path: &str, key: bool) -> String {
    format!(
        r#"{{"path": "{path}", "method": "{method}", "apiKeyRequired": {key},
            "integration": {{"httpProxy": {{"uri": "http://a/", "timeoutInMillis": 50}}}}}}"#
    )
}

fn printed(gateway: &Gateway, keys: &[SampleKey], listen: &str) -> String {
    let mut output = Vec::new();
    write(&mut output, gateway, keys, listen.parse().unwrap(), 8443).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn every_operation_has_a_line_that_can_be_pasted() {
    let operations = [
        operation("GET", "/pets", false),
        operation("POST", "/pets", true),
        operation("GET", "/pets/{petId}", true),
        operation("HEAD", "/it's/{name}", false),
        operation("ANY", "/files/{path+}", false),
    ]
    .join(",");
    let gateway = gateway(&format!(
        r#"{{"id": "petstore", "name": "p", "protocol": "REST", "anyHost": true,
            "operations": [{operations}], "stages": [{{"name": "prod"}}, {{"name": "dev"}}]}}"#
    ));
    let keys = [SampleKey {
        api: "petstore".to_owned(),
        stage: "prod".to_owned(),
        value: Secret::new("hunter2-hunter2-hunter2".to_owned()),
    }];
    assert_eq!(
        printed(&gateway, &keys, "0.0.0.0:8080"),
        r#"petstore (prod): http://127.0.0.1:8080/prod
  curl http://127.0.0.1:8080/prod/pets
  curl -X POST http://127.0.0.1:8080/prod/pets -H 'x-api-key: hunter2-hunter2-hunter2' -H 'content-type: application/json' -d '{}'
  curl http://127.0.0.1:8080/prod/pets/1 -H 'x-api-key: hunter2-hunter2-hunter2'
  curl -I 'http://127.0.0.1:8080/prod/it'\''s/name'
  curl http://127.0.0.1:8080/prod/files/path/1
petstore (dev): http://127.0.0.1:8080/dev
  curl http://127.0.0.1:8080/dev/pets
  curl -X POST http://127.0.0.1:8080/dev/pets -H "x-api-key: $API_KEY" -H 'content-type: application/json' -d '{}'
  curl http://127.0.0.1:8080/dev/pets/1 -H "x-api-key: $API_KEY"
  curl -I 'http://127.0.0.1:8080/dev/it'\''s/name'
  curl http://127.0.0.1:8080/dev/files/path/1
"#
    );
}

#[test]
fn a_line_says_how_to_be_known() {
    let asks = |authorization: &str, path: &str| {
        operation("GET", path, false).replacen(
            '{',
            &format!(r#"{{"authorization": {authorization}, "#),
            1,
        )
    };
    let operations = [
        asks(r#""awsIam""#, "/signed"),
        asks(r#"{"authorizer": {"index": 0}}"#, "/token"),
        asks(r#"{"authorizer": {"index": 1}}"#, "/jwt"),
        asks(r#"{"authorizer": {"index": 2}}"#, "/open"),
    ]
    .join(",");
    let lambda = |sources: &str| {
        format!(
            r#"{{"lambda": {{"event": "token", "identitySources": [{sources}],
                "resultTtlInSeconds": 0, "uri": "http://a", "timeoutInMillis": 50}}}}"#
        )
    };
    let gateway = gateway(&format!(
        r#"{{"id": "pets", "name": "p", "protocol": "REST", "anyHost": true,
            "authorizers": [
              {{"name": "a", "kind": {}}},
              {{"name": "b", "kind": {{"jwt": {{"identitySource": "$request.querystring.t",
                "issuers": [], "algorithms": []}}}}}},
              {{"name": "c", "kind": {}}}],
            "operations": [{operations}], "stages": [{{"name": "prod"}}]}}"#,
        lambda(r#""method.request.header.X-Token""#),
        lambda(""),
    ));
    assert_eq!(
        printed(&gateway, &[], "127.0.0.1:80"),
        r#"pets (prod): http://127.0.0.1:80/prod
  curl http://127.0.0.1:80/prod/signed --aws-sigv4 aws:amz:r:execute-api -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"
  curl http://127.0.0.1:80/prod/token -H 'X-Token: '"$TOKEN"
  curl 'http://127.0.0.1:80/prod/jwt?t='"$TOKEN"
  curl http://127.0.0.1:80/prod/open
"#
    );
}

#[test]
fn a_line_has_what_the_operation_asks_for() {
    let asks = |method: &str, path: &str, validation: &str| {
        let validation = format!(r#"{{"requestValidation": {validation}, "#);
        operation(method, path, false).replacen('{', &validation, 1)
    };
    let operations = [
        asks(
            "GET",
            "/list",
            r#"{"requiredParameters": ["method.request.header.X-Trace",
                "method.request.header.Accept", "method.request.path.id",
                "method.request.querystring.page", "method.request.querystring.size"]}"#,
        ),
        asks(
            "ANY",
            "/orders",
            r#"{"requiredParameters": ["method.request.header.content-type"],
                "requestModels": [{"contentType": "text/csv", "model": "Line"},
                {"contentType": "application/json", "model": "Order"}]}"#,
        ),
        asks(
            "DELETE",
            "/lines",
            r#"{"requestModels": [{"contentType": "$default", "model": "Line"}]}"#,
        ),
    ]
    .join(",");
    let gateway = gateway(&format!(
        r##"{{"id": "shop", "name": "s", "protocol": "REST", "anyHost": true,
            "models": {{"Line": {{"type": "string"}}, "Order": {{"type": "object",
              "required": ["it's", "lines"], "properties": {{"lines": {{"type": "array",
              "minItems": 1, "items": {{"$ref": "#/definitions/Line"}}}}}}}}}},
            "operations": [{operations}], "stages": [{{"name": "prod"}}]}}"##
    ));
    assert_eq!(
        printed(&gateway, &[], "127.0.0.1:80"),
        r#"shop (prod): http://127.0.0.1:80/prod
  curl 'http://127.0.0.1:80/prod/list?page=1&size=1' -H 'X-Trace: 1'
  curl -X POST http://127.0.0.1:80/prod/orders -H 'content-type: application/json' -d '{"it'\''s":{},"lines":["a"]}'
  curl -X DELETE http://127.0.0.1:80/prod/lines -H 'content-type: application/json' -d '"a"'
"#
    );
}

#[test]
fn one_of_several_apis_is_named_by_its_host_and_a_huge_one_is_cut() {
    let operations: Vec<String> = (0..23)
        .map(|number| operation("GET", &format!("/r{number}"), false))
        .collect();
    let gateway = gateway(&format!(
        r#"{{"id": "orders", "name": "o", "protocol": "HTTP",
            "operations": [{}], "stages": [{{"name": "$default"}}]}}"#,
        operations.join(",")
    ));
    let text = printed(&gateway, &[], "127.0.0.1:80");
    assert!(
        text.starts_with("orders ($default): http://orders.localhost:80\n"),
        "{text}"
    );
    assert!(
        text.contains("curl http://orders.localhost:80/r19\n"),
        "{text}"
    );
    assert!(!text.contains("/r20"), "{text}");
    assert!(text.ends_with("  … and 3 more operations\n"), "{text}");
}

#[test]
fn samples_fit_their_templates() {
    for (template, expected) in [
        ("/", "/"),
        ("/pets/{petID}/toys/{toy}", "/pets/1/toys/toy"),
        ("/{proxy+}", "/proxy/1"),
        ("$default", "/"),
    ] {
        assert_eq!(sample_path(template), expected);
    }
}

#[test]
fn custom_domain_names_are_shown_beside_the_own_host_or_in_its_place() {
    let mut gateway = gateway(&format!(
        r#"{{"id": "petstore", "name": "p", "protocol": "REST", "anyHost": true,
            "operations": [{}], "stages": [{{"name": "prod"}}, {{"name": "dev"}}]}}"#,
        operation("GET", "/pets", false)
    ));
    gateway.domains = serde_json::from_str(
        r#"[{"name": "api.example.com", "tls": true, "mappings": [
                {"path": "v1", "api": "petstore", "stage": "prod"},
                {"path": "", "api": "petstore", "stage": "prod"}]},
            {"name": "*.example.com", "mappings": [{"path": "dev", "api": "petstore", "stage": "dev"}]}]"#,
    )
    .unwrap();
    assert_eq!(
        printed(&gateway, &[], "127.0.0.1:80"),
        "petstore (prod): http://127.0.0.1:80/prod
petstore (prod): https://api.example.com:8443/v1
petstore (prod): https://api.example.com:8443
  curl http://127.0.0.1:80/prod/pets
petstore (dev): http://127.0.0.1:80/dev
petstore (dev): http://*.example.com/dev
  curl http://127.0.0.1:80/dev/pets
"
    );
    gateway.apis[0].disable_execute_api_endpoint = true;
    assert_eq!(
        printed(&gateway, &[], "127.0.0.1:80"),
        "petstore (prod): https://api.example.com:8443/v1
petstore (prod): https://api.example.com:8443
  curl https://api.example.com:8443/v1/pets
petstore (dev): http://*.example.com/dev
  curl 'http://*.example.com/dev/pets'
"
    );
}
