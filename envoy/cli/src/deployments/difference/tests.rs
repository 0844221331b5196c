use attache_model::{
    Api, ApiKeySource, Authorization, Authorizer, AuthorizerKind, CognitoAuthorizer, HttpProxy,
    Integration, MethodSettings, Mock, Operation, Protocol, RequestModel, Stage, Throttle, Verb,
};
use serde_json::json;

use super::{Kind, compare, render};

fn operation(method: Verb, path: &str) -> Operation {
    let uri = format!("http://back-end{path}");
    Operation::new(path, method, Integration::HttpProxy(HttpProxy::new(uri)))
}

fn api() -> Api {
    let cognito = AuthorizerKind::Cognito(CognitoAuthorizer {
        identity_source: "method.request.header.Authorization".to_owned(),
        identity_validation_expression: None,
        user_pools: Vec::new(),
        leeway_in_seconds: 0,
    });
    let mut post = operation(Verb::Post, "/pets");
    post.request_validation.request_models = vec![RequestModel {
        content_type: "application/json".to_owned(),
        model: "pets".to_owned(),
    }];
    Api {
        name: "Pets".to_owned(),
        authorizers: vec![Authorizer {
            name: "users".to_owned(),
            kind: cognito,
        }],
        models: [
            (
                "pets".to_owned(),
                json!({"items": {"$ref": "#/definitions/pet"}}),
            ),
            ("pet".to_owned(), json!({"required": ["name"]})),
            ("unused".to_owned(), json!({})),
        ]
        .into(),
        operations: vec![operation(Verb::Get, "/pets"), post],
        stages: vec![Stage {
            variables: [("backend".to_owned(), "a".to_owned())].into(),
            ..Stage::new("prod")
        }],
        ..Api::new("petstore", Protocol::Rest)
    }
}

/// What is told of one edit, forth and back.
fn told(edit: impl FnOnce(&mut Api)) -> (String, String) {
    let before = api();
    let mut after = api();
    edit(&mut after);
    let told = |before: &Api, after: &Api| {
        let changes = compare(before, after).into_iter();
        let lines = changes.map(|change| {
            let mark = if change.breaking { "! " } else { "" };
            let setting = change.setting.map_or_else(
                || format!("{:?}", change.kind).to_lowercase(),
                |setting| format!("{setting}: {} → {}", change.before, change.after),
            );
            format!("{mark}{}: {setting}", change.subject)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    (told(&before, &after), told(&after, &before))
}

#[test]
fn every_kind_of_change_is_told_with_what_it_means_for_callers() {
    let same = String::new();
    assert_eq!(told(|_| ()), (same.clone(), same.clone()));
    // What nobody notices.
    assert_eq!(
        told(|api| {
            api.models
                .insert("unused".to_owned(), json!({"type": "object"}));
            api.operations.reverse();
            api.stages[0].metrics_enabled = true;
            api.stages[0].deployment_id = Some("x".to_owned());
        }),
        (same.clone(), same)
    );
    type Edit = Box<dyn FnOnce(&mut Api)>;
    let cases: [(&str, Edit, &str); 16] = [
        (
            "GET /pets/{id}: added",
            Box::new(|api| api.operations.push(operation(Verb::Get, "/pets/{id}"))),
            "! GET /pets/{id}: removed",
        ),
        (
            "! GET /pets: API key: \"not required\" → \"required\"",
            Box::new(|api| api.operations[0].api_key_required = true),
            "GET /pets: API key: \"required\" → \"not required\"",
        ),
        (
            "! GET /pets: authorization: \"NONE\" → \"AWS_IAM\"",
            Box::new(|api| api.operations[0].authorization = Authorization::AwsIam),
            "GET /pets: authorization: \"AWS_IAM\" → \"NONE\"",
        ),
        (
            "! GET /pets: authorization: \"NONE\" → \"authorizer users with scope a or b\"",
            Box::new(|api| {
                api.operations[0].authorization = Authorization::Authorizer {
                    index: 0,
                    scopes: vec!["a".to_owned(), "b".to_owned()],
                };
            }),
            "GET /pets: authorization: \"authorizer users with scope a or b\" → \"NONE\"",
        ),
        (
            "! GET /pets: required parameter: null → \"method.request.querystring.type\"",
            Box::new(|api| {
                let required = &mut api.operations[0].request_validation.required_parameters;
                required.push("method.request.querystring.type".to_owned());
            }),
            "GET /pets: required parameter: \"method.request.querystring.type\" → null",
        ),
        (
            "POST /pets: model of application/json: \"pets\" → null",
            Box::new(|api| api.operations[1].request_validation.request_models.clear()),
            "! POST /pets: model of application/json: null → \"pets\"",
        ),
        (
            "! POST /pets: model pet required: [\"name\"] → [\"name\",\"type\"]",
            Box::new(|api| {
                let pet = json!({"required": ["name", "type"]});
                api.models.insert("pet".to_owned(), pet);
            }),
            "! POST /pets: model pet required: [\"name\",\"type\"] → [\"name\"]",
        ),
        (
            "! stage: throttle: null → \"10 a second, 5 at once\"",
            Box::new(|api| {
                api.stages[0].throttle = Some(Throttle {
                    rate_limit: 10.0,
                    burst_limit: 5,
                });
            }),
            "stage: throttle: \"10 a second, 5 at once\" → null",
        ),
        (
            "! POST /pets: throttle: null → \"0.5 a second, 1 at once\"",
            Box::new(|api| {
                api.stages[0].methods.push(MethodSettings {
                    operation: 1,
                    throttle: Some(Throttle {
                        rate_limit: 0.5,
                        burst_limit: 1,
                    }),
                    metrics_enabled: None,
                    web_socket_enabled: false,
                });
            }),
            "POST /pets: throttle: \"0.5 a second, 1 at once\" → null",
        ),
        (
            "POST /pets: WebSocket: \"not allowed\" → \"allowed\"",
            Box::new(|api| {
                api.stages[0].methods.push(MethodSettings {
                    operation: 1,
                    throttle: None,
                    metrics_enabled: None,
                    web_socket_enabled: true,
                });
            }),
            "! POST /pets: WebSocket: \"allowed\" → \"not allowed\"",
        ),
        (
            "! API: default endpoint: \"enabled\" → \"disabled\"",
            Box::new(|api| api.disable_execute_api_endpoint = true),
            "API: default endpoint: \"disabled\" → \"enabled\"",
        ),
        (
            "stage: client certificate: null → \"mine\"",
            Box::new(|api| api.stages[0].client_certificate_id = Some("mine".to_owned())),
            "stage: client certificate: \"mine\" → null",
        ),
        (
            "stage: variable backend: \"a\" → \"b\"",
            Box::new(|api| {
                let variables = &mut api.stages[0].variables;
                variables.insert("backend".to_owned(), "b".to_owned());
            }),
            "stage: variable backend: \"b\" → \"a\"",
        ),
        (
            "GET /pets: integration uri: \"http://back-end/pets\" → \"http://other\"",
            Box::new(|api| {
                let integration = HttpProxy::new("http://other");
                api.operations[0].integration = Integration::HttpProxy(integration);
            }),
            "GET /pets: integration uri: \"http://other\" → \"http://back-end/pets\"",
        ),
        (
            "! API: resource policy Version: null → \"2012-10-17\"",
            Box::new(|api| api.resource_policy = Some(json!({"Version": "2012-10-17"}))),
            "API: resource policy Version: \"2012-10-17\" → null",
        ),
        (
            "! API: API key source: \"HEADER\" → \"AUTHORIZER\"",
            Box::new(|api| api.api_key_source = ApiKeySource::Authorizer),
            "! API: API key source: \"AUTHORIZER\" → \"HEADER\"",
        ),
    ];
    for (forth, edit, back) in cases {
        assert_eq!(told(edit), (forth.to_owned(), back.to_owned()));
    }
}

#[test]
fn an_authorizer_that_keeps_its_name_is_compared() {
    let secured = |api: &mut Api| {
        api.operations[0].authorization = Authorization::Authorizer {
            index: 0,
            scopes: Vec::new(),
        };
    };
    let mut before = api();
    secured(&mut before);
    let mut after = before.clone();
    let AuthorizerKind::Cognito(cognito) = &mut after.authorizers[0].kind else {
        panic!("another kind");
    };
    cognito.leeway_in_seconds = 30;
    let changes = compare(&before, &after);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].setting.as_deref(),
        Some("authorizer cognito leewayInSeconds")
    );
    assert!(changes[0].breaking);
}

#[test]
fn people_read_it_subject_by_subject() {
    let before = api();
    let mut after = api();
    after.operations[0].integration = Integration::Mock(Mock::default());
    after.operations.remove(1);
    after.operations.push(operation(Verb::Any, "/{proxy+}"));
    after.operations[0].api_key_required = true;
    after.stages[0]
        .variables
        .insert("text".to_owned(), "x".repeat(70));
    let changes = compare(&before, &after);
    assert_eq!(
        changes.iter().filter(|c| c.kind == Kind::Removed).count(),
        1
    );
    let shown = render(&changes);
    assert_eq!(
        shown,
        format!(
            "  ~ stage
      variable text: none → {}… (70 characters)
  ~ GET /pets
!     API key: not required → required
      integration: HTTP_PROXY http://back-end/pets → MOCK
! - POST /pets
  + ANY /{{proxy+}}

  1 route added, 1 route removed, 1 route changed, settings changed; with `!`: requests may be \
             refused that were served
",
            "x".repeat(60)
        )
    );
    assert_eq!(render(&[]), "  no change for callers\n");
}
