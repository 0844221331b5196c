//! From the configuration document to what is said to browsers.

use attache_model::{self as model, Gateway, Protocol, Verb};

use super::{Cors, CorsConfigurations, Origins};
use crate::compile_error::CompileError;
use crate::headers::is_field_name;

/// AWS lets browsers keep an answer for a day at most.
const LONGEST_AGE: i32 = 86_400;

impl CorsConfigurations {
    /// Compiles the configurations of all APIs.
    ///
    /// # Errors
    ///
    /// Every fault, each with its JSON pointer.
    pub fn compile(gateway: &Gateway) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let mut apis = Vec::with_capacity(gateway.apis.len());
        for (position, api) in gateway.apis.iter().enumerate() {
            let pointer = format!("/apis/{position}/cors");
            apis.push(match (&api.cors, api.protocol) {
                (None, _) => None,
                (Some(definition), Protocol::Http) => {
                    Cors::compile(definition, &pointer, &mut errors)
                }
                (Some(_), Protocol::Rest) => {
                    errors.push(
                        CompileError::new(pointer, "a CORS configuration is for HTTP APIs only")
                            .hint("give the resources of a REST API an OPTIONS method"),
                    );
                    None
                }
            });
        }
        if errors.is_empty() {
            Ok(Self { apis })
        } else {
            Err(errors)
        }
    }
}

impl Cors {
    fn compile(
        definition: &model::Cors,
        pointer: &str,
        errors: &mut Vec<CompileError>,
    ) -> Option<Self> {
        let before = errors.len();
        let mut fault = |place: &str, reason: String, hint: &str| {
            errors.push(CompileError::new(format!("{pointer}/{place}"), reason).hint(hint));
        };
        for (place, list) in [
            ("allowHeaders", &definition.allow_headers),
            ("exposeHeaders", &definition.expose_headers),
        ] {
            for (position, name) in list.iter().enumerate() {
                if !is_field_name(name) {
                    fault(
                        &format!("{place}/{position}"),
                        format!("`{name}` is not the name of a header field"),
                        "use letters, digits and hyphens, or `*` for all",
                    );
                }
            }
        }
        for (position, name) in definition.allow_methods.iter().enumerate() {
            let is_method = name == "*" || Verb::from_request(name.as_bytes()).is_some();
            if !is_method {
                fault(
                    &format!("allowMethods/{position}"),
                    format!("`{name}` is not a method that API Gateway serves"),
                    "use DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT, or `*` for all",
                );
            }
        }
        if let Some(age) = definition.max_age
            && !(-1..=LONGEST_AGE).contains(&age)
        {
            fault(
                "maxAge",
                format!("an answer cannot be kept for {age} seconds"),
                "use 0 to 86400 seconds, or -1 for not at all",
            );
        }
        let is_any = definition.allow_origins.iter().any(|origin| origin == "*");
        if is_any && definition.allow_credentials {
            fault(
                "allowCredentials",
                "credentials cannot be allowed to all origins".to_owned(),
                "name the origins in `allowOrigins`, or `https://*` for all that are encrypted",
            );
        }
        let (mut exact, mut schemes) = (Vec::new(), Vec::new());
        for (position, origin) in definition.allow_origins.iter().enumerate() {
            match origin.as_str() {
                "*" => {}
                "http://*" => schemes.push("http://"),
                "https://*" => schemes.push("https://"),
                origin if is_origin(origin) => exact.push(origin.into()),
                origin => fault(
                    &format!("allowOrigins/{position}"),
                    format!("`{origin}` is not an origin"),
                    "write it like `https://www.example.com`, without a path; \
                     `https://*`, `http://*` and `*` stand for several",
                ),
            }
        }
        if errors.len() > before {
            return None;
        }
        let joined = |list: &[String]| (!list.is_empty()).then(|| list.join(",").into_bytes());
        let preflight = [
            (
                "access-control-allow-methods",
                joined(&definition.allow_methods),
            ),
            (
                "access-control-allow-headers",
                joined(&definition.allow_headers),
            ),
            (
                "access-control-max-age",
                definition.max_age.map(|age| age.to_string().into_bytes()),
            ),
        ];
        let preflight = preflight
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)));
        Some(Self {
            origins: if is_any {
                Origins::Any
            } else {
                Origins::These {
                    exact: exact.into(),
                    schemes: schemes.into(),
                }
            },
            allow_credentials: definition.allow_credentials,
            preflight: preflight.collect(),
            expose_headers: joined(&definition.expose_headers),
        })
    }
}

/// A scheme and a host, maybe with a port; or what pages without an origin send.
fn is_origin(text: &str) -> bool {
    if text == "null" {
        return true;
    }
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let in_host = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
    };
    !scheme.is_empty()
        && !host.is_empty()
        && scheme.bytes().all(in_scheme)
        && host.bytes().all(in_host)
}
