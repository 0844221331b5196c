//! What someone may have meant.

/// How alike two names must be, from 0 to 1, for one to be offered for the other.
const ALIKE: f64 = 0.75;

/// How many names a sentence bears.
const MOST_NAMES: usize = 16;

/// The name that was probably meant.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            let likeness =
                strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase());
            (candidate, likeness)
        })
        .filter(|(_, likeness)| *likeness >= ALIKE)
        .max_by(|(_, left), (_, right)| left.total_cmp(right))
        .map(|(candidate, _)| candidate)
}

/// The setting that was meant by a name that is none.
pub(crate) fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let term = synonyms(name)
        .iter()
        .find_map(|term| known.iter().find(|known| *known == term));
    term.copied()
        .or_else(|| closest(name, known.iter().copied()))
}

/// The term of `attache.yaml` for what AWS's other interfaces, or common sense, call something
/// else.
fn synonyms(name: &str) -> &'static [&'static str] {
    match name {
        "body" | "openapi" | "openApi" | "spec" | "swagger" | "file" => &["definition"],
        "routeSettings" | "defaultRouteSettings" | "methods" => &["methodSettings"],
        "stageVariables" | "env" => &["variables"],
        "canary" => &["canarySettings"],
        "cache" | "caching" | "responseCache" => &["cacheCluster"],
        "cacheTtl" | "ttl" | "ttlInSeconds" => &["cacheTtlInSeconds"],
        "longestWait" | "coalescing" => &["longestWaitMillis"],
        "management" | "admin" | "adminApi" => &["managementApi"],
        "apiId" => &["api"],
        "stageName" => &["stage"],
        "stages" | "apis" => &["apiStages"],
        "key" | "apiKey" | "secret" => &["value", "token"],
        "sha256" | "digest" | "hash" => &["valueSha256", "tokenSha256"],
        "plan" | "plans" | "usagePlan" | "usagePlanIds" | "usagePlanId" => &["usagePlans"],
        "expires" | "expiry" | "expiration" => &["expiresAt"],
        "rate" | "throttlingRateLimit" | "rateLimit" => &["rateLimit", "throttlingRateLimit"],
        "burst" | "throttlingBurstLimit" | "burstLimit" => &["burstLimit", "throttlingBurstLimit"],
        "timezone" | "tz" | "zone" => &["timeZone"],
        "domainNames" => &["domains"],
        "authorizer" => &["authorizers"],
        "authorizerUri" | "uri" | "endpoint" | "address" => &["url"],
        "policy" => &["resourcePolicy", "policies"],
        "timeout" | "timeoutInSeconds" => &["timeoutInMillis", "timeoutMs"],
        "timeoutMillis" => &["timeoutInMillis", "timeoutMs"],
        "onStoreFailure" | "failure" | "failureMode" => &["onFailure"],
        "authorization" | "authentication" => &["auth"],
        "keyPrefix" | "namespace" => &["prefix"],
        "user" => &["username"],
        "store" | "sharedState" => &["state"],
        "jwksUrl" | "jwks_uri" => &["jwksUri"],
        "leeway" | "clockSkew" => &["leewayInSeconds"],
        "vpc" | "vpcEndpointConfiguration" => &["vpcEndpoint"],
        "vpcLink" | "vpclinks" | "vpc_links" | "connections" => &["vpcLinks"],
        "services" | "awsServices" | "endpointUrls" => &["endpoints"],
        "signed" | "signature" | "sigv4" => &["sign"],
        "accessKeys" | "users" => &["credentials"],
        "userArn" => &["arn"],
        "identityPolicies" => &["policies"],
        "keys" => &["apiKeys", "jwks"],
        _ => &[],
    }
}

/// Names in a sentence: `` `a`, `b` and `c` ``.
pub(crate) fn list(names: &[&str], conjunction: &str) -> String {
    match names {
        [] => "none".to_owned(),
        [only] => format!("`{only}`"),
        _ if names.len() > MOST_NAMES => {
            let first: Vec<_> = names
                .iter()
                .take(MOST_NAMES)
                .map(|name| format!("`{name}`"))
                .collect();
            format!(
                "{} {conjunction} {} more",
                first.join(", "),
                names.len() - MOST_NAMES
            )
        }
        [rest @ .., last] => {
            let rest: Vec<_> = rest.iter().map(|name| format!("`{name}`")).collect();
            format!("{} {conjunction} `{last}`", rest.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{list, meant};

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["rateLimit", "burstLimit", "quota"];
        for (name, wanted) in [
            ("ratelimit", Some("rateLimit")),
            ("rateLimt", Some("rateLimit")),
            ("brustLimit", Some("burstLimit")),
            ("qouta", Some("quota")),
            ("rate", Some("rateLimit")),
            ("throttlingBurstLimit", Some("burstLimit")),
            ("timezone", None),
            ("limit", None),
            ("", None),
        ] {
            assert_eq!(meant(name, &known), wanted, "{name}");
        }
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(list(&[], "or"), "none");
        assert_eq!(list(&["a"], "or"), "`a`");
        assert_eq!(list(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
