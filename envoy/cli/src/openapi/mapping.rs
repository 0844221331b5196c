//! Mappings of names to texts, and of content types to templates.

use std::collections::BTreeMap;

use attache_model::MappingTemplate;

use super::{Located, Place, Reading, intrinsic};
use crate::document::{Entry, Pointer};

/// A mapping of names to texts, which stands at `pointer` in the model.
pub(super) fn texts<'d>(
    reading: &mut Reading<'d, '_>,
    mapping: &Located<'d>,
    pointer: &Pointer,
    places: &mut BTreeMap<String, Place>,
) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for entry in reading.mapping(mapping).unwrap_or_default() {
        one_text(reading, mapping, entry, pointer, places, &mut texts);
    }
    texts
}

fn one_text<'d>(
    reading: &mut Reading<'d, '_>,
    mapping: &Located<'d>,
    entry: &'d Entry,
    pointer: &Pointer,
    places: &mut BTreeMap<String, Place>,
    texts: &mut BTreeMap<String, String>,
) {
    let name = entry.key.as_str();
    let value = mapping.value_of(entry);
    if intrinsic::is_name(name) {
        reading.intrinsic(mapping.key_of(entry), name);
    } else if let Some(text) = reading.text(&value) {
        places.insert(pointer.key(name).into(), value.place());
        texts.insert(name.to_owned(), text.to_owned());
    }
}

/// The same for the parameters of a request. AWS's import leaves out what is `true` or `false`, which
/// belongs to the parameters of the operation.
pub(super) fn parameters<'d>(
    reading: &mut Reading<'d, '_>,
    mapping: &Located<'d>,
    pointer: &Pointer,
    places: &mut BTreeMap<String, Place>,
) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    for entry in reading.mapping(mapping).unwrap_or_default() {
        let value = mapping.value_of(entry);
        if value.node.as_bool().is_some() {
            reading.warning(
                "field-without-effect",
                value.place(),
                format!("`{}` has no effect: it is mapped to nothing", entry.key),
                Some("write a source such as `method.request.header.NAME`, or take it out"),
            );
        } else {
            one_text(reading, mapping, entry, pointer, places, &mut parameters);
        }
    }
    parameters
}

/// The templates of a mapping, in its order, which stand at `pointer` in the model. An empty one is
/// a template too: what it makes is empty.
pub(super) fn templates<'d>(
    reading: &mut Reading<'d, '_>,
    mapping: &Located<'d>,
    pointer: &Pointer,
    places: &mut BTreeMap<String, Place>,
) -> Vec<MappingTemplate> {
    let mut templates = Vec::new();
    for entry in reading.mapping(mapping).unwrap_or_default() {
        let value = mapping.value_of(entry);
        if intrinsic::is_name(&entry.key) {
            reading.intrinsic(mapping.key_of(entry), &entry.key);
        } else if value.node.is_null() {
            // An export's way to say that there is none.
        } else if let Some(text) = reading.text(&value) {
            let pointer = pointer.index(templates.len());
            let content_type = mapping.key_of(entry);
            places.insert(pointer.key("contentType").into(), content_type);
            places.insert(pointer.into(), value.place());
            templates.push(MappingTemplate {
                content_type: entry.key.clone(),
                template: text.to_owned(),
            });
        }
    }
    templates
}

/// The texts of a list, which stands at `pointer` in the model.
pub(super) fn list<'d>(
    reading: &mut Reading<'d, '_>,
    list: &Located<'d>,
    pointer: &Pointer,
    places: &mut BTreeMap<String, Place>,
) -> Vec<String> {
    places.insert(pointer.clone().into(), list.place());
    let mut texts = Vec::new();
    for item in reading.list(list).unwrap_or_default() {
        if let Some(text) = reading.text(&item) {
            places.insert(pointer.index(texts.len()).into(), item.place());
            texts.push(text.to_owned());
        }
    }
    texts
}
