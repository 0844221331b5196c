//! Where gateways share their limits.

use attache_model::{self as model, SealedSecret, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;

use super::management_api::bearer_fault;
use super::{Lowering, Pointer};
use crate::configuration::{OnFailure, Redis, RedisAuth, RedisDialect, State};
use crate::plain_http::is_readable_on_the_way;

/// How secrets for Redis are kept.
const KEEP_OUT: &str = "write `tokenFile: …`, or `username: …` and `passwordFile: …`: files that \
                        only you can read";

impl Lowering<'_> {
    pub(super) fn state(&mut self, state: Option<&State>) -> Option<model::State> {
        let redis = &state?.redis;
        let pointer = Pointer::root().key("state");
        self.remember_name("/state", &pointer);
        let pointer = pointer.key("redis");
        for (model, setting) in [
            ("url", "url"),
            ("dialect", "dialect"),
            ("authorization", "auth"),
            ("prefix", "prefix"),
            ("onFailure", "onFailure"),
            ("timeoutMillis", "timeoutMs"),
            ("apiKeys", "apiKeys"),
            ("usagePlans", "usagePlans"),
        ] {
            let setting = pointer.key(setting);
            if self.stands_in_file(&setting) {
                self.remember(format!("/state/redis/{model}"), &setting);
            }
        }
        // Part of it may stand there, but faulty.
        if redis.usage_plans && !redis.api_keys && !self.is_partial {
            self.refuse(
                "plans-without-keys",
                &pointer.key("usagePlans"),
                "usage plans live in Redis, and the API keys that can belong to them do not",
                "write `apiKeys: true` as well, or remove `usagePlans`",
            );
        }
        let url = self.redis_url(redis, &pointer);
        let authorization = match &redis.auth {
            Some(auth) => self.redis_authorization(auth, &pointer.key("auth")),
            None => None,
        };
        Some(model::State {
            redis: model::Redis {
                url: url?,
                dialect: match redis.dialect {
                    RedisDialect::Webdis => model::RedisDialect::Webdis,
                    RedisDialect::Upstash => model::RedisDialect::Upstash,
                },
                authorization,
                prefix: redis.prefix.clone(),
                on_failure: match redis.on_failure {
                    OnFailure::Allow => model::OnFailure::Allow,
                    OnFailure::Deny => model::OnFailure::Deny,
                    OnFailure::Local => model::OnFailure::Local,
                },
                timeout_millis: redis.timeout_ms,
                api_keys: redis.api_keys,
                usage_plans: redis.usage_plans,
            },
        })
    }

    fn redis_url(&mut self, redis: &Redis, pointer: &Pointer) -> Option<String> {
        let pointer = pointer.key("url");
        match judged(&redis.url) {
            Ok(uri) => {
                if redis.auth.is_some() && is_readable_on_the_way(&uri) {
                    self.warn(
                        "redis-in-clear",
                        &pointer,
                        "whoever is between Envoy and this address can read what `auth` says",
                        "write `https://…`, or let something on the same machine speak TLS for it",
                    );
                }
                Some(redis.url.clone())
            }
            Err((reason, hint)) => {
                self.refuse("redis-url", &pointer, reason, hint);
                None
            }
        }
    }

    /// The value of `Authorization`, sealed; `None` after a fault.
    fn redis_authorization(&mut self, auth: &RedisAuth, pointer: &Pointer) -> Option<SealedSecret> {
        let value = self.authorization_value(auth, pointer);
        let key = self.sealing_key(pointer);
        Some(key?.seal(model::Redis::AUTHORIZATION, &value?))
    }

    fn authorization_value(
        &mut self,
        auth: &RedisAuth,
        pointer: &Pointer,
    ) -> Option<Secret<String>> {
        let is_token = auth.token.is_some() || auth.token_file.is_some();
        let user = ["username", "password", "passwordFile"]
            .into_iter()
            .find(|setting| self.stands_in_file(&pointer.key(setting)));
        if let Some(user) = user.filter(|_| is_token) {
            self.refuse_name(
                "redis-auth",
                &pointer.key(user),
                format!("`auth` has both a token and a `{user}`, and shows one of them only"),
                "keep the token, or the user's name and password",
            );
            return None;
        }
        if is_token {
            let token = (auth.token.as_ref(), auth.token_file.as_ref());
            let (token, pointer) = self.redis_secret("token", token, pointer)?;
            if let Some(reason) = bearer_fault(token.reveal()) {
                let hint = "copy the token as the server's operator gives it";
                self.refuse("redis-auth", &pointer, reason, hint);
                return None;
            }
            return Some(Secret::new(format!("Bearer {}", token.reveal())));
        }
        let password = (auth.password.as_ref(), auth.password_file.as_ref());
        let has_password = password != (None, None);
        match &auth.username {
            Some(name) if has_password => {
                let is_name = self.is_user_name(name, &pointer.key("username"));
                let (password, _) = self.redis_secret("password", password, pointer)?;
                let pair = Secret::new(format!("{name}:{}", password.reveal()));
                is_name.then(|| Secret::new(format!("Basic {}", STANDARD.encode(pair.reveal()))))
            }
            // Part of it may stand there, but faulty.
            _ if self.is_partial => None,
            Some(_) => {
                let reason = "the user has no password";
                self.refuse_name("redis-auth", &pointer.key("username"), reason, KEEP_OUT);
                None
            }
            None if has_password => {
                let hint = "add `username: …`; who has a token only writes `tokenFile: …`";
                self.refuse_name("redis-auth", pointer, "the password is nobody's", hint);
                None
            }
            None => {
                self.refuse_name("redis-auth", pointer, "`auth` shows nothing", KEEP_OUT);
                None
            }
        }
    }

    /// RFC 7617, section 2: a colon would end the name, and control characters are none of it.
    fn is_user_name(&mut self, name: &str, pointer: &Pointer) -> bool {
        let is_name = !name.contains(|letter: char| letter == ':' || letter.is_control());
        if !is_name {
            let reason = "a user's name has no colon and no control character in it";
            self.refuse("redis-auth", pointer, reason, "write the name alone");
        }
        is_name
    }

    /// A token or a password that stands in `attache.yaml` or in a file, and the setting that says
    /// so; `None` after a fault.
    fn redis_secret(
        &mut self,
        what: &'static str,
        (clear, file): (Option<&Secret<String>>, Option<&String>),
        pointer: &Pointer,
    ) -> Option<(Secret<String>, Pointer)> {
        let setting = format!("{what}File");
        let in_file = pointer.key(&setting);
        let (text, pointer) = match (clear, file) {
            (Some(_), Some(_)) => {
                self.refuse_name(
                    "redis-auth",
                    &in_file,
                    format!("the {what} comes from two places"),
                    format!("keep `{setting}`, and remove `{what}`"),
                );
                return None;
            }
            (Some(text), None) => (text.clone(), pointer.key(what)),
            (None, Some(path)) => {
                let what = format!("{what} for Redis");
                (
                    Secret::new(self.secret_file(&what, path, &in_file)?),
                    in_file,
                )
            }
            (None, None) => return None,
        };
        let secret = self.checked_secret(what, text.reveal(), &pointer)?;
        Some((secret, pointer))
    }
}

/// The address, or why it is none and what to write.
fn judged(url: &str) -> Result<Uri, (&'static str, &'static str)> {
    const FORM: &str = "write `http://HOST:PORT` or `https://HOST`, with a path where it has one";
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        let hint = "remove what stands in front of the `@`, and write it as `auth: {username: …, \
                    passwordFile: …}`";
        return Err(("the address holds a user's name or password", hint));
    }
    if url.contains(['?', '#']) {
        let hint = "remove it; a token belongs into `auth: {tokenFile: …}`";
        return Err(("the address has a query string or a fragment", hint));
    }
    let uri = url.parse::<Uri>();
    let uri = uri.map_err(|_| ("the address is not a URL", FORM))?;
    let port = match authority.rsplit_once(':') {
        // An IPv6 address has colons of its own.
        Some((_, port)) if !port.ends_with(']') => Some(port),
        _ => None,
    };
    let is_complete = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    is_complete
        .then_some(uri)
        .ok_or(("the address is not a URL", FORM))
}

#[cfg(test)]
mod tests {
    use super::judged;

    #[test]
    fn addresses_are_told_from_what_is_none() {
        for (url, fault) in [
            ("http://127.0.0.1:7379", None),
            ("http://[::1]:7379/", None),
            ("https://eu1-merry-cat-32748.upstash.io", None),
            ("https://example.com/redis/one", None),
            ("HTTP://localhost", None),
            ("redis://localhost:6379", Some("not a URL")),
            ("localhost:7379", Some("not a URL")),
            ("http://", Some("not a URL")),
            ("http://:7379", Some("not a URL")),
            ("http://host:", Some("not a URL")),
            ("http://host:0", Some("not a URL")),
            ("http://host:70000", Some("not a URL")),
            ("http://ho st", Some("not a URL")),
            ("http://user:secret@host", Some("password")),
            ("http://token@host/", Some("password")),
            ("http://host/?_token=secret", Some("query string")),
            ("http://host#part", Some("query string")),
            ("", Some("not a URL")),
        ] {
            let judged = judged(url);
            assert_eq!(judged.is_err(), fault.is_some(), "{url}: {judged:?}");
            if let (Err((reason, _)), Some(fault)) = (judged, fault) {
                assert!(reason.contains(fault), "{url}: {reason}");
            }
        }
    }
}
