//! The schema's faults in the words of someone who writes `attache.yaml`.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value as Json;

use super::masking::SHORTEST_KEY;
use super::response_cache;
use super::shape::NOT_SUPPORTED_YET;
use super::suggestion;
use crate::diagnostic::{Diagnostic, Severity};
use crate::document::{Document, Node, Outline, Pointer, Value};

/// The least that can be served.
const FIRST_API: &str = "`petstore: {definition: openapi.yaml, stages: {prod: {}}}`";
const FIRST_LINES: &str =
    "start with `apis: {petstore: {definition: openapi.yaml, stages: {prod: {}}}}`";

/// The pointers of the values that must go for a fault to be gone; none when only a feature is
/// missing.
pub(super) fn faulty(error: &ValidationError<'_>) -> Vec<String> {
    let place = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| Pointer::from(place.to_owned()).key(name).into())
            .collect(),
        Kind::Custom { .. } => Vec::new(),
        _ => vec![place.to_owned()],
    }
}

/// What a fault is called, where it is, and what to do about it.
pub(super) fn diagnostics(
    error: &ValidationError<'_>,
    schema: &Json,
    document: &Document,
    outline: &Outline,
) -> Vec<Diagnostic> {
    let fault = Fault {
        pointer: Pointer::from(error.instance_path().as_str().to_owned()),
        rules: rules(error, schema),
        schema,
        document,
        outline,
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| fault.unknown_field(name))
            .collect(),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            if fault.is_misspelt(name) {
                return Vec::new();
            }
            vec![fault.missing_field(name)]
        }
        Kind::Type { kind } => vec![fault.wrong_type(kind)],
        Kind::Enum { options } => vec![fault.not_an_option(options)],
        Kind::Custom { keyword, .. } if keyword == NOT_SUPPORTED_YET => fault.not_supported_yet(),
        Kind::Minimum { limit } => vec![fault.out_of_range("at least", limit)],
        Kind::Maximum { limit } => vec![fault.out_of_range("at most", limit)],
        Kind::Pattern { pattern } if pattern.starts_with("^https?:") => vec![fault.no_address()],
        Kind::MinProperties { .. } | Kind::MinLength { .. } => vec![fault.empty()],
        _ => vec![fault.error("wrong-form", " is not of the expected form")],
    }
}

/// The schema that a fault breaks a keyword of.
fn rules<'a>(error: &ValidationError<'_>, schema: &'a Json) -> &'a Json {
    error
        .schema_path()
        .as_str()
        .rsplit_once('/')
        .and_then(|(rules, _)| schema.pointer(rules))
        .unwrap_or(schema)
}

/// A fault and all that is known about it.
struct Fault<'a> {
    pointer: Pointer,
    rules: &'a Json,
    schema: &'a Json,
    document: &'a Document,
    outline: &'a Outline,
}

impl Fault<'_> {
    fn node(&self) -> Option<&Node> {
        self.document.pointer(self.pointer.as_str())
    }

    /// What the faulty value is called: its name, or its number in its list.
    fn subject(&self) -> String {
        let steps = crate::document::parse_pointer(self.pointer.as_str()).unwrap_or_default();
        match steps.as_slice() {
            [] => "the file".to_owned(),
            [.., list, item] if self.is_item() => match item.parse::<usize>() {
                Ok(index) => format!("item {} of `{list}`", index + 1),
                Err(_) => format!("`{item}`"),
            },
            _ if self.id_may_be_a_key() => "what stands here".to_owned(),
            [.., name] => format!("`{name}`"),
        }
    }

    fn is_item(&self) -> bool {
        self.pointer
            .as_str()
            .rsplit_once('/')
            .and_then(|(parent, _)| self.document.pointer(parent))
            .is_some_and(|parent| parent.as_sequence().is_some())
    }

    /// Whether a name that is no setting may be a customer's key or a token in the wrong place, or
    /// what follows a comma in one without quotes.
    fn may_be_a_key(&self, name: &str) -> bool {
        (self.in_api_keys() || self.in_management_api() || self.in_redis_auth())
            && suggestion::meant(name, &self.known_fields()).is_none()
            && self.place_elsewhere(name).is_none()
    }

    /// Whether the fault is in what should be the settings of an API key, and its id is long
    /// enough for a key: `apiKeys: {THE_KEY: [gold]}`.
    fn id_may_be_a_key(&self) -> bool {
        let id = self.pointer.as_str().rsplit('/').next();
        self.is_api_key() && id.is_some_and(|id| id.len() >= SHORTEST_KEY)
    }

    fn in_api_keys(&self) -> bool {
        self.pointer.as_str().starts_with("/apiKeys/")
    }

    fn in_management_api(&self) -> bool {
        self.pointer.as_str().starts_with("/managementApi")
    }

    fn in_redis_auth(&self) -> bool {
        self.pointer.as_str().starts_with("/state/redis/auth")
    }

    /// Whether what is written here may be a key or a secret, and must not be repeated.
    fn may_hold_a_secret(&self) -> bool {
        self.in_api_keys()
            || self.in_management_api()
            || self.in_redis_auth()
            || self.pointer.as_str().starts_with("/credentials/")
    }

    /// An error at the faulty value, or at its name when the value is a whole block or nothing.
    /// Advice is what the schema says about the setting, until something better is known.
    fn error(&self, code: &'static str, predicate: &str) -> Diagnostic {
        let pointer = if self.id_may_be_a_key() {
            "/apiKeys"
        } else {
            self.pointer.as_str()
        };
        let diagnostic = Diagnostic::error(
            code,
            &self.document.file,
            self.outline.place(&self.pointer),
            pointer,
            format!("{}{predicate}", self.subject()),
        );
        match self.rules.get("description").and_then(Json::as_str) {
            Some(description) => diagnostic.hint(on_one_line(description)),
            None => diagnostic,
        }
    }

    fn unknown_field(&self, name: &str) -> Diagnostic {
        if self.is_credential() && is_secret_by_name(name) {
            return self.secret_in_clear(name);
        }
        let thing = self
            .rules
            .get("title")
            .and_then(Json::as_str)
            .map_or_else(|| self.subject(), |title| format!("this {title}"));
        let thing = if self.pointer == Pointer::root() {
            "attache.yaml".to_owned()
        } else {
            thing
        };
        let entry = self.node().and_then(|node| node.entry(name));
        let span = entry.map_or(0..0, |entry| entry.key_span.clone());
        let known = self.known_fields();
        if self.may_be_a_key(name) {
            return Diagnostic::error(
                "unknown-field",
                &self.document.file,
                span,
                self.pointer.as_str(),
                format!(
                    "what stands here is no setting of {thing}, and may be a part of its value"
                ),
            )
            .hint(if self.in_management_api() || self.in_redis_auth() {
                "write the token in quotes: `token: \"…\"`"
            } else {
                "write the value in quotes: `value: \"…\"`"
            });
        }
        Diagnostic::error(
            "unknown-field",
            &self.document.file,
            span,
            self.pointer.key(name),
            format!("`{name}` is not a setting of {thing}"),
        )
        .hint(self.advice_for_unknown(name, &known))
    }

    /// A secret that stands where only the way to it may stand.
    fn secret_in_clear(&self, name: &str) -> Diagnostic {
        let entry = self.node().and_then(|node| node.entry(name));
        let setting = if name.to_lowercase().contains("token") {
            "sessionToken"
        } else {
            "secretAccessKey"
        };
        Diagnostic::error(
            "unprotected-secret",
            &self.document.file,
            entry.map_or(0..0, |entry| entry.key_span.clone()),
            self.pointer.key(name),
            format!("`{name}` cannot stand here: a secret is not for a file that people share"),
        )
        .hint(format!(
            "write it into a file that only you can read, and name that: `{setting}File: …`; or \
             into an environment variable: `{setting}Env: …`"
        ))
    }

    fn known_fields(&self) -> Vec<&str> {
        self.rules
            .get("properties")
            .and_then(Json::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    fn advice_for_unknown(&self, name: &str, known: &[&str]) -> String {
        if let Some(advice) = self.advice_for_cache(name) {
            return advice;
        }
        if let Some(meant) = suggestion::meant(name, known) {
            return format!("did you mean `{meant}`?");
        }
        if let Some(above) = self.empty_setting_above(name) {
            return format!(
                "`{above}` above holds nothing: if `{name}` belongs to it, indent `{name}` further"
            );
        }
        if let Some(advice) = self.place_elsewhere(name) {
            return advice;
        }
        format!("the settings here are {}", suggestion::list(known, "and"))
    }

    /// What AWS's own name for a setting of a stage's cache is here.
    fn advice_for_cache(&self, name: &str) -> Option<String> {
        let owner = self.rules.get("title").and_then(Json::as_str)?;
        let entry = self.node()?.entry(name)?;
        response_cache::advice(owner, name, &entry.value)
    }

    /// The setting directly above an entry, if nothing stands under it.
    fn empty_setting_above(&self, name: &str) -> Option<&str> {
        let entries = self.node()?.as_mapping()?;
        let index = entries.iter().position(|entry| entry.key == name)?;
        let above = entries.get(index.checked_sub(1)?)?;
        (above.value.is_null() && !self.may_be_a_key(&above.key)).then_some(above.key.as_str())
    }

    /// Where a setting of this name belongs.
    fn place_elsewhere(&self, name: &str) -> Option<String> {
        if self.schema.pointer("/properties")?.get(name).is_some() {
            return Some("it belongs at the start of a line: remove its indentation".to_owned());
        }
        let types = self.schema.get("$defs")?.as_object()?;
        types.values().find_map(|owner| {
            owner.get("properties")?.get(name)?;
            let title = owner.get("title")?.as_str()?;
            let article = if title.starts_with(['a', 'A', 'e', 'i', 'o', 'u']) {
                "an"
            } else {
                "a"
            };
            Some(format!(
                "it is a setting of {article} {title}: check the indentation"
            ))
        })
    }

    /// Whether a setting is missing only because it stands there under a name that is reported
    /// already, with the right one.
    fn is_misspelt(&self, name: &str) -> bool {
        let known = self.known_fields();
        let entries = self.node().and_then(Node::as_mapping).unwrap_or_default();
        entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
            .any(|entry| suggestion::meant(&entry.key, &known) == Some(name))
    }

    fn missing_field(&self, name: &str) -> Diagnostic {
        let error = self.error("missing-field", &format!(" lacks `{name}`"));
        let description = self
            .rules
            .pointer(&format!("/properties/{name}/description"))
            .and_then(Json::as_str);
        match description {
            Some(description) => error.hint(format!("`{name}`: {}", on_one_line(description))),
            None => error,
        }
    }

    fn wrong_type(&self, expected: &TypeKind) -> Diagnostic {
        let expected = match expected {
            TypeKind::Single(kind) => kind.to_string(),
            // The only such setting is an IAM policy.
            TypeKind::Multiple(_) => "policy".to_owned(),
        };
        let Some(node) = self.node() else {
            return self.error("wrong-type", " has the wrong type");
        };
        if self.id_may_be_a_key() {
            return self
                .error(
                    "wrong-type",
                    " must be the id of an API key and its settings",
                )
                .hint("write `acme: {value: …, usagePlans: […]}`, with an id in front");
        }
        if node.is_null() {
            let error = self.error("empty-setting", " holds nothing");
            return match expected.as_str() {
                _ if self.pointer == Pointer::root() => error.hint(FIRST_LINES),
                "object" if self.may_be_empty() => error.hint(
                    "write its settings below it, indented further than itself, or `{}` for none",
                ),
                "object" => error.hint("write its settings below it, indented further than itself"),
                _ => error.hint("give it a value, or remove it"),
            };
        }
        if matches!(node.value, Value::Float(number) if !number.is_finite()) {
            return self.error("wrong-type", " must be a finite number");
        }
        let wanted = match expected.as_str() {
            "object" => "a mapping (`name: value`)",
            "array" => "a list (`[first, second]`)",
            "string" => "text",
            "number" => "a number",
            "integer" => "a whole number",
            "boolean" => "`true` or `false`",
            "policy" => "text or a mapping",
            _ => "of another type",
        };
        let found = match (&node.value, expected.as_str()) {
            (Value::Float(_), "integer") => "a fraction",
            _ => node.kind(),
        };
        let error = self.error("wrong-type", &format!(" must be {wanted}, not {found}"));
        match (&node.value, expected.as_str()) {
            (_, "object") if self.pointer == Pointer::root() => error.hint(FIRST_LINES),
            (Value::Bool(enabled), "object") if self.pointer.as_str().ends_with("/cacheCluster") => {
                error.hint(format!("write `cacheCluster: {{enabled: {enabled}}}`"))
            }
            (Value::Bool(_), "string") if self.pointer.as_str() == "/accessLog" => {
                error.hint("write `on`, `off` or the path of a file")
            }
            (Value::Mapping(_), "array") => {
                error.hint("make it a list: put a dash and a space in front of its first line")
            }
            (_, "string") if self.may_hold_a_secret() => error.hint("put it in quotes"),
            (Value::Bool(_) | Value::Integer(_) | Value::Float(_), "string") => {
                match self.document.text.get(node.span.clone()) {
                    Some(text) => error.hint(format!("put it in quotes: `\"{text}\"`")),
                    None => error,
                }
            }
            (Value::String(text), "number" | "integer")
                if !self.may_hold_a_secret() && text.parse::<f64>().is_ok() =>
            {
                error.hint(format!("remove the quotes: `{text}`"))
            }
            (Value::String(_), "boolean") => error.hint("write `true` or `false` without quotes"),
            (Value::String(text), "array") if !self.may_hold_a_secret() => {
                error.hint(format!("write `[{text}]`"))
            }
            (Value::Sequence(_), "object") => {
                error.hint("give each item a name, `name:`, in place of its dash")
            }
            (Value::String(_), "object") if self.is_credential() => error.hint(
                "write `{secretAccessKeyFile: …, principal: {arn: …}}`, and the secret into the file",
            ),
            (Value::String(_), "object") if self.in_management_api() => {
                error.hint("write `managementApi: {tokenFile: …}`, and the token into the file")
            }
            (Value::String(_), "object") if self.in_redis_auth() => {
                error.hint("write `auth: {tokenFile: …}`, and the token into the file")
            }
            (Value::String(_), "object") if self.pointer.as_str().starts_with("/state") => {
                error.hint("write `state: {redis: {url: …}}`")
            }
            (Value::String(_), "object") if self.is_api_key() => {
                error.hint("write a key's value as `{value: …, usagePlans: […]}`")
            }
            _ => error,
        }
    }

    /// Whether `{}` would be a value.
    fn may_be_empty(&self) -> bool {
        ["required", "minProperties"]
            .iter()
            .all(|keyword| self.rules.get(keyword).is_none())
    }

    /// Whether this is a key under `apiKeys`, and not one of its settings.
    fn is_api_key(&self) -> bool {
        self.in_api_keys() && self.pointer.as_str().matches('/').count() == 2
    }

    /// Whether this is an access key under `credentials`, and not one of its settings.
    fn is_credential(&self) -> bool {
        let pointer = self.pointer.as_str();
        pointer.starts_with("/credentials/") && pointer.matches('/').count() == 2
    }

    fn no_address(&self) -> Diagnostic {
        let error = self.error("wrong-form", " is not an address");
        let text = self.node().and_then(Node::as_str).unwrap_or_default();
        if text.starts_with("redis:") || text.starts_with("rediss:") {
            return error.hint(
                "Envoy's filters reach Redis over HTTP alone: put Webdis in front of it, and write \
                 its address, `http://HOST:7379`",
            );
        }
        error.hint("write it with its scheme: `http://HOST:PORT` or `https://HOST`")
    }

    fn not_an_option(&self, options: &Json) -> Diagnostic {
        let options: Vec<&str> = options
            .as_array()
            .map(|options| options.iter().filter_map(Json::as_str).collect())
            .unwrap_or_default();
        let found = self.node().and_then(Node::as_str);
        let error = self.error(
            "unknown-value",
            &format!(" must be {}", suggestion::list(&options, "or")),
        );
        match found.and_then(|text| suggestion::closest(text, options.iter().copied())) {
            Some(close) => error.hint(format!("did you mean `{close}`?")),
            None => error,
        }
    }

    fn out_of_range(&self, relation: &str, limit: &Json) -> Diagnostic {
        let error = self.error("out-of-range", &format!(" must be {relation} {limit}"));
        let is_limit = self.pointer.as_str().ends_with("Limit");
        if is_limit && relation == "at least" {
            return error.hint("leave the throttle out to set no limit; 0 admits nothing");
        }
        error
    }

    fn empty(&self) -> Diagnostic {
        let error = self.error("empty-setting", " is empty");
        match self.pointer.as_str() {
            "/apis" => error.hint(format!("declare an API: {FIRST_API}")),
            _ => error,
        }
    }

    fn not_supported_yet(&self) -> Vec<Diagnostic> {
        // The rules here are the keyword's parent, so the keyword's own value is one step down.
        let Some(keyword) = self.rules.get(NOT_SUPPORTED_YET) else {
            return Vec::new();
        };
        let feature = keyword
            .get("feature")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let harmless = keyword.get("harmless").is_some();
        let mut diagnostic = self.error(
            "not-supported-yet",
            &if harmless {
                format!(" has no effect: {feature} is not supported yet")
            } else {
                format!(" asks for {feature}, which is not supported yet")
            },
        );
        if harmless {
            diagnostic.severity = Severity::Warning;
        }
        vec![diagnostic.hint(match keyword.get("unless") {
            Some(off) if off.is_object() => "remove it, or set `enabled: false`".to_owned(),
            Some(off) => format!("remove it, or set it to `{}`", plain(off)),
            None => "remove it".to_owned(),
        })]
    }
}

/// Whether a name is what people call the secrets of AWS credentials.
fn is_secret_by_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    matches!(
        plain.as_str(),
        "secretaccesskey"
            | "awssecretaccesskey"
            | "secretkey"
            | "secret"
            | "sessiontoken"
            | "awssessiontoken"
            | "token"
    )
}

fn plain(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A doc comment without its line breaks, in the style of a hint: no capital, no full stop.
fn on_one_line(description: &str) -> String {
    let text = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.strip_suffix('.').unwrap_or(&text);
    let mut characters = text.chars();
    let second_is_capital = text.chars().nth(1).is_some_and(char::is_uppercase);
    match characters.next() {
        Some(first) if !second_is_capital => first.to_lowercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}
