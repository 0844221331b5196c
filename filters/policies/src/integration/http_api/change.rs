//! The keys of mappings: what changes, and how.

use crate::headers::is_field_name;
use crate::integration::mapping::MappingFault;

/// What a mapping does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// One more value.
    Append,
    /// This value in place of all others.
    Overwrite,
    /// No value.
    Remove,
}

/// What a mapping is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'k> {
    Header(&'k str),
    Query(&'k str),
    Path,
    StatusCode,
}

/// Reads a key.
///
/// # Errors
///
/// When it is none, or of a header field that cannot be mapped.
pub(super) fn parse(key: &str) -> Result<(Change, Target<'_>), MappingFault> {
    const KEYS: &str = "keys begin with `append:`, `overwrite:` or `remove:`, followed by \
                        `header.NAME` or `querystring.NAME`; there are also `overwrite:path`, and \
                        of answers `overwrite:statuscode`";
    let unknown = || {
        MappingFault::new(
            format!("`{key}` is not the key of a parameter mapping"),
            KEYS,
        )
    };
    let (change, target) = key.split_once(':').ok_or_else(unknown)?;
    let change = match change {
        "append" => Change::Append,
        "overwrite" => Change::Overwrite,
        "remove" => Change::Remove,
        _ => return Err(unknown()),
    };
    let target = match target.split_once('.') {
        Some(("header", name)) => {
            check_header(name)?;
            Target::Header(name)
        }
        Some(("querystring", name)) if !name.is_empty() => Target::Query(name),
        None if target == "path" && change == Change::Overwrite => Target::Path,
        None if target == "statuscode" && change == Change::Overwrite => Target::StatusCode,
        _ => return Err(unknown()),
    };
    Ok((change, target))
}

/// The fields that AWS reserves, and those that this gateway cannot set.
fn check_header(name: &str) -> Result<(), MappingFault> {
    if !is_field_name(name) {
        return Err(MappingFault::new(
            format!("`{name}` is not the name of a header field"),
            "use letters, digits and hyphens",
        ));
    }
    let lower = name.to_ascii_lowercase();
    let begins_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| lower.starts_with(prefix));
    let is_reserved = matches!(
        &*lower,
        "authorization"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-location"
            | "forwarded"
            | "keep-alive"
            | "origin"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "trailers"
            | "transfer-encoding"
            | "upgrade"
            | "via"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
    ) || begins_with(&["access-control-", "apigw-", "x-amz-", "x-amzn-"]);
    if is_reserved {
        return Err(MappingFault::new(
            format!("the header field `{name}` is reserved"),
            "choose another name: API Gateway lets nobody map this one",
        ));
    }
    if begins_with(&["x-envoy-", "x-attache-"]) {
        return Err(MappingFault::new(
            format!("a mapping to `{name}` is not possible"),
            "choose another name: this one speaks to the proxy",
        ));
    }
    if matches!(&*lower, "expect" | "host" | "proxy-connection") {
        return Err(MappingFault::new(
            format!("a mapping to the header field `{name}` is not supported"),
            "remove it: the proxy writes its own",
        ));
    }
    Ok(())
}
