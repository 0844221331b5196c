//! AWS's API key file.
//!
//! Its keys have names and places in the file; its faults have places too, and repeat no key.

use std::path::Path;

use attache::api_key_file;
use attache::diagnostic::{self, Diagnostic, Report};

pub(super) fn run(input: &[u8]) {
    let file = Path::new("keys.csv");
    let (entries, findings) = match api_key_file::read(file, input) {
        Ok(read) => (read.entries, read.warnings),
        Err(faults) => {
            assert!(!faults.is_empty());
            (Vec::new(), faults)
        }
    };
    for entry in &entries {
        assert_eq!(api_key_file::check_name(&entry.name), Ok(()));
        assert!(entry.line > 0 && input.get(entry.span.clone()).is_some());
    }
    let masked = api_key_file::masked(input);
    assert_eq!(masked.len(), input.len());
    show(file, masked, findings);
}

fn show(file: &Path, shown: String, findings: Vec<Diagnostic>) {
    let mut report = Report::new();
    for finding in &findings {
        assert!(shown.get(finding.span.clone()).is_some());
    }
    report.add_source(file, shown);
    for finding in findings {
        report.push(finding);
    }
    assert!(!diagnostic::human(&report).is_empty() || report.diagnostics().is_empty());
    diagnostic::json(&report).expect("findings have JSON");
}
