//! What stands in double braces: addresses, key sets and tokens.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::format::{Rule, Scenario, Token, Upstream};
use crate::token::Keys;

/// What a scenario's placeholders stand for.
pub struct Placeholders {
    addresses: BTreeMap<String, SocketAddr>,
    keys: Keys,
    tokens: BTreeMap<String, Token>,
}

impl Placeholders {
    /// Those of a scenario whose upstreams and services are at these addresses.
    pub(crate) fn new(
        scenario: &Scenario,
        addresses: BTreeMap<String, SocketAddr>,
    ) -> Result<Self, String> {
        let mut placeholders = Self {
            addresses,
            keys: Keys::new(&scenario.keys)?,
            tokens: scenario.tokens.clone(),
        };
        // An issuer may be one of the services.
        for (name, token) in &scenario.tokens {
            let mut claims = token.claims.clone();
            for claim in claims.values_mut() {
                if let Value::String(text) = claim {
                    *text = placeholders.fill(text)?;
                }
            }
            let token = Token {
                claims,
                ..token.clone()
            };
            placeholders.tokens.insert(name.clone(), token);
        }
        Ok(placeholders)
    }

    /// The addresses of upstreams and called services, by name.
    pub(crate) const fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// Fills in `{{NAME}}`, the address of an upstream or a service, and `{{jwks NAME…}}`, a set
    /// of keys. What else stands in braces is left, since a configuration may mean something else
    /// by it.
    ///
    /// # Errors
    ///
    /// A key that there is not.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        fill(text, |words| match words {
            [name] => Ok(self.addresses.get(*name).map(ToString::to_string)),
            ["jwks", names @ ..] => self.keys.set(names.iter().copied()).map(Some),
            _ => Ok(None),
        })
    }

    /// The same in what a client sends, with `{{token NAME}}`, made now.
    ///
    /// # Errors
    ///
    /// A token or a key that there is not.
    pub(crate) fn fill_request(&self, text: &str, now: u64) -> Result<String, String> {
        let text = fill(text, |words| match words {
            ["token", name] => {
                let token = self
                    .tokens
                    .get(*name)
                    .ok_or_else(|| format!("there is no token `{name}`"))?;
                self.keys.sign(token, now).map(Some)
            }
            _ => Ok(None),
        })?;
        self.fill(&text)
    }

    /// What a service does, with its answers filled in.
    ///
    /// # Errors
    ///
    /// A key that there is not.
    pub(crate) fn fill_service(&self, service: &Upstream) -> Result<Upstream, String> {
        let Upstream::Answers(rules) = service else {
            return Ok(service.clone());
        };
        let mut filled = BTreeMap::new();
        for (request, rule) in rules {
            let mut rule = rule.clone();
            if let Rule::Answer { headers, body, .. } = &mut rule {
                *body = self.fill(body)?;
                for value in headers.values_mut() {
                    *value = self.fill(value)?;
                }
            }
            filled.insert(request.clone(), rule);
        }
        Ok(Upstream::Answers(filled))
    }
}

/// Replaces what stands in double braces by what `meaning` says of its words; what it says nothing
/// of is left.
fn fill(
    text: &str,
    meaning: impl Fn(&[&str]) -> Result<Option<String>, String>,
) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let meant = match after.split_once("}}") {
            Some((inside, behind)) => {
                let words: Vec<&str> = inside.split_whitespace().collect();
                meaning(&words)?.map(|meant| (meant, behind))
            }
            None => None,
        };
        rest = if let Some((meant, behind)) = meant {
            filled.push_str(&meant);
            behind
        } else {
            filled.push_str("{{");
            after
        };
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_replaced_or_left() {
        let upper = |words: &[&str]| match words {
            ["bad"] => Err("bad".to_owned()),
            ["upper", word] => Ok(Some(word.to_uppercase())),
            _ => Ok(None),
        };
        for (text, expected) in [
            ("", ""),
            ("{{upper a}}", "A"),
            ("x{{upper a}}{{ upper  b }}y", "xABy"),
            ("{{lower a}}{{upper a}}", "{{lower a}}A"),
            ("{{upper a}", "{{upper a}"),
            ("{{{upper a}}}", "{{{upper a}}}"),
            ("{{ {{upper a}}", "{{ A"),
        ] {
            assert_eq!(fill(text, upper).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(fill("{{bad}}", upper), Err("bad".to_owned()));
    }
}
