//! A gate that was met when its step was opened is looked at again for as long as the step is open.
use dcr_gitops::git::Oid;
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::github::GitHub;
use dcr_gitops::rehearse::github::account::{Account, Permissions};
use dcr_gitops::rehearse::github::pull::State;
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::loopback::Loopback;

use super::stage::TOKEN;
use crate::env::Ran;
use crate::watch::stage::Stage;

const CONTEXT: &str = "dcr-gitops/gate";

struct World {
    stage: Stage,
    github: GitHub,
    server: Loopback,
}

impl World {
    /// The second step of a run is due.
    async fn due(settings: &str) -> Self {
        let stage = Stage::due().await;
        let now = WorldClock::standing(stage.world.now()).reader();
        let remote = stage.folder.remote();
        if !settings.is_empty() {
            let work = stage.clone("editing");
            let file = work.join("dcr-gitops.yaml");
            let text = std::fs::read_to_string(&file).unwrap() + "\n" + settings;
            std::fs::write(file, text).unwrap();
            let git = |arguments: &[&str]| stage.folder.git(&work, arguments).unwrap();
            git(&["commit", "--quiet", "-a", "-m", "Settings"]);
            git(&["push", "--quiet", "origin", "HEAD"]);
        }
        let github = GitHub::new(now, &remote, "acme", "deployment", "main").unwrap();
        github.add_token(TOKEN, Account::app("dcr", Permissions::WRITE), None).unwrap();
        github.add_account(Account::person("ann", Permissions::WRITE));
        let server = github.listen().await.unwrap();
        World { stage, github, server }
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.stage.program(&self.stage.folder.work(), arguments);
        command.env("GITHUB_TOKEN", TOKEN).env("GITHUB_REPOSITORY", "acme/deployment");
        command.env("GITHUB_API_URL", format!("{}/api/v3", self.server.url()));
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
    }

    async fn watch(&self) -> Ran {
        self.run(&["watch", "system6", "--pr", "--for", "1s", "--poll", "1s", "-o", "json"]).await
    }

    /// The states that the gate's light was in, the oldest first.
    fn lights(&self, commit: Oid) -> Vec<String> {
        let statuses = self.github.statuses(commit).into_iter();
        statuses.filter(|it| it.context == CONTEXT).map(|it| it.state).collect()
    }

    /// What is live carries another digest than what was committed, or the right one again.
    fn meddle(&self, with: impl Fn(&str) -> String) {
        let edited = self.stage.world.kubernetes.edit(
            Kind::StatefulSet,
            "tenant-105858-prod",
            "system6-dcr-farmer",
            |set| {
                let digest = &mut set["metadata"]["annotations"]["dcr-gitops/digest"];
                *digest = with(digest.as_str().unwrap()).into();
            },
        );
        assert!(edited.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_light_turns_red_when_it_lapses_and_is_written_on_change_only() {
    let world = World::due("review: {default: auto}\n").await;
    world.watch().await.ends(10);
    let pull = world.github.pulls().remove(0);
    assert!(pull.auto_merge.is_some(), "{pull:?}");
    assert_eq!(world.lights(pull.head), ["success"]);
    world.watch().await.ends(10);
    assert_eq!(world.lights(pull.head), ["success"]);

    world.meddle(|digest| format!("x{digest}"));
    world.watch().await.ends(10);
    assert_eq!(world.lights(pull.head), ["success", "failure"]);
    let lapsed = world.github.pull(pull.number).unwrap();
    assert_eq!((lapsed.state, lapsed.auto_merge), (State::Open, None));
    world.watch().await.ends(10);
    assert_eq!(world.lights(pull.head), ["success", "failure"]);

    world.meddle(|digest| digest[1..].to_owned());
    world.watch().await.ends(10);
    assert_eq!(world.lights(pull.head), ["success", "failure", "success"]);
    assert!(world.github.pull(pull.number).unwrap().auto_merge.is_some());
    assert_eq!(world.github.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_without_a_request_gets_one_from_whoever_watches() {
    let world = World::due("").await;
    world.run(&["next-phase", "system6", "--push"]).await.ends(0);
    assert!(world.github.pulls().is_empty());
    world.watch().await.ends(10);
    world.watch().await.ends(10);
    assert_eq!(world.github.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_here_alone_is_pushed_by_whoever_watches() {
    let world = World::due("").await;
    world.stage.folder.git(&world.stage.folder.work(), ["fetch", "--quiet"]).unwrap();
    let line = world.run(&["next-phase", "system6", "-o", "json"]).await.ends(0).line();
    let branch = line["branch"].as_str().unwrap();
    let watch = |flag| ["watch", "system6", flag, "--for", "1s", "--poll", "1s", "-o", "json"];
    // Who is to emit nothing leaves it here.
    world.run(&watch("--no-emit")).await.ends(10);
    assert_eq!(world.stage.pushed(branch), None);
    let watched = world.run(&watch("--push")).await.ends(10).line();
    assert_eq!(watched["unmet"][0]["gate"], "review", "{watched}");
    assert_eq!(world.stage.pushed(branch).as_deref(), line["commit"].as_str());
    assert!(world.github.pulls().is_empty());
    let watched = world.run(&watch("--pr")).await.ends(10).line();
    let pull = world.github.pulls().remove(0);
    assert_eq!(pull.head.to_string(), line["commit"]);
    assert!(watched["pullRequest"].as_str().unwrap().ends_with("/pull/1"), "{watched}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_turned_down_comes_again_with_a_retry() {
    let world = World::due("").await;
    world.watch().await.ends(10);
    world.github.close(1, "ann");
    let line = world.watch().await.ends(11).line();
    assert!(line["reason"].as_str().unwrap().contains("closed by ann"), "{line}");
    let line = world.run(&["retry", "system6", "--pr", "-o", "json"]).await.ends(0).line();
    assert_eq!(line["outcome"], "opened", "{line}");
    let pulls = world.github.pulls();
    assert_eq!((pulls[0].state, pulls[1].state), (State::Closed, State::Open));
    assert_ne!(pulls[0].head, pulls[1].head);
    world.watch().await.ends(10);
    assert_eq!(world.github.pulls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_github_that_is_away_stops_nothing_and_opens_nothing() {
    let world = World::due("").await;
    let (from, until) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
    world.github.wire().down(from, until);
    let line = world.watch().await.ends(10).line();
    assert_eq!(line["unmet"][0]["gate"], "review", "{line}");
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("whether the step is in review can't be seen: "), "{line}");
    assert!(world.github.pulls().is_empty());
    world.github.wire().mend();
    let ran = world.watch().await.ends(10);
    assert_eq!(world.github.pulls().len(), 1, "{} {}", ran.out, ran.err);
}
