//! Who may call an operation: `security`, the schemes it names, and `x-amazon-apigateway-auth`.
//!
//! API Gateway enforces three kinds of scheme: one with an authorizer, one for AWS signatures,
//! and one for an API key in the `x-api-key` header. Any other kind leaves the operation open;
//! that is AWS's behaviour and is kept, with a warning.
//!
//! An operation has one authorization at most, and an API key may be needed beside it. In AWS's
//! reading, requirements that OpenAPI means as alternatives are all needed.

use std::collections::BTreeMap;

use attache_model::{Authorization, AuthorizerKind, Protocol};

use super::authorizer::{self, ImportedAuthorizer};
use super::{Located, Place, Reading, Version};
use crate::document::Node;

const AUTH: &str = "x-amazon-apigateway-auth";
const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
const AUTHTYPE: &str = "x-amazon-apigateway-authtype";

/// What operations need, as far as the document's root says.
pub(super) struct Security<'d> {
    schemes: Option<Located<'d>>,
    /// The root's `security`.
    default: Option<Located<'d>>,
    /// The root's `x-amazon-apigateway-auth`.
    default_auth: Option<AuthType>,
    /// What these ask for, once an operation has needed it.
    default_security_needs: Option<Needs>,
    default_needs: Option<Needs>,
    authorizers: Vec<ImportedAuthorizer>,
    /// By scheme: the number of its authorizer; `None` when it has a fault.
    numbers: BTreeMap<String, Option<usize>>,
}

/// What an operation needs.
#[derive(Clone, Default)]
pub(super) struct Needs {
    pub(super) api_key: bool,
    pub(super) authorization: Authorization,
    /// Where the authorization is asked for.
    pub(super) authorization_place: Option<Place>,
    /// It needs something that cannot be had; the report says what.
    pub(super) refused: bool,
}

/// `x-amazon-apigateway-auth`.
#[derive(Clone)]
enum AuthType {
    None(Place),
    AwsIam(Place),
    /// The report says why.
    Faulty,
}

impl<'d> Security<'d> {
    pub(super) fn new(reading: &mut Reading<'d, '_>, root: &Located<'d>, version: Version) -> Self {
        let schemes = match version {
            Version::V2 => root.get("securityDefinitions"),
            Version::V3 => root
                .get("components")
                .and_then(|components| components.get("securitySchemes")),
        };
        let default_auth = root.get(AUTH).map(|auth| auth_type(reading, &auth));
        Self {
            schemes: schemes.filter(|schemes| reading.mapping(schemes).is_some()),
            default: root.get("security"),
            default_auth,
            default_security_needs: None,
            default_needs: None,
            authorizers: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// The names of all schemes with an authorizer.
    pub(super) fn declared_authorizers(&self) -> Vec<String> {
        let schemes = self.schemes.iter().flat_map(Located::entries);
        schemes
            .filter(|scheme| scheme.value.get(AUTHORIZER).is_some())
            .map(|scheme| scheme.key.clone())
            .collect()
    }

    /// The authorizers that operations asked for.
    pub(super) fn into_authorizers(self) -> Vec<ImportedAuthorizer> {
        self.authorizers
    }

    /// What an operation needs: its own `security`, even an empty one, replaces the root's, and so
    /// does its own `x-amazon-apigateway-auth`.
    pub(super) fn needs(
        &mut self,
        reading: &mut Reading<'d, '_>,
        operation: &Located<'d>,
    ) -> Needs {
        let own_auth = operation.get(AUTH).map(|auth| auth_type(reading, &auth));
        let own = operation
            .get("security")
            .map(|security| self.read(reading, &security));
        match (own, own_auth) {
            (None, None) => self.default_needs(reading),
            (None, Some(auth)) => {
                let needs = self.default_security_needs(reading);
                settle(reading, needs, auth, false)
            }
            (Some(own), Some(auth)) => settle(reading, own, auth, true),
            (Some(own), None) => match self.default_auth.clone() {
                Some(auth) if own.authorization.is_none() => settle(reading, own, auth, false),
                _ => own,
            },
        }
    }

    /// What the root asks for.
    fn default_needs(&mut self, reading: &mut Reading<'d, '_>) -> Needs {
        if let Some(needs) = &self.default_needs {
            return needs.clone();
        }
        let mut needs = self.default_security_needs(reading);
        if let Some(auth) = self.default_auth.clone() {
            needs = settle(reading, needs, auth, true);
        }
        self.default_needs = Some(needs.clone());
        needs
    }

    /// What the root's `security` asks for.
    fn default_security_needs(&mut self, reading: &mut Reading<'d, '_>) -> Needs {
        if let Some(needs) = &self.default_security_needs {
            return needs.clone();
        }
        let needs = match self.default.clone() {
            Some(default) => self.read(reading, &default),
            None => Needs::default(),
        };
        self.default_security_needs = Some(needs.clone());
        needs
    }

    fn read(&mut self, reading: &mut Reading<'d, '_>, security: &Located<'d>) -> Needs {
        let errors = reading.error_count();
        let mut needs = Needs::default();
        for requirement in reading.list(security).unwrap_or_default() {
            for entry in reading.mapping(&requirement).unwrap_or_default() {
                let asked = Asked {
                    name: &entry.key,
                    place: requirement.key_of(entry),
                    scopes: requirement.value_of(entry),
                };
                self.scheme(reading, &asked, &mut needs);
            }
        }
        needs.refused |= reading.error_count() > errors;
        needs
    }

    /// Adds what one scheme that is asked for stands for.
    fn scheme(&mut self, reading: &mut Reading<'d, '_>, asked: &Asked<'d>, needs: &mut Needs) {
        let name = asked.name;
        let found = self.schemes.as_ref().and_then(|schemes| schemes.get(name));
        let Some(found) = found else {
            return reading.error(
                "unknown-security-scheme",
                asked.place.clone(),
                format!("there is no security scheme `{name}`"),
                Some("define it under `components.securitySchemes` (OpenAPI 2.0: `securityDefinitions`)"),
            );
        };
        let Some(scheme) = reading.follow(found) else {
            return;
        };
        if reading.mapping(&scheme).is_none() {
            return;
        }
        let text = |key| scheme.node.get(key).and_then(Node::as_str);
        if text(AUTHTYPE).is_some_and(|authtype| authtype.eq_ignore_ascii_case("awsSigv4")) {
            return ask(reading, asked, Authorization::AwsIam, needs);
        }
        if let Some(found) = scheme.get(AUTHORIZER) {
            return self.authorizer(reading, asked, &scheme, found, needs);
        }
        if scheme.get(AUTHTYPE).is_some() {
            return reading.error(
                "missing-field",
                asked.place.clone(),
                format!("`{name}` asks for an authorizer and describes none"),
                Some("add `x-amazon-apigateway-authorizer` to the scheme, which says who decides"),
            );
        }
        let is_api_key = text("type") == Some("apiKey")
            && text("in") == Some("header")
            && text("name").is_some_and(|name| name.eq_ignore_ascii_case("x-api-key"));
        match (is_api_key, reading.protocol) {
            (true, Protocol::Rest) => needs.api_key = true,
            (true, Protocol::Http) => reading.error(
                "unsupported-authorization",
                asked.place.clone(),
                format!("`{name}` asks for an API key, and HTTP APIs know none"),
                Some("serve the API with `protocol: REST`"),
            ),
            (false, _) => unenforced(reading, asked, &scheme),
        }
    }

    fn authorizer(
        &mut self,
        reading: &mut Reading<'d, '_>,
        asked: &Asked<'d>,
        scheme: &Located<'d>,
        found: Located<'d>,
        needs: &mut Needs,
    ) {
        let number = match self.numbers.get(asked.name) {
            Some(number) => *number,
            None => {
                let read = authorizer::read(reading, asked.name, scheme, found);
                let number = read.map(|authorizer| {
                    self.authorizers.push(authorizer);
                    self.authorizers.len() - 1
                });
                self.numbers.insert(asked.name.to_owned(), number);
                number
            }
        };
        let Some(index) = number else {
            // Said once, at the scheme.
            needs.refused = true;
            return;
        };
        let mut scopes = Vec::new();
        for scope in reading.list(&asked.scopes).unwrap_or_default() {
            scopes.extend(reading.text(&scope).map(str::to_owned));
        }
        let is_lambda = self.authorizers.get(index).is_some_and(|authorizer| {
            matches!(authorizer.authorizer.kind, AuthorizerKind::Lambda(_))
        });
        if is_lambda && !scopes.is_empty() {
            reading.warning(
                "field-without-effect",
                asked.scopes.place(),
                format!(
                    "scopes have no effect: `{}` is a function, which decides by itself",
                    asked.name
                ),
                None,
            );
            scopes.clear();
        }
        ask(
            reading,
            asked,
            Authorization::Authorizer { index, scopes },
            needs,
        );
    }
}

/// A scheme that a requirement names.
struct Asked<'d> {
    name: &'d str,
    place: Place,
    scopes: Located<'d>,
}

/// Adds an authorization to what is needed. There can be one; the same authorizer named twice takes
/// a token with a scope of either.
fn ask(
    reading: &mut Reading<'_, '_>,
    asked: &Asked<'_>,
    authorization: Authorization,
    needs: &mut Needs,
) {
    match (&mut needs.authorization, authorization) {
        (Authorization::AwsIam, Authorization::AwsIam) => {}
        (
            Authorization::Authorizer { index, scopes },
            Authorization::Authorizer {
                index: other,
                scopes: more,
            },
        ) if *index == other => {
            // A requirement without scopes is met by every token that the other one takes.
            if scopes.is_empty() || more.is_empty() {
                scopes.clear();
            } else {
                for scope in more {
                    if !scopes.contains(&scope) {
                        scopes.push(scope);
                    }
                }
            }
        }
        (present @ Authorization::None, authorization) => {
            *present = authorization;
            needs.authorization_place = Some(asked.place.clone());
        }
        _ => reading.error(
            "two-authorizations",
            asked.place.clone(),
            format!(
                "`{}` is a second authorization, and an operation has one at most",
                asked.name
            ),
            Some("keep one of them; only an API key can be asked for beside it"),
        ),
    }
}

/// What is needed once `x-amazon-apigateway-auth` is heard. `contradicts`: what `security` asks for
/// stands at the same level, so that the two have to agree.
fn settle(
    reading: &mut Reading<'_, '_>,
    mut needs: Needs,
    auth: AuthType,
    contradicts: bool,
) -> Needs {
    let asks = !needs.authorization.is_none();
    match auth {
        AuthType::Faulty => needs.refused = true,
        AuthType::None(place) if asks && contradicts => {
            reading.error(
                "two-authorizations",
                place,
                "`NONE` leaves the operation open, and `security` names who decides",
                Some("take one of them out"),
            );
            needs.refused = true;
        }
        AuthType::AwsIam(place)
            if asks && contradicts && needs.authorization != Authorization::AwsIam =>
        {
            reading.error(
                "two-authorizations",
                place,
                "`AWS_IAM` is a second authorization beside that of `security`, and an operation \
                 has one at most",
                Some("take one of them out"),
            );
            needs.refused = true;
        }
        AuthType::None(place) => {
            needs.authorization = Authorization::None;
            needs.authorization_place = Some(place);
        }
        AuthType::AwsIam(place) => {
            needs.authorization = Authorization::AwsIam;
            needs.authorization_place = Some(place);
        }
    }
    needs
}

fn unenforced(reading: &mut Reading<'_, '_>, asked: &Asked<'_>, scheme: &Located<'_>) {
    let kind = match scheme.get("type").map(|kind| reading.text(&kind)) {
        Some(None) => return,
        kind => kind.flatten().unwrap_or("untyped"),
    };
    reading.warning(
        "unenforced-security-scheme",
        asked.place.clone(),
        format!(
            "API Gateway does not enforce the {kind} scheme `{}`: it leaves the operation open",
            asked.name
        ),
        Some(
            "only API keys in the `x-api-key` header, authorizers and AWS signatures are enforced",
        ),
    );
}

/// `x-amazon-apigateway-auth`: `{type: NONE}` or `{type: AWS_IAM}`.
fn auth_type<'d>(reading: &mut Reading<'d, '_>, auth: &Located<'d>) -> AuthType {
    if reading.mapping(auth).is_none() {
        return AuthType::Faulty;
    }
    let Some(kind) = auth.get("type") else {
        reading.error(
            "missing-field",
            auth.place(),
            "`x-amazon-apigateway-auth` has no `type`",
            Some("write `NONE` or `AWS_IAM`, or take it out"),
        );
        return AuthType::Faulty;
    };
    match reading.text(&kind) {
        None => AuthType::Faulty,
        Some(text) if text.eq_ignore_ascii_case("NONE") => AuthType::None(kind.place()),
        Some(text) if text.eq_ignore_ascii_case("AWS_IAM") => AuthType::AwsIam(kind.place()),
        Some(other) => {
            reading.error(
                "unknown-value",
                kind.place(),
                format!("`{other}` is not a type of authorization"),
                Some("write `NONE` or `AWS_IAM`; authorizers are named by `security`"),
            );
            AuthType::Faulty
        }
    }
}

#[cfg(test)]
mod tests;
