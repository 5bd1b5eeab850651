//! The embedded Express: what its nodes print and when, how fast it rebuilds, and what it remembers.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use dcr_gitops::rehearse::express::{
    Cmd, Conduct, Express, Farm, Fault, Frontends, Now, PodFact, Warning,
};
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::Service;

const NAMESPACE: &str = "tenant-105858-prod";
const SYSTEM: &str = "systemdcrtest1";
const SYNCHRONIZER: &str = "systemdcrtest1-dcr-sync-0";
const FRONTEND: &str = "systemdcrtest1-fe3";
const STATUS: &str = "/.admin?cmd=rebuildStatus&CMD_CENTER_CSRF_TOKEN=&format=JSON&template=";

#[derive(Default)]
struct Pods(Mutex<Vec<PodFact>>, AtomicU64);

impl Farm for Pods {
    fn pods(&self, namespace: &str) -> Vec<PodFact> {
        let pods = self.0.lock().unwrap();
        if namespace == NAMESPACE { pods.clone() } else { vec![] }
    }

    /// Nobody counts: it may always have changed.
    fn version(&self) -> u64 {
        self.1.fetch_add(1, Ordering::Relaxed)
    }
}

/// A system with a clock that a test moves and pods that a test starts and kills.
struct World {
    clock: Arc<Mutex<Timestamp>>,
    pods: Arc<Pods>,
    express: Express,
}

impl World {
    /// Boots in 3 minutes, updates its history in an hour, needs 12 hours of one farmer.
    fn new(change: impl FnOnce(&mut Conduct)) -> Self {
        let clock = Arc::new(Mutex::new("2026-11-22T09:00:00Z".parse().unwrap()));
        let pods = Arc::new(Pods::default());
        let now: Now = {
            let clock = clock.clone();
            Arc::new(move || *clock.lock().unwrap())
        };
        let express = Express::new(now, pods.clone());
        let mut conduct = Conduct {
            history: SignedDuration::from_hours(1),
            work: SignedDuration::from_hours(12),
            ..Conduct::default()
        };
        change(&mut conduct);
        let frontends = Frontends {
            names: (1..=3).map(|n| format!("{SYSTEM}-fe{n}")).collect(),
            hash: "5f5e38d65f5e38d6".into(),
            version: "e686.131".into(),
        };
        express.add(NAMESPACE, SYSTEM, frontends, conduct);
        World { clock, pods, express }
    }

    /// With a farm of this size that has updated its history.
    fn with_farm(farmers: u32, change: impl FnOnce(&mut Conduct)) -> Self {
        let world = World::new(change);
        world.start(SYNCHRONIZER, "sync-a");
        (0..farmers).for_each(|n| world.start(&farmer(n), &format!("farmer-{n}-a")));
        world.pass("1h3m");
        world
    }

    fn pass(&self, time: &str) {
        let time: jiff::Span = time.parse().unwrap();
        let mut clock = self.clock.lock().unwrap();
        *clock = clock.checked_add(time).unwrap();
    }

    /// A new pod, in place of the one with its name.
    fn start(&self, name: &str, uid: &str) {
        let component = if name == SYNCHRONIZER { "synchronizer" } else { "farmer" };
        // The world saw the old one until now.
        self.express.advance();
        self.kill(name);
        self.pods.0.lock().unwrap().push(PodFact {
            name: name.into(),
            uid: uid.into(),
            started: Some(*self.clock.lock().unwrap()),
            ready: true,
            component: component.into(),
        });
    }

    fn kill(&self, name: &str) {
        self.express.advance();
        self.pods.0.lock().unwrap().retain(|pod| pod.name != name);
    }

    fn ask(&self, node: &str, path: &str) -> Option<(u16, String)> {
        let response = self.express.call(NAMESPACE, node, 9100, &Method::GET, path, b"")?;
        let status = response.status().as_u16();
        Some((status, String::from_utf8_lossy(response.body()).into_owned()))
    }

    fn aa_status(&self) -> String {
        self.ask(FRONTEND, "/.admin?cmd=aaStatus").unwrap().1
    }

    /// The words of one row.
    fn row(&self, node: &str) -> String {
        let text = self.aa_status();
        let line = text.lines().find(|line| line.trim().starts_with(&format!("{node} ")));
        let words = line.map(|line| line.split_once(" : ").unwrap().1);
        words.unwrap_or("absent").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn rebuild(&self, node: &str) -> Value {
        serde_json::from_str(&self.ask(node, STATUS).unwrap().1).unwrap()
    }

    fn trigger(&self, attempt: u32) -> (u16, String) {
        let path = format!("/.admin?cmd=startRebuild&force=false&run=7&attempt={attempt}");
        self.ask(SYNCHRONIZER, &path).unwrap()
    }

    fn propagate(&self) -> (u16, String) {
        self.ask(SYNCHRONIZER, "/.admin?cmd=propagateCaches&run=7&attempt=1").unwrap()
    }
}

fn farmer(n: u32) -> String {
    format!("{SYSTEM}-dcr-farmer-{n}")
}

fn ok() -> (u16, String) {
    (200, "OK\n".to_owned())
}

fn refused(why: &str) -> (u16, String) {
    (409, format!("ERROR: {why}\n"))
}

const EXCEPTION: &str = "org.apache.thrift.transport.TTransportException";

#[test]
fn a_rebuild_prints_what_the_transcripts_show() {
    let world = World::with_farm(3, |_| {});
    assert_eq!(world.trigger(1), ok());
    // A farmer that came back is unknown; the two others are too busy to be reached.
    world.pass("15m");
    world.start(&farmer(0), "farmer-0-b");
    world.pass("2m");
    let transcript = include_str!("../../fixtures/transcripts/aa-status-during-rebuild.txt");
    assert_eq!(world.aa_status(), transcript);
    world.pass("5h");
    let complete = include_str!("../../fixtures/transcripts/aa-status-complete.txt");
    let frontends = &transcript[..transcript.find("\t    DCR").unwrap()];
    assert_eq!(world.aa_status(), format!("{frontends}{complete}"));
    world.express.conduct(NAMESPACE, SYSTEM, |conduct| conduct.omits_frontends = true);
    assert_eq!(world.aa_status(), complete);
}

#[test]
fn a_node_boots_works_and_is_done() {
    let world = World::new(|_| {});
    assert_eq!(world.row(SYNCHRONIZER), "absent");
    world.start(SYNCHRONIZER, "sync-a");
    world.start(&farmer(0), "farmer-0-a");
    let unknown = format!("? ? ? unreachable {EXCEPTION}");
    let lost = format!("DOWN invisible not sync unreachable {EXCEPTION}");
    let booting = "BOOTING invisible not sync waiting Inactive";
    for node in [SYNCHRONIZER, &farmer(0)] {
        assert_eq!(world.row(node), unknown);
        assert_eq!(world.ask(node, STATUS), None);
    }
    world.pass("3m");
    assert_eq!([world.row(SYNCHRONIZER), world.row(&farmer(0))], [booting; 2]);
    assert_eq!(world.rebuild(SYNCHRONIZER), json!({}));
    world.pass("1h");
    world.trigger(1);
    world.pass("10m");
    assert_eq!([world.row(SYNCHRONIZER), world.row(&farmer(0))], [booting, &lost]);
    world.pass("10m");
    assert_eq!(world.row(&farmer(0)), booting);
    world.pass("12h");
    assert_eq!(world.row(SYNCHRONIZER), "SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6");
    assert_eq!(world.row(&farmer(0)), "DOWN invisible not sync hidden Inactive");
    // Gone, it keeps its row for a while.
    world.kill(&farmer(0));
    assert_eq!(world.row(&farmer(0)), lost);
    world.pass("11m");
    assert_eq!(world.row(&farmer(0)), "absent");
    assert_eq!(world.ask(&farmer(0), STATUS), None);
}

#[test]
fn a_pod_that_is_not_ready_answers_and_does_not_work() {
    let world = World::with_farm(1, |_| {});
    world.trigger(1);
    world.pass("6h");
    assert_eq!(world.rebuild(FRONTEND)["percent"], 50.0);
    world.pods.0.lock().unwrap()[1].ready = false;
    world.pass("6h");
    assert_eq!(world.rebuild(FRONTEND)["percent"], 50.0);
    assert_eq!(world.row(&farmer(0)), format!("? ? ? unreachable {EXCEPTION}"));
    assert!(world.ask(&farmer(0), STATUS).is_some());
}

#[test]
fn more_farmers_are_faster_and_looking_more_often_is_not() {
    let percent = |farmers, looks: i32| {
        let world = World::with_farm(farmers, |_| {});
        world.trigger(1);
        for _ in 0..looks {
            world.pass(&format!("{}s", 2 * 3600 / looks));
            world.express.advance();
        }
        world.rebuild(FRONTEND)["percent"].as_f64().unwrap()
    };
    assert_eq!((percent(3, 1), percent(4, 1)), (50.0, 66.6));
    assert_eq!((percent(3, 720), percent(4, 720)), (50.0, 66.6));
    // It is complete at the very second, however long nobody looked, and says so only then.
    let world = World::with_farm(3, |_| {});
    world.trigger(1);
    world.pass("3h59m59s");
    assert_eq!(world.rebuild(FRONTEND)["state"], "RUNNING");
    assert_eq!(world.rebuild(FRONTEND)["percent"], 99.9);
    world.pass("1s");
    assert_eq!(world.rebuild(FRONTEND)["state"], "COMPLETE");
}

#[test]
fn a_lost_farmer_slows_a_rebuild_and_an_added_one_speeds_it_up() {
    let world = World::with_farm(4, |_| {});
    world.trigger(1);
    world.pass("1h");
    world.kill(&farmer(3));
    world.pass("1h");
    // 4 h + 3 h of 12.
    assert_eq!(world.rebuild(FRONTEND)["percent"], 58.3);
    world.start(&farmer(3), "farmer-3-b");
    world.pass("1h");
    // And 3 h 57 min more: the new one booted for 3 minutes.
    assert_eq!(world.rebuild(FRONTEND)["percent"], 91.2);
    assert_eq!(world.rebuild(FRONTEND)["state"], "RUNNING");
}

#[test]
fn a_rebuild_waits_for_the_history_update() {
    let world = World::new(|_| {});
    world.start(SYNCHRONIZER, "sync-a");
    world.pass("3m");
    let history = || {
        let path = "/.admin?cmd=historyStatus&format=JSON";
        world.ask(SYNCHRONIZER, path).unwrap().1
    };
    assert_eq!(history(), "{}");
    world.start(&farmer(0), "farmer-0-a");
    world.pass("33m");
    let expected = r#"{"state":"RUNNING","percent":50.0,"startedAt":"2026-11-22T09:06:00Z"}"#;
    assert_eq!(history(), expected);
    world.trigger(1);
    world.pass("2h30m");
    let expected = r#"{"state":"COMPLETE","percent":100.0,"startedAt":"2026-11-22T09:06:00Z"}"#;
    assert_eq!(history(), expected);
    // 2 h of 12.
    assert_eq!(world.rebuild(FRONTEND)["percent"], 16.6);
}

#[test]
fn the_hash_of_the_frontends_stays() {
    let world = World::with_farm(4, |_| {});
    let hash = "SYNCHRONIZED visible sync e686.131 ready 5f5e38d65f5e38d6";
    let mut seen = vec![world.row(FRONTEND)];
    world.trigger(1);
    world.pass("1h");
    seen.push(world.row(FRONTEND));
    assert_eq!(world.propagate(), refused("the synchronizer has nothing to propagate"));
    world.pass("3h");
    seen.push(world.row(FRONTEND));
    assert_eq!(world.propagate(), ok());
    world.pass("1h");
    seen.push(world.row(FRONTEND));
    assert_eq!(seen, [hash; 4]);
    assert_eq!(world.propagate(), refused("this attempt was propagated before"));
    let status = world.ask(FRONTEND, "/.admin?cmd=propagationStatus&format=JSON").unwrap().1;
    assert!(status.starts_with(r#"{"state":"COMPLETE""#), "{status}");
}

#[test]
fn a_second_trigger_is_refused_by_a_node_that_remembers() {
    let world = World::with_farm(4, |_| {});
    assert_eq!(world.trigger(1), ok());
    assert_eq!(world.trigger(1), refused("a rebuild is running"));
    assert_eq!(world.trigger(2), refused("a rebuild is running"));
    world.pass("4h");
    assert_eq!(world.rebuild(FRONTEND)["state"], "COMPLETE");
    assert_eq!(world.trigger(1), refused("this attempt was started before"));
    assert_eq!((world.express.accepted(7, 1), world.express.accepted(7, 2)), (1, 0));
    // Another attempt starts over.
    assert_eq!(world.trigger(2), ok());
    assert_eq!(world.rebuild(FRONTEND)["run"], "7-2");
    assert_eq!(world.express.violations(), []);
}

#[test]
fn a_new_synchronizer_has_lost_the_rebuild_and_takes_a_second_trigger() {
    let lose = |frontends_keep_lost| {
        let world =
            World::with_farm(4, |conduct| conduct.frontends_keep_lost = frontends_keep_lost);
        world.trigger(1);
        world.pass("1h");
        world.start(SYNCHRONIZER, "sync-b");
        // Until the new one is up the frontends tell what they heard last.
        assert_eq!(world.ask(SYNCHRONIZER, STATUS), None);
        assert_eq!(world.rebuild(FRONTEND)["percent"], 33.3);
        world.pass("5m");
        assert_eq!(world.rebuild(SYNCHRONIZER), json!({}));
        world
    };
    let world = lose(false);
    assert_eq!(world.rebuild(FRONTEND), json!({}));
    assert_eq!(world.trigger(1), ok());
    assert_eq!((world.express.accepted(7, 1), world.express.violations().len()), (2, 0));
    let world = lose(true);
    assert_eq!(world.rebuild(FRONTEND)["state"], "RUNNING");
    assert_eq!(world.trigger(1), ok());
    let violations = world.express.violations();
    assert_eq!(violations.len(), 1);
    assert_eq!((violations[0].cmd, violations[0].attempt), (Cmd::StartRebuild, Some(1)));
}

#[test]
fn a_restarted_container_has_lost_the_rebuild_too() {
    let world = World::with_farm(4, |_| {});
    world.trigger(1);
    world.pass("1h");
    let restart = |started| world.pods.0.lock().unwrap()[0].started = started;
    restart(None);
    assert_eq!(world.ask(SYNCHRONIZER, STATUS), None);
    assert_eq!(world.rebuild(FRONTEND)["state"], "RUNNING");
    restart(Some(*world.clock.lock().unwrap()));
    world.pass("3m");
    assert_eq!((world.rebuild(SYNCHRONIZER), world.rebuild(FRONTEND)), (json!({}), json!({})));
}

#[test]
fn a_rebuild_may_outlive_its_synchronizer() {
    let world = World::with_farm(4, |conduct| conduct.outlives_synchronizer = true);
    world.trigger(1);
    world.pass("1h");
    world.start(SYNCHRONIZER, "sync-b");
    world.pass("1h3m");
    assert_eq!(world.rebuild(SYNCHRONIZER)["percent"], 66.6);
}

#[test]
fn frontends_remember_the_rebuild_of_a_run_that_is_over() {
    let world = World::with_farm(4, |_| {});
    world.trigger(1);
    world.pass("4h");
    world.express.advance();
    for name in [SYNCHRONIZER.to_owned()].into_iter().chain((0..4).map(farmer)) {
        world.kill(&name);
    }
    world.pass("48h");
    world.start(SYNCHRONIZER, "sync-b");
    world.pass("1h");
    assert_eq!(world.rebuild(SYNCHRONIZER), json!({}));
    let yesterday = json!({
        "state": "COMPLETE", "percent": 100.0, "startedAt": "2026-11-22T10:03:00Z", "run": "7-1"
    });
    assert_eq!(world.rebuild(FRONTEND), yesterday);
    assert_eq!(world.row(SYNCHRONIZER), "BOOTING invisible not sync waiting Inactive");
}

#[test]
fn a_rebuild_warns_fails_stalls_and_may_be_unneeded() {
    let world = World::with_farm(4, |conduct| {
        conduct.fails_at = [Some(40), None].into();
        conduct.warnings = vec![Warning { percent: 20, text: "segment 17 is slow".into() }];
    });
    world.trigger(1);
    world.pass("30m");
    assert_eq!(world.rebuild(FRONTEND)["error"], Value::Null);
    world.pass("30m");
    assert_eq!(world.rebuild(FRONTEND)["error"], "segment 17 is slow");
    assert_eq!(world.rebuild(FRONTEND)["state"], "RUNNING");
    world.pass("30m");
    let failed = world.rebuild(FRONTEND);
    assert_eq!((&failed["state"], &failed["percent"]), (&json!("FAILED"), &json!(40.0)));
    assert!(failed["error"].as_str().unwrap().starts_with("segment 17 is slow; java.lang."));
    // The next attempt doesn't fail; at no speed it stands still.
    assert_eq!(world.trigger(2), ok());
    world.express.conduct(NAMESPACE, SYSTEM, |conduct| conduct.speed = 0);
    world.pass("10h");
    assert_eq!(world.rebuild(FRONTEND)["percent"], 0.0);
    world.express.conduct(NAMESPACE, SYSTEM, |conduct| conduct.speed = 100);
    world.pass("3h");
    assert_eq!(world.rebuild(FRONTEND)["state"], "COMPLETE");

    let world = World::with_farm(4, |conduct| conduct.nothing_to_do = Some("UP_TO_DATE".into()));
    world.trigger(1);
    assert_eq!(world.rebuild(FRONTEND)["state"], "UP_TO_DATE");
    world.pass("24h");
    assert_eq!(world.rebuild(FRONTEND)["state"], "UP_TO_DATE");
    assert_eq!(world.row(SYNCHRONIZER), "SYNCHRONIZED visible sync ready 5f5e38d65f5e38d6");
    let forced = world.ask(FRONTEND, "/.admin?cmd=startRebuild&force=true&run=7&attempt=2");
    assert_eq!(forced, Some(ok()));
    assert_eq!(world.rebuild(FRONTEND)["state"], "RUNNING");
}

#[test]
fn a_status_may_be_a_page_for_people() {
    let world = World::with_farm(4, |_| {});
    world.trigger(1);
    world.pass("1h");
    let page = world.ask(FRONTEND, "/.admin?cmd=rebuildStatus&format=VELOCITY&template=");
    let text = "state: RUNNING\npercent: 33.3\nstartedAt: 2026-11-22T10:03:00Z\nrun: 7-1\n";
    assert_eq!(page, Some((200, text.into())));
}

#[test]
fn commands_need_a_synchronizer_and_a_way_to_it() {
    let world = World::new(|conduct| conduct.refuses_with = 200);
    let path = "/.admin?cmd=startRebuild&force=true&run=1&attempt=1";
    let refused = |why: &str| Some((200, format!("ERROR: {why}\n")));
    assert_eq!(world.ask(FRONTEND, path), refused("no synchronizer answers"));
    world.start(SYNCHRONIZER, "sync-a");
    world.start(&farmer(0), "farmer-0-a");
    world.pass("3m");
    let farmer = farmer(0);
    let why = format!("{farmer} is a farmer and takes no commands");
    assert_eq!(world.ask(&farmer, path), refused(&why));
    assert_eq!(world.express.commands(), []);
    // Without a run and an attempt a command is as good as any other, but counts for none.
    assert_eq!(world.ask(SYNCHRONIZER, "/.admin?cmd=startRebuild"), Some(ok()));
    assert_eq!(world.express.commands()[0].run, None);
    assert_eq!(world.rebuild(SYNCHRONIZER).get("run"), None);
    assert_eq!(world.ask(FRONTEND, "/elsewhere").unwrap().0, 404);
    assert_eq!(world.ask(FRONTEND, "/.admin?cmd=rm").unwrap().0, 400);
    for (namespace, port) in [(NAMESPACE, 80), ("elsewhere", 9100)] {
        let answer = world.express.call(namespace, FRONTEND, port, &Method::GET, STATUS, b"");
        assert!(answer.is_none());
    }
}

#[tokio::test]
async fn a_node_is_a_service_and_misbehaves_on_demand() {
    let world = World::new(|_| {});
    let mut node = world.express.node(NAMESPACE, FRONTEND, 9100);
    let request = || Request::get(STATUS).body(Vec::new()).unwrap();
    let break_it = |cmd, fault| world.express.fault(NAMESPACE, FRONTEND, cmd, fault);
    assert_eq!(node.call(request()).await.unwrap().body(), b"{}");
    for status in [404, 500] {
        break_it(Some(Cmd::RebuildStatus), Some(Fault::Status(status)));
        assert_eq!(node.call(request()).await.unwrap().status(), status);
        assert!(world.aa_status().starts_with("A/A Status:"));
    }
    break_it(None, Some(Fault::Garbage));
    break_it(Some(Cmd::RebuildStatus), None);
    assert!(String::from_utf8(node.call(request()).await.unwrap().into_body()).is_err());
    break_it(None, Some(Fault::Unreachable));
    let refused = node.call(request()).await.unwrap_err();
    assert_eq!(refused.to_string(), "systemdcrtest1-fe3:9100: connection refused");
    break_it(None, Some(Fault::Never));
    let mut answer = node.call(request());
    assert!(polled_once(&mut answer).is_none());
    break_it(None, None);
    assert_eq!(node.call(request()).await.unwrap().body(), b"{}");
}

/// Polls once: the value, if it is there.
fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}
