use std::path::Path;

use proptest::prelude::*;

use super::edit::{Change, apply};
use super::{ApiKeyFile, read};
use crate::api_key_value::ApiKeyValue;
use crate::diagnostic::Diagnostic;

const FIRST: &str = "first-value-0123456789abcdef";
const SECOND: &str = "second-value-0123456789abcde";

fn file(text: impl AsRef<[u8]>) -> Result<ApiKeyFile, Vec<Diagnostic>> {
    read(Path::new("keys.csv"), text.as_ref())
}

#[test]
fn columns_come_in_any_order_and_case_and_unknown_ones_are_ignored() {
    let text = format!(
        "USAGEPLANIDS,colour,key,enabled,Name,description\r\n\
         \"gold, trial,gold\",red,{FIRST},FALSE,acme,\"Acme, Inc.\nsince 2020\"\r\n\
         \r\n\
         ,,{SECOND},,globex\r\n"
    );
    let entries = file(&text).unwrap().entries;
    let [acme, globex] = entries.as_slice() else {
        panic!("two keys");
    };
    assert_eq!(acme.name, "acme");
    assert_eq!(acme.usage_plans, ["gold", "trial"]);
    assert!(!acme.enabled);
    assert_eq!(acme.description.as_deref(), Some("Acme, Inc.\nsince 2020"));
    assert_eq!(acme.line, 2);
    assert_eq!(
        acme.digest,
        ApiKeyValue::new(FIRST.to_owned()).unwrap().digest()
    );
    assert_eq!(globex.name, "globex");
    assert!(globex.enabled && globex.usage_plans.is_empty() && globex.description.is_none());
    assert_eq!(globex.line, 5);
    assert_eq!(
        text.get(globex.span.clone()).unwrap(),
        format!(",,{SECOND},,globex")
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_column() {
    assert_eq!(
        file(format!("\u{feff}Name,Key\na,{FIRST}"))
            .unwrap()
            .entries
            .len(),
        1
    );
}

#[test]
fn of_a_repeated_key_the_later_record_counts() {
    let text = format!("Name,Key,Enabled\nold,{FIRST},true\nother,{SECOND},\nnew,{FIRST},false\n");
    let found = file(&text).unwrap();
    let names: Vec<_> = found.entries.iter().map(|key| &*key.name).collect();
    assert_eq!(names, ["other", "new"]);
    let [warning] = found.warnings.as_slice() else {
        panic!("one warning");
    };
    assert_eq!(warning.message, "the key `old` stands again on line 4");
    assert!(text.get(warning.span.clone()).unwrap().starts_with("old,"));
}

#[test]
fn every_fault_is_reported_at_its_record() {
    let name = "n".repeat(1025);
    let long = "v".repeat(129);
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[("", "the file is empty")]),
        (
            "Title,Enabled\n",
            &[
                ("Title,Enabled", "the first line names no column `Name`"),
                ("Title,Enabled", "the first line names no column `Key`"),
            ],
        ),
        (
            "Name,Key,name\n",
            &[("Name,Key,name", "the column `Name` is named twice")],
        ),
        (
            &format!("Name,Key\n,{FIRST}\n{name},{SECOND}\n"),
            &[
                (",first", "an API key has a name"),
                ("nnn", "an API key name has at most 1024 characters"),
            ],
        ),
        (
            &format!("Name,Key\na\nb,short\nc,{long}\n"),
            &[
                ("a", "an API key value has at least 20 characters"),
                ("b,", "an API key value has at least 20 characters"),
                ("c,", "an API key value has at most 128 characters"),
            ],
        ),
        (
            &format!("Name,Key,Enabled\na,{FIRST},yes\n"),
            &[("a,", "`Enabled` is neither `true` nor `false`")],
        ),
        (
            &format!("Name,Key,UsagePlanIds\na,{FIRST},gold,trial\n"),
            &[("a,", "the record has 4 cells and the first line names 3")],
        ),
        (
            &format!("Name,Key\na,{FIRST}\nb,\"{SECOND}\nc,x\n"),
            &[("b,", "a quote is opened in this record and not closed")],
        ),
        (
            &format!("Name,Key\na,{FIRST}\na,{SECOND}\n"),
            &[("a,second", "another key is named `a`: the one on line 2")],
        ),
    ];
    for (text, expected) in cases {
        let faults = file(text).expect_err(text);
        let found: Vec<_> = faults
            .iter()
            .map(|fault| (text.get(fault.span.clone()).unwrap(), &*fault.message))
            .collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((place, message), (expected_place, expected_message)) in found.iter().zip(*expected) {
            assert!(place.starts_with(expected_place), "{place}");
            assert_eq!(message, expected_message);
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_a_fault_of_their_record() {
    let mut text = format!("Name,Key\na,{FIRST}\n").into_bytes();
    text.extend_from_slice(b"\xff,");
    text.extend_from_slice(SECOND.as_bytes());
    let faults = file(text).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].message, "the record is not UTF-8");
}

#[test]
fn edits_touch_one_record() {
    let text = format!(
        "Name,Enabled,Key,UsagePlanIds\r\n\"acme\",true,\"{FIRST}\",\"gold,trial\"\r\nb,,{SECOND}"
    );
    let value = ApiKeyValue::new("fresh-value-0123456789abcdef".to_owned()).unwrap();
    for (name, change, expected) in [
        (
            "acme",
            Change::Disable,
            text.replace("\"acme\",true,\"", "acme,false,")
                .replace("def\",\"gold", "def,\"gold"),
        ),
        (
            "acme",
            Change::Delete,
            format!("Name,Enabled,Key,UsagePlanIds\r\nb,,{SECOND}"),
        ),
        (
            "b",
            Change::Replace(&value),
            text.replace(SECOND, value.reveal()),
        ),
        ("b", Change::Disable, text.replace("b,,", "b,false,")),
    ] {
        let edited = apply(text.as_bytes(), name, &change).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), expected, "{change:?}");
    }
    assert_eq!(apply(text.as_bytes(), "absent", &Change::Delete), None);
}

#[test]
fn disabling_adds_the_column_where_there_is_none() {
    let text = format!("Name,Key,Description\na,{FIRST},one\n\nb,{SECOND}\n");
    let edited = apply(text.as_bytes(), "b", &Change::Disable).unwrap();
    assert_eq!(
        String::from_utf8(edited).unwrap(),
        format!("Name,Key,Description,Enabled\na,{FIRST},one,true\n\nb,{SECOND},,false\n")
    );
}

#[test]
fn deleting_a_repeated_key_does_not_bring_the_earlier_record_back() {
    let text = format!("Name,Key\nold,{FIRST}\nb,{SECOND}\nnew,{FIRST}\n");
    let edited = apply(text.as_bytes(), "new", &Change::Delete).unwrap();
    assert_eq!(
        String::from_utf8(edited).unwrap(),
        format!("Name,Key\nb,{SECOND}\n")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fail_otherwise_than_by_its_faults(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut text = b"Name,Key,Enabled,UsagePlanIds\n".to_vec();
        text.extend_from_slice(&bytes);
        for bytes in [bytes.as_slice(), text.as_slice()] {
            match file(bytes) {
                Ok(found) => prop_assert!(
                    found.entries.iter().all(|key| key.span.end <= bytes.len())
                ),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }

    #[test]
    fn no_message_shows_a_cell_that_may_be_the_secret(
        secret in "SECRET[!-~]{0,130}",
        order in Just(["a".to_owned(), "true".to_owned(), "gold".to_owned()]).prop_shuffle(),
    ) {
        let text = format!("Enabled,Key,Name,UsagePlanIds\n{secret},{}\n", order.join(","));
        if let Err(faults) = file(&text) {
            for fault in faults {
                prop_assert!(!fault.message.contains("SECRET"), "{}", fault.message);
            }
        }
    }

    #[test]
    fn a_disabled_key_is_the_same_key(
        names in proptest::collection::btree_set("[a-z ,\"]{0,6}[a-z]", 1..6),
        chosen in any::<prop::sample::Index>(),
        column in any::<bool>(),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header: &[&str] = if column { &["Key", "Enabled", "Name"] } else { &["Key", "Name"] };
        writer.write_record(header).unwrap();
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned())
            .collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        for (index, name) in names.iter().enumerate() {
            let value = format!("{FIRST}{index}");
            let record = if column { vec![&*value, "TRUE", name] } else { vec![&*value, name] };
            writer.write_record(record).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let before = file(&text).unwrap().entries;
        let name = chosen.get(&names);
        let after = file(apply(&text, name, &Change::Disable).unwrap()).unwrap().entries;
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(&before.name, &after.name);
            prop_assert_eq!(before.digest, after.digest);
            prop_assert_eq!(after.enabled, &before.name != name);
        }
    }
}
