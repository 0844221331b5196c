use std::collections::BTreeMap;
use std::path::Path;

use super::Resolver;
use crate::diagnostic::Report;
use crate::document::Document;
use crate::tree::Tree;

const TEMPLATE: &str = r#"
Parameters:
  Stage: {Type: String, Default: dev}
  Subnets: {Type: CommaDelimitedList, Default: "a, b"}
  Secret: {Type: String}
Mappings:
  Limits: {dev: {rate: 5}, prod: {rate: 50}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Either: !Or [!Condition IsProd, !Equals [!Ref Secret, x]]
  Circle: !Not [!Condition Circle]
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: !Sub "orders-${Stage}"}
  Letters: {Type: AWS::SQS::Queue}
  Circular:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: !Ref Circular}
"#;

fn tree(file: &str, text: &str) -> Tree {
    let mut report = Report::new();
    let document = Document::parse_template(Path::new(file), text.as_bytes(), &mut report);
    assert!(!report.has_errors(), "{:?}", report.diagnostics());
    Tree::from(&document.expect("a tree").root)
}

/// What a value comes to, and what is missing for it.
fn resolved(value: &str, given: &[(&str, &str)]) -> (Option<Tree>, Vec<String>) {
    let template = tree("template.yaml", TEMPLATE);
    let given: BTreeMap<String, String> = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut resolver = Resolver::new(&template, &given, Path::new("."));
    let value = tree("value.yaml", value);
    let value = resolver.resolve(&value);
    (value, resolver.missing.into_iter().collect())
}

#[test]
fn functions_get_what_the_template_tells() {
    for (value, wanted) in [
        ("!Ref Stage", "dev"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Sub '${Stage}-${AWS::AccountId}'", "dev-000000000000"),
        ("!Sub ['${Who}-${Stage}', {Who: !Ref Stage}]", "dev-dev"),
        ("!Sub '${!Stage}'", "${Stage}"),
        ("!Join ['/', [a, !Ref Stage]]", "a/dev"),
        ("!Select [1, !Split ['-', 'a-b-c']]", "b"),
        ("!Select [1, !Ref Subnets]", "b"),
        ("!FindInMap [Limits, !Ref Stage, rate]", "5"),
        ("!If [IsProd, yes it is, no it is not]", "no it is not"),
        ("!If [IsDev, dev, prod]", "dev"),
        (
            "!GetAtt Orders.Arn",
            "arn:aws:lambda:us-east-1:000000000000:function:orders-dev",
        ),
        (
            "{'Fn::GetAtt': [Orders, Arn]}",
            "arn:aws:lambda:us-east-1:000000000000:function:orders-dev",
        ),
        (
            "!Ref Letters",
            "https://sqs.us-east-1.amazonaws.com/000000000000/Letters",
        ),
        ("!Base64 hello", "aGVsbG8="),
    ] {
        let (found, missing) = resolved(value, &[]);
        assert_eq!(
            found.and_then(|found| found.scalar()).as_deref(),
            Some(wanted),
            "{value}"
        );
        assert_eq!(missing, Vec::<String>::new(), "{value}");
    }
}

#[test]
fn what_is_given_counts_more() {
    for (value, given, wanted) in [
        ("!Ref Stage", ("Stage", "prod"), "prod"),
        ("!If [IsProd, a, b]", ("Stage", "prod"), "a"),
        ("!Ref Letters", ("Letters", "queue"), "queue"),
        (
            "!GetAtt Other.DNSName",
            ("Other.DNSName", "lb.local"),
            "lb.local",
        ),
        (
            "!Sub '${Other.DNSName}'",
            ("Other.DNSName", "lb.local"),
            "lb.local",
        ),
        ("!ImportValue shared", ("shared", "it"), "it"),
        (
            "!Ref AWS::Region",
            ("AWS::Region", "eu-west-1"),
            "eu-west-1",
        ),
    ] {
        let (found, missing) = resolved(value, &[given]);
        assert_eq!(
            found.and_then(|found| found.scalar()).as_deref(),
            Some(wanted),
            "{value}"
        );
        assert_eq!(missing, Vec::<String>::new(), "{value}");
    }
}

#[test]
fn what_nothing_tells_stays_and_is_named() {
    for (value, missing) in [
        ("!Ref Secret", vec!["Secret"]),
        ("!Ref Nothing", vec!["Nothing"]),
        ("!GetAtt Nothing.Arn", vec!["Nothing.Arn"]),
        ("!Sub '${A}${B.C}'", vec!["A", "B.C"]),
        ("!Join ['', [!Ref A]]", vec!["A"]),
        ("!If [Either, a, b]", vec!["Secret"]),
        ("!If [Unknown, a, b]", vec![]),
        ("!ImportValue shared", vec!["shared"]),
        ("!GetAZs ''", vec!["Fn::GetAZs"]),
    ] {
        let (found, found_missing) = resolved(value, &[]);
        assert_eq!(found, Some(tree("value.yaml", value)), "{value}");
        if !missing.is_empty() {
            assert_eq!(found_missing, missing, "{value}");
        }
    }
}

#[test]
fn no_value_takes_its_key_with_it() {
    let (found, _) = resolved(
        "{a: !Ref AWS::NoValue, b: !If [IsProd, 1, !Ref AWS::NoValue], c: [1, !Ref AWS::NoValue]}",
        &[],
    );
    assert_eq!(
        found,
        Some(Tree::from([("c", Tree::List(vec![Tree::Integer(1)]))]))
    );
}

#[test]
fn circles_end() {
    for value in [
        "!If [Circle, a, b]",
        "!Ref Circular",
        "!GetAtt Circular.Arn",
    ] {
        let (found, _) = resolved(value, &[]);
        assert!(found.is_some(), "{value}");
    }
}
