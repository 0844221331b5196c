//! The authorizers of a definition, with what `attache.yaml` says of them.

use std::collections::BTreeMap;
use std::path::Path;

use attache_model::{
    Authorizer, AuthorizerKind, CognitoAuthorizer, JwtAuthorizer, JwtKeys, LambdaAuthorizer,
};
use serde_json::Value as Json;

use super::usage_plan::advice;
use super::{Lowering, Place, Pointer, beside};
use crate::configuration::{self, suggestion};
use crate::document::Document;
use crate::openapi::{ImportedAuthorizer, discovery_of};

/// What a definition says of its authorizers.
pub(super) struct Declared<'a> {
    /// Those that operations ask for.
    pub(super) asked_for: Vec<ImportedAuthorizer>,
    /// The names of all.
    pub(super) names: &'a [String],
    /// Whether all of the definition could be read.
    pub(super) is_complete: bool,
    /// The definition.
    pub(super) file: &'a Path,
}

/// One authorizer's settings and where they stand.
struct Settings<'a> {
    name: &'a str,
    settings: &'a configuration::Authorizer,
    pointer: Pointer,
    /// The authorizer's pointer in the model.
    model: &'a str,
}

impl Lowering<'_> {
    /// The authorizers of one API; `pointer` is the API's in `attache.yaml`, `model` in the model.
    pub(super) fn authorizers(
        &mut self,
        declared: Declared<'_>,
        settings: &BTreeMap<String, configuration::Authorizer>,
        endpoints: &configuration::Endpoints,
        pointer: &Pointer,
        model: &str,
    ) -> Vec<Authorizer> {
        let mut authorizers = Vec::new();
        for imported in declared.asked_for {
            let model = format!("{model}/authorizers/{}", authorizers.len());
            for (part, place) in imported.places {
                let model = match part.as_str() {
                    "" => model.clone(),
                    part => format!("{model}/{part}"),
                };
                let place = Place {
                    file: declared.file.to_owned(),
                    span: place.span,
                    pointer: place.pointer,
                };
                self.places.insert(model, place);
            }
            let mut authorizer = imported.authorizer;
            if let (AuthorizerKind::Cognito(cognito), Some(endpoint)) =
                (&mut authorizer.kind, endpoints.get("cognito"))
            {
                fetch_from(cognito, &endpoint.url);
            }
            let name = authorizer.name.clone();
            if let Some(settings) = settings.get(&name) {
                self.refine(
                    &mut authorizer,
                    &Settings {
                        name: &name,
                        settings,
                        pointer: pointer.key("authorizers").key(&name),
                        model: &model,
                    },
                );
            }
            if let AuthorizerKind::Lambda(lambda) = &authorizer.kind {
                self.check_uri(&name, lambda, endpoints, &model);
            }
            authorizers.push(authorizer);
        }
        self.check_names(
            &authorizers,
            declared.names,
            declared.is_complete,
            settings,
            pointer,
        );
        authorizers
    }

    /// Whether every authorizer that `attache.yaml` names is one of the definition's.
    fn check_names(
        &mut self,
        authorizers: &[Authorizer],
        declared: &[String],
        is_complete: bool,
        settings: &BTreeMap<String, configuration::Authorizer>,
        pointer: &Pointer,
    ) {
        for name in settings.keys() {
            let pointer = pointer.key("authorizers").key(name);
            if !declared.contains(name) {
                self.refuse_name(
                    "unknown-authorizer",
                    &pointer,
                    format!("the definition has no security scheme `{name}` with an authorizer"),
                    advice(name, declared, "the authorizers are"),
                );
            } else if is_complete && authorizers.iter().all(|known| known.name != *name) {
                self.warn(
                    "authorizer-without-operation",
                    &pointer,
                    format!("no operation asks for the authorizer `{name}`"),
                    "name it under `security` in the definition, or remove it here",
                );
            }
        }
    }

    /// Whether the function can be called.
    fn check_uri(
        &mut self,
        name: &str,
        lambda: &LambdaAuthorizer,
        endpoints: &configuration::Endpoints,
        model: &str,
    ) {
        let uri = lambda.uri.as_str();
        if uri.starts_with("http://") || uri.starts_with("https://") {
            return;
        }
        let Some(place) = self.places.find(&format!("{model}/uri")) else {
            return;
        };
        let is_invocation = uri.starts_with("arn:")
            && uri.contains(":lambda:path/")
            && uri
                .split_once("/functions/")
                .is_some_and(|(_, function)| function.len() > "/invocations".len())
            && uri.ends_with("/invocations");
        if !is_invocation {
            self.refuse_at(
                "authorizer-uri",
                &place,
                format!("`{uri}` says nothing of where the function `{name}` is"),
                "write `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations`, \
                 or the URL of a web service",
            );
        } else if !endpoints.contains_key("lambda") {
            self.refuse_at(
                "no-lambda-endpoint",
                &place,
                format!("`{name}` is a Lambda function, and nothing says where Lambda is"),
                format!(
                    "in {}, write `endpoints: {{lambda: {{url: \"http://…\"}}}}`, or give the API \
                     `authorizers: {{{name}: {{url: \"http://…\"}}}}` for a web service in its place",
                    super::FILE_NAME
                ),
            );
        }
    }

    fn refine(&mut self, authorizer: &mut Authorizer, given: &Settings<'_>) {
        match &mut authorizer.kind {
            AuthorizerKind::Lambda(lambda) => self.refine_lambda(lambda, given),
            AuthorizerKind::Jwt(jwt) => self.refine_jwt(jwt, given),
            AuthorizerKind::Cognito(cognito) => self.refine_cognito(cognito, given),
        }
    }

    /// Refuses settings that mean nothing to an authorizer of a kind.
    fn check_fit(&mut self, given: &Settings<'_>, kind: &str, allowed: &[&str]) {
        let settings = given.settings;
        let present = [
            ("url", settings.url.is_some()),
            ("timeoutInMillis", settings.timeout_in_millis.is_some()),
            ("issuer", settings.issuer.is_some()),
            ("jwks", settings.jwks.is_some()),
            ("jwksUri", settings.jwks_uri.is_some()),
            ("leewayInSeconds", settings.leeway_in_seconds.is_some()),
        ];
        for (name, is_present) in present {
            if is_present && !allowed.contains(&name) {
                self.refuse_name(
                    "setting-does-not-fit",
                    &given.pointer.key(name),
                    format!(
                        "`{name}` is no setting of `{}`, which is {kind}",
                        given.name
                    ),
                    format!(
                        "the settings of {kind} are {}",
                        suggestion::list(allowed, "and")
                    ),
                );
            }
        }
    }

    fn refine_lambda(&mut self, lambda: &mut LambdaAuthorizer, given: &Settings<'_>) {
        self.check_fit(given, "a Lambda authorizer", &["url", "timeoutInMillis"]);
        if let Some(url) = &given.settings.url {
            self.remember(format!("{}/uri", given.model), &given.pointer.key("url"));
            lambda.uri.clone_from(url);
        }
        if let Some(timeout) = given.settings.timeout_in_millis {
            self.remember(
                format!("{}/timeoutInMillis", given.model),
                &given.pointer.key("timeoutInMillis"),
            );
            lambda.timeout_in_millis = timeout;
        }
    }

    fn refine_jwt(&mut self, jwt: &mut JwtAuthorizer, given: &Settings<'_>) {
        let fits = ["issuer", "jwks", "jwksUri", "leewayInSeconds"];
        self.check_fit(given, "a JWT authorizer", &fits);
        self.check_only("issuers", jwt.issuers.len(), given);
        let keys = self.keys(given, "issuers");
        if let [only] = jwt.issuers.as_mut_slice() {
            if let Some(issuer) = &given.settings.issuer {
                self.remember(
                    format!("{}/issuers/0", given.model),
                    &given.pointer.key("issuer"),
                );
                only.keys = JwtKeys::Discovery(discovery_of(issuer));
                only.issuer.clone_from(issuer);
            }
            if let Some(keys) = keys {
                only.keys = keys;
            }
        }
        jwt.leeway_in_seconds = given.settings.leeway_in_seconds.unwrap_or_default();
    }

    fn refine_cognito(&mut self, cognito: &mut CognitoAuthorizer, given: &Settings<'_>) {
        let fits = ["issuer", "jwks", "jwksUri", "leewayInSeconds"];
        self.check_fit(given, "a Cognito authorizer", &fits);
        self.check_only("user pools", cognito.user_pools.len(), given);
        let keys = self.keys(given, "userPools");
        if let [only] = cognito.user_pools.as_mut_slice() {
            if let Some(issuer) = &given.settings.issuer {
                self.remember(
                    format!("{}/userPools/0", given.model),
                    &given.pointer.key("issuer"),
                );
                // Where an endpoint serves the pool, it still has the keys.
                if only.keys == JwtKeys::JwksUri(jwks_of(&only.issuer)) {
                    only.keys = JwtKeys::JwksUri(jwks_of(issuer));
                }
                only.issuer.clone_from(issuer);
            }
            if let Some(keys) = keys {
                only.keys = keys;
            }
        }
        cognito.leeway_in_seconds = given.settings.leeway_in_seconds.unwrap_or_default();
    }

    /// Settings of an issuer are for an authorizer that has one.
    fn check_only(&mut self, what: &str, count: usize, given: &Settings<'_>) {
        let settings = given.settings;
        let present = [
            ("issuer", settings.issuer.is_some()),
            ("jwks", settings.jwks.is_some()),
            ("jwksUri", settings.jwks_uri.is_some()),
        ];
        for (name, is_present) in present {
            if is_present && count > 1 {
                self.refuse_name(
                    "setting-does-not-fit",
                    &given.pointer.key(name),
                    format!(
                        "`{name}` is for one issuer, and `{}` has {count} {what}",
                        given.name
                    ),
                    "remove it: each has its own in the definition",
                );
            }
        }
    }

    /// The keys that `attache.yaml` gives.
    fn keys(&mut self, given: &Settings<'_>, part: &str) -> Option<JwtKeys> {
        let pointer = |name| given.pointer.key(name);
        let model = format!("{}/{part}/0/keys", given.model);
        match (&given.settings.jwks, &given.settings.jwks_uri) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                self.refuse_name(
                    "two-key-sets",
                    &pointer("jwksUri"),
                    format!("`{}` has both `jwks` and `jwksUri`", given.name),
                    "keep `jwks` for keys in a file, or `jwksUri` for keys that are fetched",
                );
                None
            }
            (None, Some(uri)) => {
                self.remember(model, &pointer("jwksUri"));
                Some(JwtKeys::JwksUri(uri.clone()))
            }
            (Some(path), None) => {
                self.remember(model, &pointer("jwks"));
                self.key_set(path, &pointer("jwks")).map(JwtKeys::Jwks)
            }
        }
    }

    /// A JSON Web Key Set out of a file. It becomes a part of Envoy's configuration, which is no
    /// place for a private key.
    fn key_set(&mut self, path: &str, pointer: &Pointer) -> Option<Json> {
        let file = self.file_beside(path, "key set", pointer)?;
        let read = Document::read(&file, self.report);
        if let Some(text) = self
            .report
            .source(&file)
            .map(configuration::masked_unparsed)
        {
            self.report.add_source(file.as_path(), text);
        }
        let set = read?.root.to_json();
        let keys = set.get("keys").and_then(Json::as_array);
        let Some(keys) = keys else {
            self.refuse(
                "key-set",
                pointer,
                format!("`{path}` is no JSON Web Key Set: it has no list `keys`"),
                "write `{\"keys\": [{\"kty\": \"RSA\", …}]}`, as the issuer publishes it",
            );
            return None;
        };
        let is_private = |key: &Json| key.get("d").is_some() || key.get("k").is_some();
        if keys.iter().any(is_private) {
            self.refuse(
                "private-key",
                pointer,
                format!("`{path}` holds a private key, and whoever has it can make tokens"),
                "keep the public members of each key alone, as the issuer publishes them",
            );
            return None;
        }
        Some(set)
    }

    /// A file that `attache.yaml` names.
    pub(super) fn file_beside(
        &mut self,
        path: &str,
        what: &str,
        pointer: &Pointer,
    ) -> Option<std::path::PathBuf> {
        let file = beside(&self.document.file, path);
        if file.is_file() {
            return Some(file);
        }
        let reason = if file.is_dir() {
            "is a folder"
        } else {
            "is not there"
        };
        self.refuse(
            "missing-file",
            pointer,
            format!("the {what} `{path}` {reason}"),
            format!(
                "the path starts at the folder of {}: this one means `{}`",
                super::FILE_NAME,
                file.display()
            ),
        );
        None
    }
}

/// Lets the keys of the pools come from an endpoint that is not AWS's.
fn fetch_from(cognito: &mut CognitoAuthorizer, url: &str) {
    let url = url.strip_suffix('/').unwrap_or(url);
    for pool in &mut cognito.user_pools {
        if let Some((_, id)) = pool.issuer.rsplit_once('/') {
            pool.keys = JwtKeys::JwksUri(jwks_of(&format!("{url}/{id}")));
        }
    }
}

/// Where the keys of a user pool are, by its issuer.
fn jwks_of(issuer: &str) -> String {
    format!("{issuer}/.well-known/jwks.json")
}
