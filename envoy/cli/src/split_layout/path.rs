//! Paths of API Gateway as URI templates of Envoy.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/path/match/uri_template/v3/uri_template_match.proto>

use std::cmp::Reverse;

/// Envoy takes five variables, and none longer than sixteen letters; these are numbered.
const MOST_VARIABLES: usize = 5;

/// A path that clients ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// As Envoy writes it.
    pub(super) text: String,
    /// The names of its parameters, in the order of their variables.
    names: Vec<String>,
}

impl Template {
    /// Reads a resource path with the stage before it, such as `/prod/pets/{petId}`.
    pub(super) fn new(path: &str) -> Result<Self, &'static str> {
        let path = match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        let mut template = Self {
            text: String::new(),
            names: Vec::new(),
        };
        let mut rest = path;
        while let Some((literal, after)) = rest.split_once('{') {
            template.literal(literal)?;
            let (name, after) = after.split_once('}').ok_or("its path is not closed")?;
            let (name, greedy) = match name.strip_suffix('+') {
                Some(name) => (name, "=**"),
                None => (name, ""),
            };
            template.names.push(name.to_owned());
            let number = template.names.len();
            template.text.push_str(&format!("{{v{number}{greedy}}}"));
            rest = after;
        }
        template.literal(rest)?;
        if template.names.len() > MOST_VARIABLES {
            return Err("a path of Envoy's own has five parameters at most");
        }
        Ok(template)
    }

    fn literal(&mut self, text: &str) -> Result<(), &'static str> {
        is_literal(text)?;
        self.text.push_str(text);
        Ok(())
    }

    /// Whether the path has parameters.
    pub(super) const fn has_variables(&self) -> bool {
        !self.names.is_empty()
    }

    /// The path of the back end, with this template's variables. `mapped` tells which parameter a
    /// placeholder stands for.
    pub(super) fn rewrite<'n>(
        &self,
        target: &str,
        mapped: impl Fn(&str) -> Option<&'n str>,
    ) -> Result<String, &'static str> {
        if target.contains('?') {
            return Err("a route of Envoy's own adds no query string");
        }
        let mut text = String::new();
        let mut rest = target;
        while let Some((literal, after)) = rest.split_once('{') {
            is_literal(literal)?;
            text.push_str(literal);
            let (name, after) = after.split_once('}').ok_or("its URI is not closed")?;
            let parameter = mapped(name.trim_end_matches('+'));
            let position = self
                .names
                .iter()
                .position(|known| parameter == Some(known.as_str()));
            let position =
                position.ok_or("a route of Envoy's own knows the parameters of the path alone")?;
            text.push_str(&format!("{{v{}}}", position + 1));
            rest = after;
        }
        is_literal(rest)?;
        text.push_str(rest);
        Ok(text)
    }
}

/// What Envoy takes as it is.
fn is_literal(text: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()+,;:@=".contains(&byte);
    match text.bytes().all(fits) {
        true => Ok(()),
        false => Err("a path of Envoy's own has no such letters"),
    }
}

/// How exact a path is: the smaller, the earlier.
pub(super) type Rank = (Vec<u8>, Reverse<usize>, bool, String, Option<&'static str>);

/// The rank of a template: a fixed segment comes before a variable one, that before a greedy one;
/// of the same path, a method before all methods.
pub(super) fn rank(template: &str, method: Option<&'static str>) -> Rank {
    let kinds: Vec<u8> = template
        .split('/')
        .skip(1)
        .map(|segment| match segment {
            _ if segment.contains("=**") => 2,
            _ if segment.contains('{') => 1,
            _ => 0,
        })
        .collect();
    let length = kinds.len();
    (
        kinds,
        Reverse(length),
        method.is_none(),
        template.to_owned(),
        method,
    )
}

#[cfg(test)]
mod tests {
    use super::{Template, rank};

    #[test]
    fn paths_become_templates_and_leave_their_parameters_to_the_back_end() {
        let mapped = |name: &str| match name {
            "id" => Some("petId"),
            "rest" => Some("proxy"),
            _ => None,
        };
        for (path, target, template, rewrite) in [
            ("/prod/", "/", "/prod", "/"),
            ("/prod/pets", "/v1/pets", "/prod/pets", "/v1/pets"),
            (
                "/prod/pets/{petId}/food",
                "/v1/{id}",
                "/prod/pets/{v1}/food",
                "/v1/{v1}",
            ),
            (
                "/prod/{petId}/{proxy+}",
                "/{rest}/of/{id}",
                "/prod/{v1}/{v2=**}",
                "/{v2}/of/{v1}",
            ),
        ] {
            let asked = Template::new(path).unwrap();
            assert_eq!(asked.text, template);
            assert_eq!(asked.rewrite(target, mapped).unwrap(), rewrite);
        }
        let asked = Template::new("/prod/{petId}").unwrap();
        assert!(asked.rewrite("/{other}", mapped).is_err());
        assert!(asked.rewrite("/?a=b", mapped).is_err());
        assert!(asked.rewrite("/ä", mapped).is_err());
        assert!(Template::new("/{a}/{b}/{c}/{d}/{e}/{f}").is_err());
        assert!(Template::new("/\u{e9}").is_err());
    }

    #[test]
    fn the_most_exact_path_comes_first() {
        let mut paths = [
            ("/prod/{v1=**}", None),
            ("/prod/pets/{v1}", None),
            ("/prod/pets/{v1}", Some("GET")),
            ("/prod/{v1}/food", Some("GET")),
            ("/prod/pets/new", Some("POST")),
            ("/prod/pets", Some("GET")),
            ("/prod", Some("GET")),
        ];
        paths.sort_by_key(|(path, method)| rank(path, *method));
        assert_eq!(
            paths.map(|(path, method)| (path, method.unwrap_or("ANY"))),
            [
                ("/prod", "GET"),
                ("/prod/pets", "GET"),
                ("/prod/pets/new", "POST"),
                ("/prod/pets/{v1}", "GET"),
                ("/prod/pets/{v1}", "ANY"),
                ("/prod/{v1}/food", "GET"),
                ("/prod/{v1=**}", "ANY"),
            ]
        );
    }
}
