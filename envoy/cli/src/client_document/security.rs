//! What callers have to send so that they may call, in OpenAPI's words.
//!
//! API Gateway's exports say `apiKey` in the header field `Authorization` of almost everything, and
//! the rest in extensions. Tokens are `http` with the scheme `bearer` here, so that documentation
//! and clients treat them as such. Signatures stay as AWS writes them: OpenAPI has no word for them,
//! and the generators that can sign look for nothing in particular.

use std::collections::BTreeMap;

use attache_model::{Api, ApiKeySource, Authorization, Authorizer, AuthorizerKind, Operation};

use super::{add_paragraph, each_operation, operation};
use crate::configuration::suggestion;
use crate::tree::Tree;

/// The section of the description, which renderers fill with the schemes.
pub(super) const SECTION: &str = "# Authorization\n\nEach operation says what it asks for.\n\n\
    <SecurityDefinitions />";

const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
const AUTHTYPE: &str = "x-amazon-apigateway-authtype";

/// Writes the security schemes, and to each operation what it asks for. Gives the operations that
/// want AWS signatures.
pub(super) fn tell(document: &mut Tree, api: &Api, region: &str) -> Vec<String> {
    let schemes = Schemes::of(document, api, region);
    let mut used = BTreeMap::new();
    let mut signed = Vec::new();
    each_operation(document, |path, method, tree| {
        tree.remove("security");
        let Some((_, operation)) = operation(api, path, method) else {
            return;
        };
        let needed = schemes.needed_by(operation);
        if operation.authorization == Authorization::AwsIam {
            signed.push(format!("{} {path}", method.to_ascii_uppercase()));
        }
        for paragraph in notes(operation, api) {
            add_paragraph(tree, &paragraph);
        }
        if needed.is_empty() {
            return;
        }
        let mut requirement = Tree::map();
        for (name, scheme) in needed {
            requirement.set(&name, Tree::List(Vec::new()));
            used.insert(name, scheme);
        }
        tree.set("security", Tree::List(vec![requirement]));
    });
    document.remove("security");
    let components = document.entry("components");
    components.remove("securitySchemes");
    if !used.is_empty() {
        components.set("securitySchemes", Tree::Map(used.into_iter().collect()));
    }
    if components.is_empty() {
        document.remove("components");
    }
    signed
}

/// What the schemes of an API are called, and what they say.
struct Schemes<'a> {
    api: &'a Api,
    region: &'a str,
    key: String,
    signature: String,
}

impl<'a> Schemes<'a> {
    fn of(document: &Tree, api: &'a Api, region: &'a str) -> Self {
        let declared = document.at(&["components", "securitySchemes"]);
        let declared = declared.map(Tree::entries).unwrap_or_default();
        let name = |is_it: &dyn Fn(&Tree) -> bool, otherwise: &str| {
            let found = declared.iter().find(|(_, scheme)| is_it(scheme));
            found.map_or_else(|| otherwise.to_owned(), |(name, _)| name.clone())
        };
        let is_key = |scheme: &Tree| {
            let field = scheme.text_of("name").unwrap_or_default();
            field.eq_ignore_ascii_case("x-api-key")
                && scheme.get(AUTHORIZER).is_none()
                && scheme.get(AUTHTYPE).is_none()
        };
        let is_signature = |scheme: &Tree| {
            let kind = scheme.text_of(AUTHTYPE).unwrap_or_default();
            kind.eq_ignore_ascii_case("awsSigv4")
        };
        Self {
            api,
            region,
            key: name(&is_key, "api_key"),
            signature: name(&is_signature, "sigv4"),
        }
    }

    /// The schemes that an operation asks for, all of them.
    fn needed_by(&self, operation: &Operation) -> Vec<(String, Tree)> {
        let mut needed = Vec::new();
        match &operation.authorization {
            Authorization::None => {}
            Authorization::AwsIam => needed.push((self.signature.clone(), self.signature())),
            Authorization::Authorizer { index, .. } => {
                if let Some(authorizer) = self.api.authorizers.get(*index) {
                    needed.extend(of_authorizer(authorizer));
                }
            }
        }
        if operation.api_key_required && self.api.api_key_source == ApiKeySource::Header {
            let text = "The key of a customer. It says under which plan, and so with which limits, \
                        a request is made.";
            needed.push((self.key.clone(), api_key("header", "x-api-key", text)));
        }
        needed
    }

    fn signature(&self) -> Tree {
        let text = format!(
            "AWS Signature Version 4 for the service `execute-api` in the region `{}`, with \
             credentials that may call the operation.",
            self.region
        );
        api_key("header", "Authorization", &text)
    }
}

fn of_authorizer(authorizer: &Authorizer) -> Vec<(String, Tree)> {
    let name = &authorizer.name;
    match &authorizer.kind {
        AuthorizerKind::Jwt(jwt) => {
            let issuers = jwt.issuers.iter().map(|issuer| {
                let audiences: Vec<&str> = issuer.audiences.iter().map(String::as_str).collect();
                match audiences.as_slice() {
                    [] => format!("`{}`", issuer.issuer),
                    known => format!("`{}` for {}", issuer.issuer, suggestion::list(known, "or")),
                }
            });
            let issuers: Vec<String> = issuers.collect();
            let text = format!("A JSON Web Token of {}.", issuers.join(", or of "));
            vec![(name.clone(), token(&jwt.identity_source, &text))]
        }
        AuthorizerKind::Cognito(cognito) => {
            let pools: Vec<&str> = cognito
                .user_pools
                .iter()
                .map(|pool| pool.issuer.as_str())
                .collect();
            let text = format!(
                "A token of the Amazon Cognito user pool {}.",
                suggestion::list(&pools, "or")
            );
            vec![(name.clone(), token(&cognito.identity_source, &text))]
        }
        AuthorizerKind::Lambda(lambda) => {
            let mut schemes: Vec<(String, Tree)> = Vec::new();
            for source in &lambda.identity_sources {
                let Some((place, field)) = sent(source) else {
                    continue;
                };
                let name = match schemes.is_empty() {
                    true => name.clone(),
                    false => format!("{name}_{field}"),
                };
                let text = "What the API's own authorizer knows its callers by.";
                schemes.push((name, api_key(place, field, text)));
            }
            schemes
        }
    }
}

/// Where OpenAPI finds what an identity source names, and under which name; `None` for what no
/// client sends, such as a stage variable.
fn sent(source: &str) -> Option<(&'static str, &str)> {
    let request = source
        .strip_prefix("$request.")
        .or_else(|| source.strip_prefix("method.request."))?;
    match request.split_once('.')? {
        ("header", name) => Some(("header", name)),
        ("querystring", name) => Some(("query", name)),
        _ => None,
    }
}

fn token(source: &str, text: &str) -> Tree {
    match sent(source) {
        Some((place, name)) if place == "query" || !name.eq_ignore_ascii_case("authorization") => {
            api_key(place, name, text)
        }
        _ => Tree::from([
            ("type", "http"),
            ("scheme", "bearer"),
            ("bearerFormat", "JWT"),
            ("description", text),
        ]),
    }
}

fn api_key(place: &str, name: &str, text: &str) -> Tree {
    Tree::from([
        ("type", "apiKey"),
        ("in", place),
        ("name", name),
        ("description", text),
    ])
}

/// What no scheme can say.
fn notes(operation: &Operation, api: &Api) -> Vec<String> {
    let mut notes = Vec::new();
    if let Authorization::Authorizer { index, scopes } = &operation.authorization {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        match scopes.as_slice() {
            [] => {}
            [only] => notes.push(format!("The token needs the scope `{only}`.")),
            several => notes.push(format!(
                "The token needs one of the scopes {}.",
                suggestion::list(several, "or")
            )),
        }
        let authorizer = api.authorizers.get(*index);
        if authorizer.is_some_and(|authorizer| of_authorizer(authorizer).is_empty()) {
            notes.push(
                "The API's own authorizer decides by the whole request who may call.".to_owned(),
            );
        }
    }
    if operation.api_key_required && api.api_key_source == ApiKeySource::Authorizer {
        notes.push("The authorizer says under which plan a request is made.".to_owned());
    }
    notes
}
