//! From what was typed to a request as the proxy hands it to the filter.

use attache_model::{Api, Authorization, AuthorizerKind, Gateway, Operation, Verb};
use attache_policies::Headers;
use attache_policies::route::Routes;

use crate::configuration::suggestion::closest;

/// The name of the stage that has no path segment of its own.
const DEFAULT_STAGE: &str = "$default";

/// How many names a sentence bears.
const MOST_NAMES: usize = 16;

/// What was typed.
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) api: &'a str,
    pub(crate) stage: &'a str,
    pub(crate) headers: &'a [String],
    pub(crate) body_length: Option<usize>,
}

/// A request of which it is known that an operation serves it.
pub(crate) struct Request {
    pub(crate) headers: Headers,
    /// Whether the operation has a Lambda authorizer.
    pub(crate) asks_a_service: bool,
}

impl Subject<'_> {
    /// The request.
    ///
    /// # Errors
    ///
    /// When the configuration has no such API, stage or operation, or a header field is none.
    pub(crate) fn request(&self, gateway: &Gateway, routes: &Routes) -> Result<Request, String> {
        let apis = &gateway.apis;
        // What is deployed to its stages may differ: then there are several of one id.
        let mut entries = apis.iter().filter(|api| api.id == self.api).peekable();
        if entries.peek().is_none() {
            let known = apis.iter().map(|api| api.id.as_str());
            return Err(unknown("API", self.api, known));
        }
        let stages = entries.flat_map(|api| &api.stages);
        let stages = stages.filter(|stage| stage.canary.is_none());
        let stages: Vec<&str> = stages.map(|stage| stage.name.as_str()).collect();
        if !stages.contains(&self.stage) {
            let kind = format!("stage of `{}`", self.api);
            return Err(unknown(&kind, self.stage, stages));
        }
        let headers = self.headers()?;
        let (api, route) = match routes.find(&headers) {
            Ok(route) => (apis.get(route.api), Some(route)),
            Err(unmatched) => (unmatched.api.and_then(|api| apis.get(api)), None),
        };
        let (Some(api), Some(route)) = (api, route) else {
            return Err(self.unserved(api));
        };
        let stage = api.stages.get(route.stage);
        let stage = stage.map_or("", |stage| &stage.name);
        if (api.id.as_str(), stage) != (self.api, self.stage) {
            return Err(format!(
                "the request goes to the stage `{stage}` of `{}` instead: look at its path and its \
                 `Host`",
                api.id
            ));
        }
        let operation = api.operations.get(route.operation);
        Ok(Request {
            asks_a_service: operation
                .is_some_and(|operation| has_lambda_authorizer(api, operation)),
            headers,
        })
    }

    fn headers(&self) -> Result<Headers, String> {
        if Verb::from_request(self.method.as_bytes()).is_none() {
            let known = Verb::ALL.map(Verb::as_str);
            return Err(unknown("method", self.method, known));
        }
        if !self.path.starts_with('/') || !self.path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "`{}` is not a path: it begins with a slash, and has neither spaces nor letters \
                 that are not ASCII",
                self.path
            ));
        }
        let target = match self.stage {
            DEFAULT_STAGE => self.path.to_owned(),
            stage => format!("/{stage}{}", self.path),
        };
        let mut authority = format!("{}.localhost", self.api);
        let mut fields = Vec::new();
        for header in self.headers {
            let (name, value) = field(header)?;
            match name.as_str() {
                "host" => value.clone_into(&mut authority),
                _ => fields.push((name, value)),
            }
        }
        let length = self.body_length.map(|length| length.to_string());
        if let Some(length) = &length
            && !fields.iter().any(|(name, _)| name == "content-length")
        {
            fields.push(("content-length".to_owned(), length));
        }
        let pseudo = [
            (":authority", authority.as_str()),
            (":method", self.method),
            (":path", &target),
        ];
        let fields = fields.iter().map(|(name, value)| (name.as_str(), *value));
        let mut headers: Headers = pseudo.into_iter().chain(fields).collect();
        // The proxy writes it on every request.
        if !headers.contains(b"x-forwarded-proto") {
            headers.push(b"x-forwarded-proto", b"http");
        }
        Ok(headers)
    }

    /// What is said of a path and a method that no operation serves.
    fn unserved(&self, api: Option<&Api>) -> String {
        let wanted = format!("{} {}", self.method, self.path);
        let wanted = wanted.split('?').next().unwrap_or_default();
        let operations = api.into_iter().flat_map(|api| &api.operations);
        let names: Vec<String> = operations.map(name).collect();
        unknown(
            &format!("operation of `{}`", self.api),
            wanted,
            names.iter().map(String::as_str),
        )
    }
}

/// An operation as people call it.
pub(crate) fn name(operation: &Operation) -> String {
    match operation.path.starts_with('/') {
        true => format!("{} {}", operation.method.as_str(), operation.path),
        false => operation.path.clone(),
    }
}

fn has_lambda_authorizer(api: &Api, operation: &Operation) -> bool {
    match &operation.authorization {
        Authorization::Authorizer { index, .. } => api
            .authorizers
            .get(*index)
            .is_some_and(|authorizer| matches!(authorizer.kind, AuthorizerKind::Lambda(_))),
        Authorization::None | Authorization::AwsIam => false,
    }
}

/// A header field as it was typed, its name in lower case.
pub(crate) fn field(header: &str) -> Result<(String, &str), String> {
    let is_name = |name: &str| {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(is_token)
    };
    header
        .split_once(':')
        .map(|(name, value)| (name, value.trim()))
        .filter(|(name, value)| is_name(name) && !value.contains(['\r', '\n', '\0']))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .ok_or_else(|| format!("`{header}` is not a header field: write `Name: value`"))
}

/// What is said of a name that is not there.
pub(crate) fn unknown<'k>(
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let advice = match closest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => {
            let listed: Vec<String> = known
                .iter()
                .take(MOST_NAMES)
                .map(|name| format!("`{name}`"))
                .collect();
            let more = match known.len().saturating_sub(MOST_NAMES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("there is {}{more}", listed.join(", "))
        }
    };
    format!("`{name}` is no {kind}: {advice}")
}
