//! Tokens of issuers that are not ours: a Cognito user pool, and an OpenID issuer whose keys
//! change and who is not always there.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use attache_e2e::{
    Attache, Backend, Client, Operation, Project, Refusing, Request, Response, Service,
    definition_with, run_client, until,
};
use serde_json::{Value, json};

const UNAUTHORIZED: &str = r#"{"message":"Unauthorized"}"#;

struct Served {
    attache: Attache,
    backend: Backend,
    _project: Project,
}

impl Served {
    /// One API with these operations and one authorizer, which is named `tokens`.
    fn new(
        api: Value,
        root: Value,
        scheme: Value,
        operations: impl Fn(&str) -> Vec<Operation>,
    ) -> Self {
        let backend = Backend::answering("served");
        let operations = operations(&format!("http://{}", backend.address()));
        let mut configuration = root;
        configuration["accessLog"] = "off".into();
        configuration["apis"] = json!({"petstore": {
            "definition": "openapi.json", "stages": {"prod": {}},
        }});
        for (name, value) in api.as_object().unwrap() {
            configuration["apis"]["petstore"][name] = value.clone();
        }
        let definition = definition_with(&operations, &json!({"tokens": scheme}), &json!({}));
        let project = Project::new(&configuration.to_string(), &definition);
        let attache = Attache::serve(project.path(), &[]);
        Self {
            attache,
            backend,
            _project: project,
        }
    }

    /// A REST API whose authorizer takes the tokens of an OpenID issuer for `pets`, and whose
    /// `/admin` asks for the scope `admin`.
    fn rest(issuer: SocketAddr) -> Self {
        let scheme = json!({
            "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "jwt",
            "x-amazon-apigateway-authorizer": {
                "type": "jwt",
                "identitySource": "method.request.header.Authorization",
                "jwtConfiguration": {
                    "issuers": [{"issuer": format!("http://{issuer}"), "audiences": ["pets"]}],
                    "defaultAlgorithms": ["RS256", "ES256", "ES384"],
                },
            },
        });
        Self::new(json!({}), json!({}), scheme, |backend| {
            vec![
                Operation::new("GET", "/pets", &format!("{backend}/pets"))
                    .secured("tokens", &[])
                    .map(
                        "integration.request.header.x-subject",
                        "context.authorizer.claims.sub",
                    ),
                Operation::new("GET", "/admin", &format!("{backend}/admin"))
                    .secured("tokens", &["admin"]),
            ]
        })
    }

    fn get(&self, path: &str, token: &str) -> Response {
        ask(&mut self.client(), path, token)
    }

    fn client(&self) -> Client {
        Client::http1(self.attache.address())
    }
}

fn ask(client: &mut Client, path: &str, token: &str) -> Response {
    let request = Request::new("GET", path).header("authorization", format!("Bearer {token}"));
    client.send(&request).unwrap()
}

fn claims(subject: &str) -> Value {
    json!({"sub": subject, "aud": "pets"})
}

/// The same token, for somebody else.
fn for_another(token: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut parts = token.split('.');
    let (header, claims, signature) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["sub"] = "mallory".into();
    format!(
        "{header}.{}.{signature}",
        URL_SAFE_NO_PAD.encode(claims.to_string())
    )
}

#[test]
fn a_user_pools_id_tokens_open_what_asks_for_no_scopes_and_access_tokens_what_does() {
    let cognito = Service::ministack();
    let pool = run_client("user_pool.py", &json!({"url": cognito.url()}));
    let text = |name: &str| pool[name].as_str().unwrap().to_owned();
    let scheme = json!({
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {
            "type": "cognito_user_pools",
            "providerARNs": [text("arn")],
        },
    });
    let root = json!({"endpoints": {"cognito": {"url": cognito.url()}}});
    let served = Served::new(json!({}), root, scheme, |backend| {
        vec![
            Operation::new("GET", "/profile", &format!("{backend}/profile"))
                .secured("tokens", &[])
                .map(
                    "integration.request.header.x-email",
                    "context.authorizer.claims.email",
                ),
            Operation::new("GET", "/account", &format!("{backend}/account")).secured(
                "tokens",
                &["aws.cognito.signin.user.admin", "another/scope"],
            ),
            Operation::new("GET", "/orders", &format!("{backend}/orders"))
                .secured("tokens", &["orders/read"]),
        ]
    });
    let (id, access) = (text("idToken"), text("accessToken"));
    assert_eq!(served.get("/prod/profile", &id).text(), "served");
    assert_eq!(served.get("/prod/account", &access).text(), "served");
    // AWS takes the token bare too.
    let bare = Request::new("GET", "/prod/profile").header("authorization", &id);
    assert_eq!(served.client().send(&bare).unwrap().status, 200);
    let seen = served.backend.take_seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].header("x-email"), Some(&b"ada@example.com"[..]));

    for (path, token) in [
        ("/prod/profile", &access),
        ("/prod/account", &id),
        ("/prod/orders", &access),
        ("/prod/orders", &id),
        ("/prod/profile", &for_another(&id)),
        ("/prod/account", &for_another(&access)),
        ("/prod/profile", &"no-token".to_owned()),
    ] {
        let answer = served.get(path, token);
        assert_eq!(
            (answer.status, answer.text()),
            (401, UNAUTHORIZED.to_owned()),
            "{path}"
        );
    }
    let none = served
        .client()
        .send(&Request::new("GET", "/prod/profile"))
        .unwrap();
    assert_eq!((none.status, none.text()), (401, UNAUTHORIZED.to_owned()));
    assert_eq!(served.backend.take_seen(), []);
}

#[test]
fn an_http_api_finds_the_keys_by_discovery_and_says_what_is_wrong_with_a_token() {
    let issuer = Service::issuer();
    let scheme = json!({
        "type": "oauth2",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": issuer.url(), "audience": ["pets", "shop"]},
        },
    });
    let served = Served::new(json!({"protocol": "HTTP"}), json!({}), scheme, |backend| {
        vec![
            Operation::new("GET", "/pets", &format!("{backend}/pets")).secured("tokens", &[]),
            Operation::new("GET", "/admin", &format!("{backend}/admin"))
                .secured("tokens", &["admin", "root"]),
        ]
    });
    let token = |algorithm: &str, claims: Value| issuer.tokens(algorithm, &[claims]).remove(0);
    let good = token(
        "RS256",
        json!({"sub": "ada", "aud": ["other", "shop"], "scope": "read admin"}),
    );
    assert_eq!(served.get("/prod/pets", &good).text(), "served");
    assert_eq!(served.get("/prod/admin", &good).text(), "served");
    let by_client = token(
        "RS256",
        json!({"sub": "ada", "client_id": "pets", "scp": ["root"]}),
    );
    assert_eq!(served.get("/prod/admin", &by_client).text(), "served");
    assert_eq!(served.backend.take_seen().len(), 3);

    for (what, token, description) in [
        (
            "an audience",
            token("RS256", json!({"aud": "others"})),
            Some("the token does not have a valid audience"),
        ),
        (
            "an elliptic curve",
            token("ES256", claims("ada")),
            Some("signing method ES256 is invalid"),
        ),
        (
            "no JWT",
            "abc".to_owned(),
            Some("token contains an invalid number of segments"),
        ),
        (
            "another issuer",
            token("RS256", json!({"aud": "pets", "iss": "http://localhost"})),
            None,
        ),
        (
            "an expired one",
            token("RS256", json!({"aud": "pets", "exp": 1_700_000_000})),
            None,
        ),
        (
            "one of the future",
            token("RS256", json!({"aud": "pets", "nbf": 4_000_000_000_u64})),
            None,
        ),
        (
            "one without an end",
            token("RS256", json!({"aud": "pets", "exp": null})),
            None,
        ),
        ("altered claims", for_another(&good), None),
    ] {
        let answer = served.get("/prod/pets", &token);
        assert_eq!(
            (answer.status, answer.text()),
            (401, UNAUTHORIZED.to_owned()),
            "{what}"
        );
        let said = answer.header("www-authenticate").unwrap_or_default();
        let said = String::from_utf8_lossy(said);
        assert!(
            said.starts_with("Bearer scope=\"\" error=\"invalid_token\""),
            "{what}: {said}"
        );
        if let Some(description) = description {
            assert!(
                said.ends_with(&format!("error_description=\"{description}\"")),
                "{what}: {said}"
            );
        }
    }
    let none = served
        .client()
        .send(&Request::new("GET", "/prod/pets"))
        .unwrap();
    assert_eq!((none.status, none.text()), (401, UNAUTHORIZED.to_owned()));
    assert_eq!(none.header("www-authenticate"), Some(&b"Bearer"[..]));
    let reader = token("RS256", json!({"aud": "pets", "scope": "read"}));
    let answer = served.get("/prod/admin", &reader);
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (403, r#"{"message":"Forbidden"}"#)
    );
    assert_eq!(served.backend.take_seen(), []);
}

#[test]
fn a_rest_api_takes_the_algorithms_that_it_names_and_no_others() {
    let issuer = Service::issuer();
    let served = Served::rest(issuer.address());
    for algorithm in ["RS256", "ES256", "ES384"] {
        let token = issuer.tokens(algorithm, &[claims(algorithm)]).remove(0);
        assert_eq!(
            served.get("/prod/pets", &token).text(),
            "served",
            "{algorithm}"
        );
        let seen = served.backend.take_seen();
        assert_eq!(seen[0].header("x-subject"), Some(algorithm.as_bytes()));
        assert_eq!(
            served.get("/prod/pets", &for_another(&token)).status,
            401,
            "{algorithm}"
        );
    }
    for algorithm in ["PS256", "EdDSA"] {
        let token = issuer.tokens(algorithm, &[claims("ada")]).remove(0);
        assert_eq!(served.get("/prod/pets", &token).status, 401, "{algorithm}");
    }
    assert_eq!(served.backend.take_seen(), []);
}

#[test]
fn keys_that_change_under_load_refuse_nobody_whose_key_is_known() {
    const CLIENTS: usize = 4;
    let issuer = Service::issuer();
    let served = Served::rest(issuer.address());
    let old = issuer.tokens("ES256", &[claims("old")]).remove(0);
    until("the keys", || {
        (served.get("/prod/pets", &old).status == 200).then_some(())
    });
    issuer.post("/rotate", &Value::Null);
    let new = issuer.tokens("ES256", &[claims("new")]).remove(0);
    let stop = AtomicBool::new(false);
    let (with_old, with_new) = thread::scope(|scope| {
        let load: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = served.client();
                    let mut statuses = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        statuses.push(ask(&mut client, "/prod/pets", &old).status);
                    }
                    statuses
                })
            })
            .collect();
        let changed: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    // A connection stays with one worker: once it knows the key, it keeps it.
                    let mut client = served.client();
                    until("the new key", || {
                        let status = ask(&mut client, "/prod/pets", &new).status;
                        assert!(matches!(status, 200 | 401), "{status}");
                        (status == 200).then_some(())
                    });
                    (0..200)
                        .map(|_| ask(&mut client, "/prod/pets", &new).status)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let with_new: Vec<u16> = changed
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        stop.store(true, Ordering::Relaxed);
        let with_old: Vec<u16> = load
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        (with_old, with_new)
    });
    assert!(with_old.len() > CLIENTS);
    assert!(with_old.iter().all(|status| *status == 200));
    assert_eq!(with_new, vec![200; 200 * CLIENTS]);
    // A few for each worker, not one for each request.
    assert!(issuer.get("/fetches").as_u64().unwrap() <= 8);
}

#[test]
fn tokens_that_name_keys_nobody_has_do_not_make_the_gateway_ask_for_each() {
    let issuer = Service::issuer();
    let served = Served::rest(issuer.address());
    let good = issuer.tokens("ES256", &[claims("ada")]).remove(0);
    until("the keys", || {
        (served.get("/prod/pets", &good).status == 200).then_some(())
    });
    let before = issuer.get("/fetches").as_u64().unwrap();
    let mut client = served.client();
    for number in 0..500 {
        let order = json!({
            "algorithm": "ES256",
            "claims": [claims("mallory")],
            "header": {"kid": format!("unknown-{number}")},
        });
        let token = issuer.post("/tokens", &order)[0]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(ask(&mut client, "/prod/pets", &token).status, 401);
        assert_eq!(ask(&mut client, "/prod/pets", &good).status, 200);
    }
    let asked = issuer.get("/fetches").as_u64().unwrap() - before;
    assert!(asked <= 10, "the issuer was asked {asked} times");
}

#[test]
fn an_issuer_that_is_down_at_first_lets_nobody_in_until_it_is_there() {
    let down = Refusing::new();
    let served = Served::rest(down.address());
    let elsewhere = Service::issuer();
    let token = elsewhere
        .tokens(
            "RS256",
            &[json!({"sub": "ada", "aud": "pets", "iss": format!("http://{}", down.address())})],
        )
        .remove(0);
    for _ in 0..5 {
        let answer = served.get("/prod/pets", &token);
        assert!(matches!(answer.status, 401 | 500), "{}", answer.status);
    }
    assert_eq!(served.backend.take_seen(), []);
    let issuer = Service::issuer_at(down);
    let token = issuer.tokens("RS256", &[claims("ada")]).remove(0);
    until("the keys", || {
        let status = served.get("/prod/pets", &token).status;
        assert!(matches!(status, 200 | 401 | 500), "{status}");
        (status == 200).then_some(())
    });
}

#[test]
fn an_issuer_that_goes_away_later_is_not_missed() {
    let issuer = Service::issuer();
    let served = Served::rest(issuer.address());
    let mut tokens = issuer.tokens(
        "RS256",
        &(0..20).map(|n| claims(&n.to_string())).collect::<Vec<_>>(),
    );
    let first = tokens.remove(0);
    let mut clients: Vec<Client> = (0..8).map(|_| served.client()).collect();
    for client in &mut clients {
        until("the keys", || {
            (ask(client, "/prod/pets", &first).status == 200).then_some(())
        });
    }
    drop(issuer);
    for token in &tokens {
        for client in &mut clients {
            assert_eq!(ask(client, "/prod/pets", token).status, 200);
            assert_eq!(ask(client, "/prod/pets", &for_another(token)).status, 401);
        }
    }
}
