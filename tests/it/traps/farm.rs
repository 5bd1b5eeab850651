//! A farm as recorded objects show it: they replace those of a farm on which every gate of its phase is met.
use dcr_gitops::observe::objects::{
    Budget, Claim, Job, Kind, Listed, Object, Objects, Pod, Refusal, RunRecord, Service,
    StatefulSet, View, view::AsOf,
};
use dcr_gitops::run::cluster::JobResult;
use dcr_gitops::run::express::ProbeState;
use dcr_gitops::run::{Observation, Phase};
use serde_json::Value;

use crate::world::{cluster, met, system, time};

/// The objects of a List of all kinds.
pub fn with(phase: Phase, list: &str) -> Observation {
    let list: Value = serde_json::from_str(list).unwrap();
    let items = list["items"].as_array().unwrap();
    let objects = Objects::default();
    fill::<Pod>(&objects.pods, items);
    fill::<StatefulSet>(&objects.stateful_sets, items);
    fill::<Job>(&objects.jobs, items);
    fill::<Claim>(&objects.claims, items);
    fill::<Refusal>(&objects.refusals, items);
    fill::<RunRecord>(&objects.records, items);
    fill::<Service>(&objects.services, items);
    fill::<Budget>(&objects.budgets, items);
    let recorded = objects.cluster(&system(), time("2026-11-22T09:45:00Z")).unwrap();
    let mut seen = met(phase);
    seen.at = recorded.read_at;
    let farm = cluster(&mut seen);
    for live in recorded.objects {
        let place =
            farm.objects.iter_mut().find(|it| (&it.kind, &it.name) == (&live.kind, &live.name));
        *place.unwrap() = live;
    }
    // Of a rebuild whose trigger isn't done nobody knows anything.
    if farm
        .objects
        .iter()
        .filter_map(|live| live.job.as_ref())
        .any(|job| job.result != JobResult::Complete)
    {
        seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = ProbeState::None);
    }
    let farm = cluster(&mut seen);
    for pod in &recorded.pods {
        farm.pods.retain(|it| it.component != pod.component);
    }
    farm.pods.extend(recorded.pods);
    farm.claims = recorded.claims;
    seen
}

fn fill<K: Kind>(view: &View<K>, items: &[Value]) {
    let of_kind = items.iter().filter(|item| item["kind"] == K::KIND);
    let objects: Vec<Object<K>> = of_kind
        .map(|item| serde_json::from_value::<Listed<K>>(item.clone()).unwrap().object)
        .collect();
    view.fill(None, objects, AsOf::Now);
}
