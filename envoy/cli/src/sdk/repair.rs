//! What the generator leaves wrong, and how it is put right.

use std::path::Path;

/// Puts the comma into `package.json` that openapi-generator leaves out before the package that signs
/// (`typescript-axios`, seen in 7.26.0). What npm can read stays as it is.
pub(super) fn package_json(folder: &Path) -> std::io::Result<()> {
    let file = folder.join("package.json");
    if !file.is_file() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&file)?;
    match repaired(&text) {
        Some(text) => std::fs::write(&file, text),
        None => Ok(()),
    }
}

/// The text with the comma; `None` where none is missing, or more than that is wrong.
fn repaired(text: &str) -> Option<String> {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    if is_json(text) {
        return None;
    }
    let (before, after) = text.split_once("\"aws4-axios\"")?;
    let repaired = format!(
        "{},\n    \"aws4-axios\"{after}",
        before
            .trim_end()
            .strip_suffix(',')
            .unwrap_or(before.trim_end())
    );
    is_json(&repaired).then_some(repaired)
}

#[cfg(test)]
mod tests {
    use super::repaired;

    #[test]
    fn the_comma_is_put_in_where_it_is_missing() {
        let wrong = "{\n  \"dependencies\": {\n    \"axios\": \"^1.18.0\"\n    \"aws4-axios\": \
                     \"^3.3.4\"\n  }\n}\n";
        let right = repaired(wrong).unwrap();
        assert_eq!(right, wrong.replace("1.18.0\"", "1.18.0\","));
        assert_eq!(repaired(&right), None);
        assert_eq!(repaired("{"), None);
    }
}
