//! What generators are called, and what they are told.

/// The generators whose clients can sign requests as AWS does.
pub(super) const SIGNING: [&str; 4] = ["java", "go", "rust", "typescript-axios"];

/// Whether the clients of a generator can sign requests as AWS does (`withAWSV4Signature`).
pub(super) fn signs(language: &str) -> bool {
    SIGNING.contains(&language)
}

/// What the client is called, in the setting by which the generator knows it.
pub(super) fn properties(language: &str, api: &str) -> Vec<(String, String)> {
    let words: Vec<String> = api
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let (setting, separator) = match language {
        "python" => ("packageName", "_"),
        "go" => ("packageName", ""),
        "rust" => ("packageName", "-"),
        "java" | "kotlin" => ("artifactId", "-"),
        "ruby" => ("gemName", "_"),
        language if language.starts_with("typescript-") => ("npmName", "-"),
        _ => return Vec::new(),
    };
    let name = words.join(separator);
    // A package of no language begins with a digit.
    if !name.starts_with(|character: char| character.is_ascii_alphabetic()) {
        return Vec::new();
    }
    vec![(setting.to_owned(), name)]
}

#[cfg(test)]
mod tests {
    use super::properties;

    #[test]
    fn a_client_is_called_like_its_api() {
        for (language, api, wanted) in [
            ("python", "Pet-Store", Some(("packageName", "pet_store"))),
            ("go", "pet-store", Some(("packageName", "petstore"))),
            (
                "typescript-fetch",
                "pet_store",
                Some(("npmName", "pet-store")),
            ),
            ("python", "7pets", None),
            ("cobol", "pets", None),
        ] {
            let properties = properties(language, api);
            let found = properties.first();
            let found = found.map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(found, wanted, "{language}");
        }
    }
}
