//! `jwtConfiguration`: whose tokens are taken.

use attache_model::{AdditionalClaim, JwtAlgorithm, JwtAuthorizer, JwtIssuer, JwtKeys, Protocol};

use super::super::Located;
use super::Reader;

/// What HTTP APIs take: RSA alone.
const OF_HTTP_APIS: [(&str, JwtAlgorithm); 3] = [
    ("RS256", JwtAlgorithm::Rs256),
    ("RS384", JwtAlgorithm::Rs384),
    ("RS512", JwtAlgorithm::Rs512),
];

/// What REST APIs can be told to take.
const OF_REST_APIS: [(&str, JwtAlgorithm); 6] = [
    ("RS256", JwtAlgorithm::Rs256),
    ("RS384", JwtAlgorithm::Rs384),
    ("RS512", JwtAlgorithm::Rs512),
    ("ES256", JwtAlgorithm::Es256),
    ("ES384", JwtAlgorithm::Es384),
    ("ES512", JwtAlgorithm::Es512),
];

/// Where an issuer's OpenID configuration is (OpenID Connect Discovery 1.0, section 4).
#[must_use]
pub fn discovery_of(issuer: &str) -> String {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{issuer}/.well-known/openid-configuration")
}

impl<'d> Reader<'_, 'd, '_> {
    pub(super) fn jwt(&mut self) -> Option<JwtAuthorizer> {
        let identity_source = self.identity_source();
        let Some(configuration) = self.setting("jwtConfiguration", "issuers") else {
            self.missing("jwtConfiguration", self.example());
            return None;
        };
        self.reading.mapping(&configuration)?;
        let (issuers, algorithms) = match self.reading.protocol {
            Protocol::Http => {
                self.reading.fields(&configuration, &["issuer", "audience"]);
                let issuer = self.issuer(&configuration, "audience", 0);
                let algorithms = OF_HTTP_APIS.map(|(_, algorithm)| algorithm);
                (issuer.map(|issuer| vec![issuer]), algorithms.to_vec())
            }
            Protocol::Rest => {
                self.reading
                    .fields(&configuration, &["issuers", "defaultAlgorithms"]);
                let algorithms = self.algorithms(&configuration);
                (self.issuers(&configuration), algorithms)
            }
        };
        Some(JwtAuthorizer {
            identity_source: identity_source?,
            issuers: issuers?,
            algorithms,
            leeway_in_seconds: 0,
        })
    }

    const fn example(&self) -> &'static str {
        match self.reading.protocol {
            Protocol::Http => {
                "write `jwtConfiguration: {issuer: https://…, audience: […]}`: whose tokens are \
                 taken, and for whom"
            }
            Protocol::Rest => {
                "write `jwtConfiguration: {issuers: [{issuer: https://…, audiences: […]}]}`: \
                 whose tokens are taken, and for whom"
            }
        }
    }

    fn issuers(&mut self, configuration: &Located<'d>) -> Option<Vec<JwtIssuer>> {
        let items = match configuration.get("issuers") {
            Some(issuers) => self.reading.list(&issuers)?,
            None => Vec::new(),
        };
        if items.is_empty() {
            self.missing_in(configuration, "issuers");
            return None;
        }
        let mut issuers = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.places.insert(format!("issuers/{index}"), item.place());
            if self.reading.mapping(item).is_none() {
                continue;
            }
            let known = ["issuer", "audiences", "additionalClaims", "jwksUri"];
            self.reading.fields(item, &known);
            issuers.extend(self.issuer(item, "audiences", index));
        }
        Some(issuers)
    }

    fn issuer(&mut self, found: &Located<'d>, audiences: &str, index: usize) -> Option<JwtIssuer> {
        let issuer = match found.get("issuer") {
            Some(issuer) => {
                self.places
                    .insert(format!("issuers/{index}/issuer"), issuer.place());
                self.issuer_url(&issuer)
            }
            None => {
                self.missing_in(found, "issuer");
                None
            }
        };
        let names = match found.get(audiences) {
            Some(list) => {
                self.places
                    .insert(format!("issuers/{index}/audiences"), list.place());
                self.texts(&list)
            }
            None => Some(Vec::new()),
        };
        // Without an audience, a token that the issuer made for another service would open this one.
        if names.as_ref().is_some_and(Vec::is_empty) {
            self.missing_in(found, audiences);
        }
        let additional_claims = match found.get("additionalClaims") {
            Some(claims) if self.reading.protocol == Protocol::Rest => {
                self.additional_claims(&claims, index)
            }
            _ => Some(Vec::new()),
        };
        let issuer = issuer?;
        Some(JwtIssuer {
            keys: JwtKeys::Discovery(discovery_of(&issuer)),
            issuer,
            audiences: names?,
            additional_claims: additional_claims?,
        })
    }

    fn issuer_url(&mut self, found: &Located<'d>) -> Option<String> {
        let text = self.reading.text(found)?;
        let host = ["https://", "http://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            self.reading.error(
                "unknown-value",
                found.place(),
                format!("the issuer `{text}` is not a URL that its keys could be fetched from"),
                Some("write it as in the claim `iss` of its tokens: `https://…`"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// A list of texts; a text alone is a list of one.
    fn texts(&mut self, found: &Located<'d>) -> Option<Vec<String>> {
        if let Some(text) = found.node.as_str() {
            return Some(vec![text.to_owned()]);
        }
        let items = self.reading.list(found)?;
        let texts: Vec<_> = items
            .iter()
            .map(|item| self.reading.text(item).map(str::to_owned))
            .collect();
        texts.into_iter().collect()
    }

    fn additional_claims(
        &mut self,
        found: &Located<'d>,
        issuer: usize,
    ) -> Option<Vec<AdditionalClaim>> {
        let mut claims = Vec::new();
        for (index, item) in self.reading.list(found)?.iter().enumerate() {
            let part = format!("issuers/{issuer}/additionalClaims/{index}");
            self.places.insert(part, item.place());
            self.reading.mapping(item)?;
            let known = ["claimName", "format", "required", "expectedValues"];
            self.reading.fields(item, &known);
            self.check_format(item);
            let name = match item.get("claimName") {
                Some(name) => self.reading.text(&name)?.to_owned(),
                None => {
                    self.missing_in(item, "claimName");
                    return None;
                }
            };
            let required = match item.get("required") {
                Some(required) => self.reading.boolean(&required)?,
                None => false,
            };
            let expected_values = match item.get("expectedValues") {
                Some(values) => self.texts(&values)?,
                None => Vec::new(),
            };
            claims.push(AdditionalClaim {
                claim_name: name,
                required,
                expected_values,
            });
        }
        Some(claims)
    }

    fn check_format(&mut self, claim: &Located<'d>) {
        let Some(format) = claim.get("format") else {
            return;
        };
        if let Some(text) = self.reading.text(&format)
            && text != "SINGLE_STRING"
        {
            self.reading.error(
                "unknown-value",
                format.place(),
                format!("`{text}` is not a format of a claim"),
                Some("write `SINGLE_STRING`"),
            );
        }
    }

    fn algorithms(&mut self, configuration: &Located<'d>) -> Vec<JwtAlgorithm> {
        let all = || OF_REST_APIS.map(|(_, algorithm)| algorithm).to_vec();
        let Some(found) = configuration.get("defaultAlgorithms") else {
            return all();
        };
        self.places.insert("algorithms".to_owned(), found.place());
        let items = self.reading.list(&found).unwrap_or_default();
        let mut algorithms = Vec::new();
        for item in &items {
            let Some(text) = self.reading.text(item) else {
                continue;
            };
            match OF_REST_APIS.iter().find(|(name, _)| *name == text) {
                Some((_, algorithm)) => algorithms.push(*algorithm),
                None => self.reading.error(
                    "unknown-value",
                    item.place(),
                    format!("`{text}` is not an algorithm that a REST API takes"),
                    Some("the algorithms are RS256, RS384, RS512, ES256, ES384 and ES512"),
                ),
            }
        }
        if items.is_empty() {
            return all();
        }
        algorithms
    }

    fn missing_in(&mut self, owner: &Located<'d>, field: &str) {
        let hint = self.example();
        self.reading.error(
            "missing-field",
            owner.place(),
            format!("`{field}` is missing"),
            Some(hint),
        );
    }
}
