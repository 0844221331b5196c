use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use attache_policies::CompileError;

use crate::diagnostic::Diagnostic;
use crate::openapi::OperationPlaces;

/// A value in the user's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where in the file's text, in bytes.
    pub span: Range<usize>,
    /// The JSON pointer of the value in the file.
    pub pointer: String,
}

/// Where each part of the model comes from.
#[derive(Debug, Default)]
pub struct Places {
    /// By the JSON pointer in the model.
    values: BTreeMap<String, Place>,
    /// What comes from the definition of each API, by the API's number in the model.
    operations: BTreeMap<usize, Operations>,
}

/// Where the operations of one API come from.
#[derive(Debug)]
struct Operations {
    file: PathBuf,
    places: Vec<OperationPlaces>,
}

impl Places {
    /// Remembers where the value at a pointer of the model comes from.
    pub fn insert(&mut self, pointer: impl Into<String>, place: Place) {
        self.values.insert(pointer.into(), place);
    }

    /// Remembers the definition that the operations of an API come from, in their order.
    pub fn insert_operations(
        &mut self,
        api: usize,
        file: impl Into<PathBuf>,
        places: Vec<OperationPlaces>,
    ) {
        let file = file.into();
        self.operations.insert(api, Operations { file, places });
    }

    /// The place of a value of the model, or of the closest thing around it that has one.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<Place> {
        if let Some(place) = self.find_operation(pointer) {
            return Some(place);
        }
        let pointer = &in_authorizer(pointer);
        let mut pointer = pointer.as_str();
        loop {
            if let Some(place) = self.values.get(pointer) {
                return Some(place.clone());
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    /// `/apis/0/operations/3/integration/…` in the definition of that API.
    fn find_operation(&self, pointer: &str) -> Option<Place> {
        let (api, rest) = pointer.strip_prefix("/apis/")?.split_once("/operations/")?;
        let operation = rest.split('/').next()?;
        let part = rest.strip_prefix(operation)?;
        let operations = self.operations.get(&api.parse().ok()?)?;
        let places = operations.places.get(operation.parse::<usize>().ok()?)?;
        let place = places.of(part);
        Some(Place {
            file: operations.file.clone(),
            span: place.span.clone(),
            pointer: place.pointer.clone(),
        })
    }

    /// A refusal by the filter's compiler, at the user's own line.
    #[must_use]
    pub fn diagnostic(&self, error: &CompileError) -> Diagnostic {
        let place = self.find(&error.pointer).unwrap_or_else(|| Place {
            file: PathBuf::from(super::FILE_NAME),
            span: 0..0,
            pointer: String::new(),
        });
        Diagnostic {
            hint: error.hint.clone(),
            ..Diagnostic::error(
                "not-compilable",
                place.file,
                place.span,
                place.pointer,
                &error.reason,
            )
        }
    }
}

/// The pointer of a part of an authorizer, such as `/apis/0/authorizers/1/uri`, without the steps
/// that only say of which kind it is: `/apis/0/authorizers/1/kind/lambda/uri`.
fn in_authorizer(pointer: &str) -> String {
    let steps: Vec<&str> = pointer.split('/').collect();
    if let ["", "apis", _, "authorizers", _, "kind", rest @ ..] = steps.as_slice()
        && let Some(whole) = steps.get(..5)
    {
        let part = rest.get(1..).unwrap_or_default();
        return [whole, part].concat().join("/");
    }
    pointer.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Place, Places, in_authorizer};
    use attache_policies::CompileError;

    #[test]
    fn a_refusal_is_shown_at_the_closest_place_that_is_known() {
        let mut places = Places::default();
        for (model, start) in [("/apis/0", 1), ("/apis/0/operations/2", 2), ("/apis/1", 3)] {
            places.insert(
                model,
                Place {
                    file: "f".into(),
                    span: start..start,
                    pointer: format!("/{start}"),
                },
            );
        }
        for (model, start) in [
            ("/apis/0", 1),
            ("/apis/0/operations/2/integration/httpProxy/uri", 2),
            ("/apis/0/operations/20", 1),
            ("/apis/1/stages/0/name", 3),
        ] {
            let found = places.diagnostic(&CompileError::new(model, "wrong").hint("mend"));
            assert_eq!(
                (found.span.start, found.pointer),
                (start, format!("/{start}")),
                "{model}"
            );
            assert_eq!(found.hint.as_deref(), Some("mend"));
        }
        assert_eq!(places.find("/usagePlans/0"), None);
    }

    #[test]
    fn the_kind_of_an_authorizer_is_no_part_of_its_places() {
        for (pointer, wanted) in [
            (
                "/apis/0/authorizers/1/kind/lambda/uri",
                "/apis/0/authorizers/1/uri",
            ),
            ("/apis/0/authorizers/1/kind/jwt", "/apis/0/authorizers/1"),
            ("/apis/0/authorizers/1/kind", "/apis/0/authorizers/1"),
            ("/apis/0/authorizers/1/uri", "/apis/0/authorizers/1/uri"),
            ("/apis/0/authorizers", "/apis/0/authorizers"),
            ("/apis/0/name", "/apis/0/name"),
        ] {
            assert_eq!(in_authorizer(pointer), wanted);
        }
    }
}
