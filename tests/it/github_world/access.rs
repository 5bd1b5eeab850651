//! Who may do what: tokens, permissions, Apps, and limits.
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dcr_gitops::rehearse::github::App;
use dcr_gitops::rehearse::github::account::{Access, Account, Permissions};
use dcr_gitops::rehearse::github::rules::Limits;
use jiff::SignedDuration;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::{ANN, Answered, BOT, PULLS, STEP, World, draft};

const REPO: &str = "/repos/acme/deployment";

#[tokio::test]
async fn who_may_not_is_told_so() {
    let world = World::new();
    let token = |name: &str| format!("rehearsalTOKEN-of-{name}");
    let read = Permissions { contents: Access::Write, ..Permissions::READ };
    let add = |name: &str, account: Account| world.github.add_token(&token(name), account, None);
    add("reader", Account::app("reader", Permissions::READ)).unwrap();
    add("pusher", Account::person("pusher", read)).unwrap();
    add("stranger", Account::person("stranger", Permissions::NONE)).unwrap();
    let ask = async |who: &str, method: &str, path: &str| {
        let body = if method == "POST" { draft(STEP) } else { Value::Null };
        world.ask(who, method, path, body).await
    };
    let said = |answered: Answered| {
        let message = answered.body["message"].as_str().unwrap_or_default().to_owned();
        (answered.status, message)
    };
    let of = |status: u16, message: &str| (status, message.to_owned());
    assert_eq!(said(ask("", "GET", PULLS).await), of(401, "Requires authentication"));
    assert_eq!(said(ask("wrong", "GET", PULLS).await), of(401, "Bad credentials"));
    assert_eq!(said(ask(&token("stranger"), "GET", REPO).await), of(404, "Not Found"));
    assert_eq!(said(ask(BOT, "GET", "/repos/acme/other").await), of(404, "Not Found"));
    assert_eq!(ask(&token("reader"), "GET", PULLS).await.status, 200);
    assert_eq!(
        said(ask(&token("reader"), "POST", PULLS).await),
        of(403, "Resource not accessible by integration")
    );
    assert_eq!(
        said(ask(&token("pusher"), "POST", PULLS).await),
        of(403, "Resource not accessible by personal access token")
    );
    assert_eq!(world.github.pulls(), []);
    world.github.revoke(BOT);
    assert_eq!(ask(BOT, "GET", PULLS).await.status, 401);
    assert!(world.github.add_token("unmarked", Account::person("x", read), None).is_err());
}

#[tokio::test]
async fn a_workflow_opens_pull_requests_only_where_it_may() {
    let world = World::new();
    let token = "rehearsalTOKEN-of-a-workflow";
    world.github.add_token(token, Account::actions(Permissions::WRITE), None).unwrap();
    world.github.set_rules(|rules| rules.actions_open_pull_requests = false);
    let refused = world.ask(token, "POST", PULLS, draft(STEP)).await;
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (403, &json!("GitHub Actions is not permitted to create or approve pull requests."))
    );
    assert_eq!(world.ask(token, "GET", "/user", Value::Null).await.status, 403);
    let viewer = world.graphql(token, "{ viewer { login } }", Value::Null).await;
    assert_eq!(viewer["viewer"]["login"], "github-actions[bot]");
    assert_eq!(world.ask(ANN, "GET", "/user", Value::Null).await.body["login"], "ann");
}

/// A key of its own for every test: none is kept anywhere.
fn key(world: &World) -> RsaKeyPair {
    let path = world.sandbox.path("app-key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", "", "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let pem = std::fs::read_to_string(path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}

fn assertion(key: &RsaKeyPair, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn an_app_gets_a_token_for_what_it_signed_and_it_ends_after_an_hour() {
    let world = World::new();
    let key = key(&world);
    let account = Account::app("dcr-app", Permissions::WRITE);
    let public = key.public_key().as_ref().to_vec();
    world.github.add_app(App { id: 12, installation: 34, key: public, account });
    let now = world.clock.now().as_second();
    let path = "/app/installations/34/access_tokens";
    let ask =
        async |claims: Value| world.ask(&assertion(&key, &claims), "POST", path, Value::Null).await;
    let good = json!({"iss": "12", "iat": now - 60, "exp": now + 540});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let wrong = [
        (
            with("exp", (now + 601).into()),
            "'Expiration time' claim ('exp') is too far in the future",
        ),
        (with("exp", now.into()), "'Expiration time' claim ('exp') must be a numeric value"),
        (with("iat", (now + 3600).into()), "'Issued at' claim ('iat')"),
        (with("iss", 13.into()), "Integration not found"),
    ];
    for (claims, why) in wrong {
        let refused = ask(claims).await;
        assert!(refused.body["message"].as_str().unwrap().starts_with(why), "{refused:?}");
    }
    let forged = assertion(&key, &good).replace('.', "A.");
    let refused = world.ask(&forged, "POST", path, Value::Null).await;
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (401, &json!("A JSON web token could not be decoded"))
    );
    let given = ask(good.clone()).await;
    assert_eq!((given.status, &given.body["expires_at"]), (201, &json!("2026-11-22T13:00:00Z")));
    let token = given.body["token"].as_str().unwrap();
    assert!(token.contains("rehearsalTOKEN"), "{token}");
    assert_eq!(world.ask(token, "POST", PULLS, draft(STEP)).await.status, 201);
    assert_eq!(world.github.pull(1).unwrap().author, "dcr-app[bot]");
    world.clock.forward(SignedDuration::from_mins(59));
    assert_eq!(world.ask(token, "GET", PULLS, Value::Null).await.status, 200);
    world.clock.forward(SignedDuration::from_mins(1));
    assert_eq!(world.ask(token, "GET", PULLS, Value::Null).await.status, 401);
}

#[tokio::test]
async fn requests_are_limited_and_what_did_not_change_costs_nothing() {
    let world = World::new();
    world.github.set_rules(|rules| rules.limits = Some(Limits { rest: 3, graphql: 1 }));
    let left = |answered: &Answered| -> u64 {
        answered.headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap()
    };
    let first = world.ask(BOT, "GET", PULLS, Value::Null).await;
    assert_eq!((first.status, left(&first)), (200, 2));
    let tag = first.headers["etag"].to_str().unwrap();
    let same = async || {
        let tagged = [("if-none-match", tag)];
        world.ask_with(BOT, "GET", PULLS, Value::Null, &tagged).await.unwrap()
    };
    for _ in 0..5 {
        let same = same().await;
        assert_eq!((same.status, &same.body, left(&same)), (304, &Value::Null, 2));
    }
    world.github.open("ann", STEP, "Starting", "").unwrap();
    let changed = same().await;
    assert_eq!((changed.status, left(&changed)), (200, 1));
    assert_eq!(world.ask(BOT, "GET", PULLS, Value::Null).await.status, 200);
    let over = world.ask(BOT, "GET", PULLS, Value::Null).await;
    assert_eq!((over.status, left(&over)), (403, 0));
    let reset: i64 = over.headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert_eq!(reset, world.clock.now().as_second() + 3600);
    // Others have limits of their own, and so has GraphQL.
    assert_eq!(world.ask(ANN, "GET", PULLS, Value::Null).await.status, 200);
    assert!(world.graphql(BOT, "{ viewer { login } }", Value::Null).await.is_object());
    world.clock.forward(SignedDuration::from_hours(1));
    assert_eq!(world.ask(BOT, "GET", PULLS, Value::Null).await.status, 200);
    world.github.set_rules(|rules| rules.limits = None);
    let unlimited = world.ask(BOT, "GET", PULLS, Value::Null).await;
    assert!(!unlimited.headers.contains_key("x-ratelimit-limit"), "as on a server of one's own");
}
