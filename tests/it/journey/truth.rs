//! What the world itself knows: whether a step may be made now, and what a run leaves behind. Nothing here
//! is read through the program's own readers or gates.
use dcr_gitops::rehearse::kubernetes::kind::Kind;
use dcr_gitops::rehearse::kubernetes::object;
use dcr_gitops::rehearse::world::World;
use dcr_gitops::run::deployment::Deployment;
use dcr_gitops::run::{Phase, Step, SystemRef};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Panics unless what has to be before this step is.
pub fn allows(world: &World, deployment: &Deployment, step: &Step) {
    let (system, at) = (&deployment.system, world.now());
    let Some(record) = &deployment.record else {
        assert_eq!(step.record.phase, Phase::HistoryUpdate, "{at}");
        assert_eq!(left(world, system), [""; 0], "{at}: a run begins on what another left");
        return;
    };
    is_applied(world, deployment);
    let farmers = ready(world, system, "farmer");
    match (record.phase, step.record.phase) {
        (Phase::HistoryUpdate, Phase::FarmUp) => {
            let history = says(world, deployment, "historyStatus");
            assert_eq!(history["state"], "COMPLETE", "{at}");
            assert_eq!((ready(world, system, "synchronizer"), farmers), (1, 1), "{at}");
        }
        (Phase::FarmUp, Phase::Rebuild) => {
            let enough = deployment.inputs.farmers.count - deployment.inputs.farmers.tolerate;
            assert_eq!(ready(world, system, "synchronizer"), 1, "{at}");
            assert!(farmers >= enough as usize, "{at}: {farmers} farmers are ready");
        }
        (Phase::Rebuild, Phase::Propagate) => {
            let rebuild = says(world, deployment, "rebuildStatus");
            assert_eq!(rebuild["state"], "COMPLETE", "{at}: {rebuild}");
            let attempt = format!("{}-{}", record.run, record.attempt);
            assert_eq!(rebuild["run"], attempt, "{at}: {rebuild}");
        }
        (Phase::Propagate, Phase::Teardown) => {
            if deployment.inputs.admin.propagation.is_some() {
                let propagation = says(world, deployment, "propagationStatus");
                assert_eq!(propagation["state"], "COMPLETE", "{at}: {propagation}");
            } else {
                assert!(step.needs_a_person(), "{at}: nothing proves the propagation");
            }
            let name = system.propagate_job(record.run, record.attempt);
            let job = world.kubernetes.get(Kind::Job, &system.namespace, &name).unwrap();
            let ended: Timestamp = object::text(&job, "/status/completionTime").parse().unwrap();
            let settled = ended + SignedDuration::from_mins(10);
            assert!(settled <= at, "{at}: the frontends are judged before {settled}");
        }
        (before, after) => panic!("{at}: {after} after {before}"),
    }
}

/// Everything that is committed is live, and its farm has as many replicas as that asks for.
fn is_applied(world: &World, deployment: &Deployment) {
    let (at, namespace) = (world.now(), &deployment.system.namespace);
    for wanted in &deployment.wanted {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == wanted.kind).unwrap();
        let live = world.kubernetes.get(kind, namespace, &wanted.name);
        let live = live.unwrap_or_else(|| panic!("{at}: {} isn't live", wanted.name));
        let digest = object::text(&live, "/metadata/annotations/dcr-gitops~1digest");
        assert_eq!(digest, wanted.digest, "{at}: {}", wanted.name);
        let replicas = object::number(&live, "/spec/replicas");
        assert_eq!(replicas, wanted.replicas.map(i64::from), "{at}: {}", wanted.name);
    }
}

fn ready(world: &World, system: &SystemRef, component: &str) -> usize {
    let pods = world.kubernetes.list(Kind::Pod, &system.namespace);
    let label = "/metadata/labels/app.kubernetes.io~1component";
    let is_one = |pod: &Value| object::text(pod, label) == component && object::is_ready(pod);
    pods.iter().filter(|pod| is_one(pod)).count()
}

/// What the synchronizer answers when asked straight.
fn says(world: &World, deployment: &Deployment, cmd: &str) -> Value {
    let (system, port) = (&deployment.system, deployment.inputs.admin.port);
    let path = format!("/.admin?cmd={cmd}&format=JSON");
    let (node, get) = (system.synchronizer_pod(), http::Method::GET);
    let answer = world.express.call(&system.namespace, &node, port, &get, &path, b"");
    serde_json::from_slice(answer.unwrap().body()).unwrap()
}

/// The names of all objects that bear the farm's, whatever they are; Events tell of what was.
pub fn left(world: &World, system: &SystemRef) -> Vec<String> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Event);
    let all = kinds.flat_map(|kind| world.kubernetes.list(kind, &system.namespace));
    let names = all.map(|object| object::name(&object).to_owned());
    names.filter(|name| name.contains(&format!("{}-dcr-", system.system))).collect()
}
