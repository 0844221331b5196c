//! How a request's body stands in an event: as text, or in Base64.

use std::borrow::Cow;

use attache_model::Protocol;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::binary_media_types::BinaryMediaTypes;
use crate::headers::Headers;

/// `body` and `isBase64Encoded` of an event.
pub(super) struct EventBody<'b> {
    pub(super) text: Cow<'b, str>,
    pub(super) is_base64: bool,
}

/// `None` for a request without a body.
///
/// REST APIs encode what their binary media types match, and show all else as text, where what is
/// not UTF-8 becomes replacement characters. HTTP APIs have no such setting: they encode what is
/// not of a textual content type.
pub(super) fn event_body<'b>(
    body: &'b [u8],
    headers: &Headers,
    protocol: Protocol,
    binary_media_types: &BinaryMediaTypes,
) -> Option<EventBody<'b>> {
    if body.is_empty() {
        return None;
    }
    let content_type = headers.last(b"content-type");
    let is_base64 = match protocol {
        Protocol::Rest => binary_media_types.contains(content_type),
        Protocol::Http => !is_textual(content_type) || str::from_utf8(body).is_err(),
    };
    Some(EventBody {
        text: if is_base64 {
            STANDARD.encode(body).into()
        } else {
            String::from_utf8_lossy(body)
        },
        is_base64,
    })
}

/// The content types whose bodies HTTP APIs hand over as text, as tried on AWS: not those of
/// forms, and not what has none.
fn is_textual(content_type: Option<&[u8]>) -> bool {
    let essence = content_type
        .and_then(|value| value.split(|byte| *byte == b';').next())
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase();
    essence.starts_with(b"text/")
        || matches!(
            &*essence,
            b"application/json" | b"application/xml" | b"application/javascript"
        )
}
