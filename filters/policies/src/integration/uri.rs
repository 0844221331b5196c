//! The URI of a back end as it is written: with `${stageVariables.name}` and `{placeholders}`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use attache_model::TlsOptions;

use super::encoding::is_uri_text;
use super::mapping::Source;
use super::upstream::{Scheme, Upstream};

/// A URI whose stage variables are in place.
#[derive(Debug)]
pub(super) struct Uri {
    pub(super) upstream: Upstream,
    /// Begins with a slash.
    pub(super) path: Box<[Piece]>,
    /// Without the `?`; empty when there is no query string.
    pub(super) query: Box<[Piece]>,
}

/// A part of a URI.
#[derive(Debug)]
pub(super) enum Piece {
    /// These bytes.
    Literal(Box<[u8]>),
    /// What a placeholder stands for.
    Placeholder(Placeholder),
}

/// A `{name}` in a URI.
#[derive(Debug)]
pub(super) struct Placeholder {
    pub(super) name: Box<str>,
    /// What is mapped to it; `None` where only an override of a mapping template can give it a
    /// value.
    pub(super) source: Option<Source>,
}

/// Why a URI cannot be called.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UriFault {
    /// API Gateway would call it, but this gateway cannot.
    PlaceholderInHost,
    /// It is not a URI.
    Malformed(&'static str),
    /// A placeholder that nothing is mapped to, which API Gateway takes literally and then
    /// refuses at every call: `Illegal character in path`.
    Unmapped,
}

const VARIABLE_START: &str = "${stageVariables.";

/// Whether the text refers to a stage variable.
pub(crate) fn has_stage_variables(text: &str) -> bool {
    text.contains(VARIABLE_START)
}

/// Puts the stage's variables in place; one that the stage does not have is empty.
pub(crate) fn resolve_stage_variables<'t>(
    text: &'t str,
    variables: &BTreeMap<String, String>,
) -> Cow<'t, str> {
    let mut pieces = text.split(VARIABLE_START);
    let first = pieces.next().unwrap_or_default();
    let mut resolved = Cow::Borrowed(first);
    for piece in pieces {
        let resolved = resolved.to_mut();
        match piece.split_once('}') {
            Some((name, rest)) => {
                resolved.push_str(variables.get(name).map_or("", String::as_str));
                resolved.push_str(rest);
            }
            None => {
                resolved.push_str(VARIABLE_START);
                resolved.push_str(piece);
            }
        }
    }
    resolved
}

/// Reads a URI that has nothing to be put in place: whom to call, and the request target.
///
/// # Errors
///
/// What is wrong with it, to follow "it is not a URI: ".
pub(crate) fn parse_fixed(text: &str) -> Result<(Upstream, String), &'static str> {
    const PLACEHOLDER: &str = "it has a `{placeholder}`";
    let uri = parse(text, &TlsOptions::default(), |_| None).map_err(|fault| match fault {
        UriFault::Malformed(reason) => reason,
        UriFault::PlaceholderInHost | UriFault::Unmapped => PLACEHOLDER,
    })?;
    let mut target = String::new();
    let query = (!uri.query.is_empty()).then_some("?");
    push_literals(&mut target, &uri.path);
    target.extend(query);
    push_literals(&mut target, &uri.query);
    Ok((uri.upstream, target))
}

/// Reads where a connection goes: a URL without path and query string.
///
/// # Errors
///
/// What is wrong with it, to follow "it leads nowhere: ".
pub(super) fn parse_link(text: &str, tls: &TlsOptions) -> Result<Upstream, &'static str> {
    let uri = parse(text, tls, |_| None).map_err(|fault| match fault {
        UriFault::Malformed(reason) => reason,
        UriFault::PlaceholderInHost | UriFault::Unmapped => "it has a `{placeholder}`",
    })?;
    let is_bare = matches!(&*uri.path, [Piece::Literal(path)] if **path == *b"/");
    if is_bare && uri.query.is_empty() {
        Ok(uri.upstream)
    } else {
        Err("it has a path or a query string")
    }
}

fn push_literals(out: &mut String, pieces: &[Piece]) {
    for piece in pieces {
        if let Piece::Literal(text) = piece {
            // Literals are visible ASCII.
            out.push_str(str::from_utf8(text).unwrap_or_default());
        }
    }
}

/// Reads a URI. `mapped` gives what a placeholder stands for; `None` is one that nothing ever does.
pub(super) fn parse(
    text: &str,
    tls: &TlsOptions,
    mapped: impl Fn(&str) -> Option<Placeholder>,
) -> Result<Uri, UriFault> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or(UriFault::Malformed("it has no scheme"))?;
    let scheme = if scheme.eq_ignore_ascii_case("http") {
        Scheme::Http
    } else if scheme.eq_ignore_ascii_case("https") {
        Scheme::Https
    } else {
        return Err(UriFault::Malformed("its scheme is not `http` or `https`"));
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (hierarchy, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match hierarchy.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (hierarchy, ""),
    };
    if authority.contains(['{', '}']) {
        return Err(UriFault::PlaceholderInHost);
    }
    let (host, port) = host_and_port(authority, scheme)?;
    Ok(Uri {
        upstream: Upstream {
            scheme,
            host,
            port,
            tls: match scheme {
                Scheme::Http => TlsOptions::default(),
                Scheme::Https => tls.clone(),
            },
            client_certificate_id: None,
            signing: None,
        },
        path: pieces(&format!("/{path}"), &mapped)?,
        query: pieces(query, &mapped)?,
    })
}

fn host_and_port(authority: &str, scheme: Scheme) -> Result<(String, u16), UriFault> {
    const NO_HOST: UriFault = UriFault::Malformed("it names no host");
    const BAD_HOST: UriFault = UriFault::Malformed("its host is not a host name or an address");
    const BAD_PORT: UriFault = UriFault::Malformed("its port is not a number from 1 to 65535");
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(BAD_HOST)?;
        let address: std::net::Ipv6Addr = address.parse().map_err(|_| BAD_HOST)?;
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':').ok_or(BAD_HOST)?),
        };
        (address.to_string(), port)
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        if host.is_empty() {
            return Err(NO_HOST);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if host.len() > 253 || !host.bytes().all(allowed) {
            return Err(BAD_HOST);
        }
        (host.to_ascii_lowercase(), port)
    };
    let port = match (port, scheme) {
        (None, Scheme::Http) => 80,
        (None, Scheme::Https) => 443,
        (Some(digits), _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(BAD_PORT)?,
        _ => return Err(BAD_PORT),
    };
    Ok((host, port))
}

/// Reads a path or a query string. `mapped` gives what a placeholder stands for.
pub(super) fn pieces(
    text: &str,
    mapped: &impl Fn(&str) -> Option<Placeholder>,
) -> Result<Box<[Piece]>, UriFault> {
    const BAD_BYTE: UriFault =
        UriFault::Malformed("it holds a character that must be percent-encoded");
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let (literal, placeholder) = match rest.split_once('{') {
            Some((literal, tail)) => (literal, Some(tail.split_once('}').ok_or(BAD_BYTE)?)),
            None => (rest, None),
        };
        if !is_uri_text(literal.as_bytes()) {
            return Err(BAD_BYTE);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.as_bytes().into()));
        }
        let Some((name, after)) = placeholder else {
            return Ok(pieces.into());
        };
        pieces.push(Piece::Placeholder(mapped(name).ok_or(UriFault::Unmapped)?));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attache_model::TlsOptions;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{UriFault, parse, resolve_stage_variables};

    #[wasm_bindgen_test(unsupported = test)]
    fn stage_variables_are_put_in_place() {
        let variables = BTreeMap::from([("host".to_owned(), "a.example".to_owned())]);
        for (text, expected) in [
            ("http://x/", "http://x/"),
            ("http://${stageVariables.host}/", "http://a.example/"),
            ("http://${stageVariables.none}/", "http:///"),
            (
                "${stageVariables.host}${stageVariables.host}",
                "a.examplea.example",
            ),
            (
                "http://${stageVariables.host",
                "http://${stageVariables.host",
            ),
            ("http://x/${path}", "http://x/${path}"),
        ] {
            assert_eq!(resolve_stage_variables(text, &variables), expected);
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn hosts_and_ports() {
        let read = |text| {
            parse(text, &TlsOptions::default(), |_| None)
                .map(|uri| (uri.upstream.cluster(), uri.upstream.authority()))
        };
        for (text, cluster, authority) in [
            ("http://A.example", "http_a.example_80", "a.example"),
            ("HTTPS://a.example/x", "https_a.example_443", "a.example"),
            (
                "http://a.example:8080?x",
                "http_a.example_8080",
                "a.example:8080",
            ),
            ("http://[::0001]:81/", "http_::1_81", "[::1]:81"),
            ("https://127.0.0.1#frag", "https_127.0.0.1_443", "127.0.0.1"),
        ] {
            assert_eq!(
                read(text),
                Ok((cluster.to_owned(), authority.to_owned())),
                "{text}"
            );
        }
        for text in [
            "",
            "a.example",
            "ftp://a",
            "http://",
            "http:///x",
            "http://:80",
            "http://a:0",
            "http://a:65536",
            "http://a:+1",
            "http://a:",
            "http://u@a",
            "http://a b",
            "http://[::1",
            "http://[zz]",
            "http://[::1]x",
            "http://a\r\n",
            "http://a/ b",
            "http://a/\u{e9}",
            "http://a/x|y",
            "http://a/}",
            "http://a/{x",
        ] {
            assert!(matches!(read(text), Err(UriFault::Malformed(_))), "{text}");
        }
        assert_eq!(read("http://{host}/"), Err(UriFault::PlaceholderInHost));
        assert_eq!(read("http://a/{proxy+}"), Err(UriFault::Unmapped));
        assert_eq!(read("http://a/?b={c}"), Err(UriFault::Unmapped));
    }
}
