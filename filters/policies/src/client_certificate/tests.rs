use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;

const LONG_SERIAL: &str = include_str!("long-serial.pem");
const SHORT_SERIAL: &str = include_str!("short-serial.pem");

struct Tls {
    mutual: bool,
}

impl Connection for Tls {
    fn source_address(&self) -> Vec<u8> {
        Vec::new()
    }

    fn protocol(&self) -> Vec<u8> {
        Vec::new()
    }

    fn is_mutual_tls(&self) -> bool {
        self.mutual
    }
}

/// As Envoy writes it: PEM in percent-encoding, in quotes.
fn element(pem: &str) -> String {
    let encoded: String = pem
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("Hash=00ff;Cert=\"{encoded}\";Subject=\"CN=\\\"a;b\\\",O=x\"")
}

fn of(fields: &[&str], mutual: bool) -> Option<ClientCertificate> {
    let request: Headers = fields.iter().map(|field| (HEADER, field)).collect();
    ClientCertificate::of(&request, &Tls { mutual })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_certificate_in_the_words_of_aws() {
    let certificate = of(&[&element(LONG_SERIAL)], true).unwrap();
    assert_eq!(certificate.pem, LONG_SERIAL);
    assert_eq!(
        certificate.subject_dn,
        "C=US,O=Example,CN=Grün\\,CN=admin,emailAddress=a@example.com"
    );
    assert_eq!(
        certificate.issuer_dn,
        "C=US,ST=Washington,L=Seattle,O=Example\\, Inc.,OU=Security,CN=Example Root"
    );
    assert_eq!(
        certificate.serial_number,
        "a1:b2:c3:d4:e5:f6:07:18:29:3a:4b:5c:6d:7e:8f:90"
    );
    assert!(certificate.not_before.starts_with("Nov 21 16:"));
    assert!(certificate.not_after.ends_with(" 2126 GMT"));
    let short = ClientCertificate::from_pem(SHORT_SERIAL).unwrap();
    assert_eq!(short.serial_number, "258");
}

#[wasm_bindgen_test(unsupported = test)]
fn only_what_the_proxy_has_verified_counts() {
    let field = element(LONG_SERIAL);
    assert!(of(&[&field], true).is_some());
    assert_eq!(of(&[&field], false), None);
    assert_eq!(of(&[], true), None);
    // A client's own field beside the proxy's, as two fields or as two elements.
    assert_eq!(of(&[&field, &field], true), None);
    assert_eq!(of(&[&format!("{field},{field}")], true), None);
    assert_eq!(of(&[&format!("{field};{field}")], true), None);
    assert_eq!(of(&["By=spiffe://x;Hash=00"], true), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn dates_and_serial_numbers_are_formed_as_by_openssl() {
    assert_eq!(serial_number(&[1]), "1");
    assert_eq!(serial_number(&[0]), "0");
    assert_eq!(serial_number(&[0, 255]), "255");
    assert_eq!(serial_number(&[0xff; 8]), u64::MAX.to_string());
    assert_eq!(serial_number(&[0xa1; 9]), ["a1"; 9].join(":"));
    let day = std::time::Duration::from_secs(1_628_156_164);
    let time = Time::UtcTime(x509_cert::der::asn1::UtcTime::from_unix_duration(day).unwrap());
    assert_eq!(date(&time).unwrap(), "Aug  5 09:36:04 2021 GMT");
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn no_field_ends_the_filter(field in "[ -~]{0,64}") {
        let _ = of(&[&field], true);
        let _ = of(&[&format!("Cert=\"{field}\"")], true);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_certificate_ends_the_filter(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let base64: String = LONG_SERIAL.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = STANDARD.decode(base64).unwrap();
        let place = place.index(der.len());
        der[place] = byte;
        let cut = if byte % 4 == 0 { cut.index(der.len()) } else { der.len() };
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&der[..cut])
        );
        if let Some(certificate) = ClientCertificate::from_pem(&pem) {
            prop_assert_eq!(certificate.pem, pem);
        }
    }
}
