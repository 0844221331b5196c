//! The names by which `methodSettings` and a plan's throttles mean a method.

use attache_model::{Operation, Verb};

use crate::configuration::suggestion;

/// What a name such as `/pets/GET` means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MethodKey {
    /// `*/*`: every method of the stage.
    All,
    /// One operation.
    One {
        /// The resource path, with its leading slash; `$default` for an HTTP API's catch-all route.
        path: String,
        /// The method.
        method: Verb,
    },
}

/// Why a name means no method: what is wrong with it, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl MethodKey {
    /// Reads a name: `*/*`, which CloudFormation has as `/*` and `*`, or a resource path and a
    /// method. AWS's own JSON leaves the leading slash out and writes the slashes of the path as
    /// `~1`; both spellings are understood. AWS has nothing between all methods and one: `/pets/*`
    /// and `*/GET` set nothing there, and are refused here.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        const FORM: &str = "write `*/*` for all methods, or a path and a method: `/pets/GET`";
        let plain = text.replace("~1", "/").replace("~0", "~");
        if matches!(plain.as_str(), "*/*" | "/*/*") {
            return Ok(Self::All);
        }
        if plain.split('/').any(|segment| segment == "*") {
            return Err(Refusal {
                message: format!("`{text}` means neither all methods nor one"),
                hint: "AWS has nothing in between: write `*/*`, or each method by itself, such as \
                       `/pets/GET`"
                    .to_owned(),
            });
        }
        if plain == "$default" {
            return Ok(Self::One {
                path: plain,
                method: Verb::Any,
            });
        }
        let Some((path, word)) = plain.rsplit_once('/') else {
            return Err(Refusal {
                message: format!("`{text}` names no method"),
                hint: FORM.to_owned(),
            });
        };
        let Some(method) = verb(word) else {
            let upper = word.to_uppercase();
            return Err(Refusal {
                message: format!("`{text}` does not end with a method"),
                hint: match verb(&upper) {
                    Some(_) => format!("write the method in capitals: `{path}/{upper}`"),
                    None => FORM.to_owned(),
                },
            });
        };
        let path = match path {
            "" => "/".to_owned(),
            _ if path.starts_with('/') => path.to_owned(),
            _ => format!("/{path}"),
        };
        Ok(Self::One { path, method })
    }
}

fn verb(word: &str) -> Option<Verb> {
    match word {
        "ANY" => Some(Verb::Any),
        _ => Verb::from_request(word.as_bytes()),
    }
}

/// The operation of a name, counted from 0, or what to write instead.
pub(super) fn find(operations: &[Operation], path: &str, method: Verb) -> Result<usize, String> {
    let found = operations
        .iter()
        .position(|operation| operation.path == path && operation.method == method);
    if let Some(index) = found {
        return Ok(index);
    }
    let methods: Vec<&str> = operations
        .iter()
        .filter(|operation| operation.path == path)
        .map(|operation| operation.method.as_str())
        .collect();
    if methods.contains(&"ANY") {
        return Err(format!(
            "the definition has it as ANY: write `{}`",
            name(path, Verb::Any)
        ));
    }
    if !methods.is_empty() {
        return Err(format!(
            "`{path}` has {}",
            suggestion::list(&methods, "and")
        ));
    }
    let names: Vec<String> = operations
        .iter()
        .map(|operation| name(&operation.path, operation.method))
        .collect();
    Err(
        match suggestion::closest(&name(path, method), names.iter().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "write a path as it stands under `paths` in the definition, and its method"
                .to_owned(),
        },
    )
}

/// The name of an operation, as it is written here.
pub(crate) fn name(path: &str, method: Verb) -> String {
    match path {
        "/" => format!("/{}", method.as_str()),
        "$default" => path.to_owned(),
        _ => format!("{path}/{}", method.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use attache_model::Verb;

    use super::MethodKey;

    #[test]
    fn every_spelling_of_aws_is_understood() {
        for (text, path, method) in [
            ("/pets/GET", "/pets", Verb::Get),
            ("pets/GET", "/pets", Verb::Get),
            ("~1pets/GET", "/pets", Verb::Get),
            ("/pets/{petId}/DELETE", "/pets/{petId}", Verb::Delete),
            ("~1pets~1{petId}/DELETE", "/pets/{petId}", Verb::Delete),
            ("/{proxy+}/ANY", "/{proxy+}", Verb::Any),
            ("/GET", "/", Verb::Get),
            ("//GET", "/", Verb::Get),
            ("~1/GET", "/", Verb::Get),
            ("/a~01/PUT", "/a~1", Verb::Put),
            ("$default", "$default", Verb::Any),
        ] {
            let path = path.to_owned();
            assert_eq!(
                MethodKey::parse(text),
                Ok(MethodKey::One { path, method }),
                "{text}"
            );
        }
        for text in ["*/*", "/*/*", "~1*/*"] {
            assert_eq!(MethodKey::parse(text), Ok(MethodKey::All), "{text}");
        }
    }

    #[test]
    fn other_names_are_refused_with_advice() {
        for (text, advice) in [
            ("GET", "`/pets/GET`"),
            ("", "`*/*`"),
            ("/pets/get", "`/pets/GET`"),
            ("GET /pets", "`/pets/GET`"),
            ("/pets/TRACE", "`*/*`"),
            ("*", "`*/*`"),
            ("/pets/*", "nothing in between"),
            ("/*/GET", "nothing in between"),
            ("*/GET", "nothing in between"),
            ("/*/pets/GET", "nothing in between"),
        ] {
            let refusal = MethodKey::parse(text).expect_err(text);
            assert!(refusal.hint.contains(advice), "{text}: {}", refusal.hint);
        }
    }
}
