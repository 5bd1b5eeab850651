//! What a look costs: one request for all systems while nothing changes, and that one free.
use dcr_gitops::context::{Clock, Context, Terminal};
use dcr_gitops::github::{Credentials, Github, Place};
use dcr_gitops::observe::review::Reviews;
use dcr_gitops::rehearse::github::pull::Method;
use dcr_gitops::run::deployment::Deployment;
use dcr_gitops::run::review::ReviewState;
use jiff::SignedDuration;

use super::stage::{Stage, TOKEN};
use crate::world::untouched;

const PULLS: &str = "GET /repos/{owner}/{repo}/pulls";

/// So many systems, of which each has its first step next.
fn systems(count: usize) -> Vec<Deployment> {
    let each = (0..count).map(|number| {
        let mut deployment = untouched().deployment;
        deployment.system.system = format!("system{}", number + 6);
        deployment.system.namespace = "tenant-105858-prod".to_owned();
        deployment.system.cluster = "den".to_owned();
        deployment
    });
    each.collect()
}

fn reviews(stage: &Stage) -> Reviews {
    let variables = [
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_REPOSITORY", "acme/deployment"),
        ("GITHUB_API_URL", &stage.url),
    ];
    let clock = stage.clock.clone();
    let context = Context {
        env: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        clock: Clock::new(move || clock.now()),
        cwd: ".".into(),
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::default(),
        actions: None,
    };
    let place = Place::find(&context, None).unwrap();
    let credentials = Credentials::find(&context).unwrap().unwrap();
    Reviews::new(Github::new(&context, place, credentials, SignedDuration::ZERO).unwrap(), "main")
}

/// How many requests were made since `before`, by method and route.
fn since(stage: &Stage, before: usize) -> Vec<(String, Option<u16>)> {
    let log = stage.github.wire().log().split_off(before);
    let asked = log.into_iter().map(|asked| {
        (format!("{} {}", asked.method, asked.route), asked.answer.map(|(status, _)| status))
    });
    asked.collect()
}

fn asked(stage: &Stage) -> usize {
    stage.github.wire().log().len()
}

#[test]
fn a_look_at_many_systems_is_one_request_that_costs_nothing_while_nothing_changes() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.merge(1, Method::Merge);
    let systems = systems(40);
    stage.runtime.block_on(async {
        let reviews = reviews(&stage);
        reviews.look(&systems).await.unwrap();
        let before = asked(&stage);
        for _ in 0..3 {
            let seen = reviews.look(&systems).await.unwrap();
            assert_eq!(seen.len(), 40);
            let request = &seen[&systems[0].system].requests[0];
            assert_eq!((request.number, &request.state), (1, &ReviewState::Merged));
        }
        assert_eq!(since(&stage, before), vec![(PULLS.to_owned(), Some(304)); 3]);
    });
}

#[test]
fn an_open_one_costs_one_more_and_its_end_is_seen() {
    let stage = Stage::new();
    stage.next(&[], 0);
    let systems = systems(2);
    stage.runtime.block_on(async {
        let reviews = reviews(&stage);
        let state =
            async || reviews.look(&systems).await.unwrap()[&systems[0].system].requests[0].clone();
        assert_eq!(state().await.state, ReviewState::Open);
        let before = asked(&stage);
        state().await;
        let calls: Vec<String> = since(&stage, before).into_iter().map(|(call, _)| call).collect();
        assert_eq!(calls, [PULLS, "POST /graphql repository"]);
        stage.clock.forward(SignedDuration::from_secs(5));
        stage.github.close(1, "ben");
        assert_eq!(state().await.state, ReviewState::Closed { by: Some("ben".to_owned()) });
        stage.clock.forward(SignedDuration::from_secs(5));
        stage.github.reopen(1).unwrap();
        assert_eq!(state().await.state, ReviewState::Open);
        stage.clock.forward(SignedDuration::from_secs(5));
        stage.github.close(1, "ann");
        assert_eq!(state().await.state, ReviewState::Closed { by: Some("ann".to_owned()) });
    });
}

#[test]
fn what_is_older_than_the_list_reaches_is_asked_for_by_its_branch_once() {
    let stage = Stage::new();
    stage.next(&[], 0);
    stage.github.close(1, "ben");
    for number in 0..40 {
        stage.clock.forward(SignedDuration::from_secs(1));
        let branch = format!("theirs-{number}");
        let file = vec![(format!("theirs/{number}"), "x\n".to_owned())];
        let origin = stage.repo.origin();
        stage.repo.sandbox.git(&origin, &["branch", "--quiet", &branch, "main"]);
        stage.repo.sandbox.land(&origin, &branch, "Theirs", &file);
        stage.github.open("ann", &branch, "Theirs", "").unwrap();
    }
    let systems = systems(3);
    stage.runtime.block_on(async {
        let reviews = reviews(&stage);
        let seen = reviews.look(&systems).await.unwrap();
        let request = &seen[&systems[0].system].requests[0];
        assert_eq!(request.state, ReviewState::Closed { by: Some("ben".to_owned()) });
        let before = asked(&stage);
        reviews.look(&systems).await.unwrap();
        assert_eq!(since(&stage, before).len(), 1);
    });
}
