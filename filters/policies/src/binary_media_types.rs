//! Which bodies are binary: the content types of a REST API's `binaryMediaTypes`.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html>

/// The content types of binary bodies. Without any, all bodies are text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BinaryMediaTypes {
    /// In lower case and without parameters: `image/png`, `image/*` or `*/*`.
    types: Box<[Box<str>]>,
}

impl BinaryMediaTypes {
    /// Takes the content types as the definition writes them.
    pub(crate) fn compile(types: &[String]) -> Self {
        let types = types.iter().map(|media_type| {
            let media_type = essence(media_type.as_bytes());
            String::from_utf8_lossy(&media_type).into_owned().into()
        });
        Self {
            types: types.collect(),
        }
    }

    /// Whether a `Content-Type` names one of them. Its parameters do not count.
    pub(crate) fn contains(&self, content_type: Option<&[u8]>) -> bool {
        if self.types.is_empty() {
            return false;
        }
        let content_type = content_type.map(essence).unwrap_or_default();
        self.types
            .iter()
            .any(|media_type| matches(media_type.as_bytes(), &content_type))
    }

    /// Whether the first content type of an `Accept` is one of them. API Gateway honors no other.
    pub(crate) fn are_accepted(&self, accept: Option<&[u8]>) -> bool {
        let first = accept.and_then(|accept| accept.split(|byte| *byte == b',').next());
        self.contains(first)
    }
}

/// Type and subtype, in lower case.
fn essence(content_type: &[u8]) -> Vec<u8> {
    let essence = content_type.split(|byte| *byte == b';').next();
    essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase()
}

/// `*/*` matches also what has no type.
fn matches(pattern: &[u8], essence: &[u8]) -> bool {
    match pattern.strip_suffix(b"*") {
        Some(b"*/") => true,
        Some(prefix) if prefix.ends_with(b"/") => essence.starts_with(prefix),
        _ => pattern == essence,
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::BinaryMediaTypes;

    fn types(types: &[&str]) -> BinaryMediaTypes {
        let types: Vec<_> = types.iter().map(|name| (*name).to_owned()).collect();
        BinaryMediaTypes::compile(&types)
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn type_and_subtype_decide() {
        for (configured, content_type, expected) in [
            (&["image/png"][..], Some("image/png"), true),
            (&["Image/PNG; q=1"], Some("IMAGE/png ; charset=x"), true),
            (&["image/png"], Some("image/pngx"), false),
            (&["image/*"], Some("image/png"), true),
            (&["image/*"], Some("imagex/png"), false),
            (&["text/plain", "image/*"], Some("image/"), true),
            (&["*/*"], Some("anything"), true),
            (&["*/*"], None, true),
            (&["*"], Some("a/b"), false),
            (&["image/png"], None, false),
            (&[], Some("image/png"), false),
            (&[""], Some("image/png"), false),
        ] {
            assert_eq!(
                types(configured).contains(content_type.map(str::as_bytes)),
                expected,
                "{configured:?} {content_type:?}"
            );
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn only_the_first_content_type_of_accept_counts() {
        let png = types(&["image/png"]);
        for (accept, expected) in [
            (Some("image/png"), true),
            (Some("image/png;q=0.1, text/html"), true),
            (Some("text/html, image/png"), false),
            (Some("image/*"), false),
            (Some("*/*"), false),
            (None, false),
        ] {
            assert_eq!(png.are_accepted(accept.map(str::as_bytes)), expected);
        }
        assert!(types(&["*/*"]).are_accepted(None));
    }
}
