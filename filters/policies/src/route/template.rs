//! A resource path as written in the configuration: `/pets/{petId}/{rest+}`.

use attache_model::Protocol;

/// A path of more segments than this is refused: the search descends once per segment, and its
/// depth must have a bound.
const MAX_SEGMENTS: usize = 100;

/// One part of a resource path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment<'t> {
    /// These very bytes.
    Literal(&'t str),
    /// `{name}`: any one segment that is not empty.
    Parameter(&'t str),
    /// `{name+}`: everything that is left, at least one segment.
    Greedy(&'t str),
}

/// One parameter of an operation's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathParameter {
    /// The name between the braces, without the `+`.
    pub(super) name: Box<str>,
    /// In which segment it stands, counted from 0.
    segment: usize,
    greedy: bool,
}

impl PathParameter {
    /// The value in a resource path that the template matched.
    pub(super) fn value_in<'p>(&self, resource_path: &'p [u8]) -> &'p [u8] {
        let mut rest = trimmed(resource_path);
        for _ in 0..self.segment {
            rest = match rest.iter().position(|byte| *byte == b'/') {
                Some(slash) => rest.get(slash + 1..).unwrap_or_default(),
                None => &[],
            };
        }
        if self.greedy {
            return rest;
        }
        rest.split(|byte| *byte == b'/').next().unwrap_or_default()
    }
}

/// A resource path without the slash that it begins with and those that it ends with: the part
/// that matching looks at. A root path has nothing left. AWS was seen to ignore one slash at the
/// end; all are ignored here, so that no number of them leads around a resource to a laxer
/// greedy one.
pub(super) fn trimmed(resource_path: &[u8]) -> &[u8] {
    let mut path = resource_path.strip_prefix(b"/").unwrap_or(resource_path);
    while let Some(shorter) = path.strip_suffix(b"/") {
        path = shorter;
    }
    path
}

/// The parameters of a parsed path.
pub(super) fn parameters(segments: &[Segment<'_>]) -> Box<[PathParameter]> {
    segments
        .iter()
        .enumerate()
        .filter_map(|(segment, part)| match part {
            Segment::Literal(_) => None,
            Segment::Parameter(name) => Some((*name, segment, false)),
            Segment::Greedy(name) => Some((*name, segment, true)),
        })
        .map(|(name, segment, greedy)| PathParameter {
            name: name.into(),
            segment,
            greedy,
        })
        .collect()
}

/// Reads a resource path.
///
/// # Errors
///
/// Every fault, as a reason and a hint.
pub(super) fn parse(path: &str, protocol: Protocol) -> Result<Vec<Segment<'_>>, Vec<Fault>> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(vec![Fault::new(
            format!("the path `{path}` does not begin with a slash"),
            "write it as `/…`",
        )]);
    };
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let mut faults = Vec::new();
    let mut segments = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        if let Some(Segment::Greedy(name)) = segments.last() {
            faults.push(Fault::new(
                format!("the greedy parameter `{{{name}+}}` is not the last segment of `{path}`"),
                "a greedy parameter takes all that is left of a path: end the path there",
            ));
        }
        match segment(part, protocol) {
            Ok(segment) => {
                if let Segment::Parameter(name) | Segment::Greedy(name) = segment {
                    if names.contains(&name) {
                        faults.push(Fault::new(
                            format!("the parameter `{name}` occurs twice in `{path}`"),
                            "give each parameter of a path its own name",
                        ));
                    }
                    names.push(name);
                }
                segments.push(segment);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if segments.len() > MAX_SEGMENTS {
        faults.push(Fault::new(
            format!(
                "the path has {} segments, and at most {MAX_SEGMENTS} are supported",
                segments.len()
            ),
            "end it with a greedy parameter such as `{proxy+}`",
        ));
    }
    if faults.is_empty() {
        Ok(segments)
    } else {
        Err(faults)
    }
}

/// Why a path is refused, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: String,
    pub(super) hint: &'static str,
}

impl Fault {
    const fn new(reason: String, hint: &'static str) -> Self {
        Self { reason, hint }
    }
}

fn segment(part: &str, protocol: Protocol) -> Result<Segment<'_>, Fault> {
    if part.is_empty() {
        return Err(Fault::new(
            "the path has an empty segment".to_owned(),
            "remove the doubled or trailing slash; API Gateway ignores a trailing slash of the \
             request",
        ));
    }
    if let Some(inner) = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
    {
        let (name, greedy) = match inner.strip_suffix('+') {
            Some(name) => (name, true),
            None => (inner, false),
        };
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$' | b':')
        };
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(Fault::new(
                format!("`{part}` is not a valid path parameter"),
                "the name between the braces may hold letters, digits and `_ - . $ :`, and a `+` \
                 at its end",
            ));
        }
        return Ok(if greedy {
            Segment::Greedy(name)
        } else {
            Segment::Parameter(name)
        });
    }
    if part.contains(['{', '}']) {
        return Err(Fault::new(
            format!("in `{part}` the parameter is not a whole segment"),
            "API Gateway matches a parameter against a whole path segment: write `{name}` alone",
        ));
    }
    let (allowed, hint): (fn(u8) -> bool, _) = match protocol {
        Protocol::Rest => (
            |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b',' | b':'),
            "REST APIs allow letters, digits and `_ - . , :` in a path segment",
        ),
        // RFC 3986, section 3.3: `pchar`.
        Protocol::Http => (
            |byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@".contains(&byte),
            "HTTP APIs allow the characters of a URI path (RFC 3986) in a path segment",
        ),
    };
    if part.bytes().all(allowed) {
        Ok(Segment::Literal(part))
    } else {
        Err(Fault::new(
            format!("`{part}` holds a character that is not allowed in a path segment"),
            hint,
        ))
    }
}
