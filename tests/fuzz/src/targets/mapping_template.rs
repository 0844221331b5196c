//! A mapping template, the event with its facts, and the body that it reads.
//!
//! A template prints the same each time. Of what it sets only statuses and texts are read.

use attache_policies::mapping_template::{
    MappingTemplate, TemplateBody, TemplateEvent, TemplateScope,
};

/// The input is a template, an event and a body, with a byte that is 0 between them.
pub(super) fn run(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (template, event, body) = (part(), part(), part());
    let Ok(template) = MappingTemplate::compile(&template) else {
        return;
    };
    let render = || {
        let event = TemplateEvent::read(&event).unwrap_or_else(|_| TemplateEvent::empty());
        let mut scope = TemplateScope::new(&event);
        let first = template.render(&mut scope, TemplateBody::new(body.clone()));
        let overrides = scope.response_overrides();
        assert!(
            overrides
                .status
                .is_none_or(|status| (100..=599).contains(&status))
        );
        let second = template.render(&mut scope, TemplateBody::new(body.clone()));
        (first, second, overrides, scope.request_overrides())
    };
    assert_eq!(render(), render());
}
