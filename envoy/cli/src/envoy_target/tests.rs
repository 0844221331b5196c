use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use attache_model::{
    Account, Api, Gateway, HttpProxy, Integration, Operation, Protocol, Stage, TlsOptions, Verb,
};
use attache_policies::integration::Signing;
use attache_policies::{Scheme, Upstream};
use proptest::prelude::*;
use serde_json::Value;

use super::{
    AccessLog, Dynamic, Settings, TargetError, Transport, access_log, static_configuration,
};

fn gateway(title: &str) -> Gateway {
    Gateway {
        apis: vec![Api {
            name: title.to_owned(),
            any_host: true,
            operations: vec![Operation {
                api_key_required: true,
                ..Operation::new(
                    "/pets/{petId}",
                    Verb::Get,
                    Integration::HttpProxy(HttpProxy::new("http://127.0.0.1:9000/pets/{petId}")),
                )
            }],
            stages: vec![Stage {
                metrics_enabled: true,
                ..Stage::new("prod")
            }],
            ..Api::new("petstore", Protocol::Rest)
        }],
        access_log: true,
        ..Gateway::new(Account {
            id: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            throttle: None,
        })
    }
}

fn upstream(scheme: Scheme, host: &str, port: u16) -> Upstream {
    Upstream {
        scheme,
        host: host.to_owned(),
        port,
        tls: TlsOptions::default(),
        client_certificate_id: None,
        signing: None,
    }
}

fn upstreams() -> BTreeSet<Upstream> {
    let mut insecure = upstream(Scheme::Https, "legacy.example.com", 8443);
    insecure.tls.insecure_skip_verification = true;
    let mut renamed = upstream(Scheme::Https, "10.0.0.7", 443);
    renamed.tls.server_name_to_verify = Some("internal.example.com".to_owned());
    let mut signed = upstream(Scheme::Https, "bucket.s3.eu-west-1.amazonaws.com", 443);
    signed.signing = Some(Signing {
        service: "s3".to_owned(),
        region: "eu-west-1".to_owned(),
    });
    BTreeSet::from([
        signed,
        upstream(Scheme::Http, "127.0.0.1", 9000),
        upstream(Scheme::Http, "::1", 80),
        upstream(Scheme::Http, "localhost", 9001),
        upstream(Scheme::Https, "10.0.0.8", 443),
        upstream(Scheme::Https, "api.example.com", 443),
        insecure,
        renamed,
    ])
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

fn read(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn cluster<'v>(clusters: &'v Value, name: &str) -> &'v Value {
    clusters["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cluster| cluster["name"] == name)
        .unwrap_or_else(|| panic!("no cluster {name}"))
}

#[test]
fn a_file_is_the_same_every_time_and_shows_its_gateway() {
    let text = static_configuration(
        &gateway("Pets"),
        &upstreams(),
        &Transport::default(),
        &settings(),
    )
    .unwrap();
    assert_eq!(
        text,
        static_configuration(
            &gateway("Pets"),
            &upstreams(),
            &Transport::default(),
            &settings()
        )
        .unwrap()
    );
    let parsed = read(&text);
    let manager = &parsed["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let filter = &manager["http_filters"][0]["typed_config"]["config"];
    assert_eq!(filter["failure_policy"], "FAIL_RELOAD");
    let document = filter["configuration"]["value"].as_str().unwrap();
    assert_eq!(
        attache_model::from_json(document.as_bytes()).unwrap(),
        gateway("Pets")
    );
    assert_eq!(
        parsed["static_resources"]["clusters"]
            .as_array()
            .unwrap()
            .len(),
        upstreams().len()
    );
}

#[test]
fn the_key_to_secrets_is_in_the_environment_and_a_file_with_secrets_says_so() {
    let mut gateway = gateway("Pets");
    let plain =
        static_configuration(&gateway, &upstreams(), &Transport::default(), &settings()).unwrap();
    gateway.credentials.push(attache_model::Credential {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: attache_model::SealedSecret("c2VhbGVk".to_owned()),
        session_token: None,
        expires_at: None,
        principal: attache_model::Principal {
            arn: "arn:aws:iam::123456789012:user/alice".to_owned(),
            user_id: None,
            organization_id: None,
            organization_paths: Vec::new(),
            tags: BTreeMap::new(),
            multi_factor_auth: false,
        },
        policies: Vec::new(),
    });
    let with_secrets =
        static_configuration(&gateway, &upstreams(), &Transport::default(), &settings()).unwrap();
    let comment = |text: &str| text.contains("# the secrets of the credentials below are sealed");
    assert!(!comment(&plain) && comment(&with_secrets));
    for text in [plain, with_secrets] {
        let parsed = read(&text);
        let manager = &parsed["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
            ["typed_config"];
        let machine = &manager["http_filters"][0]["typed_config"]["config"]["vm_config"];
        assert_eq!(
            machine["environment_variables"]["host_env_keys"],
            serde_json::json!(["ATTACHE_SECRETS_KEY"])
        );
    }
}

#[test]
fn no_client_names_its_own_certificate_and_no_back_end_sees_one() {
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    let listeners = read(
        &dynamic
            .listeners(&gateway("Pets"), &Transport::default())
            .unwrap()
            .text,
    );
    let manager = &listeners["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(manager["forward_client_cert_details"], "SANITIZE_SET");
    assert_eq!(
        manager["set_current_client_cert_details"],
        serde_json::json!({"subject": true, "cert": true})
    );
    let route = &manager["route_config"]["virtual_hosts"][0]["routes"][0];
    let removed = route["request_headers_to_remove"].as_array().unwrap();
    assert!(removed.contains(&Value::from("x-forwarded-client-cert")));
}

#[test]
fn a_cluster_follows_its_back_end() {
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    let clusters = read(&dynamic.clusters(&upstreams()).unwrap().text);

    let plain = cluster(&clusters, "http_127.0.0.1_9000");
    assert_eq!(plain["type"], "STATIC");
    assert!(plain.get("transport_socket").is_none());
    let endpoint = &plain["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert_eq!(endpoint["hostname"], "127.0.0.1:9000");

    let v6 = cluster(&clusters, "http_::1_80");
    let endpoint = &v6["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert_eq!(endpoint["hostname"], "[::1]");
    assert_eq!(endpoint["address"]["socket_address"]["address"], "::1");

    assert_eq!(
        cluster(&clusters, "http_localhost_9001")["cluster_type"]["name"],
        "envoy.clusters.dns"
    );

    for (name, sni, san_type, verified) in [
        (
            "https_api.example.com_443",
            Some("api.example.com"),
            "DNS",
            "api.example.com",
        ),
        ("https_10.0.0.8_443", None, "IP_ADDRESS", "10.0.0.8"),
        (
            "https_10.0.0.7_443_internal.example.com",
            Some("internal.example.com"),
            "DNS",
            "internal.example.com",
        ),
    ] {
        let tls = &cluster(&clusters, name)["transport_socket"]["typed_config"];
        assert_eq!(tls.get("sni").and_then(Value::as_str), sni, "{name}");
        let validation = &tls["common_tls_context"]["validation_context"];
        assert_eq!(
            validation["trusted_ca"]["filename"],
            "/etc/ssl/certs/ca-certificates.crt"
        );
        let san = &validation["match_typed_subject_alt_names"][0];
        assert_eq!(san["san_type"], san_type, "{name}");
        assert_eq!(san["matcher"]["exact"], verified, "{name}");
    }

    let insecure = cluster(&clusters, "https_legacy.example.com_8443_insecure");
    let validation =
        &insecure["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"];
    assert_eq!(validation["trust_chain_verification"], "ACCEPT_UNTRUSTED");
    assert!(validation.get("trusted_ca").is_none());
}

#[test]
fn calls_to_a_service_of_aws_are_signed_as_its_cluster_says() {
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    let clusters = read(&dynamic.clusters(&upstreams()).unwrap().text);
    let options = |name| {
        cluster(&clusters, name)["typed_extension_protocol_options"]
            ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
            .clone()
    };
    let name = "https_bucket.s3.eu-west-1.amazonaws.com_443_signed_s3_eu-west-1";
    let filters = options(name)["http_filters"].clone();
    let signing = &filters[0]["typed_config"];
    assert_eq!(signing["service_name"], "s3");
    assert_eq!(signing["region"], "eu-west-1");
    assert_eq!(signing["use_unsigned_payload"], false);
    assert_eq!(signing["host_rewrite"], "bucket.s3.eu-west-1.amazonaws.com");
    assert_eq!(filters[1]["name"], "envoy.filters.http.upstream_codec");
    assert_eq!(filters.as_array().map(Vec::len), Some(2));
    assert_eq!(
        cluster(&clusters, name)["per_connection_buffer_limit_bytes"],
        16 * 1024 * 1024
    );
    let unsigned = "http_127.0.0.1_9000";
    assert!(options(unsigned).get("http_filters").is_none());
    assert!(
        cluster(&clusters, unsigned)
            .get("per_connection_buffer_limit_bytes")
            .is_none()
    );
}

#[test]
fn no_authorities_are_needed_unless_something_is_verified() {
    let without = Settings {
        certificate_authorities: None,
        ..settings()
    };
    let dynamic = Dynamic::new(without, PathBuf::from("/run/attache"));
    let mut insecure = upstream(Scheme::Https, "a.example.com", 443);
    insecure.tls.insecure_skip_verification = true;
    let plain = upstream(Scheme::Http, "b.example.com", 80);
    dynamic
        .clusters(&BTreeSet::from([insecure, plain.clone()]))
        .unwrap();

    let verified = upstream(Scheme::Https, "c.example.com", 443);
    let error = dynamic
        .clusters(&BTreeSet::from([plain, verified]))
        .unwrap_err();
    assert!(
        matches!(&error, TargetError::NoCertificateAuthorities { host } if host == "c.example.com"),
        "{error}"
    );
}

#[test]
fn an_edit_changes_the_version_of_its_own_file_only() {
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    let (before, after) = (gateway("Pets"), gateway("More pets"));
    assert_ne!(
        dynamic.plugin(&before).unwrap().version,
        dynamic.plugin(&after).unwrap().version
    );
    assert_eq!(
        dynamic.listeners(&before, &Transport::default()).unwrap(),
        dynamic.listeners(&after, &Transport::default()).unwrap()
    );
    let clusters = dynamic.clusters(&BTreeSet::new()).unwrap();
    assert_eq!(read(&clusters.text)["resources"], Value::Array(Vec::new()));
    assert_eq!(
        read(&clusters.text)["version_info"],
        clusters.version.as_str()
    );
}

#[test]
fn the_access_log_holds_every_published_field_and_is_left_out_unless_asked_for() {
    let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));
    let listeners = read(
        &dynamic
            .listeners(&gateway("Pets"), &Transport::default())
            .unwrap()
            .text,
    );
    let manager = &listeners["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let format = &manager["access_log"][0]["typed_config"]["log_format"]["json_format"];
    for name in access_log::PUBLISHED {
        let operators = format[name].as_str().unwrap();
        assert!(operators.starts_with(&format!("%FILTER_STATE(wasm.{name}:PLAIN)%")));
    }
    let mut silent = gateway("Pets");
    silent.access_log = false;
    let listeners = read(
        &dynamic
            .listeners(&silent, &Transport::default())
            .unwrap()
            .text,
    );
    let manager = &listeners["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    assert!(manager.get("access_log").is_none());
}

proptest! {
    #[test]
    fn no_text_changes_the_shape_of_a_file(title in any::<String>(), host in "\\PC{1,20}") {
        let upstreams = BTreeSet::from([upstream(Scheme::Http, &host, 80)]);
        let dynamic = Dynamic::new(settings(), PathBuf::from("/run/attache"));

        let clusters = read(&dynamic.clusters(&upstreams).unwrap().text);
        prop_assert_eq!(clusters["resources"][0]["name"].as_str().unwrap(), format!("http_{host}_80"));

        let plugin = read(&dynamic.plugin(&gateway(&title)).unwrap().text);
        let document = &plugin["resources"][0]["typed_config"]["config"]["configuration"]["value"];
        let read_back = attache_model::from_json(document.as_str().unwrap().as_bytes()).unwrap();
        prop_assert_eq!(read_back, gateway(&title));

        let text = static_configuration(&gateway(&title), &upstreams, &Transport::default(), &settings()).unwrap();
        let manager = &read(&text)["static_resources"]["listeners"][0]["filter_chains"][0]
            ["filters"][0]["typed_config"];
        let document = manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"]
            .as_str().unwrap().to_owned();
        prop_assert_eq!(attache_model::from_json(document.as_bytes()).unwrap(), gateway(&title));
    }
}

#[test]
fn a_file_whose_cached_responses_are_encrypted_says_what_envoy_needs() {
    let mut gateway = gateway("Pets");
    let mut cache = attache_model::CacheCluster::new(1);
    cache.operations.push(attache_model::CachedOperation {
        operation: 0,
        ttl_seconds: 1,
        encrypted: false,
        invalidation: attache_model::CacheInvalidation::default(),
    });
    for encrypted in [false, true] {
        cache.operations[0].encrypted = encrypted;
        gateway.apis[0].stages[0].cache_cluster = Some(cache.clone());
        let text = static_configuration(&gateway, &upstreams(), &Transport::default(), &settings())
            .unwrap();
        read(&text);
        let told = "Envoy needs an ATTACHE_SECRETS_KEY in its environment";
        assert_eq!(text.contains(told), encrypted, "{text}");
    }
}
