//! The workflows carry a run from its start to its end, with a scale and a retry on the way.
use dcr_gitops::rehearse::express::Conduct;
use dcr_gitops::rehearse::scenario::Scenario;
use jiff::SignedDuration;
use serde_json::json;

use super::runner::Runner;
use crate::journey::play::FOLDER;

const SYSTEM: &str = "den/tenant-105858-prod/system6";

/// What a person does while ticks go on by themselves.
#[derive(Debug, PartialEq)]
enum Asked {
    Nothing,
    MoreFarmers,
    AnotherAttempt,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_carried_from_start_to_finish() {
    let happy = Scenario::named("happy").unwrap();
    let work = SignedDuration::from_hours(4 * 24);
    let conduct = Conduct { work, fails_at: [Some(45)].into(), ..happy.conduct.clone() };
    let mut runner = Runner::new(&Scenario { conduct, ..happy }).await;
    // Before there is a run a tick is over at once.
    let idle = runner.dispatch("dcr-tick", json!({})).await;
    assert!(idle.succeeded, "{}", idle.log);
    assert_eq!(idle.steps.last().unwrap(), "See which runs are on", "{}", idle.log);

    // Jira starts it.
    let payload = json!({"system": "system6", "forced": true});
    let started = runner.dispatch("dcr-start", json!({"client_payload": payload})).await;
    assert!(started.succeeded, "{}", started.log);
    assert_eq!(started.outputs["outcome"], "opened", "{}", started.log);

    let (mut asked, mut ticks, mut waited) = (Asked::Nothing, 0, 0);
    let last = loop {
        runner.pass(SignedDuration::from_hours(4)).await;
        ticks += 1;
        assert!(ticks < 60, "no end");
        let tick = runner.dispatch("dcr-tick", json!({})).await;
        waited += usize::from(tick.steps.iter().any(|step| step == "Wait for it"));
        let halted = tick.outputs["decision"] == "halt";
        assert_eq!(tick.succeeded, !halted, "{}", tick.log);
        if runner.on_base(&format!("{FOLDER}/dcr/last-run")).is_some() {
            break tick;
        }
        let inputs = if asked == Asked::Nothing && runner.world.percent().is_some() {
            asked = Asked::MoreFarmers;
            json!({"move": "scale", "system": SYSTEM, "farmers": "6"})
        } else if halted {
            assert_eq!(asked, Asked::MoreFarmers, "{}", tick.log);
            asked = Asked::AnotherAttempt;
            json!({"move": "retry", "system": SYSTEM})
        } else {
            continue;
        };
        let act = runner.dispatch("dcr-act", json!({"inputs": inputs})).await;
        assert!(act.succeeded, "{inputs}: {}", act.log);
        assert_eq!(act.outputs["outcome"], "opened", "{}", act.log);
    };
    assert_eq!(asked, Asked::AnotherAttempt, "{}", last.log);
    assert!(waited > 0, "what is about to happen is waited for");

    // What is left of the run goes.
    runner.pass(SignedDuration::from_hours(4)).await;
    let end = runner.dispatch("dcr-tick", json!({})).await;
    assert!(end.succeeded, "{}", end.log);
    assert_eq!(runner.status("system6").line()["decision"], "finished");

    let ledger = runner.world.ledger();
    assert_eq!(ledger.broken(), [""; 0]);
    assert_eq!(ledger.triggers, [((1, 1), 1), ((1, 2), 1)]);
    assert_eq!(ledger.propagations, 1);
    let log = ["log", "--no-merges", "--format=%s", "--grep=via automation", "main"];
    let log = runner.folder.git(&runner.folder.remote(), log).unwrap();
    insta::assert_snapshot!(log, @r"
    Added/Modified system6 via automation (Tearing down the DCR farm)
    Added/Modified system6 via automation (Propagating caches)
    Added/Modified system6 via automation (Triggering the distributed cache rebuild)
    Added/Modified system6 via automation (Adding farmers to the DCR farm)
    Added/Modified system6 via automation (Triggering the distributed cache rebuild)
    Added/Modified system6 via automation (Bringing up the rest of the nodes)
    Added/Modified system6 via automation (Starting DCR Farm History Update)
    ");
    // Tokens and kubeconfigs stay where they are needed.
    let left = std::fs::read_dir(runner.temp()).unwrap();
    let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["dcr-gitops-0.1.0"]);
}
