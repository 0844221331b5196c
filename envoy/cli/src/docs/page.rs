//! The page: a document, its renderer and nothing else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, context};
use sha2::{Digest, Sha256};

use super::renderer::Renderer;
use crate::client_document::ClientDocument;

const PAGE: &str = include_str!("page.html");
const START: &str = include_str!("start.js");

/// The page of a document.
///
/// Scripts are allowed by their digests alone, so that nothing in a description ever becomes one.
///
/// # Errors
///
/// The renderer cannot stand inside a page.
pub(super) fn of(document: &ClientDocument, renderer: &Renderer) -> Result<String, String> {
    let definition = document
        .document
        .json()
        .map_err(|error| error.to_string())?;
    let scripts = [embeddable(renderer.script())?, embeddable(START)?];
    let mut hashes = String::new();
    for script in &scripts {
        let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
        // A text takes whatever is written to it.
        let _ = write!(
            hashes,
            "{}'sha256-{hash}'",
            if hashes.is_empty() { "" } else { " " }
        );
    }
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = environment.render_str(
        PAGE,
        context! {
            title => document.title(),
            // Quotes of the policy stand inside of double ones.
            script_hashes => minijinja::Value::from_safe_string(hashes),
            definition => inside_a_script(&definition),
            scripts,
        },
    );
    page.map_err(|error| error.to_string())
}

/// What ends a script for a parser of HTML, or hides its end, wherever it stands.
const TAGS: [&str; 3] = ["<!--", "<script", "</script"];

/// A script that can stand inside a page: as the HTML Standard advises, the tags in its literals are
/// written with an escape of JavaScript's (section 4.12.1.3).
fn embeddable(script: &str) -> Result<String, String> {
    let mut embeddable = script.to_owned();
    for tag in TAGS {
        embeddable = embeddable.replace(tag, &tag.replace('<', "\\x3c"));
    }
    let lower_case = embeddable.to_ascii_lowercase();
    match TAGS.iter().any(|tag| lower_case.contains(tag)) {
        true => Err("the renderer holds tags, and cannot stand inside a page".to_owned()),
        false => Ok(embeddable),
    }
}

/// JSON that no HTML parser takes for the end of its element.
fn inside_a_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::{embeddable, inside_a_script};

    #[test]
    fn no_text_ends_the_element_that_it_stands_in() {
        let text = "</script><!--<script>";
        let json = inside_a_script(&serde_json::json!({ "a": text }).to_string());
        assert!(!json.contains('<'));
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["a"], text);
    }

    #[test]
    fn no_literal_ends_the_script_that_it_stands_in() {
        assert_eq!(
            embeddable("a(\"</script>\", /<!--/, x < y)").unwrap(),
            "a(\"\\x3c/script>\", /\\x3c!--/, x < y)"
        );
        assert!(embeddable("a('<SCRIPT>')").is_err());
    }
}
