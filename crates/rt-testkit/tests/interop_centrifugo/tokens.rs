//! Tokens made here are taken by the server's own checks, and by live connections.
use std::time::Duration;

use centrifugo_api::token::{
    Algorithm, Claims, ConnectionClaims, Key, ServerSubscription, SubscriptionClaims,
};
use centrifugo_api::{Client, Override};
use rt_testkit::centrifugo::{Centrifugo, free_port};
use rt_testkit::server::Server;
use serde_json::json;

use crate::live::{Live, refusal};

fn connection() -> ConnectionClaims {
    ConnectionClaims::new("42")
        .expires_in(Duration::from_secs(600))
        .not_before(1)
        .issued_at(1)
        .id("token-1")
        .issuer("ours")
        .audience("centrifugo")
        .info(json!({"name": "Alex"}))
        .channels(["public:by-claim"])
        .subscription(
            "public:srv",
            ServerSubscription::new()
                .info(json!({"i": 1}))
                .data(json!({"d": 1}))
                .overrides(Override::new().presence(true)),
        )
        .meta(json!({"plan": "gold"}))
        .expire_at(0)
}

fn subscription() -> SubscriptionClaims {
    SubscriptionClaims::new("42", "public:chat")
        .client("c1")
        .expires_in(Duration::from_secs(600))
        .info(json!({"i": 1}))
        .data(json!({"d": 1}))
        .overrides(Override::new().force_recovery(true))
        .expire_at(0)
}

#[test]
fn the_servers_own_check_takes_them() {
    let server = Centrifugo::start(free_port());
    let keys = [
        Key::hs256("secret").unwrap(),
        Key::hs256("secret").unwrap().with_id("k1"),
        Key::hmac(Algorithm::Hs384, "secret").unwrap(),
        Key::hmac(Algorithm::Hs512, "secret").unwrap(),
    ];
    for key in &keys {
        let said = server.check("checktoken", &key.sign(&connection()).unwrap()).unwrap();
        assert!(said.contains("valid token for user 42"), "{said}");
        let said = server.check("checksubtoken", &key.sign(&subscription()).unwrap()).unwrap();
        assert!(said.contains("valid subscription token"), "{said}");
    }
    let wrong = Key::hs256("another").unwrap().sign(&connection()).unwrap();
    assert!(server.check("checktoken", &wrong).is_err());
}

#[test]
fn with_a_pair_of_keys_it_takes_them_too() {
    for (algorithm, name) in [
        (Algorithm::Rs256, "rsa"),
        (Algorithm::Rs384, "rsa"),
        (Algorithm::Rs512, "rsa"),
        (Algorithm::Es256, "p256"),
        (Algorithm::Es384, "p384"),
    ] {
        let (private, public) = pair(name);
        let option = if name == "rsa" { "token_rsa_public_key" } else { "token_ecdsa_public_key" };
        let server = Centrifugo::start_with(free_port(), &json!({ option: public }));
        let key = Key::pem(algorithm, private).unwrap();
        for (check, token) in [
            ("checktoken", sign(&key, &connection())),
            ("checksubtoken", sign(&key, &subscription())),
        ] {
            let said = server.check(check, &token).unwrap_or_else(|e| panic!("{algorithm:?}: {e}"));
            assert!(said.contains("valid"), "{said}");
        }
    }
}

/// Ed25519 is taken from a key set only, which the server fetches.
#[test]
fn with_ed25519_it_takes_them_by_the_key_set() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (private, public) = pair("ed25519");
    let encoded: String = public.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    let x = URL_SAFE_NO_PAD.encode(&der[der.len() - 32..]);
    let set = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "ed-1", "x": x},
    ]});
    let keys = Server::start(move |connection| {
        if connection.request().is_some() {
            connection.answer(200, "content-type: application/json\r\n", &set.to_string());
        }
    });
    let endpoint = keys.url("/jwks");
    let options = json!({ "token_jwks_public_endpoint": endpoint });
    let server = Centrifugo::start_with(free_port(), &options);
    let key = Key::pem(Algorithm::EdDsa, private).unwrap().with_id("ed-1");
    let said = server.check("checktoken", &sign(&key, &connection())).unwrap();
    assert!(said.contains("valid token for user 42"), "{said}");
    let other = Key::pem(Algorithm::EdDsa, pair("ed25519").0).unwrap().with_id("ed-1");
    assert!(server.check("checktoken", &sign(&other, &connection())).is_err());
}

fn sign(key: &Key, claims: &impl Claims) -> String {
    key.sign(claims).unwrap()
}

/// A private and a public key, made by openssl.
fn pair(name: &str) -> (Vec<u8>, String) {
    let options: &[&str] = match name {
        "rsa" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ed25519" => &["-algorithm", "ED25519"],
        "p256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        _ => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("private.pem");
    let openssl = |args: &[&str]| {
        let output = std::process::Command::new("openssl").args(args).output().expect("openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let file_text = file.to_str().unwrap();
    openssl(&[&["genpkey", "-out", file_text], options].concat());
    let public = openssl(&["pkey", "-in", file_text, "-pubout"]);
    (std::fs::read(&file).unwrap(), String::from_utf8(public).unwrap())
}

#[tokio::test]
async fn a_live_connection_is_let_in_with_all_that_its_token_says() {
    let port = free_port();
    let _server = Centrifugo::start(port);
    let key = Key::hs256("secret").unwrap();
    let live = Live::connect(port, &key.sign(&connection()).unwrap(), &json!({})).await;
    let subs = &live.connect["subs"];
    assert_eq!(subs["public:srv"]["data"], json!({"d": 1}), "{subs}");
    assert!(subs["public:by-claim"].is_object(), "{subs}");
    let client = Client::new(format!("http://127.0.0.1:{port}/api"), "key").unwrap();
    let presence = client.presence("public:srv").await.unwrap().presence;
    let info = &presence[live.client()];
    assert_eq!(info.chan_info.as_ref().unwrap().get(), r#"{"i":1}"#);
    assert_eq!(info.conn_info.as_ref().unwrap().get(), r#"{"name":"Alex"}"#);

    let over = key.sign(&ConnectionClaims::new("42").expires_at(1)).unwrap();
    assert_eq!(refusal(port, &over).await["disconnect"]["reason"], "connection expired");
    let wrong = Key::hs256("another").unwrap().sign(&ConnectionClaims::new("42")).unwrap();
    assert_eq!(refusal(port, &wrong).await["disconnect"]["reason"], "invalid token");
}
