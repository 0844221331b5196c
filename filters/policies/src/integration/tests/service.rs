//! How services of AWS's and Lambda functions are called.

use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{Message, Operation, PLACE, Played};

fn aws(uri: &str, change: Value) -> Value {
    let mut settings = json!({
        "uri": uri,
        "httpMethod": "POST",
        "responses": [
            {"selectionPattern": "4\\d\\d", "statusCode": 400},
            {"selectionPattern": "(\\n|.)*Invalid(\\n|.)*", "statusCode": 422},
            {"statusCode": 200},
        ],
        "timeoutInMillis": 29000,
    });
    for (name, value) in change.as_object().unwrap() {
        settings[name] = value.clone();
    }
    json!({"aws": settings})
}

fn body(text: &str) -> Message {
    Message::new(&[("content-type", "text/plain")], text)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_service_is_called_where_its_uri_says() {
    for (uri, cluster, path, target, content_type) in [
        (
            "arn:aws:apigateway:eu-west-1:dynamodb:action/PutItem",
            "https_dynamodb.eu-west-1.amazonaws.com_443_signed_dynamodb_eu-west-1",
            "/",
            Some("DynamoDB_20120810.PutItem"),
            "application/x-amz-json-1.0",
        ),
        (
            "arn:aws:apigateway:us-east-1:states:action/StartExecution",
            "https_states.us-east-1.amazonaws.com_443_signed_states_us-east-1",
            "/",
            Some("AWSStepFunctions.StartExecution"),
            "application/x-amz-json-1.0",
        ),
        (
            "arn:aws:apigateway:us-east-1:kinesis:action/PutRecord",
            "https_kinesis.us-east-1.amazonaws.com_443_signed_kinesis_us-east-1",
            "/",
            Some("Kinesis_20131202.PutRecord"),
            "application/x-amz-json-1.1",
        ),
        (
            "arn:aws:apigateway:us-east-1:sqs:path/123456789012/${stageVariables.word}",
            "https_sqs.us-east-1.amazonaws.com_443_signed_sqs_us-east-1",
            "/123456789012/w",
            None,
            "text/plain",
        ),
        (
            "arn:aws:apigateway:us-east-1:sns:action/Publish&TopicArn=arn:aws:sns:t",
            "https_sns.us-east-1.amazonaws.com_443_signed_sns_us-east-1",
            "/?Action=Publish&TopicArn=arn:aws:sns:t",
            None,
            "text/plain",
        ),
        (
            "arn:aws:apigateway:us-east-1:ssm:action/GetParameter",
            "https_ssm.us-east-1.amazonaws.com_443_signed_ssm_us-east-1",
            "/?Action=GetParameter",
            None,
            "text/plain",
        ),
        (
            "arn:aws:apigateway:us-east-1:runtime.sagemaker:path//endpoints/e/invocations?x=1",
            "https_runtime.sagemaker.us-east-1.amazonaws.com_443_signed_sagemaker_us-east-1",
            "/endpoints/e/invocations?x=1",
            None,
            "text/plain",
        ),
        (
            "arn:aws-cn:apigateway:cn-north-1:Shelf.s3:path/{key}",
            "https_shelf.s3.cn-north-1.amazonaws.com.cn_443_signed_s3_cn-north-1",
            "/7",
            None,
            "text/plain",
        ),
    ] {
        let parameters = json!({"integration.request.path.key": "method.request.path.id"});
        let operation = Operation::new(aws(uri, json!({"request": {"parameters": parameters}})));
        let played = operation.send("PUT", "/s/7?q=1", body("hi"));
        let seen = played.back_end.unwrap();
        assert_eq!(seen.field("x-attache-cluster"), Some(cluster));
        assert_eq!(seen.field(":path"), Some(path));
        assert_eq!(seen.field(":method"), Some("POST"));
        assert_eq!(seen.field("x-amz-target"), target);
        assert_eq!(seen.field("content-type"), Some(content_type));
        assert_eq!(seen.text(), "hi");
        assert!(played.client.field("x-amzn-trace-id").is_some());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_named_endpoint_stands_for_a_service() {
    let endpoints = [(
        "/endpoints",
        json!({
            "s3": {"url": "http://127.0.0.1:9000/base/"},
            "dynamodb": {"url": "http://127.0.0.1:9000", "sign": true},
        }),
    )];
    for (uri, cluster, path) in [
        (
            "arn:aws:apigateway:us-east-1:shelf.s3:path/key",
            "http_127.0.0.1_9000",
            "/base/shelf/key",
        ),
        (
            "arn:aws:apigateway:us-east-1:s3:path/shelf/key",
            "http_127.0.0.1_9000",
            "/base/shelf/key",
        ),
        (
            "arn:aws:apigateway:us-east-1:dynamodb:action/Query",
            "http_127.0.0.1_9000_signed_dynamodb_us-east-1",
            "/",
        ),
    ] {
        let operation = Operation::with(aws(uri, json!({})), &endpoints);
        let seen = operation.send("POST", "/s/7", body("{}")).back_end.unwrap();
        assert_eq!(seen.field("x-attache-cluster"), Some(cluster));
        assert_eq!(seen.field(":path"), Some(path));
    }
}

/// The Query protocol: `ssm::test_get_parameter_query_protocol`, and what a mapping sets.
#[wasm_bindgen_test(unsupported = test)]
fn parameters_follow_the_action() {
    let operation = Operation::new(aws(
        "arn:aws:apigateway:us-east-1:sqs:action/SendMessage",
        json!({"httpMethod": "GET", "request": {"parameters": {
            "integration.request.querystring.MessageBody": "method.request.querystring.text",
            "integration.request.querystring.QueueUrl": "'https://q'",
            "integration.request.header.X-Amz-Target": "'AmazonSQS.SendMessage'",
        }}}),
    ));
    let seen = operation
        .send("GET", "/s/7?text=a%26b", Message::default())
        .back_end
        .unwrap();
    assert_eq!(
        seen.field(":path"),
        Some("/?Action=SendMessage&MessageBody=a%26b&QueueUrl=https%3A%2F%2Fq")
    );
    assert_eq!(seen.field("x-amz-target"), Some("AmazonSQS.SendMessage"));
    assert_eq!(seen.field("content-type"), None);
}

const FUNCTION: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:123456789012:function:f:live/invocations";

fn invoke(change: Value, status: &str, fields: &[(&str, &str)], result: &str) -> Played {
    let head = [(":status", status), ("content-type", "application/json")];
    let fields: Vec<_> = head.iter().chain(fields).copied().collect();
    let operation = Operation::new(aws(FUNCTION, change));
    let answer = Ok(Message::new(&fields, result));
    operation.play("POST", "/s/7", body(r#"{"a": 1}"#), answer)
}

/// `lambda::test_lambda_aws_integration` and `lambda::test_lambda_selection_patterns`
#[wasm_bindgen_test(unsupported = test)]
fn a_function_is_given_the_body_and_selects_by_its_error() {
    let played = invoke(json!({}), "200", &[], r#"{"ok": 404}"#);
    let seen = played.back_end.as_ref().unwrap();
    assert_eq!(
        seen.field(":path"),
        Some("/2015-03-31/functions/f/invocations?Qualifier=live")
    );
    assert_eq!(
        seen.field("x-attache-cluster"),
        Some("https_lambda.us-east-1.amazonaws.com_443_signed_lambda_us-east-1")
    );
    assert_eq!(seen.text(), r#"{"a": 1}"#);
    assert_eq!((played.client.status(), played.held_answer), (200, false));
    assert_eq!(played.client.text(), r#"{"ok": 404}"#);

    // A request without a body is an empty event.
    let operation = Operation::new(aws(FUNCTION, json!({})));
    let played = operation.send("GET", "/s/7", Message::default());
    assert_eq!(
        (played.back_end.unwrap().text(), played.aside),
        ("{}", true)
    );

    let failed = [("x-amz-function-error", "Unhandled")];
    for (result, status) in [
        (
            r#"{"errorMessage": "Invalid\nname", "errorType": "E"}"#,
            422,
        ),
        (r#"{"errorMessage": "404", "errorType": "E"}"#, 400),
        (r#"{"errorMessage": "4040"}"#, 200),
        (r#"{"errorMessage": 7}"#, 200),
        ("not json", 200),
    ] {
        let played = invoke(json!({}), "200", &failed, result);
        assert_eq!(played.client.status(), status, "{result}");
        assert_eq!(played.client.text(), result);
    }
    // What looks like a failure and is none.
    let result = r#"{"errorMessage": "404"}"#;
    assert_eq!(invoke(json!({}), "200", &[], result).client.status(), 200);
}

/// `basic::test_api_gateway_lambda_asynchronous_invocation`
#[wasm_bindgen_test(unsupported = test)]
fn a_function_may_be_called_without_waiting_for_it() {
    let parameters = json!({"integration.request.header.X-Amz-Invocation-Type": "'Event'"});
    let change = json!({"request": {"parameters": parameters}});
    let played = invoke(change, "202", &[], "");
    let seen = played.back_end.unwrap();
    assert_eq!(seen.field("x-amz-invocation-type"), Some("Event"));
    assert_eq!((played.client.status(), played.client.text()), (200, ""));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_function_that_is_not_run_is_an_error_of_the_gateways() {
    for status in ["400", "403", "404", "429", "500"] {
        let played = invoke(json!({}), status, &[], r#"{"Message": "no"}"#);
        assert_eq!(played.client.status(), 500, "{status}");
        assert_eq!(
            played.client.text(),
            r#"{"message":"Internal server error"}"#
        );
    }
    assert_eq!(invoke(json!({}), "413", &[], "").client.status(), 413);
    // AWS serves nothing but POST.
    let played = invoke(json!({"httpMethod": "GET"}), "200", &[], "{}");
    assert_eq!((played.client.status(), played.back_end), (500, None));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_no_service_is_refused() {
    for uri in [
        "http://a",
        "arn:aws:s3:::shelf",
        "arn:aws:apigateway::s3:path/x",
        "arn:aws:apigateway:us-east-1::path/x",
        "arn:aws:apigateway:us-east-1:a b:path/x",
        "arn:aws:apigateway:us-east-1:s3",
        "arn:aws:apigateway:us-east-1:s3:path",
        "arn:aws:apigateway:us-east-1:s3:action/",
        "arn:aws:apigateway:us-east-1:s3:verb/x",
        "arn:aws:apigateway:us-east-1:s3:path/a b",
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f",
    ] {
        let errors = Operation::compile(aws(uri, json!({})), &[]).err().unwrap();
        assert_eq!(errors[0].pointer, format!("{PLACE}/aws/uri"), "{uri}");
        assert!(errors[0].hint.is_some());
    }
    // What only a stage makes wrong, or what nothing is mapped to, fails each call.
    for uri in [
        "arn:aws:apigateway:${stageVariables.none}:s3:path/x",
        "arn:aws:apigateway:us-east-1:s3:path/{key}",
    ] {
        let operation = Operation::new(aws(uri, json!({})));
        let played = operation.send("POST", "/s/7", body("x"));
        assert_eq!((played.client.status(), played.back_end), (500, None));
    }
    let endpoints = [("/endpoints", json!({"s3": {"url": "s3"}}))];
    let uri = "arn:aws:apigateway:us-east-1:s3:path/x";
    let errors = Operation::compile(aws(uri, json!({})), &endpoints);
    assert_eq!(errors.err().unwrap()[0].pointer, "/endpoints/s3/url");
}
