//! The request of the management API that flushes a cache.
//!
//! API Gateway's `FlushStageCache` is `DELETE /restapis/ID/stages/STAGE/cache/data`. That it can be
//! narrowed to a method or to a key is attache's own. `FlushStageAuthorizersCache` has `authorizers`
//! in place of `data`.
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageCache.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_FlushStageAuthorizersCache.html>

use crate::management_client::encoded;
use crate::memory_proxy::field;

/// Header fields that are about the connection, or that the request needs for itself.
const RESERVED: [&str; 11] = [
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is to be forgotten of a stage's cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// All of it.
    Stage,
    /// The responses of one method, such as `/pets/GET`; at the root `//GET`.
    Method(String),
    /// Nothing of it: what the stage's authorizers have said.
    Authorizers,
    /// The response to one request.
    Key { verb: &'a str, target: &'a str },
}

/// Where a cache is flushed: path and query, below the gateway's address.
pub(super) fn target(api: &str, stage: &str, scope: &Scope<'_>) -> String {
    let kept = match scope {
        Scope::Authorizers => "authorizers",
        Scope::Stage | Scope::Method(_) | Scope::Key { .. } => "data",
    };
    let mut target = format!(
        "/restapis/{}/stages/{}/cache/{kept}",
        encoded(api, ""),
        encoded(stage, "")
    );
    let query = match scope {
        Scope::Stage | Scope::Authorizers => return target,
        Scope::Method(method) => format!("method={}", encoded(method, "/")),
        Scope::Key { verb, target } => {
            format!("path={}&verb={}", encoded(target, "/"), encoded(verb, ""))
        }
    };
    target.push('?');
    target.push_str(&query);
    target
}

/// A header field of the request whose response is forgotten, as it was typed.
pub(super) fn header(text: &str) -> Result<(String, &str), String> {
    let (name, value) = field(text)?;
    if RESERVED.contains(&name.as_str()) {
        return Err(format!(
            "the header field `{name}` cannot stand for that of another request: flush the whole \
             method with `--method`"
        ));
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::{Scope, header, target};

    #[test]
    fn every_scope_has_its_address() {
        for (scope, wanted) in [
            (Scope::Stage, ""),
            (Scope::Method("/pets/GET".to_owned()), "?method=/pets/GET"),
            (
                Scope::Method("/pets/{petId}/GET".to_owned()),
                "?method=/pets/%7BpetId%7D/GET",
            ),
            (
                Scope::Key {
                    verb: "GET",
                    target: "/pets/7?lang=de&x=a%20b+c#",
                },
                "?path=/pets/7%3Flang%3Dde%26x%3Da%2520b%2Bc%23&verb=GET",
            ),
            (
                Scope::Key {
                    verb: "POST",
                    target: "/ä",
                },
                "?path=/%C3%A4&verb=POST",
            ),
        ] {
            assert_eq!(
                target("pets", "prod", &scope),
                format!("/restapis/pets/stages/prod/cache/data{wanted}")
            );
        }
        assert_eq!(
            target("pets", "prod", &Scope::Authorizers),
            "/restapis/pets/stages/prod/cache/authorizers"
        );
        assert_eq!(
            target("../a", "b/c?d", &Scope::Stage),
            "/restapis/..%2Fa/stages/b%2Fc%3Fd/cache/data"
        );
    }

    #[test]
    fn what_the_request_needs_for_itself_is_no_part_of_the_key() {
        assert_eq!(
            header("Accept-Language: de"),
            Ok(("accept-language".to_owned(), "de"))
        );
        for text in ["Authorization: Bearer t", "HOST: a", "te: trailers", "x"] {
            assert!(header(text).is_err(), "{text}");
        }
    }
}
