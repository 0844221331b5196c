//! `identitySource`: where in a request the caller's identity is.

use attache_model::Protocol;

use super::super::Located;
use super::{Reader, Type};

/// The places that an identity may be in, by their beginnings in REST APIs and in HTTP APIs.
const SOURCES: [(&str, &str); 4] = [
    ("method.request.header.", "$request.header."),
    ("method.request.querystring.", "$request.querystring."),
    ("context.", "$context."),
    ("stageVariables.", "$stageVariables."),
];
const HEADER: usize = 0;
const QUERY: usize = 1;

impl<'d> Reader<'_, 'd, '_> {
    /// The identity sources of a Lambda authorizer. `None` after a fault.
    pub(super) fn identity_sources(&mut self) -> Option<Vec<String>> {
        if self.kind == Type::Token {
            return self.identity_source().map(|source| vec![source]);
        }
        let errors = self.reading.error_count();
        let mut sources = Vec::new();
        for (text, located) in self.written_sources()? {
            let part = format!("identitySources/{}", sources.len());
            self.places.insert(part, located.place());
            self.check_source(text, &located, &[]);
            sources.push(text.to_owned());
        }
        (self.reading.error_count() == errors).then_some(sources)
    }

    /// The one place of a token. `None` after a fault.
    pub(super) fn identity_source(&mut self) -> Option<String> {
        let errors = self.reading.error_count();
        let mut sources = self.written_sources()?.into_iter();
        let (first, second) = (sources.next(), sources.next());
        let Some((text, located)) = first else {
            return Some(match self.reading.protocol {
                Protocol::Rest => format!("method.request.header.{}", self.header),
                Protocol::Http => "$request.header.Authorization".to_owned(),
            });
        };
        let part = match self.kind {
            Type::Token => "identitySources/0",
            _ => "identitySource",
        };
        self.places.insert(part.to_owned(), located.place());
        if let Some((_, second)) = second {
            self.reading.error(
                "identity-source",
                second.place(),
                "a token has one place, and more than one is named",
                Some("keep the first"),
            );
        }
        let allowed: &[usize] = match self.reading.protocol {
            Protocol::Rest => &[HEADER],
            Protocol::Http => &[HEADER, QUERY],
        };
        self.check_source(text, &located, allowed);
        (self.reading.error_count() == errors).then(|| text.to_owned())
    }

    /// The sources as they stand: a list, or text with commas in it.
    fn written_sources(&mut self) -> Option<Vec<(&'d str, Located<'d>)>> {
        let part = match self.kind {
            Type::Token | Type::Request => "identitySources",
            Type::Cognito | Type::Jwt => "identitySource",
        };
        let Some(found) = self.setting("identitySource", part) else {
            return Some(Vec::new());
        };
        let located = match found.node.as_sequence() {
            Some(_) => self.reading.list(&found)?,
            None => vec![found],
        };
        let mut sources = Vec::new();
        for one in located {
            let text = self.reading.text(&one)?;
            for source in text.split(',').map(str::trim) {
                if !source.is_empty() {
                    sources.push((source, one.clone()));
                }
            }
        }
        Some(sources)
    }

    /// Whether a source is one that can be read, and one of the `allowed` if any are named.
    fn check_source(&mut self, text: &str, located: &Located<'d>, allowed: &[usize]) {
        let protocol = self.reading.protocol;
        let own = |(rest, http): (&'static str, &'static str)| match protocol {
            Protocol::Rest => (rest, http),
            Protocol::Http => (http, rest),
        };
        let mut known = SOURCES.into_iter().map(own).enumerate();
        let is_known = known.any(|(index, (start, _))| {
            (allowed.is_empty() || allowed.contains(&index)) && has_name(text, start)
        });
        if is_known {
            return;
        }
        let of_the_other = SOURCES.into_iter().map(own).find_map(|(own, other)| {
            let name = text.strip_prefix(other)?;
            (!name.is_empty()).then(|| format!("{own}{name}"))
        });
        let header = own(SOURCES[HEADER]).0;
        let hint = match of_the_other {
            Some(meant) => format!("write `{meant}`"),
            None if allowed.is_empty() => format!(
                "write `{header}NAME`, `{}NAME`, `{}NAME` or `{}NAME`",
                own(SOURCES[QUERY]).0,
                own(SOURCES[2]).0,
                own(SOURCES[3]).0
            ),
            None if allowed.contains(&QUERY) => {
                format!("write `{header}NAME` or `{}NAME`", own(SOURCES[QUERY]).0)
            }
            None => format!("write `{header}NAME`"),
        };
        self.reading.error(
            "identity-source",
            located.place(),
            format!("the caller's identity cannot be taken from `{text}`"),
            Some(&hint),
        );
    }
}

fn has_name(text: &str, start: &str) -> bool {
    text.strip_prefix(start)
        .is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace))
}
