use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use attache_model::{Account, Api, Gateway, MethodSettings, Protocol, Stage, TlsOptions};
use attache_policies::{Scheme, Upstream};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{AccessLog, Dynamic, Settings, static_configuration};
use super::{CertificateFiles, TlsDomain, Transport, WebSocketLimits, every_word_but};
use crate::configuration::SecurityPolicy;

fn gateway(web_sockets: bool) -> Gateway {
    let mut stage = Stage::new("prod");
    stage.methods = vec![MethodSettings {
        operation: 0,
        throttle: None,
        metrics_enabled: None,
        web_socket_enabled: web_sockets,
    }];
    Gateway {
        apis: vec![Api {
            stages: vec![stage],
            ..Api::new("petstore", Protocol::Rest)
        }],
        ..Gateway::new(Account::default())
    }
}

fn settings() -> Settings {
    Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        tls_port: 8443,
        admin: SocketAddr::from(([127, 0, 0, 1], 9901)),
        filter: PathBuf::from("gateway.wasm"),
        access_log: AccessLog::StandardOutput,
        certificate_authorities: Some(PathBuf::from("/etc/ssl/certs/ca-certificates.crt")),
    }
}

fn files(folder: &str) -> CertificateFiles {
    CertificateFiles {
        chain: PathBuf::from(format!("{folder}/chain.pem")),
        key: PathBuf::from(format!("{folder}/key.pem")),
    }
}

fn domain(name: &str, security_policy: SecurityPolicy) -> TlsDomain {
    TlsDomain {
        name: name.to_owned(),
        certificate: files("/tls"),
        security_policy,
        truststore: None,
    }
}

fn read(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn listeners(gateway: &Gateway, transport: &Transport) -> Value {
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    read(&dynamic.listeners(gateway, transport).unwrap().text)["resources"].clone()
}

#[test]
fn a_domain_is_a_filter_chain_of_the_second_listener() {
    let mut mutual = domain("*.example.com", SecurityPolicy::Tls13);
    mutual.truststore = Some(PathBuf::from("/tls/clients.pem"));
    let transport = Transport {
        domains: vec![domain("api.example.com", SecurityPolicy::Tls12), mutual],
        ..Transport::default()
    };
    let listeners = listeners(&gateway(false), &transport);
    assert_eq!(listeners.as_array().unwrap().len(), 2);
    let (plain, tls) = (&listeners[0], &listeners[1]);
    assert_eq!(tls["name"], "gateway_tls");
    assert_eq!(tls["address"]["socket_address"]["port_value"], 8443);
    assert_eq!(
        tls["listener_filters"][0]["name"],
        "envoy.filters.listener.tls_inspector"
    );
    let chains = tls["filter_chains"].as_array().unwrap();
    assert_eq!(chains.len(), 2);
    for chain in chains {
        assert_eq!(chain["filters"], plain["filter_chains"][0]["filters"]);
    }
    let context = |index: usize| &chains[index]["transport_socket"]["typed_config"];
    assert_eq!(
        chains[0]["filter_chain_match"],
        json!({"server_names": ["api.example.com"]})
    );
    assert!(context(0).get("require_client_certificate").is_none());
    let common = &context(0)["common_tls_context"];
    assert_eq!(common["alpn_protocols"], json!(["h2", "http/1.1"]));
    assert_eq!(
        common["tls_params"],
        json!({"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"})
    );
    assert_eq!(
        common["tls_certificate_sds_secret_configs"][0]["sds_config"]["path_config_source"]["path"],
        "/run/attache/sds/certificate-of-api.example.com.yaml"
    );
    assert!(common.get("validation_context_sds_secret_config").is_none());

    assert_eq!(context(1)["require_client_certificate"], true);
    let common = &context(1)["common_tls_context"];
    assert_eq!(
        common["tls_params"]["tls_minimum_protocol_version"],
        "TLSv1_3"
    );
    assert_eq!(
        common["validation_context_sds_secret_config"]["sds_config"]["path_config_source"]["path"],
        "/run/attache/sds/truststore-of-any.example.com.yaml"
    );
}

#[test]
fn without_a_certificate_there_is_no_second_listener() {
    let listeners = listeners(&gateway(false), &Transport::default());
    assert_eq!(listeners.as_array().unwrap().len(), 1);
}

#[test]
fn every_policy_of_aws_has_its_oldest_version() {
    for (name, minimum) in [
        ("TLS_1_0", "TLSv1_0"),
        ("TLS_1_2", "TLSv1_2"),
        ("SecurityPolicy_TLS13_1_3_2025_09", "TLSv1_3"),
        ("SecurityPolicy_TLS13_1_3_FIPS_2025_09", "TLSv1_3"),
        ("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "TLSv1_2"),
        ("SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09", "TLSv1_2"),
        ("SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09", "TLSv1_2"),
        ("SecurityPolicy_TLS13_1_2_PQ_2025_09", "TLSv1_2"),
        ("SecurityPolicy_TLS13_1_2_2021_06", "TLSv1_2"),
        ("SecurityPolicy_TLS13_2025_EDGE", "TLSv1_3"),
        ("SecurityPolicy_TLS12_PFS_2025_EDGE", "TLSv1_2"),
        ("SecurityPolicy_TLS12_2018_EDGE", "TLSv1_2"),
    ] {
        let policy: SecurityPolicy = serde_json::from_value(name.into()).unwrap();
        let transport = Transport {
            domains: vec![domain("api.example.com", policy)],
            ..Transport::default()
        };
        let listeners = listeners(&gateway(false), &transport);
        let context = &listeners[1]["filter_chains"][0]["transport_socket"]["typed_config"];
        let parameters = &context["common_tls_context"]["tls_params"];
        assert_eq!(
            parameters["tls_minimum_protocol_version"], minimum,
            "{name}"
        );
        let has = |field: &str| parameters.get(field).is_some();
        assert_eq!(has("cipher_suites"), minimum == "TLSv1_0", "{name}");
        assert_eq!(has("compliance_policies"), name.contains("FIPS"), "{name}");
        let post_quantum = name.contains("PQ") && !name.contains("FIPS");
        assert_eq!(has("ecdh_curves"), post_quantum, "{name}");
    }
}

#[test]
fn a_secret_names_the_files_and_the_folder_that_both_are_in() {
    let mut two_folders = domain("b.example.com", SecurityPolicy::Tls12);
    two_folders.certificate.key = PathBuf::from("/keys/key.pem");
    let mut mutual = domain("a.example.com", SecurityPolicy::Tls12);
    mutual.truststore = Some(PathBuf::from("/trust/clients.pem"));
    let transport = Transport {
        domains: vec![mutual, two_folders],
        client_certificates: BTreeMap::from([("partner".to_owned(), files("/partner"))]),
        ..Transport::default()
    };
    let secrets: BTreeMap<String, Value> = transport
        .secret_files()
        .unwrap()
        .into_iter()
        .map(|file| {
            let mut secret = read(&file.resource.text)["resources"][0].clone();
            let members = secret.as_object_mut().unwrap();
            members.remove("@type");
            members.remove("name");
            (file.name, secret)
        })
        .collect();
    assert_eq!(
        json!(secrets),
        json!({
            "certificate-of-a.example.com.yaml": {"tls_certificate": {
                "certificate_chain": {"filename": "/tls/chain.pem"},
                "private_key": {"filename": "/tls/key.pem"},
                "watched_directory": {"path": "/tls"},
            }},
            "truststore-of-a.example.com.yaml": {"validation_context": {
                "trusted_ca": {"filename": "/trust/clients.pem"},
                "watched_directory": {"path": "/trust"},
            }},
            "certificate-of-b.example.com.yaml": {"tls_certificate": {
                "certificate_chain": {"filename": "/tls/chain.pem"},
                "private_key": {"filename": "/keys/key.pem"},
            }},
            "client-certificate-partner.yaml": {"tls_certificate": {
                "certificate_chain": {"filename": "/partner/chain.pem"},
                "private_key": {"filename": "/partner/key.pem"},
                "watched_directory": {"path": "/partner"},
            }},
        })
    );
    let named: BTreeSet<&str> = transport.files().filter_map(|file| file.to_str()).collect();
    assert_eq!(
        named,
        BTreeSet::from([
            "/tls/chain.pem",
            "/tls/key.pem",
            "/trust/clients.pem",
            "/keys/key.pem",
            "/partner/chain.pem",
            "/partner/key.pem",
        ])
    );
}

#[test]
fn a_back_end_is_shown_the_certificate_of_the_stage() {
    let upstream = Upstream {
        scheme: Scheme::Https,
        host: "partner.example.com".to_owned(),
        port: 443,
        tls: TlsOptions::default(),
        client_certificate_id: Some("partner".to_owned()),
        signing: None,
    };
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    let clusters = dynamic.clusters(&BTreeSet::from([upstream])).unwrap();
    let cluster = &read(&clusters.text)["resources"][0];
    assert_eq!(
        cluster["name"],
        "https_partner.example.com_443_certificate_partner"
    );
    let common = &cluster["transport_socket"]["typed_config"]["common_tls_context"];
    assert_eq!(
        common["tls_certificate_sds_secret_configs"][0]["sds_config"]["path_config_source"]["path"],
        "/run/attache/sds/client-certificate-partner.yaml"
    );
}

#[test]
fn addresses_of_clients_are_believed_from_as_many_proxies_as_are_trusted() {
    for (hops, expected) in [(0, None), (2, Some(2))] {
        let transport = Transport {
            num_trusted_hops: hops,
            ..Transport::default()
        };
        let listeners = listeners(&gateway(false), &transport);
        let manager = &listeners[0]["filter_chains"][0]["filters"][0]["typed_config"];
        let found = manager.get("xff_num_trusted_hops").and_then(Value::as_u64);
        assert_eq!(found, expected);
    }
}

#[test]
fn web_sockets_have_routes_of_their_own_where_a_method_takes_them() {
    let transport = Transport {
        web_sockets: WebSocketLimits {
            idle_timeout: 60,
            connection_duration: 90,
        },
        ..Transport::default()
    };
    let manager = |web_sockets| {
        let listeners = listeners(&gateway(web_sockets), &transport);
        listeners[0]["filter_chains"][0]["filters"][0]["typed_config"].clone()
    };
    let without = manager(false);
    assert_eq!(
        without["http_protocol_options"]["ignore_http_11_upgrade"],
        json!([{"safe_regex": {"regex": ".*"}}])
    );
    assert!(without.get("upgrade_configs").is_none());
    assert!(
        without["http2_protocol_options"]
            .get("allow_connect")
            .is_none()
    );
    let routes = |manager: &Value| {
        let routes = &manager["route_config"]["virtual_hosts"][0]["routes"];
        routes.as_array().unwrap().clone()
    };
    assert_eq!(routes(&without).len(), 2);

    let with = manager(true);
    assert_eq!(
        with["upgrade_configs"],
        json!([{"upgrade_type": "websocket", "enabled": false}])
    );
    assert_eq!(with["http2_protocol_options"]["allow_connect"], true);
    let routes = routes(&with);
    assert_eq!(routes.len(), 4);
    for (index, route) in routes.iter().enumerate() {
        let is_web_socket = index < 2;
        let names: Vec<&str> = route["match"]["headers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|header| header["name"].as_str())
            .collect();
        assert_eq!(names.contains(&"upgrade"), is_web_socket);
        assert_eq!(names.contains(&"x-attache-mapped"), index % 2 == 0);
        let action = &route["route"];
        let limits = (
            action.get("idle_timeout").and_then(Value::as_str),
            action["max_stream_duration"]["max_stream_duration"].as_str(),
            action.get("upgrade_configs").is_some(),
        );
        let expected = if is_web_socket {
            (Some("60s"), Some("90s"), true)
        } else {
            (None, None, false)
        };
        assert_eq!(limits, expected);
    }
}

#[test]
fn a_file_with_tls_says_what_belongs_to_it() {
    let transport = Transport {
        domains: vec![domain("api.example.com", SecurityPolicy::Tls12)],
        ..Transport::default()
    };
    let text =
        static_configuration(&gateway(false), &BTreeSet::new(), &transport, &settings()).unwrap();
    assert!(text.contains("gateway.wasm, sds,"), "{text}");
    assert!(text.contains("of TLS at 127.0.0.1:8443"), "{text}");
    let listeners = &read(&text)["static_resources"]["listeners"];
    assert_eq!(listeners.as_array().unwrap().len(), 2);
}

proptest! {
    #[test]
    fn every_word_but_one_is_ignored(word in "[a-cA-C]{0,4}|abc|ABC|aBc") {
        let expression = regex::Regex::new(&format!("^(?:{})$", every_word_but("abc"))).unwrap();
        prop_assert_eq!(expression.is_match(&word), !word.eq_ignore_ascii_case("abc"));
    }

    #[test]
    fn no_name_changes_the_shape_of_a_listener(name in "\\PC{1,20}") {
        let transport = Transport {
            domains: vec![domain(&name, SecurityPolicy::Tls12)],
            ..Transport::default()
        };
        let listeners = listeners(&gateway(false), &transport);
        let chain = &listeners[1]["filter_chains"][0];
        prop_assert_eq!(chain["filter_chain_match"]["server_names"][0].as_str(), Some(name.as_str()));
    }
}
