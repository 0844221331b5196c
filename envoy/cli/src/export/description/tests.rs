use std::path::Path;

use attache_model::Protocol;

use super::{Exported, Extensions, Format, Options, Server, export};
use crate::diagnostic::Report;
use crate::document::Document;
use crate::tree::Tree;

fn tree(text: &str) -> Tree {
    let mut report = Report::new();
    let document = Document::parse(Path::new("a.yaml"), text.as_bytes(), &mut report);
    assert!(!report.has_errors(), "{:?}", report.diagnostics());
    Tree::from(&document.expect("a tree").root)
}

fn exported(text: &str, format: Format, extensions: &[Extensions]) -> Exported {
    export(
        &tree(text),
        &Options {
            format,
            extensions: extensions.to_vec(),
            name: "pets".to_owned(),
            protocol: Protocol::Rest,
            servers: vec![Server {
                origin: "https://api.example.com".to_owned(),
                base_path: "prod".to_owned(),
            }],
        },
    )
}

const PETS: &str = r##"
openapi: 3.1.0
info: {title: Pets}
servers: [{url: "https://old.example.com"}]
paths:
  /pets/{id}:
    x-amazon-apigateway-any-method:
      operationId: pets
      parameters:
      - {name: color, in: query, required: true, schema: {type: array, items: {type: string}}}
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: "#/components/schemas/Pet"}}
          text/plain: {schema: {$ref: "#/components/schemas/Pet"}}
      responses:
        "200":
          description: it
          headers: {X-A: {schema: {type: string}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
      security: [{token: []}]
      x-amazon-apigateway-integration: {type: HTTP_PROXY, httpMethod: ANY, uri: "http://a"}
components:
  schemas:
    Pet: {type: object, properties: {name: {type: string, nullable: true}}}
  securitySchemes:
    token:
      type: http
      scheme: bearer
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: arn}
x-amazon-apigateway-binary-media-types: [image/png]
"##;

#[test]
fn version_three_becomes_two() {
    let found = exported(PETS, Format::Swagger, &[Extensions::Apigateway]);
    assert_eq!(found.losses, Vec::<String>::new());
    assert_eq!(
        found.document,
        tree(
            r##"
swagger: "2.0"
info: {title: Pets, version: "1.0"}
host: api.example.com
basePath: /prod
schemes: [https]
paths:
  /pets/{id}:
    x-amazon-apigateway-any-method:
      operationId: pets
      consumes: [application/json, text/plain]
      produces: [application/json]
      parameters:
      - {name: color, in: query, required: true, type: array, items: {type: string}, collectionFormat: multi}
      - {in: body, name: Pet, required: true, schema: {$ref: "#/definitions/Pet"}}
      responses:
        "200":
          description: it
          headers: {X-A: {type: string}}
          schema: {$ref: "#/definitions/Pet"}
      security: [{token: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "http://a"}
securityDefinitions:
  token:
    type: apiKey
    name: Authorization
    in: header
    x-amazon-apigateway-authtype: custom
    x-amazon-apigateway-authorizer: {type: token, authorizerUri: arn}
definitions:
  Pet: {type: object, properties: {name: {type: string, x-nullable: true}}}
x-amazon-apigateway-binary-media-types: [image/png]
"##
        )
    );
}

#[test]
fn version_two_becomes_three() {
    let found = exported(
        r##"
swagger: "2.0"
info: {title: Pets, version: "7"}
consumes: [application/json]
produces: [application/xml]
paths:
  /pets:
    parameters:
    - {name: x-a, in: header, type: string}
    post:
      parameters:
      - {name: limit, in: query, type: array, items: {type: integer}, collectionFormat: pipes}
      - {name: pet, in: body, required: true, schema: {$ref: "#/definitions/Pet"}}
      responses: {"200": {description: it, schema: {$ref: "#/definitions/Pet"}}}
    put:
      consumes: [application/x-www-form-urlencoded]
      parameters: [{name: name, in: formData, required: true, type: string}]
      responses: {"200": {$ref: "#/responses/Done"}}
responses: {Done: {description: done, headers: {X-B: {type: integer}}}}
definitions: {Pet: {type: object}}
securityDefinitions:
  login: {type: oauth2, flow: accessCode, authorizationUrl: a, tokenUrl: b, scopes: {read: r}}
"##,
        Format::Oas30,
        &[Extensions::Apigateway],
    );
    assert_eq!(
        found.document,
        tree(
            r##"
openapi: 3.0.1
info: {title: Pets, version: "7"}
servers: [{url: "https://api.example.com/{basePath}", variables: {basePath: {default: prod}}}]
paths:
  /pets:
    parameters:
    - {name: x-a, in: header, schema: {type: string}}
    post:
      parameters:
      - {name: limit, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: integer}}}
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
        required: true
      responses:
        "200": {description: it, content: {application/xml: {schema: {$ref: "#/components/schemas/Pet"}}}}
    put:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {name: {type: string}}, required: [name]}
      responses: {"200": {$ref: "#/components/responses/Done"}}
components:
  schemas: {Pet: {type: object}}
  responses: {Done: {description: done, headers: {X-B: {schema: {type: integer}}}}}
  securitySchemes:
    login:
      type: oauth2
      flows: {authorizationCode: {authorizationUrl: a, tokenUrl: b, scopes: {read: r}}}
"##
        ).sorted_like(&found.document)
    );
}

impl Tree {
    /// The same with the keys of mappings in the order of another, where they have the same ones.
    fn sorted_like(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Map(mut entries), Self::Map(order)) => {
                entries.sort_by_key(|(key, _)| order.iter().position(|(known, _)| known == key));
                Self::Map(
                    entries
                        .into_iter()
                        .map(|(key, value)| {
                            let value = match other.get(&key) {
                                Some(other) => value.sorted_like(other),
                                None => value,
                            };
                            (key, value)
                        })
                        .collect(),
                )
            }
            (Self::List(items), Self::List(others)) => Self::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| match others.get(index) {
                        Some(other) => item.sorted_like(other),
                        None => item,
                    })
                    .collect(),
            ),
            (own, _) => own,
        }
    }
}

#[test]
fn only_those_extensions_are_there_that_were_asked_for() {
    for (kept, wanted) in [
        (Extensions::None, &[][..]),
        (Extensions::Integrations, &["any-method", "integration"]),
        (Extensions::Authorizers, &["authorizer", "authtype"]),
        (
            Extensions::Apigateway,
            &[
                "any-method",
                "authorizer",
                "authtype",
                "binary-media-types",
                "integration",
            ],
        ),
    ] {
        for format in [Format::Oas30, Format::Swagger] {
            let text = exported(PETS, format, &[kept]).document.to_string();
            let mut found: Vec<&str> = text
                .split("\"x-amazon-apigateway-")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, wanted, "{kept:?} {format:?}");
        }
    }
}

#[test]
fn without_extensions_every_method_is_spelled_out_and_its_path_declared() {
    let document = exported(PETS, Format::Oas30, &[Extensions::None]).document;
    let item = document.at(&["paths", "/pets/{id}"]).expect("a path");
    let methods: Vec<&str> = item.entries().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        methods,
        ["get", "put", "post", "delete", "options", "head", "patch"]
    );
    let get = item.get("get").expect("an operation");
    assert_eq!(get.text_of("operationId"), Some("pets_get"));
    let names: Vec<_> = get
        .get("parameters")
        .map(Tree::items)
        .unwrap_or_default()
        .iter()
        .map(|parameter| parameter.text_of("name"))
        .collect();
    assert_eq!(names, [Some("color"), Some("id")]);
}

#[test]
fn what_swagger_has_no_words_for_is_told() {
    let found = exported(
        r#"
openapi: 3.0.1
info: {title: a, version: "1"}
paths:
  /a:
    post:
      callbacks: {}
      parameters: [{name: session, in: cookie, schema: {type: string}}]
      requestBody:
        content:
          application/json: {schema: {type: object}}
          text/plain: {schema: {type: string}}
      responses: {"200": {description: a}}
"#,
        Format::Swagger,
        &[Extensions::Apigateway],
    );
    let losses = found.losses.join("; ");
    for lost in ["callbacks", "`session`", "all but the first schema"] {
        assert!(losses.contains(lost), "{losses}");
    }
}

#[test]
fn schemas_without_a_name_get_the_one_that_an_import_gives_them() {
    let text = r#"
openapi: 3.0.1
info: {title: a, version: "1"}
paths:
  /a:
    post:
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: a}}
"#;
    let found = exported(text, Format::Swagger, &[Extensions::Apigateway]);
    let definitions = found.document.get("definitions").expect("definitions");
    let [(name, schema)] = definitions.entries() else {
        panic!("{definitions}");
    };
    assert!(name.starts_with("MODEL"), "{name}");
    assert_eq!(schema, &Tree::from([("type", "object")]));
}
