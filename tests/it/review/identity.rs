//! Who asks GitHub, where it is, and how its limits are kept.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dcr_gitops::context::{Clock, Context, Terminal};
use dcr_gitops::github::{Credentials, Error, Github, Place};
use dcr_gitops::rehearse::github::App;
use dcr_gitops::rehearse::github::account::{Account, Permissions};
use dcr_gitops::rehearse::wire::Fault;
use jiff::SignedDuration;
use ring::signature::{KeyPair, RsaKeyPair};
use serde_json::Value;

use super::stage::{Stage, TOKEN};

fn context(stage: &Stage, variables: &[(&str, &str)]) -> Context {
    let env: BTreeMap<OsString, OsString> =
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let clock = stage.clock.clone();
    Context {
        env,
        // Nothing waits for long.
        clock: Clock::new(move || clock.now()).scaled(stage.clock.now(), stage.clock.now(), 1.0),
        cwd: ".".into(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    }
}

fn place(variables: &[(&str, &str)], remote: Option<&str>) -> Result<String, String> {
    let stage_free = Context {
        env: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        clock: Clock::new(|| jiff::Timestamp::UNIX_EPOCH),
        cwd: ".".into(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    };
    match Place::find(&stage_free, remote) {
        Ok(place) => Ok(format!("{}/{} {} {}", place.owner, place.name, place.rest, place.graphql)),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_repo_is_told_by_the_remotes_address_else_by_the_environment() {
    let here = "acme/deployment https://api.github.com/ https://api.github.com/graphql";
    for remote in [
        "https://github.com/acme/deployment.git",
        "https://jo:secret@github.com/acme/deployment",
        "ssh://git@github.com:22/acme/deployment.git",
        "ssh://git@ssh.github.com:443/acme/deployment.git",
        "git@github.com:acme/deployment.git",
        "GitHub.com:acme/deployment/",
    ] {
        assert_eq!(place(&[], Some(remote)).as_deref(), Ok(here), "{remote}");
    }
    let enterprise =
        "acme/deployment https://git.example.com/api/v3 https://git.example.com/api/graphql";
    for remote in
        ["https://git.example.com/acme/deployment.git", "git@git.example.com:acme/deployment"]
    {
        assert_eq!(place(&[], Some(remote)).as_deref(), Ok(enterprise));
    }
    let regional = "acme/deployment https://api.acme.ghe.com/ https://api.acme.ghe.com/graphql";
    assert_eq!(place(&[], Some("https://acme.ghe.com/acme/deployment")).as_deref(), Ok(regional));
    // As Actions sets them, with a remote that is no address.
    let set = [
        ("GITHUB_REPOSITORY", "acme/deployment"),
        ("GITHUB_API_URL", "https://git.example.com/api/v3/"),
    ];
    assert_eq!(place(&set, Some("/srv/deployment.git")).as_deref(), Ok(enterprise));
    assert_eq!(place(&set, Some("file:///srv/deployment.git")).as_deref(), Ok(enterprise));
    // Another server's repo isn't looked for on this one.
    assert_eq!(place(&set, Some("https://gitlab.com/other/thing")).as_deref(), Ok(enterprise));
    assert_eq!(place(&set[1..], Some("https://git.example.com/x/y.git")), {
        Ok(enterprise.replace("acme/deployment", "x/y"))
    });
    for (set, remote) in [
        (vec![], Some("/srv/deployment.git")),
        (vec![], Some("git@work:acme/deployment.git")),
        (vec![], None),
        (vec![("GITHUB_REPOSITORY", "acme")], None),
        (vec![("GITHUB_REPOSITORY", "a/b"), ("GITHUB_API_URL", "http://git.example.com")], None),
    ] {
        place(&set, remote).unwrap_err();
    }
    let error = place(&[], Some("https://jo:secret@nowhere")).unwrap_err();
    assert!(!error.contains("secret"), "{error}");
}

/// A key made by openssl, as GitHub hands it out, and its public half.
fn key(stage: &Stage) -> (String, Vec<u8>) {
    let file = stage.repo.sandbox.path("key.pem");
    let made = Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&file)
        .arg("2048")
        .output()
        .expect("openssl");
    assert!(made.status.success());
    let pem = std::fs::read_to_string(file).unwrap();
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = RsaKeyPair::from_der(&STANDARD.decode(body).unwrap()).unwrap();
    (pem, pair.public_key().as_ref().to_vec())
}

#[test]
fn an_app_fetches_its_token_and_fetches_it_anew_before_it_ends() {
    let stage = Stage::new();
    let (pem, public) = key(&stage);
    let account = Account::app("farm", Permissions::WRITE);
    stage.github.add_app(App { id: 7, installation: 11, key: public, account });
    for pem in [pem.clone(), pem.replace('\n', "\\n")] {
        let context = context(
            &stage,
            &[
                ("DCR_GITHUB_APP_ID", "7"),
                ("DCR_GITHUB_APP_INSTALLATION_ID", "11"),
                ("DCR_GITHUB_APP_PRIVATE_KEY", &pem),
                ("GITHUB_REPOSITORY", "acme/deployment"),
                ("GITHUB_API_URL", &stage.url),
            ],
        );
        let credentials = Credentials::find(&context).unwrap().unwrap();
        assert_eq!(format!("{credentials:?}"), "App");
        let place = Place::find(&context, None).unwrap();
        let tokens = "/app/installations/{installation_id}/access_tokens";
        let before = stage.count("POST", tokens);
        stage.runtime.block_on(async {
            let github = Github::new(&context, place, credentials, SignedDuration::ZERO).unwrap();
            let ask = async || github.get::<Value>("").await.unwrap();
            ask().await;
            ask().await;
            assert_eq!(stage.count("POST", tokens), before + 1);
            // A token lives an hour.
            stage.clock.forward(SignedDuration::from_mins(56));
            ask().await;
            assert_eq!(stage.count("POST", tokens), before + 2);
            stage.clock.forward(SignedDuration::from_hours(9));
            ask().await;
            assert_eq!(stage.count("POST", tokens), before + 3);
        });
    }
}

#[test]
fn an_app_named_in_part_or_with_a_broken_key_is_an_error_that_shows_no_key() {
    let stage = Stage::new();
    let part = context(&stage, &[("DCR_GITHUB_APP_ID", "7"), ("GITHUB_TOKEN", TOKEN)]);
    let error = Credentials::find(&part).unwrap_err().to_string();
    assert_eq!(error, "DCR_GITHUB_APP_INSTALLATION_ID and DCR_GITHUB_APP_PRIVATE_KEY isn't set");
    let broken = context(
        &stage,
        &[
            ("DCR_GITHUB_APP_ID", "7"),
            ("DCR_GITHUB_APP_INSTALLATION_ID", "11"),
            ("DCR_GITHUB_APP_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----\nrehearsalTOKEN\n"),
        ],
    );
    let error = Credentials::find(&broken).unwrap_err().to_string();
    assert!(!error.contains("rehearsalTOKEN"), "{error}");
}

#[test]
fn no_token_is_ever_shown() {
    let stage = Stage::new();
    for (token, repo) in [("rehearsalTOKEN-of-nobody", "acme/deployment"), (TOKEN, "acme/other")] {
        let arguments = ["next-phase", "system6", "--pr", "-vv"];
        let mut command = stage.program(&stage.repo.work, &arguments);
        command.env("GITHUB_TOKEN", token).env("GITHUB_REPOSITORY", repo).env("RUST_LOG", "trace");
        let ran = crate::env::Ran::from(command.output().unwrap()).ends(1);
        assert!(!ran.out.contains("rehearsalTOKEN"), "{}", ran.out);
        assert!(!ran.err.contains("rehearsalTOKEN"), "{}", ran.err);
        assert!(ran.err.contains("GitHub refused") && ran.err.contains("hint: "), "{}", ran.err);
    }
    assert!(stage.github.pulls().is_empty());
    assert!(!stage.repo.sandbox.git(&stage.repo.origin(), &["branch"]).contains("dcr/"));
}

#[test]
fn without_a_token_or_a_repo_on_github_that_is_said() {
    let stage = Stage::new();
    let run = |clear: &str| {
        let mut command = stage.program(&stage.repo.work, &["next-phase", "system6", "--pr"]);
        command.env_remove(clear);
        crate::env::Ran::from(command.output().unwrap()).ends(3).err
    };
    let err = run("GITHUB_TOKEN");
    assert!(err.contains("no token for GitHub is set") && err.contains("hint: set GITHUB_TOKEN"));
    let err = run("GITHUB_REPOSITORY");
    assert!(err.contains("is no address of a repo on GitHub"), "{err}");
    assert!(err.contains("hint: set GITHUB_REPOSITORY"), "{err}");
}

#[test]
fn a_limit_is_waited_for_within_patience_and_said_beyond() {
    let stage = Stage::new();
    let limited = |seconds| Fault::Limited { status: 403, retry_after: Some(seconds) };
    stage.github.wire().fail_next("GET", "*", 1, limited(30));
    let ran = stage.run(&["next-phase", "system6", "--pr"]).ends(0);
    assert!(ran.err.contains("rate limit is used up: waiting until"), "{}", ran.err);
    assert_eq!(stage.open(), [1]);
    stage.github.wire().fail_next("GET", "*", 9, limited(4000));
    let before: u64 = stage.github.wire().counts().values().sum();
    let line = stage.next(&[], 10);
    let message = line["unmet"][0]["message"].as_str().unwrap();
    assert!(message.contains("GitHub takes no requests before"), "{message}");
    // It was left alone.
    assert_eq!(stage.github.wire().counts().values().sum::<u64>(), before + 1);
}

#[test]
fn a_refused_write_is_looked_at_before_it_is_sent_again() {
    let stage = Stage::new();
    let pulls = "/repos/{owner}/{repo}/pulls";
    let limited = Fault::Limited { status: 429, retry_after: Some(20) };
    stage.github.wire().fail_next("POST", pulls, 1, limited);
    assert_eq!(stage.next(&[], 0)["outcome"], "opened");
    let log = stage.github.wire().log();
    let of_pulls: Vec<&str> = log
        .iter()
        .filter(|asked| asked.route == pulls)
        .map(|asked| asked.method.as_str())
        .collect();
    let first = of_pulls.iter().position(|method| *method == "POST").unwrap();
    assert_eq!(of_pulls[first..], ["POST", "GET", "POST"]);
}

#[test]
fn observed_worlds_are_not_written_to() {
    let stage = Stage::new();
    let file = stage.repo.save("seen.json", "{}");
    for command in [&["next-phase", "system6"][..], &["watch", "system6"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--pr", "--observed", &file]);
        let ran = stage.run(&arguments).ends(2);
        assert!(ran.err.contains("--observed can't go with --push or --pr"), "{}", ran.err);
    }
}

#[test]
fn a_proxy_is_gone_through_unless_it_is_excepted() {
    let stage = Stage::new();
    let proxy = stage.url.trim_end_matches("/api/v3").to_owned();
    let run = |variables: &[(&str, &str)]| {
        let arguments = ["next-phase", "system6", "--pr"];
        let mut command = stage.program(&stage.repo.work, &arguments);
        // Nobody listens there.
        command.env("GITHUB_API_URL", "http://127.0.0.1:9/api/v3").env("http_proxy", &proxy);
        command.envs(variables.iter().copied());
        crate::env::Ran::from(command.output().unwrap())
    };
    run(&[("NO_PROXY", "127.0.0.1")]).ends(10);
    assert!(stage.github.pulls().is_empty());
    run(&[]).ends(0);
    assert_eq!(stage.open(), [1]);
    let ran = run(&[("SSL_CERT_FILE", "/nowhere/ca.pem")]).ends(3);
    assert!(ran.err.contains("reading SSL_CERT_FILE /nowhere/ca.pem"), "{}", ran.err);
}

#[test]
fn status_and_plan_see_the_request_with_a_token_that_only_reads() {
    let stage = Stage::new();
    stage.next(&[], 0);
    let reader = "rehearsalTOKEN-of-a-reader";
    stage.github.add_token(reader, Account::person("eve", Permissions::READ), None).unwrap();
    let before = stage.github.wire().log().len();
    for command in [&["status", "system6"][..], &["plan", "system6"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["-o", "json"]);
        let mut program = stage.program(&stage.repo.work, &arguments);
        let ran = crate::env::Ran::from(program.env("GITHUB_TOKEN", reader).output().unwrap());
        let line = ran.ends(0).line();
        assert_eq!(line["pullRequest"], "https://github.example.com/acme/deployment/pull/1");
        assert_eq!(line["unmet"][0]["gate"], "review", "{line}");
    }
    let asked = stage.github.wire().log().split_off(before);
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|asked| asked.method == "GET" || asked.route.contains("graphql")));
}

#[test]
fn what_is_refused_says_what_to_do() {
    let forbidden = Error::Refused {
        doing: "POST /repos/acme/deployment/pulls".to_owned(),
        status: 403,
        message: "Resource not accessible by integration".to_owned(),
    };
    assert!(forbidden.hint().unwrap().contains("pull-requests: write"));
}
