//! What conditions and policy variables may ask about a request.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-aws-condition-keys.html>

use std::borrow::Cow;

use attache_model::{Principal, VpcEndpoint};

use super::address;
use super::principal_arn::{PrincipalArn, PrincipalName, without_path};
use crate::ports::Timestamp;

/// The condition keys of a request, worked out when they are asked for.
pub trait ConditionKeys {
    /// The values of a key, given in lower case (`aws:sourceip`); none when the request does not
    /// have it.
    fn values(&self, key: &str) -> Vec<Cow<'_, str>>;
}

/// The condition keys that API Gateway has, from what is known of a request.
///
/// `aws:SourceArn` is for calls of other AWS services and never there.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestKeys<'r> {
    /// `aws:CurrentTime` and `aws:EpochTime`.
    pub time: Timestamp,
    /// The address of the peer that the proxy trusts, without the port; empty when unknown.
    /// `aws:SourceIp`, or for APIs in a VPC `aws:VpcSourceIp`.
    pub source_address: &'r [u8],
    /// `aws:SecureTransport`: whether the request came over TLS.
    pub secure_transport: bool,
    /// `aws:Referer`: the header field, as the client sent it.
    pub referer: Option<&'r [u8]>,
    /// `aws:UserAgent`: the header field, as the client sent it.
    pub user_agent: Option<&'r [u8]>,
    /// `aws:SourceVpc` and `aws:SourceVpce` of an API that is called through a VPC.
    pub vpc_endpoint: Option<&'r VpcEndpoint>,
    /// Who has signed the request; all keys below and those on the principal are missing for
    /// others.
    pub principal: Option<&'r Principal>,
    /// Whether the caller's credentials are temporary: only then is something known of a second
    /// factor.
    pub temporary_credentials: bool,
    /// `aws:TokenIssueTime`: when the temporary credentials were issued.
    pub token_issue_time: Option<Timestamp>,
    /// `aws:MultiFactorAuthAge`: seconds since the caller has shown a second factor.
    pub multi_factor_auth_age: Option<u64>,
}

impl ConditionKeys for RequestKeys<'_> {
    fn values(&self, key: &str) -> Vec<Cow<'_, str>> {
        let Some(name) = key.strip_prefix("aws:") else {
            return Vec::new();
        };
        match self.principal {
            Some(Principal {
                organization_paths, ..
            }) if name == "principalorgpaths" => organization_paths
                .iter()
                .map(|path| Cow::Borrowed(path.as_str()))
                .collect(),
            _ => self.value(name).into_iter().collect(),
        }
    }
}

impl RequestKeys<'_> {
    /// The value of a key that has one at most.
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "currenttime" => Some(date(self.time)),
            "epochtime" => Some(self.time.as_secs().to_string().into()),
            "referer" => self.referer.map(String::from_utf8_lossy),
            "securetransport" => Some(boolean(self.secure_transport)),
            "sourceip" if !self.is_in_vpc() => self.address(),
            "vpcsourceip" if self.is_in_vpc() => self.address(),
            "sourcevpc" => self.vpc_endpoint?.vpc_id.as_deref().map(Cow::Borrowed),
            "sourcevpce" => self
                .vpc_endpoint?
                .vpc_endpoint_id
                .as_deref()
                .map(Cow::Borrowed),
            "useragent" => self.user_agent.map(String::from_utf8_lossy),
            _ => self.value_of_principal(name, self.principal?),
        }
    }

    fn value_of_principal<'p>(&self, name: &str, principal: &'p Principal) -> Option<Cow<'p, str>> {
        let arn = || PrincipalArn::parse(&principal.arn);
        if let Some(wanted) = name.strip_prefix("principaltag/") {
            let mut tags = principal.tags.iter();
            let tag = tags.find(|(tag, _)| tag.eq_ignore_ascii_case(wanted));
            return tag.map(|(_, value)| Cow::Borrowed(value.as_str()));
        }
        match name {
            "multifactorauthpresent" if self.temporary_credentials => {
                Some(boolean(principal.multi_factor_auth))
            }
            "multifactorauthage" => Some(self.multi_factor_auth_age?.to_string().into()),
            "tokenissuetime" => Some(date(self.token_issue_time?)),
            "principalaccount" => Some(arn()?.account.into()),
            "principalarn" => Some(match arn() {
                // Of a session it is the role's.
                Some(PrincipalArn {
                    partition,
                    account,
                    name: PrincipalName::AssumedRole { role, .. },
                }) => format!("arn:{partition}:iam::{account}:role/{role}").into(),
                _ => principal.arn.as_str().into(),
            }),
            "principalorgid" => principal.organization_id.as_deref().map(Cow::Borrowed),
            "principaltype" => Some(Cow::Borrowed(arn()?.principal_type())),
            "userid" => principal.user_id.as_deref().map(Cow::Borrowed),
            "username" => match arn()?.name {
                PrincipalName::User(name) => Some(without_path(name).into()),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_in_vpc(&self) -> bool {
        self.vpc_endpoint
            .is_some_and(|vpc| vpc.vpc_id.is_some() || vpc.vpc_endpoint_id.is_some())
    }

    fn address(&self) -> Option<Cow<'_, str>> {
        let text = std::str::from_utf8(self.source_address).ok()?;
        Some(address::canonical(text)?.to_string().into())
    }
}

fn boolean(value: bool) -> Cow<'static, str> {
    Cow::Borrowed(if value { "true" } else { "false" })
}

/// In ISO 8601, to the second.
fn date(time: Timestamp) -> Cow<'static, str> {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attache_model::{Principal, VpcEndpoint};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{ConditionKeys, RequestKeys};
    use crate::ports::Timestamp;

    fn principal(arn: &str) -> Principal {
        Principal {
            arn: arn.to_owned(),
            user_id: Some("AIDAEXAMPLE".to_owned()),
            organization_id: Some("o-1".to_owned()),
            organization_paths: vec!["o-1/r-1/".to_owned(), "o-1/r-1/ou-2/".to_owned()],
            tags: BTreeMap::from([("Team".to_owned(), "Blue".to_owned())]),
            multi_factor_auth: true,
        }
    }

    fn assert_values(keys: &RequestKeys<'_>, expected: &[(&str, &[&str])]) {
        for (key, values) in expected {
            assert_eq!(keys.values(key), *values, "{key}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn every_request_has_these() {
        let keys = RequestKeys {
            time: Timestamp(1_700_000_000_999_999_999),
            source_address: b"::ffff:203.0.113.9",
            secure_transport: true,
            referer: Some(b"https://example.com/\xff"),
            user_agent: Some(b"curl/8"),
            ..RequestKeys::default()
        };
        assert_values(
            &keys,
            &[
                ("aws:currenttime", &["2023-11-14T22:13:20Z"]),
                ("aws:epochtime", &["1700000000"]),
                ("aws:sourceip", &["203.0.113.9"]),
                ("aws:vpcsourceip", &[]),
                ("aws:securetransport", &["true"]),
                ("aws:referer", &["https://example.com/\u{fffd}"]),
                ("aws:useragent", &["curl/8"]),
                ("aws:sourcearn", &[]),
                ("aws:sourcevpc", &[]),
                ("aws:sourcevpce", &[]),
            ],
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_not_known_is_missing() {
        let keys = RequestKeys::default();
        assert_values(
            &keys,
            &[
                ("aws:sourceip", &[]),
                ("aws:referer", &[]),
                ("aws:useragent", &[]),
                ("aws:principalarn", &[]),
                ("aws:principalaccount", &[]),
                ("aws:principaltype", &[]),
                ("aws:principalorgpaths", &[]),
                ("aws:principaltag/team", &[]),
                ("aws:multifactorauthpresent", &[]),
                ("aws:userid", &[]),
                ("aws:username", &[]),
                ("aws:nothing", &[]),
                ("s3:prefix", &[]),
                ("", &[]),
                ("aws:securetransport", &["false"]),
            ],
        );
        let garbled = RequestKeys {
            source_address: b"/var/run/socket",
            ..keys
        };
        assert_values(&garbled, &[("aws:sourceip", &[])]);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn within_a_vpc_the_address_has_another_name() {
        let vpc = VpcEndpoint {
            vpc_id: Some("vpc-1".to_owned()),
            vpc_endpoint_id: Some("vpce-1".to_owned()),
        };
        let keys = RequestKeys {
            source_address: b"10.0.0.1",
            vpc_endpoint: Some(&vpc),
            ..RequestKeys::default()
        };
        assert_values(
            &keys,
            &[
                ("aws:sourceip", &[]),
                ("aws:vpcsourceip", &["10.0.0.1"]),
                ("aws:sourcevpc", &["vpc-1"]),
                ("aws:sourcevpce", &["vpce-1"]),
            ],
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn users_are_known_by_their_arn() {
        let user = principal("arn:aws:iam::123456789012:user/team/ada");
        let keys = RequestKeys {
            principal: Some(&user),
            ..RequestKeys::default()
        };
        assert_values(
            &keys,
            &[
                ("aws:principalarn", &[user.arn.as_str()]),
                ("aws:principalaccount", &["123456789012"]),
                ("aws:principaltype", &["User"]),
                ("aws:principalorgid", &["o-1"]),
                ("aws:principalorgpaths", &["o-1/r-1/", "o-1/r-1/ou-2/"]),
                ("aws:principaltag/team", &["Blue"]),
                ("aws:principaltag/other", &[]),
                ("aws:userid", &["AIDAEXAMPLE"]),
                ("aws:username", &["ada"]),
                // Nothing is known of a second factor where credentials are for long.
                ("aws:multifactorauthpresent", &[]),
                ("aws:multifactorauthage", &[]),
                ("aws:tokenissuetime", &[]),
            ],
        );
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn sessions_are_known_by_their_role() {
        let session = principal("arn:aws:sts::123456789012:assumed-role/reader/ada");
        let keys = RequestKeys {
            principal: Some(&session),
            temporary_credentials: true,
            token_issue_time: Some(Timestamp(1_700_000_000_000_000_000)),
            multi_factor_auth_age: Some(30),
            ..RequestKeys::default()
        };
        assert_values(
            &keys,
            &[
                (
                    "aws:principalarn",
                    &["arn:aws:iam::123456789012:role/reader"],
                ),
                ("aws:principaltype", &["AssumedRole"]),
                ("aws:username", &[]),
                ("aws:multifactorauthpresent", &["true"]),
                ("aws:multifactorauthage", &["30"]),
                ("aws:tokenissuetime", &["2023-11-14T22:13:20Z"]),
            ],
        );
        for (arn, kind) in [
            ("arn:aws:iam::123456789012:root", "Account"),
            (
                "arn:aws:sts::123456789012:federated-user/ada",
                "FederatedUser",
            ),
        ] {
            let principal = principal(arn);
            let keys = RequestKeys {
                principal: Some(&principal),
                ..RequestKeys::default()
            };
            assert_values(&keys, &[("aws:principaltype", &[kind])]);
        }
    }
}
