//! What only a real proxy answers: whether a signature is right, what stands in its environment,
//! which certificate a client has shown, where its route leads, and what its workers share.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use attache_e2e::bootstrap::{Bootstrap, LISTENER};
use attache_e2e::{Backend, CertificateAuthority, Client, Envoy, Request, module};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData, SigningKey};

/// An RSA key of 2048 bits whose private half is forgotten, and what it signed: `attache`, with
/// SHA-256, SHA-384 and SHA-512.
const RSA_KEY: &str = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100b10f08341dccea556c0470\
     81e0aa8bece8efdd331c72467602d19c06a3e1be3272cf5848c830f6dae049b0925d92969ffd4706a66047a1\
     be63b47c1126a9e9b8eacb48ea14f39ec6e1e971b26f7ccb6956b1f1718f7334961ff6df462c5584db2854a5\
     16865a6f8ab84dc2bc6e282b8f9bceabbb83b1dad48cd74d1aa2eb875d2be97bf4bdb63acb80391b42b4239b\
     77fb20164f4c4015b31c499cd59fafdf69879ff0f96961b538a3e70ca983e0c3c99ff436bdce0ca934b0d218\
     ee951586f419f2ed90a759dfcbfa1adf1656157283033f0b1737c8a239f13fa739189d78959a3e18d3bfd9b6\
     14bd065fb3cf5fee0a2f9b996e23879d6b34eed8df537350430203010001";
const RSA_SIGNATURES: [(&str, &str); 3] = [
    (
        "256",
        "57c72bd8cc0cd584666f1e591a9707a9894c9d7918d52ce7161a1972094fe8f1b6be223b9b7c1282be434336\
     7f791e3fba8dcc043006c3b37847dee3ed57be489380774dc6e2af82a60773045bbe7eac00aa8de2022a4560\
     841da39ba3ec517866ed4d0f27100fadaa3eeac8666488e3bc856c5ce5039df68d7a93005594cf7678514682\
     eab06db406ff509d7744e1c8139415fd5c6383333d4586b4ec43b5d73188d04de2527a7c0178e2adae9779bc\
     54c4adafa50b98bbfb8b85815fb8f58505d6d15438284059d94ca1157327d7b6523a69b952d3d5da87f4c5fd\
     983262cfc78cdab4999fc2364d2ecca3374a31614198c664797605e2af04b2ec08d6547c",
    ),
    (
        "384",
        "7ed3bc5a911b494bc55cc13111a4807b1ddf7125515c822eaa1a99e6650a2465539a678765b23b9b0d7038e7\
     0c60c5a702ba033393ab0fc634e9d507b477a3a9f995bf2e410aac1f2c32d0638cf081dff14bc301f891bfc5\
     3a4888760da5c5ffc291a73eb0a7666a01095352c01eea9309b011e828e5315f83862fe5fc728b29fc8f2507\
     92e4b5a6aa273a59bd46c94d28cfd6dc81b003aac6f0a5124c091cbe6883d524b27840795a95bfe6d776fcbf\
     5a1f3043c4388ae174fcbfc21164116fcfa33a339590d82ccd0b77baac1777bf08e467679cd41fcddc00082c\
     4bc71ff063a7b829a709dbfd9cf7f4bc6e16855367029e0d22122348ce9369cdf009379a",
    ),
    (
        "512",
        "342151185884630c8a65605de119a61ce53f371e71aa62420264cd33503621af008a87c406f4be193ff48302\
     65a040c5e4e4438d632c6a178fcdef27fb2bec0a65755f39a5e99b848d96778f60a4397067bd9381d73eec18\
     ff6eb114d7bc38b99f3e856abbaa0b41097e3c50e7d8a4054a67c4196381218b182af0d324fdd5f4850fab2f\
     9d4dbe29b01f6cce9b59fc7a27ac2a30e4433d8d3f3545942e2528a481abd16aae761e422e010abe397ae4a7\
     37db8a265ecc383a10485ae90c8fb72129777232754b7185c33ab55e710a89a01e69183697d59e8cc3cc144b\
     f3e58c574170c46388ab0fd815a93fc99b77648ab14bfc8771037a1c82d25dcb5f3107b6",
    ),
];

fn envoy(bootstrap: Bootstrap) -> Envoy {
    Envoy::start(&bootstrap.wasm(&module("probe"), "").build(), 1)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the proxy says of a signature, as the filter saw it.
fn verdict(client: &mut Client, hash: &str, key: &str, signature: &str, text: &[u8]) -> String {
    let request = Request::new("GET", "/")
        .header("x-probe", "verify")
        .header("x-hash", hash)
        .header("x-key", key)
        .header("x-signature", signature)
        .header("x-text", hex(text));
    let answer = client.send(&request).unwrap();
    assert_eq!(answer.status, 299);
    answer.text()
}

/// The same bytes with one bit changed.
fn altered(digits: &str, place: usize) -> String {
    let mut altered = digits.as_bytes().to_vec();
    altered[place] = if altered[place] == b'0' { b'1' } else { b'0' };
    String::from_utf8(altered).unwrap()
}

#[test]
fn the_proxy_verifies_signatures() {
    let backend = Backend::answering("answer");
    let envoy = envoy(Bootstrap::proxying(backend.address()));
    let mut client = Client::http1(envoy.listener(LISTENER));
    let mut cases: Vec<(&str, String, String)> = RSA_SIGNATURES
        .iter()
        .map(|(hash, signature)| (*hash, RSA_KEY.to_owned(), (*signature).to_owned()))
        .collect();
    for (hash, algorithm) in [
        ("256", &PKCS_ECDSA_P256_SHA256),
        ("384", &PKCS_ECDSA_P384_SHA384),
    ] {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let signature = pair.sign(b"attache").unwrap();
        cases.push((hash, hex(&pair.subject_public_key_info()), hex(&signature)));
    }
    for (hash, key, signature) in &cases {
        let mut says = |hash: &str, signature: &str, text: &[u8]| {
            verdict(&mut client, hash, key, signature, text)
        };
        assert_eq!(says(hash, signature, b"attache"), "Some(true)", "{hash}");
        assert_eq!(says(hash, signature, b"Attache"), "Some(false)", "{hash}");
        assert_eq!(says(hash, "", b"attache"), "Some(false)", "{hash}");
        assert_eq!(says(hash, "00", b"attache"), "Some(false)", "{hash}");
        let other = if *hash == "512" { "256" } else { "512" };
        assert_eq!(says(other, signature, b"attache"), "Some(false)", "{hash}");
        for place in (0..signature.len()).step_by(37) {
            let wrong = altered(signature, place);
            assert_eq!(says(hash, &wrong, b"attache"), "Some(false)", "{hash}");
        }
    }
    // With a key that is none, or of a kind that Envoy does not offer, the filter has to see for
    // itself.
    let ed25519 =
        "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    for key in ["", "00", "3000", RSA_KEY.split_at(100).0, ed25519] {
        let (hash, _, signature) = &cases[0];
        let says = verdict(&mut client, hash, key, signature, b"attache");
        assert_eq!(says, "None", "{key}");
    }
    assert_eq!(envoy.stat("wasm.attache.vm_reload_success"), 0);
    let log = envoy.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn the_environment_is_what_the_operator_lets_through() {
    let backend = Backend::answering("answer");
    let envoy = envoy(Bootstrap::proxying(backend.address()));
    let mut client = Client::http1(envoy.listener(LISTENER));
    let path = std::env::var("PATH").ok();
    for (name, expected) in [("PATH", path), ("ATTACHE_PROBE_MISSING", None)] {
        let request = Request::new("GET", "/")
            .header("x-probe", "environment")
            .header("x-name", name);
        let answer = client.send(&request).unwrap();
        assert_eq!(answer.text(), format!("{expected:?}"));
    }
}

#[test]
fn a_verified_certificate_is_the_clients_and_its_own_words_count_for_nothing() {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nx-probe: certificate\r\n\
        connection: close\r\n\r\n";
    let backend = Backend::answering("answer");
    let authority = CertificateAuthority::new("authority");
    let (certificate, key) = authority.certify("localhost");
    let client = authority.certify("client.example");
    let envoy = envoy(Bootstrap::proxying(backend.address()).mutual_tls(
        &certificate,
        &key,
        authority.pem(),
    ));
    let listener = envoy.listener(LISTENER);
    let exchange = |shown: Option<&(String, String)>, request: &[u8]| {
        String::from_utf8(authority.exchange(listener, shown, request)).unwrap()
    };
    let answer = exchange(Some(&client), REQUEST);
    for part in [
        "HTTP/1.1 299",
        "subject_dn: \"C=US,CN=client.example\"",
        "issuer_dn: \"CN=authority\"",
        "not_before: \"Jan  1 00:00:00 1975 GMT\"",
        &format!("pem: {:?}", client.0),
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    // Without a certificate there is none, whatever the client says of itself.
    let encoded: String = client
        .0
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    let forged = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx-probe: certificate\r\n\
         x-forwarded-client-cert: Cert=\"{encoded}\"\r\nconnection: close\r\n\r\n"
    );
    for request in [REQUEST, forged.as_bytes()] {
        let answer = exchange(None, request);
        assert!(answer.ends_with("None"), "{answer}");
    }
    // And with one, it is the verified one.
    let other = authority.certify("other.example");
    let answer = exchange(Some(&other), forged.as_bytes());
    assert!(answer.contains("CN=other.example"), "{answer}");
    assert!(!answer.contains("CN=client.example"), "{answer}");
}

/// Also where a client's own field reaches the filter, for want of TLS.
#[test]
fn without_mutual_tls_a_clients_field_counts_for_nothing() {
    let backend = Backend::answering("answer");
    let mut bootstrap = Bootstrap::proxying(backend.address())
        .wasm(&module("probe"), "")
        .build();
    let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        [0]["typed_config"];
    manager["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY".into();
    let envoy = Envoy::start(&bootstrap, 1);
    let (certificate, _) = CertificateAuthority::new("authority").certify("client.example");
    let encoded = certificate
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    let request = Request::new("GET", "/")
        .header("x-probe", "certificate")
        .header("x-forwarded-client-cert", format!("Cert=\"{encoded}\""));
    let answer = Client::http1(envoy.listener(LISTENER))
        .send(&request)
        .unwrap();
    assert_eq!(answer.text(), "None");
}

fn probed(client: &mut Client, program: &str, value: &str) -> String {
    let request = Request::new("GET", "/")
        .header("x-probe", program)
        .header("x-name", "name")
        .header("x-value", value);
    let answer = client.send(&request).unwrap();
    assert_eq!(answer.status, 299);
    answer.text()
}

/// Writing whatever is there makes a key and replaces what it holds, also what was only ever
/// swapped, and whoever swaps afterwards sees it.
#[test]
fn a_put_wins() {
    let backend = Backend::answering("answer");
    let envoy = envoy(Bootstrap::proxying(backend.address()));
    let mut client = Client::http1(envoy.listener(LISTENER));
    for value in ["first", "second", "", "third"] {
        probed(&mut client, "put reply", value);
        assert_eq!(probed(&mut client, "stored", ""), value);
    }
    let mut count = |program: &str| {
        let request = Request::new("GET", "/")
            .header("x-probe", program)
            .header("x-name", "counter")
            .header("x-value", "12345678")
            .header("x-limit", "3");
        client.send(&request).unwrap().status
    };
    assert_eq!([count("admit reply"), count("admit reply")], [299, 299]);
    // A number far above the limit.
    assert_eq!(count("put reply"), 299);
    assert_eq!(count("admit reply"), 429);
}

#[test]
fn a_gauge_stands_at_what_was_set_last() {
    let backend = Backend::answering("answer");
    let envoy = envoy(Bootstrap::proxying(backend.address()));
    let mut client = Client::http1(envoy.listener(LISTENER));
    for value in [7, 0, 4_294_967_296_000, 3] {
        probed(&mut client, "gauge reply", &value.to_string());
        assert_eq!(envoy.stat("wasmcustom.probe_gauge"), value);
    }
}

#[test]
fn the_route_says_where_it_leads() {
    let backend = Backend::answering("answer");
    let plain = Bootstrap::proxying(backend.address());
    let mut by_header = plain.clone().wasm(&module("probe"), "").build();
    let envoy = envoy(plain);
    let mut client = Client::http1(envoy.listener(LISTENER));
    assert_eq!(probed(&mut client, "cluster", ""), "backend");
    let route = &mut by_header["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        [0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
    *route = serde_json::json!({"cluster_header": "x-value"});
    let envoy = Envoy::start(&by_header, 1);
    let mut client = Client::http1(envoy.listener(LISTENER));
    for (header, expected) in [("backend", "backend"), ("nobody", "")] {
        assert_eq!(probed(&mut client, "cluster", header), expected, "{header}");
    }
}
