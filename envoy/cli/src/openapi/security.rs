//! Who may call an operation: `security`, the schemes it names, and `x-amazon-apigateway-auth`.
//!
//! API Gateway enforces three kinds of scheme: one with an authorizer, one for AWS signatures,
//! and one for an API key in the `x-api-key` header. Any other kind leaves the operation open;
//! that is AWS's behaviour and is kept, with a warning.

use attache_model::Protocol;

use super::{Located, Place, Reading, Version};

/// What operations need, as far as the document's root says.
pub(super) struct Security<'d> {
    schemes: Option<Located<'d>>,
    default: Option<Located<'d>>,
    /// What the default asks for, once an operation has needed it.
    default_needs: Option<Needs>,
}

/// What an operation needs.
#[derive(Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) api_key: bool,
    /// It needs something that cannot be had; the report says what.
    pub(super) refused: bool,
}

impl<'d> Security<'d> {
    pub(super) fn new(reading: &mut Reading<'d, '_>, root: &Located<'d>, version: Version) -> Self {
        let schemes = match version {
            Version::V2 => root.get("securityDefinitions"),
            Version::V3 => root
                .get("components")
                .and_then(|components| components.get("securitySchemes")),
        };
        if let Some(auth) = root.get("x-amazon-apigateway-auth") {
            auth_type(reading, &auth);
        }
        Self {
            schemes: schemes.filter(|schemes| reading.mapping(schemes).is_some()),
            default: root.get("security"),
            default_needs: None,
        }
    }

    /// What an operation needs: its own `security`, even an empty one, replaces the root's.
    pub(super) fn needs(
        &mut self,
        reading: &mut Reading<'d, '_>,
        operation: &Located<'d>,
    ) -> Needs {
        if let Some(auth) = operation.get("x-amazon-apigateway-auth") {
            auth_type(reading, &auth);
        }
        if let Some(own) = operation.get("security") {
            return self.read(reading, &own);
        }
        if let Some(needs) = self.default_needs {
            return needs;
        }
        let needs = match self.default.clone() {
            Some(default) => self.read(reading, &default),
            None => Needs::default(),
        };
        self.default_needs = Some(needs);
        needs
    }

    fn read(&self, reading: &mut Reading<'d, '_>, security: &Located<'d>) -> Needs {
        let errors = reading.error_count();
        let mut needs = Needs::default();
        for requirement in reading.list(security).unwrap_or_default() {
            for entry in reading.mapping(&requirement).unwrap_or_default() {
                let place = requirement.key_of(entry);
                needs.api_key |= self.scheme(reading, &entry.key, place);
            }
        }
        needs.refused = reading.error_count() > errors;
        needs
    }

    /// Looks at one scheme that is asked for; whether it stands for an API key.
    fn scheme(&self, reading: &mut Reading<'d, '_>, name: &str, place: Place) -> bool {
        let found = self.schemes.as_ref().and_then(|schemes| schemes.get(name));
        let Some(found) = found else {
            reading.error(
                "unknown-security-scheme",
                place,
                format!("there is no security scheme `{name}`"),
                Some("define it under `components.securitySchemes` (OpenAPI 2.0: `securityDefinitions`)"),
            );
            return false;
        };
        let Some(scheme) = reading.follow(found) else {
            return false;
        };
        if reading.mapping(&scheme).is_none() {
            return false;
        }
        let text = |key| scheme.node.get(key).and_then(crate::document::Node::as_str);
        let authtype = scheme.get("x-amazon-apigateway-authtype");
        if authtype
            .as_ref()
            .and_then(|authtype| authtype.node.as_str())
            .is_some_and(|authtype| authtype.eq_ignore_ascii_case("awsSigv4"))
        {
            reading.error(
                "unsupported-authorization",
                place,
                format!("`{name}` asks for AWS signatures, which are not supported yet"),
                None,
            );
            return false;
        }
        if authtype.is_some() || scheme.get("x-amazon-apigateway-authorizer").is_some() {
            reading.error(
                "unsupported-authorization",
                place,
                format!("`{name}` asks for an authorizer, which is not supported yet"),
                None,
            );
            return false;
        }
        let is_api_key = text("type") == Some("apiKey")
            && text("in") == Some("header")
            && text("name").is_some_and(|name| name.eq_ignore_ascii_case("x-api-key"));
        match (is_api_key, reading.protocol) {
            (true, Protocol::Rest) => true,
            (true, Protocol::Http) => {
                reading.error(
                    "unsupported-authorization",
                    place,
                    format!("`{name}` asks for an API key, and HTTP APIs know none"),
                    Some("serve the API with `protocol: REST`"),
                );
                false
            }
            (false, _) => {
                match scheme.get("type").map(|kind| reading.text(&kind)) {
                    Some(None) => {}
                    kind => {
                        let kind = kind.flatten().unwrap_or("untyped");
                        reading.warning(
                            "unenforced-security-scheme",
                            place,
                            format!(
                                "API Gateway does not enforce the {kind} scheme `{name}`: it \
                                 leaves the operation open"
                            ),
                            Some("only API keys in the `x-api-key` header, authorizers and AWS signatures are enforced"),
                        );
                    }
                }
                false
            }
        }
    }
}

/// `x-amazon-apigateway-auth`: `{type: NONE}` or `{type: AWS_IAM}`.
fn auth_type<'d>(reading: &mut Reading<'d, '_>, auth: &Located<'d>) {
    if reading.mapping(auth).is_none() {
        return;
    }
    let Some(kind) = auth.get("type") else {
        return reading.error(
            "missing-field",
            auth.place(),
            "`x-amazon-apigateway-auth` has no `type`",
            Some("write `NONE`, or take it out"),
        );
    };
    match reading.text(&kind) {
        None => {}
        Some(kind) if kind.eq_ignore_ascii_case("NONE") => {}
        Some(other) => reading.error(
            "unsupported-authorization",
            kind.place(),
            format!("the authorization type `{other}` is not supported yet"),
            None,
        ),
    }
}
