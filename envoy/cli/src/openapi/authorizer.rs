//! `x-amazon-apigateway-authorizer`: who decides about a caller.

mod identity_source;
mod jwt;

use std::collections::BTreeMap;

use attache_model::{
    Authorizer, AuthorizerEvent, AuthorizerKind, CognitoAuthorizer, JwtKeys, LambdaAuthorizer,
    Protocol, UserPool,
};

use super::{Located, Place, Reading};
use crate::configuration::suggestion::closest;
use crate::document::Node;

pub use jwt::discovery_of;

/// What an authorizer may say.
const FIELDS: &[&str] = &[
    "type",
    "authorizerUri",
    "authorizerCredentials",
    "authorizerPayloadFormatVersion",
    "enableSimpleResponses",
    "identitySource",
    "identityValidationExpression",
    "authorizerResultTtlInSeconds",
    "jwtConfiguration",
    "providerARNs",
];

/// AWS: the longest that a result may be kept.
const LONGEST_TTL: u32 = 3600;

/// How long AWS waits for a Lambda authorizer.
const fn timeout_in_millis(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Rest => 29_000,
        Protocol::Http => 10_000,
    }
}

/// An authorizer and where the document says so.
#[derive(Clone, Debug)]
pub struct ImportedAuthorizer {
    /// The authorizer as the gateway asks it.
    pub authorizer: Authorizer,
    /// Where its parts stand, by the name of the part, such as `uri` or `issuers/0/issuer`. The
    /// empty name is the whole.
    pub places: BTreeMap<String, Place>,
}

/// The types of authorizer as a definition names them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Token,
    Request,
    Cognito,
    Jwt,
}

impl Type {
    /// Whether an authorizer of this type heeds a setting.
    fn heeds(self, field: &str, protocol: Protocol) -> bool {
        match field {
            "authorizerUri" => matches!(self, Self::Token | Self::Request),
            "authorizerPayloadFormatVersion" | "enableSimpleResponses" => {
                self == Self::Request && protocol == Protocol::Http
            }
            "identityValidationExpression" => matches!(self, Self::Token | Self::Cognito),
            // A token of a user pool that was verified is not verified again: no answer differs.
            "authorizerResultTtlInSeconds" => self != Self::Jwt,
            "jwtConfiguration" => self == Self::Jwt,
            "providerARNs" => self == Self::Cognito,
            _ => true,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Request => "request",
            Self::Cognito => "cognito_user_pools",
            Self::Jwt => "jwt",
        }
    }
}

/// Reads the authorizer of the security scheme `name`. `None` when it has a fault, which the report
/// then holds.
pub(super) fn read<'d>(
    reading: &mut Reading<'d, '_>,
    name: &str,
    scheme: &Located<'d>,
    found: Located<'d>,
) -> Option<ImportedAuthorizer> {
    let errors = reading.error_count();
    let authorizer = reading.follow(found)?;
    reading.mapping(&authorizer)?;
    reading.fields(&authorizer, FIELDS);
    let kind = kind(reading, &authorizer)?;
    without_effect(reading, &authorizer, kind);
    let mut reader = Reader {
        places: [(String::new(), authorizer.place())].into(),
        kind,
        header: header(scheme.node),
        authorizer,
        reading,
    };
    let kind = match kind {
        Type::Token | Type::Request => reader.lambda().map(AuthorizerKind::Lambda),
        Type::Cognito => reader.cognito().map(AuthorizerKind::Cognito),
        Type::Jwt => reader.jwt().map(AuthorizerKind::Jwt),
    };
    let places = reader.places;
    if reading.error_count() > errors {
        return None;
    }
    Some(ImportedAuthorizer {
        authorizer: Authorizer {
            name: name.to_owned(),
            kind: kind?,
        },
        places,
    })
}

/// The header that a scheme says the caller's identity is in. AWS's import takes it where the
/// authorizer names no identity source.
fn header(scheme: &Node) -> String {
    let is_header = scheme.get("in").and_then(Node::as_str) == Some("header");
    let name = scheme.get("name").and_then(Node::as_str);
    match name.filter(|name| is_header && !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => "Authorization".to_owned(),
    }
}

fn kind<'d>(reading: &mut Reading<'d, '_>, authorizer: &Located<'d>) -> Option<Type> {
    let types: &[Type] = match reading.protocol {
        Protocol::Rest => &[Type::Token, Type::Request, Type::Cognito, Type::Jwt],
        Protocol::Http => &[Type::Request, Type::Jwt],
    };
    let names = match reading.protocol {
        Protocol::Rest => "`token`, `request`, `cognito_user_pools` and `jwt`",
        Protocol::Http => "`request` and `jwt`",
    };
    let Some(kind) = authorizer.get("type") else {
        reading.error(
            "missing-field",
            authorizer.place(),
            "the authorizer has no `type`",
            Some(&format!("the types are {names}")),
        );
        return None;
    };
    let text = reading.text(&kind)?;
    let lower = text.to_ascii_lowercase();
    if let Some(found) = types.iter().find(|found| found.name() == lower) {
        return Some(*found);
    }
    let hint = match (lower.as_str(), reading.protocol) {
        ("token", Protocol::Http) => {
            "HTTP APIs have none: write `type: request`, or serve the API with `protocol: REST`"
                .to_owned()
        }
        ("cognito_user_pools", Protocol::Http) => {
            "HTTP APIs have none: write `type: jwt` with the pool as issuer, or serve the API \
             with `protocol: REST`"
                .to_owned()
        }
        _ => match closest(&lower, types.iter().map(|known| known.name())) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the types are {names}"),
        },
    };
    reading.error(
        "unknown-value",
        kind.place(),
        format!("`{text}` is not a type of authorizer here"),
        Some(&hint),
    );
    None
}

/// What AWS accepts and does nothing with.
fn without_effect<'d>(reading: &mut Reading<'d, '_>, authorizer: &Located<'d>, kind: Type) {
    for entry in authorizer.entries() {
        let field = entry.key.as_str();
        if entry.value.is_null() || !FIELDS.contains(&field) {
            continue;
        }
        let reason = if field == "authorizerCredentials" {
            "the function is called without a role".to_owned()
        } else if kind.heeds(field, reading.protocol) {
            continue;
        } else {
            let product = match reading.protocol {
                Protocol::Rest => "a REST API",
                Protocol::Http => "an HTTP API",
            };
            format!(
                "an authorizer of type `{}` of {product} does not heed it",
                kind.name()
            )
        };
        reading.warning(
            "field-without-effect",
            authorizer.value_of(entry).place(),
            format!("`{field}` has no effect: {reason}"),
            None,
        );
    }
}

/// The walk through one authorizer.
struct Reader<'a, 'd, 'r> {
    reading: &'a mut Reading<'d, 'r>,
    authorizer: Located<'d>,
    kind: Type,
    /// The header of its scheme.
    header: String,
    places: BTreeMap<String, Place>,
}

impl<'d> Reader<'_, 'd, '_> {
    /// A setting, whose place is remembered as that of a part.
    fn setting(&mut self, field: &str, part: &str) -> Option<Located<'d>> {
        let value = self.authorizer.get(field)?;
        if value.node.is_null() {
            return None;
        }
        self.places.insert(part.to_owned(), value.place());
        Some(value)
    }

    fn missing(&mut self, field: &str, hint: &str) {
        self.reading.error(
            "missing-field",
            self.authorizer.place(),
            format!("the authorizer has no `{field}`"),
            Some(hint),
        );
    }

    fn lambda(&mut self) -> Option<LambdaAuthorizer> {
        let uri = match self.setting("authorizerUri", "uri") {
            Some(uri) => self.reading.text(&uri).map(str::to_owned),
            None => {
                self.missing(
                    "authorizerUri",
                    "write the function's invocation URI, \
                     `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations`",
                );
                None
            }
        };
        let (event, enable_simple_responses) = self.event();
        let result_ttl_in_seconds = self.result_ttl();
        let identity_sources = self.identity_sources();
        if let (Some(ttl @ 1..), Some([])) = (result_ttl_in_seconds, identity_sources.as_deref()) {
            let authorizer = self.authorizer.place();
            self.reading.error(
                "missing-field",
                authorizer,
                format!(
                    "results are kept for {ttl} seconds, but the authorizer has no \
                     `identitySource` to keep them by"
                ),
                Some("name what identifies a caller, or write `authorizerResultTtlInSeconds: 0`"),
            );
        }
        Some(LambdaAuthorizer {
            event: event?,
            enable_simple_responses,
            identity_sources: identity_sources?,
            identity_validation_expression: self.identity_validation_expression(),
            result_ttl_in_seconds: result_ttl_in_seconds?,
            uri: uri?,
            timeout_in_millis: timeout_in_millis(self.reading.protocol),
        })
    }

    /// The payload, and whether the function may answer in the simple form.
    fn event(&mut self) -> (Option<AuthorizerEvent>, bool) {
        if self.kind == Type::Token {
            return (Some(AuthorizerEvent::Token), false);
        }
        if self.reading.protocol == Protocol::Rest {
            return (Some(AuthorizerEvent::Request1), false);
        }
        let event = match self.setting("authorizerPayloadFormatVersion", "event") {
            Some(version) => self.payload_format(&version),
            None => {
                self.missing(
                    "authorizerPayloadFormatVersion",
                    "write `\"2.0\"`, or `\"1.0\"` for a function that was written for REST APIs",
                );
                None
            }
        };
        let simple = self.setting("enableSimpleResponses", "enableSimpleResponses");
        let enabled = simple
            .as_ref()
            .and_then(|simple| self.reading.boolean(simple))
            .unwrap_or_default();
        if let Some(simple) = simple
            && enabled
            && event == Some(AuthorizerEvent::Request1)
        {
            self.reading.error(
                "unknown-value",
                simple.place(),
                "simple responses need the payload format 2.0",
                Some("write `authorizerPayloadFormatVersion: \"2.0\"`, or take it out"),
            );
        }
        (event, enabled)
    }

    fn payload_format(&mut self, version: &Located<'d>) -> Option<AuthorizerEvent> {
        // `2.0` without quotes is a number in YAML.
        let written = version.node.as_str().or_else(|| {
            version.node.as_f64()?;
            self.reading.document.text.get(version.node.span.clone())
        });
        match written {
            Some("1.0" | "1") => Some(AuthorizerEvent::Request1),
            Some("2.0" | "2") => Some(AuthorizerEvent::Request2),
            Some(other) => {
                self.reading.error(
                    "unknown-value",
                    version.place(),
                    format!("`{other}` is not a format of the payload"),
                    Some("write `\"1.0\"` or `\"2.0\"`"),
                );
                None
            }
            None => {
                self.reading.expected(version, "a version");
                None
            }
        }
    }

    fn result_ttl(&mut self) -> Option<u32> {
        let Some(found) = self.setting("authorizerResultTtlInSeconds", "resultTtlInSeconds") else {
            return Some(match self.reading.protocol {
                Protocol::Rest => 300,
                Protocol::Http => 0,
            });
        };
        // Some tools write the number as text, as AWS's own documentation does.
        let written = found.node.as_str().and_then(|text| text.parse().ok());
        let seconds = match written {
            Some(seconds) => seconds,
            None => self.reading.whole_number(&found)?,
        };
        let ttl = u32::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= LONGEST_TTL);
        if ttl.is_none() {
            self.reading.error(
                "out-of-range",
                found.place(),
                format!(
                    "`authorizerResultTtlInSeconds` must be between 0 and {LONGEST_TTL}, not \
                     {seconds}"
                ),
                None,
            );
        }
        ttl
    }

    fn identity_validation_expression(&mut self) -> Option<String> {
        if !self
            .kind
            .heeds("identityValidationExpression", self.reading.protocol)
        {
            return None;
        }
        let part = "identityValidationExpression";
        let expression = self.setting(part, part)?;
        let text = self.reading.text(&expression)?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn cognito(&mut self) -> Option<CognitoAuthorizer> {
        let identity_source = self.identity_source();
        // Looked at although it changes nothing: a fault is a fault.
        self.result_ttl();
        let pools = match self.setting("providerARNs", "userPools") {
            Some(pools) => self.reading.list(&pools),
            None => Some(Vec::new()),
        };
        let pools = pools?;
        if pools.is_empty() {
            self.missing(
                "providerARNs",
                "list the user pools: `[arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL]`",
            );
        }
        let mut user_pools = Vec::new();
        for (index, pool) in pools.iter().enumerate() {
            self.places
                .insert(format!("userPools/{index}"), pool.place());
            let Some(arn) = self.reading.text(pool) else {
                continue;
            };
            match issuer_of_pool(arn) {
                Some(issuer) => user_pools.push(UserPool {
                    keys: JwtKeys::JwksUri(format!("{issuer}/.well-known/jwks.json")),
                    issuer,
                }),
                None => self.reading.error(
                    "unknown-value",
                    pool.place(),
                    format!("`{arn}` is not the ARN of a user pool"),
                    Some("write `arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL`"),
                ),
            }
        }
        Some(CognitoAuthorizer {
            identity_source: identity_source?,
            identity_validation_expression: self.identity_validation_expression(),
            user_pools,
            leeway_in_seconds: 0,
        })
    }
}

/// The issuer of a user pool's tokens: `https://cognito-idp.REGION.amazonaws.com/POOL`.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html>
fn issuer_of_pool(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let pool = resource.strip_prefix("userpool/")?;
    let is_name = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !text.is_empty() && text.bytes().all(known)
    };
    if scheme != "arn" || service != "cognito-idp" || !is_name(region) || !is_name(pool) {
        return None;
    }
    let domain = match partition {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    Some(format!("https://cognito-idp.{region}.{domain}/{pool}"))
}

#[cfg(test)]
mod tests;
