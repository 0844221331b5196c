use std::path::Path;

use super::{masked, masked_unparsed};
use crate::diagnostic::Report;
use crate::document::Document;

const KEY: &str = "kR4fh2-Zq90LmVx7TbYw31";

fn tree(text: &str) -> Document {
    let path = Path::new("attache.yaml");
    Document::parse(path, text.as_bytes(), &mut Report::new()).expect("a tree")
}

#[test]
fn no_key_can_be_seen_wherever_it_was_written() {
    for text in [
        format!("apiKeys:\n  acme: {{value: {KEY}, usagePlans: [gold]}}\n"),
        format!("apiKeys:\n  acme: {{value: \"{KEY}\"}}\n"),
        format!("apiKeys:\n  acme: {KEY}\n"),
        format!("apiKeys:\n  acme: {{valeu: {KEY}}}\n"),
        format!("apiKeys:\n  acme: {{valueSha256: {KEY}}}\n"),
        format!("apiKeys:\n  - {KEY}\n"),
        format!("apiKeys:\n  acme: {{{KEY}}}\n"),
        format!("apiKeys:\n  acme: {{value: x,{KEY}, usagePlans: [gold]}}\n"),
        format!("apiKeys:\n  {KEY}:\n"),
        format!("apiKeys:\n  {KEY}: [gold]\n"),
        format!("apiKeys:\n  acme:\n    value: |\n      {KEY}\n      {KEY}\n"),
        format!("apiKeys:\nacme:\n  value: {KEY}\n"),
        format!("apis:\n  shop:\n    apiKeys: {{acme: {{value: {KEY}}}}}\n"),
    ] {
        let document = tree(&text);
        let shown = masked(&document);
        assert!(!shown.contains(KEY), "{shown}");
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown.lines().count(), text.lines().count());
    }
}

#[test]
fn no_secret_of_a_credential_can_be_seen() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    for text in [
        format!("credentials:\n  AKIA: {{secretAccessKey: {SECRET}, principal: {{}}}}\n"),
        format!("credentials:\n  AKIA: {SECRET}\n"),
        format!("credentials:\n  {SECRET}:\n"),
        format!("credentials:\n  - {SECRET}\n"),
        format!("credentials:\n  AKIA: {{{SECRET}}}\n"),
        format!("credentials:\n  AKIA: {{secretAccessKeyFile: {SECRET}}}\n"),
        format!("credentials:\n  AKIA: {{sessionTokenEnv: {{a: {SECRET}}}}}\n"),
        format!("credentials:\n  AKIA: {{token: [{SECRET}]}}\n"),
    ] {
        let document = tree(&text);
        let shown = masked(&document);
        assert!(!shown.contains("wJalrXUtn"), "{shown}");
    }
    let text = "credentials:\n  AKIA: {secretAccessKeyFile: a.txt, principal: {arn: a}}\n";
    let document = tree(text);
    assert_eq!(masked(&document), text);
}

#[test]
fn no_token_of_the_management_api_can_be_seen() {
    for text in [
        format!("managementApi: {{token: {KEY}}}\n"),
        format!("managementApi: {{tokenSha256: {KEY}}}\n"),
        format!("managementApi: {{tokne: {KEY}}}\n"),
        format!("managementApi: {KEY}\n"),
        format!("managementApi: [{KEY}]\n"),
        format!("managementApi: {{{KEY}}}\n"),
        format!("managementApi: {{{KEY}: true}}\n"),
        format!("managementApi: {{token: {{a: {KEY}}}}}\n"),
        format!("managementApi: {{token: x,{KEY}}}\n"),
        format!("managementApi:\n  {KEY}:\n"),
        format!(
            "managementApi: {{tokenFile: {}}}\n",
            KEY.replace('-', "0").repeat(2)
        ),
    ] {
        let document = tree(&text);
        let shown = masked(&document);
        assert!(!shown.contains("fh2"), "{shown}");
    }
    let text = "managementApi: {tokenFile: secrets/management-token.txt}\n";
    let document = tree(text);
    assert_eq!(masked(&document), text);
}

#[test]
fn no_secret_for_redis_can_be_seen() {
    for text in [
        format!("state: {{redis: {{url: http://a, auth: {{token: {KEY}}}}}}}\n"),
        format!("state: {{redis: {{auth: {{tokne: {KEY}}}}}}}\n"),
        format!("state: {{redis: {{auth: {KEY}}}}}\n"),
        format!("state: {{redis: {{auth: [{KEY}]}}}}\n"),
        format!("state: {{redis: {{auth: {{{KEY}}}}}}}\n"),
        format!("state: {{redis: {{auth: {{{KEY}: true}}}}}}\n"),
        format!("state: {{redis: {{auth: {{token: x,{KEY}}}}}}}\n"),
        format!("state: {{redis: {{auth: {{username: a, password: {KEY}}}}}}}\n"),
        format!("state: {{redis: {{auth: {{username: {{a: {KEY}}}}}}}}}\n"),
        format!("state: {{redis: {{token: {KEY}}}}}\n"),
        format!("state: {{redis: {{password: {KEY}}}}}\n"),
        format!("state: {{redis: {{{KEY}}}}}\n"),
        format!("state: {{auth: {{token: {KEY}}}}}\n"),
        format!("state: {KEY}\n"),
        format!("state: {{redis: {{url: 'http://user:{KEY}@host'}}}}\n"),
        format!("state: {{redis: {{url: 'https://host/?_token={KEY}'}}}}\n"),
        format!(
            "state: {{redis: {{auth: {{passwordFile: {}}}}}}}\n",
            KEY.replace('-', "0").repeat(2)
        ),
    ] {
        let document = tree(&text);
        let shown = masked(&document);
        assert!(!shown.contains("fh2"), "{shown}");
    }
    let text = "state: {redis: {url: 'http://webdis.example.com:7379', prefix: production, \
                dialect: upstash, auth: {username: gateway, passwordFile: secrets/redis-password}}}\n";
    let document = tree(text);
    assert_eq!(masked(&document), text);
}

#[test]
fn a_file_that_cannot_be_read_shows_no_key_either() {
    for text in [
        format!("apiKeys: {{acme: {{value: {KEY}"),
        format!("apiKeys:\n\tacme: '{KEY}'\n"),
        format!("value:{KEY}"),
        "apiKeys: {acme: {value: kR4{fh2-Zq90LmVx7TbYw31".to_owned(),
        "apiKeys: {acme: {value: \"kR4fh2-Zq90\"LmVx7TbYw31, usagePlans".to_owned(),
    ] {
        let shown = masked_unparsed(&text);
        assert!(
            !shown.contains("fh2-Zq90") && !shown.contains("LmVx7TbYw31"),
            "{shown}"
        );
        assert!(
            !text.contains("usagePlans") || shown.contains("usagePlans"),
            "{shown}"
        );
        assert_eq!(shown.len(), text.len());
    }
}

#[test]
fn what_the_tree_does_not_hold_may_be_a_key_too() {
    let text = format!(
        "# yaml-language-server: $schema=../../docs/attache.schema.json\n\
         # before: {KEY}\napiKeys:\n  acme: {{value: {KEY}}}\n  acme: {{value: {KEY}}}\n"
    );
    let document = tree(&text);
    assert_eq!(masked(&document), text.replace(KEY, &"*".repeat(KEY.len())));
}

#[test]
fn all_else_can_be_seen() {
    let text = "apis: {shop: {definition: shop.yaml}}\n\
                apiKeys: {acme: {usagePlans: [a-plan-with-a-rather-long-name], enabled: true}}\n";
    let document = tree(text);
    assert_eq!(masked(&document), text);
}
