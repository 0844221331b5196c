use std::fs;
use std::path::Path;

use super::super::arguments::Cloudformation;
use super::super::arguments::Writing;
use crate::diagnostic::Report;
use crate::project::{self, Project};
use crate::terminal::Output;

/// Imports a template and loads what was written; what was told is the second.
fn imported(template: &str, parameters: &[(&str, &str)]) -> (Result<Project, String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.yaml");
    fs::write(&file, template).unwrap();
    fs::write(
        folder.path().join("openapi.yaml"),
        "openapi: 3.0.1\ninfo: {title: a, version: '1'}\npaths:\n  /file:\n    get:\n      \
         responses: {}\n      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, \
         uri: 'http://a'}\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let arguments = Cloudformation {
        file,
        parameter: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        writing: Writing {
            out: out.clone(),
            force: false,
            output: Output::Text,
        },
    };
    let mut report = Report::new();
    let Some(imported) = super::import(&arguments, &mut report) else {
        return (Err(format!("{:?}", report.diagnostics())), String::new());
    };
    imported.write(&out, false).unwrap();
    (load(&out), imported.table().text())
}

fn load(folder: &Path) -> Result<Project, String> {
    let mut report = Report::new();
    let configuration = fs::read_to_string(folder.join("attache.yaml")).unwrap();
    project::load(folder, &mut report)
        .ok_or_else(|| format!("{configuration}\n{}", crate::diagnostic::human(&report)))
}

/// Method and path of every operation, with what it asks for.
fn operations(project: &Project) -> Vec<String> {
    let apis = project.gateway.apis.iter();
    let mut names: Vec<String> = apis
        .flat_map(|api| {
            api.operations.iter().map(|operation| {
                let key = if operation.api_key_required {
                    " key"
                } else {
                    ""
                };
                let authorization = match &operation.authorization {
                    attache_model::Authorization::None => String::new(),
                    attache_model::Authorization::AwsIam => " iam".to_owned(),
                    attache_model::Authorization::Authorizer { index, .. } => {
                        format!(" {}", api.authorizers[*index].name)
                    }
                };
                format!(
                    "{} {} {}{key}{authorization}",
                    api.id,
                    operation.method.as_str(),
                    operation.path
                )
            })
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_template_of_sam_becomes_what_sam_would_deploy() {
    let (project, told) = imported(
        r#"
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String, Default: dev}}
Globals:
  Api: {BinaryMediaTypes: [image~1png]}
  Function: {Runtime: python3.12}
Resources:
  ShopApi:
    Type: AWS::Serverless::Api
    Properties:
      StageName: !Ref Stage
      Variables: {backend: example.com}
      Cors: "'*'"
      MethodSettings:
      - {ResourcePath: "/*", HttpMethod: "*", ThrottlingRateLimit: 10, ThrottlingBurstLimit: 20}
      Auth:
        DefaultAuthorizer: Pool
        AddDefaultAuthorizerToCorsPreflight: false
        Authorizers:
          Pool: {UserPoolArn: !GetAtt Users.Arn}
          Custom:
            FunctionArn: !GetAtt Check.Arn
            FunctionPayloadType: REQUEST
            Identity: {Headers: [X-Token], ReauthorizeEvery: 60}
        UsagePlan: {CreateUsagePlan: PER_API, Quota: {Limit: 100, Period: DAY}}
      GatewayResponses:
        DEFAULT_4XX:
          ResponseParameters: {Headers: {Access-Control-Allow-Origin: "'*'"}}
  Users: {Type: AWS::Cognito::UserPool}
  Check: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "orders-${Stage}"
      Events:
        List: {Type: Api, Properties: {RestApiId: !Ref ShopApi, Path: /orders, Method: get}}
        Add:
          Type: Api
          Properties:
            RestApiId: !Ref ShopApi
            Path: /orders
            Method: POST
            Auth: {Authorizer: Custom, ApiKeyRequired: true}
        Open:
          Type: Api
          Properties:
            RestApiId: !Ref ShopApi
            Path: /health
            Method: get
            Auth: {Authorizer: NONE}
        Implied: {Type: Api, Properties: {Path: "/{proxy+}", Method: any}}
        Http: {Type: HttpApi}
"#,
        &[("Stage", "prod")],
    );
    let project = project.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        operations(&project),
        [
            "serverless-http-api ANY $default",
            "serverless-rest-api ANY /{proxy+}",
            "shop-api GET /health",
            "shop-api GET /orders Pool",
            "shop-api OPTIONS /health",
            "shop-api OPTIONS /orders",
            "shop-api POST /orders key Custom",
        ]
    );
    let shop = &project.gateway.apis[2];
    assert_eq!(shop.binary_media_types, ["image/png"]);
    assert_eq!(shop.stages[0].name, "prod");
    assert_eq!(
        shop.stages[0].throttle.map(|limits| limits.burst_limit),
        Some(20)
    );
    assert!(shop.gateway_responses.contains_key("DEFAULT_4XX"));
    assert_eq!(project.gateway.usage_plans.len(), 1);
    let text = serde_json::to_string(&project.gateway).unwrap();
    assert!(text.contains(":function:orders-prod/invocations"), "{text}");
    for said in ["Lambda function", "Cognito::UserPool Users", "AWS::Region"] {
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn resources_of_cloudformation_become_a_definition() {
    let (project, told) = imported(
        r#"
Conditions: {Never: !Equals [a, b]}
Resources:
  Rest:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: Shop, BinaryMediaTypes: [image~1png]}
  Pets:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId, PathPart: pets}
  Pet:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Rest, ParentId: !Ref Pets, PathPart: "{id}"}
  Body:
    Type: AWS::ApiGateway::Model
    Properties: {RestApiId: !Ref Rest, Name: Body, ContentType: application/json, Schema: {type: object}}
  Validate:
    Type: AWS::ApiGateway::RequestValidator
    Properties: {RestApiId: !Ref Rest, Name: all, ValidateRequestBody: true, ValidateRequestParameters: true}
  Token:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref Rest
      Name: token
      Type: TOKEN
      AuthorizerUri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:check/invocations"
      IdentitySource: method.request.header.X-Token
  Put:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Rest
      ResourceId: !Ref Pet
      HttpMethod: PUT
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Token
      ApiKeyRequired: true
      RequestParameters: {method.request.path.id: true, method.request.querystring.q: false}
      RequestModels: {application/json: !Ref Body}
      RequestValidatorId: !Ref Validate
      MethodResponses:
      - {StatusCode: 200, ResponseParameters: {method.response.header.X-A: true}}
      Integration:
        Type: HTTP
        IntegrationHttpMethod: POST
        Uri: "http://example.com/{id}"
        RequestParameters: {integration.request.path.id: method.request.path.id}
        RequestTemplates: {application/json: "$input.json('$')"}
        PassthroughBehavior: WHEN_NO_TEMPLATES
        IntegrationResponses:
        - {StatusCode: 200, ResponseParameters: {method.response.header.X-A: "'a'"}}
  Gone: {Type: AWS::ApiGateway::Method, Condition: Never, Properties: {RestApiId: !Ref Rest}}
  Deployment: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Rest}}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Rest, StageName: live, DeploymentId: !Ref Deployment, TracingEnabled: true}
  GoldPlan:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      UsagePlanName: gold
      ApiStages: [{ApiId: !Ref Rest, Stage: !Ref Stage, Throttle: {"/pets/{id}/PUT": {RateLimit: 1, BurstLimit: 2}}}]
      Throttle: {RateLimit: 5, BurstLimit: 10}
  Key: {Type: AWS::ApiGateway::ApiKey, Properties: {Value: secret-value-0123456789, Enabled: true}}
  KeyOfPlan:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {KeyId: !Ref Key, UsagePlanId: !Ref GoldPlan, KeyType: API_KEY}
  Web:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: web, ProtocolType: HTTP, CorsConfiguration: {AllowOrigins: ["*"]}}
  Backend:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Web, IntegrationType: HTTP_PROXY, IntegrationMethod: ANY, IntegrationUri: "http://example.com", PayloadFormatVersion: "1.0"}
  Jwt:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Web
      Name: jwt
      AuthorizerType: JWT
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {Issuer: "https://issuer.example.com", Audience: [web]}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Web, RouteKey: GET /a, Target: !Join [/, [integrations, !Ref Backend]], AuthorizationType: JWT, AuthorizerId: !Ref Jwt}
  WebStage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Web, StageName: $default}}
  Domain: {Type: AWS::ApiGateway::DomainName, Properties: {DomainName: api.example.com}}
  Mapping:
    Type: AWS::ApiGateway::BasePathMapping
    Properties: {DomainName: !Ref Domain, RestApiId: !Ref Rest, Stage: !Ref Stage, BasePath: v1}
"#,
        &[],
    );
    let project = project.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        operations(&project),
        ["rest PUT /pets/{id} key token", "web GET /a jwt"]
    );
    let rest = &project.gateway.apis[0];
    assert_eq!(rest.stages[0].name, "live");
    let validation = &rest.operations[0].request_validation;
    assert_eq!(validation.required_parameters, ["method.request.path.id"]);
    assert_eq!(validation.request_models[0].model, "Body");
    let key = &project.gateway.api_keys[0];
    assert_eq!(key.usage_plans, ["gold-plan"]);
    assert!(told.contains("X-Ray"), "{told}");
    assert!(told.contains("domain api.example.com"), "{told}");
    assert!(!told.contains("secret-value"), "{told}");
}

#[test]
fn files_beside_the_template_are_read_and_others_are_named() {
    let (project, _) = imported(
        "Resources:\n  Api:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: a\n      \
         DefinitionBody:\n        Fn::Transform: {Name: AWS::Include, Parameters: {Location: openapi.yaml}}\n",
        &[],
    );
    let project = project.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(operations(&project), ["api GET /file"]);
    let (refused, _) = imported(
        "Resources:\n  Api:\n    Type: AWS::Serverless::Api\n    Properties:\n      \
         DefinitionUri: s3://bucket/openapi.yaml\n",
        &[],
    );
    assert!(refused.unwrap_err().contains("no API"));
}

#[test]
fn a_policy_that_is_not_understood_keeps_everybody_out() {
    let (project, told) = imported(
        "Resources:\n  Api:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: a\n      \
         DefinitionUri: openapi.yaml\n      Auth: {ResourcePolicy: {SourceVpcWhitelist: [vpc-1]}}\n",
        &[],
    );
    let project = project.unwrap_or_else(|error| panic!("{error}"));
    let policy = project.gateway.apis[0].resource_policy.as_ref().unwrap();
    assert!(policy.to_string().contains("Deny"), "{policy}");
    assert!(told.contains("nobody may call"), "{told}");
}
