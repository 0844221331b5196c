//! Which requests get the same response from a stage's cache: `cacheKeyParameters` and
//! `cacheNamespace`.

use attache_model::{CacheKey, Protocol};

use super::{Kind, Part, is_empty};
use crate::openapi::Located;

/// What a parameter of a key may be called.
const FORMS: &str = "write `method.request.path.NAME`, `method.request.querystring.NAME` or \
                     `method.request.header.NAME`, or `integration.request.…` for what \
                     `requestParameters` map";

/// The parameters that an operation says that it has, those of its path item included.
pub(in crate::openapi) struct Declared<'d> {
    /// The path of the operation.
    pub(in crate::openapi) path: &'d str,
    /// By where they are, `path`, `query` or `header`, and by name.
    pub(in crate::openapi) parameters: Vec<(&'d str, &'d str)>,
}

impl Declared<'_> {
    fn has(&self, kind: &str, name: &str) -> bool {
        let place = match kind {
            "path" => "path",
            "querystring" | "multivaluequerystring" => "query",
            "header" | "multivalueheader" => "header",
            _ => return false,
        };
        // What stands in the path is there in every request, declared or not.
        (place == "path" && path_parameters(self.path).any(|found| found == name))
            || self.parameters.iter().any(|(found, other)| {
                *found == place
                    && match place {
                        "header" => other.eq_ignore_ascii_case(name),
                        _ => *other == name,
                    }
            })
    }
}

/// The names of the parameters in a resource path; a greedy one without its `+`.
pub(crate) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.strip_suffix('+').unwrap_or(name))
    })
}

impl<'d> Part<'_, 'd, '_> {
    /// The key. AWS refuses a parameter that the method does not declare, or that the integration
    /// does not map: "Invalid cache key parameter specified".
    pub(super) fn cache_key(&mut self, declared: &Declared<'_>) -> CacheKey {
        let mut key = CacheKey::default();
        if self.reading.protocol == Protocol::Http {
            for field in ["cacheKeyParameters", "cacheNamespace"] {
                if let Some(value) = self.get(field).filter(|value| !is_empty(value.node)) {
                    self.reading.warning(
                        "field-without-effect",
                        value.place(),
                        format!("`{field}` has no effect: HTTP APIs have no cache"),
                        None,
                    );
                }
            }
            return key;
        }
        if let Some(namespace) = self.get("cacheNamespace") {
            self.places.insert("/cacheKey/namespace", namespace.place());
            key.namespace = self.reading.text(&namespace).map(str::to_owned);
            if key.namespace.as_deref() == Some("") {
                self.reading.error(
                    "cache-key",
                    namespace.place(),
                    "`cacheNamespace` is empty",
                    Some("take it out: then the operations of a path share one"),
                );
            }
        }
        let Some(parameters) = self.get("cacheKeyParameters") else {
            return key;
        };
        self.places
            .insert("/cacheKey/parameters", parameters.place());
        for parameter in self.reading.list(&parameters).unwrap_or_default() {
            let Some(text) = self.reading.text(&parameter) else {
                continue;
            };
            if key.parameters.iter().any(|other| other == text) {
                self.reading.warning(
                    "field-without-effect",
                    parameter.place(),
                    format!("`{text}` is a part of the cache key already"),
                    None,
                );
            } else if self.is_cache_key_parameter(&parameter, text, declared) {
                let part = format!("/cacheKey/parameters/{}", key.parameters.len());
                self.places.insert(part, parameter.place());
                key.parameters.push(text.to_owned());
            }
        }
        key
    }

    /// Whether a parameter can be a part of the key; else the reason is reported.
    fn is_cache_key_parameter(
        &mut self,
        found: &Located<'d>,
        text: &str,
        declared: &Declared<'_>,
    ) -> bool {
        let refuse = |part: &mut Self, reason: String, hint: &str| {
            part.reading
                .error("cache-key", found.place(), reason, Some(hint));
            false
        };
        let named = |rest: &'_ str| {
            let (kind, name) = rest.split_once('.')?;
            let is_known = matches!(
                kind,
                "path" | "querystring" | "header" | "multivaluequerystring" | "multivalueheader"
            );
            (is_known && !name.is_empty()).then(|| (kind.to_owned(), name.to_owned()))
        };
        if let Some((kind, name)) = text.strip_prefix("method.request.").and_then(named) {
            if declared.has(&kind, &name) {
                return true;
            }
            let hint = match kind.as_str() {
                "path" => "name a parameter of the path; a greedy one without its `+`".to_owned(),
                _ => format!(
                    "declare it under `parameters`: `{{name: {name}, in: {}, schema: {{type: \
                     string}}}}`",
                    if kind.ends_with("header") {
                        "header"
                    } else {
                        "query"
                    }
                ),
            };
            return refuse(
                self,
                format!("the operation has no parameter `{text}` to be a part of the cache key"),
                &hint,
            );
        }
        let mapped = text.strip_prefix("integration.request.").and_then(named);
        let Some((kind, _)) = mapped.filter(|(kind, _)| !kind.starts_with("multivalue")) else {
            return refuse(
                self,
                format!("`{text}` cannot be a part of the cache key"),
                FORMS,
            );
        };
        if self.kind == Kind::AwsProxy {
            return refuse(
                self,
                format!(
                    "an `aws_proxy` integration maps nothing to `{text}`, so it cannot be a part \
                     of the cache key"
                ),
                "name the request's own parameter, as `method.request.…`",
            );
        }
        let parameters = self.get("requestParameters");
        let is_mapped = parameters.is_some_and(|parameters| {
            parameters
                .entries()
                .iter()
                .any(|entry| match kind.as_str() {
                    "header" => entry.key.eq_ignore_ascii_case(text),
                    _ => entry.key == text,
                })
        });
        is_mapped
            || refuse(
                self,
                format!("the integration maps nothing to `{text}` to be a part of the cache key"),
                "map it under `requestParameters`, or name the request's own parameter as \
                 `method.request.…`",
            )
    }
}

/// What an operation declares, read without a word: what is wrong with a parameter is told where
/// requests are validated.
pub(in crate::openapi) fn declared<'d>(
    document: &'d crate::document::Document,
    path: &'d str,
    item: &Located<'d>,
    operation: &Located<'d>,
) -> Declared<'d> {
    let mut parameters = Vec::new();
    for list in [operation, item]
        .iter()
        .filter_map(|owner| owner.get("parameters"))
    {
        for parameter in list.items() {
            let Ok(parameter) = document.resolve(parameter.node, &parameter.pointer) else {
                continue;
            };
            let field = |name: &str| parameter.node.get(name).and_then(|value| value.as_str());
            if let (Some(place), Some(name)) = (field("in"), field("name")) {
                parameters.push((place, name));
            }
        }
    }
    Declared { path, parameters }
}

#[cfg(test)]
mod tests;
