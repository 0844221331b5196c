//! `attache import openapi`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attache_model::Protocol;

use super::arguments::{self, Openapi};
use super::cloudformation::intrinsic::{Resolver, has_function};
use super::cloudformation::told;
use super::definition::{self, Api};
use super::draft::{self, Draft};
use super::table::Table;
use super::{Imported, cannot_write};
use crate::diagnostic::Report;
use crate::document::{Document, Format};
use crate::tree::{Flow, Tree};

/// Makes a configuration around a document. `None` when it cannot be read; the report says why.
pub(super) fn import(arguments: &Openapi, report: &mut Report) -> Option<Imported> {
    let file = &arguments.file;
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(_) => {
            // Says why.
            Document::read(file, report);
            return None;
        }
    };
    let document = Document::parse_template(file, &bytes, report)?;
    // The whole of it is looked at once it is written; here it has to be one at all.
    let mut unheard = Report::new();
    let root = Tree::from(&document.root);
    if crate::openapi::import(&document, Protocol::Rest, &mut unheard).is_none() {
        unheard
            .diagnostics()
            .iter()
            .for_each(|found| report.push(found.clone()));
        return None;
    }

    let mut table = Table::default();
    let given: BTreeMap<String, String> = arguments.parameter.iter().cloned().collect();
    let nothing = Tree::map();
    let folder = file.parent().unwrap_or(Path::new("."));
    let (definition, resolved) = match has_function(&root) {
        true => {
            let mut resolver = Resolver::new(&nothing, &given, folder);
            let resolved = resolver.resolve(&root).unwrap_or_default();
            told(&resolver, &mut table);
            (resolved, true)
        }
        false => (root, false),
    };
    let protocol = match arguments.protocol {
        Some(arguments::Protocol::Rest) => Protocol::Rest,
        Some(arguments::Protocol::Http) => Protocol::Http,
        None => definition::protocol(&definition),
    };
    let title = definition.at(&["info", "title"]).and_then(Tree::as_text);
    let id = match &arguments.id {
        Some(id) => id.clone(),
        None => draft::id(title.unwrap_or("api"), &[]),
    };
    let stage = arguments.stage.clone();
    let stage = stage.or_else(|| definition::stage(&definition));
    let stage = stage.unwrap_or_else(|| match protocol {
        Protocol::Rest => "prod".to_owned(),
        Protocol::Http => "$default".to_owned(),
    });

    let is_json = Format::of(file, &document.text) == Format::Json;
    let name = match is_json {
        true => format!("{id}.json"),
        false => format!("{id}.yaml"),
    };
    let text = match (resolved, is_json) {
        (false, _) => document.text.to_string(),
        (true, true) => cannot_write(definition.json(), report)?,
        (true, false) => cannot_write(definition.yaml(Flow::Never), report)?,
    };
    let api = Api {
        id: &id,
        file: &name,
        protocol,
        stages: [(stage.clone(), BTreeSet::new())].into(),
        has_plan: false,
    };
    api.describe(&definition, &mut table);
    let mut settings = api.settings();
    settings.entry("stages").set(&stage, Tree::map());
    let mut draft = Draft {
        about: format!("Imported from {}.", shown(file)),
        ..Draft::default()
    };
    draft.set("apis", &id, settings);
    if let Some(account) = account(&given) {
        draft.settings.set("account", account);
    }
    draft.functions(&definition);
    draft.files.insert(name, text);
    Some(Imported { draft, table })
}

/// The account and region that the user told.
pub(super) fn account(given: &BTreeMap<String, String>) -> Option<Tree> {
    let mut account = Tree::map();
    for (name, setting) in [("AWS::AccountId", "id"), ("AWS::Region", "region")] {
        account.set_some(setting, given.get(name).map(String::as_str));
    }
    (!account.is_empty()).then_some(account)
}

/// The name of a file as it may stand in another one: without the folders of one's own machine.
pub(super) fn shown(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}
