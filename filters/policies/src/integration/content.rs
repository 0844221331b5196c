//! What becomes of a body between text and bytes: `contentHandling` and `binaryMediaTypes`.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html>

use std::borrow::Cow;

use attache_model::ContentHandling;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::denial::Denial;
use crate::execution_log::misconfigured;

/// Java's decoder, which AWS's answers show: no character but those of the alphabet, padding or
/// none.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What becomes of one body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// It is text, and passes as it is.
    Text,
    /// It is text, and each byte that is no UTF-8 becomes U+FFFD.
    RepairedText,
    /// It is binary, and passes as it is.
    Bytes,
    /// It is binary, and becomes its Base64 text.
    Encoded,
    /// It is Base64 text, and becomes the bytes that it stands for.
    Decoded,
}

impl Conversion {
    /// For a request, whose content type is a binary one or not.
    pub(super) const fn of_request(handling: Option<ContentHandling>, is_binary: bool) -> Self {
        match (is_binary, handling) {
            (false, None) => Self::Text,
            (false, Some(ContentHandling::ConvertToText)) => Self::RepairedText,
            (false, Some(ContentHandling::ConvertToBinary)) => Self::Decoded,
            (true, None | Some(ContentHandling::ConvertToBinary)) => Self::Bytes,
            (true, Some(ContentHandling::ConvertToText)) => Self::Encoded,
        }
    }

    /// For an answer, whose content type is a binary one or not, to a client that accepts binary
    /// ones or does not.
    pub(super) const fn of_answer(
        handling: Option<ContentHandling>,
        is_binary: bool,
        accepts_binary: bool,
    ) -> Self {
        match (is_binary, accepts_binary, handling) {
            (false, false, None) => Self::Text,
            (false, _, Some(ContentHandling::ConvertToText)) => Self::RepairedText,
            (false, true, None) | (false, _, Some(ContentHandling::ConvertToBinary)) => {
                Self::Decoded
            }
            (true, true, None) | (true, _, Some(ContentHandling::ConvertToBinary)) => Self::Bytes,
            (true, false, None) | (true, _, Some(ContentHandling::ConvertToText)) => Self::Encoded,
        }
    }

    /// Whether the body stays what it is, so that nobody has to hold it.
    pub(super) const fn changes_nothing(self) -> bool {
        matches!(self, Self::Text | Self::Bytes)
    }

    /// Converts a body.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when it is to be decoded and is not Base64.
    pub(super) fn apply(self, body: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, Denial> {
        match self {
            Self::Text | Self::Bytes => Ok(body),
            Self::RepairedText => Ok(repaired(body)),
            Self::Encoded => Ok(BASE64.encode(body).into_bytes().into()),
            Self::Decoded => BASE64
                .decode(body)
                .map(Cow::Owned)
                .map_err(|_| misconfigured("Unable to base64 decode the body.")),
        }
    }

    /// Converts a body to the text that a mapping template reads.
    ///
    /// # Errors
    ///
    /// [`Denial::ApiConfigurationError`] when what it becomes is not text: templates read no
    /// bytes.
    pub(super) fn text(self, body: Cow<'_, [u8]>) -> Result<String, Denial> {
        match self {
            Self::Text | Self::RepairedText => Ok(into_text(body)),
            Self::Encoded => Ok(BASE64.encode(body)),
            Self::Bytes | Self::Decoded => Err(misconfigured(
                "Unable to transform a binary body: templates read text.",
            )),
        }
    }
}

fn repaired(body: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if str::from_utf8(&body).is_ok() {
        body
    } else {
        into_text(body).into_bytes().into()
    }
}

/// Text as AWS reads it: each byte that is no UTF-8 becomes U+FFFD.
pub(super) fn into_text(body: Cow<'_, [u8]>) -> String {
    String::from_utf8(body.into_owned())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use attache_model::ContentHandling::{ConvertToBinary, ConvertToText};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::Conversion::{self, Bytes, Decoded, Encoded, RepairedText, Text};
    use crate::Denial;

    /// The table of requests.
    #[wasm_bindgen_test(unsupported = test)]
    fn requests_are_converted_as_aws_does() {
        for (is_binary, handling, expected) in [
            (false, None, Text),
            (false, Some(ConvertToText), RepairedText),
            (false, Some(ConvertToBinary), Decoded),
            (true, None, Bytes),
            (true, Some(ConvertToBinary), Bytes),
            (true, Some(ConvertToText), Encoded),
        ] {
            assert_eq!(Conversion::of_request(handling, is_binary), expected);
        }
    }

    /// The table of answers: content type, `Accept`, and what each of the settings does.
    #[wasm_bindgen_test(unsupported = test)]
    fn answers_are_converted_as_aws_does() {
        for (is_binary, accepts_binary, unset, to_text, to_binary) in [
            (false, false, Text, RepairedText, Decoded),
            (false, true, Decoded, RepairedText, Decoded),
            (true, false, Encoded, Encoded, Bytes),
            (true, true, Bytes, Encoded, Bytes),
        ] {
            for (handling, expected) in [
                (None, unset),
                (Some(ConvertToText), to_text),
                (Some(ConvertToBinary), to_binary),
            ] {
                let conversion = Conversion::of_answer(handling, is_binary, accepts_binary);
                assert_eq!(
                    conversion, expected,
                    "{is_binary} {accepts_binary} {handling:?}"
                );
            }
        }
    }

    /// The bodies of `s3::TestApiGatewayS3BinarySupport`.
    #[wasm_bindgen_test(unsupported = test)]
    fn bodies_become_what_was_recorded() {
        let raw: &[u8] = b"\x1f\x8b\x08\x00\x14l";
        // What a body becomes, and what a template reads of it; `None` is refused.
        type Row<'r> = (Conversion, &'r [u8], Option<&'r [u8]>, Option<&'r str>);
        let rows: &[Row<'_>] = &[
            (Text, raw, Some(raw), Some("\u{1f}\u{fffd}\u{8}\0\u{14}l")),
            (
                RepairedText,
                raw,
                Some("\u{1f}\u{fffd}\u{8}\0\u{14}l".as_bytes()),
                Some("\u{1f}\u{fffd}\u{8}\0\u{14}l"),
            ),
            (Bytes, raw, Some(raw), None),
            (Encoded, raw, Some(b"H4sIABRs"), Some("H4sIABRs")),
            (Decoded, b"H4sIABRs", Some(raw), None),
            (Decoded, b"Hw==", Some(b"\x1f"), None),
            (Decoded, b"Hw", Some(b"\x1f"), None),
            (Decoded, b"", Some(b""), None),
            (Decoded, raw, None, None),
            (Decoded, b"this is a UTF8 text typed object", None, None),
        ];
        for (conversion, body, expected, text) in rows {
            let applied = conversion.apply((*body).into());
            let refused = &Denial::ApiConfigurationError;
            assert_eq!(applied.as_deref(), expected.ok_or(refused));
            let seen = conversion.text((*body).into());
            assert_eq!(seen.as_deref(), text.ok_or(refused));
        }
    }
}
