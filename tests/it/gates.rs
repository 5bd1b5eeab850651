//! Each gate against what it must not be fooled by.
use dcr_gitops::run::argocd::ApplicationView;
use dcr_gitops::run::cluster::{Claim, ClusterView, JobResult, LiveRun};
use dcr_gitops::run::express::{
    AaGroup, AaRow, AaState, Detail, Echo, ProbeAnswer, ProbeState, Readiness,
};
use dcr_gitops::run::{
    AttentionClass, Decision, Gate, Observation, Phase, Request, SystemRef, Verdict, attentions,
    concerns, deadline, decide, notices, verdict,
};
use jiff::SignedDuration;

use crate::world::*;

/// The verdict of a gate, after a change to a farm on which it was met.
fn after(phase: Phase, gate: Gate, change: impl FnOnce(&mut Observation)) -> String {
    let mut seen = met(phase);
    assert!(matches!(verdict(&seen, gate), Verdict::Met(_)), "{:?}", verdict(&seen, gate));
    change(&mut seen);
    match verdict(&seen, gate) {
        Verdict::Met(fact) => format!("met: {fact}"),
        Verdict::Unmet(why) => format!("unmet: {}", why.message),
        Verdict::Failed(why) => format!("failed: {}", why.message),
        Verdict::Unknown(why) => format!("unknown: {}", why.message),
    }
}

fn starts(text: &str, with: &str) {
    assert!(text.starts_with(with), "`{text}` doesn't start with `{with}`");
}

#[test]
fn applied_believes_content() {
    let applied = |change: &dyn Fn(&mut Observation)| after(Phase::Rebuild, Gate::Applied, change);
    let set = |seen: &mut Observation, name: &str| {
        cluster(seen).objects.iter().position(|live| live.name == name).unwrap()
    };
    let farmers = "system6-dcr-farmer";
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].replicas = Some(3);
    });
    assert_eq!(said, "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4");
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].images = vec!["image:2".into()];
    });
    assert_eq!(
        said,
        "unmet: StatefulSet system6-dcr-farmer has drifted: image image:2, not image:1"
    );
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].digest = Some("of an earlier commit".into());
    });
    assert_eq!(said, "unmet: StatefulSet system6-dcr-farmer isn't applied as committed yet");
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].observed_generation = Some(2);
    });
    assert_eq!(said, "unmet: StatefulSet system6-dcr-farmer wasn't seen by its controller yet");
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].terminating = true;
    });
    assert_eq!(said, "unmet: StatefulSet system6-dcr-farmer is being deleted");
    let said = applied(&|seen| {
        seen.deployment.wanted.retain(|wanted| wanted.kind != "Job");
    });
    assert_eq!(said, "unmet: Job system6-dcr-trigger-7-1 is live, but not on the base branch");
    let said = applied(&|seen| cluster(seen).objects.clear());
    assert_eq!(said, "unmet: ConfigMap system6-dcr-run isn't live yet; and 3 more");
    starts(&applied(&|seen| seen.deployment.wanted.clear()), "unknown: ");
    // A set that its controller never looked at, or that says nothing of its size.
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].observed_generation = None;
    });
    assert_eq!(said, "unmet: StatefulSet system6-dcr-farmer wasn't seen by its controller yet");
    let said = applied(&|seen| {
        let at = set(seen, farmers);
        cluster(seen).objects[at].replicas = None;
    });
    assert_eq!(said, "unmet: StatefulSet system6-dcr-farmer has drifted: unknown replicas, not 4");
}

#[test]
fn nodes_are_counted_not_believed() {
    let nodes = |change: &dyn Fn(&mut Observation)| after(Phase::FarmUp, Gate::Nodes, change);
    // One farmer may be lost, two not; a terminating pod is none, however ready it says it is.
    let lose = |count: usize| {
        nodes(&|seen| {
            let farmers = cluster(seen).pods.iter_mut().filter(|pod| pod.component == "farmer");
            farmers.take(count).for_each(|pod| pod.terminating = true);
        })
    };
    assert_eq!(lose(1), "met: 3 of 4 farmers are ready");
    assert_eq!(lose(2), "unmet: 2 of 4 farmers are ready, at least 3 are needed");
    let said = nodes(&|seen| {
        let pod = &mut cluster(seen).pods[0];
        pod.ready = false;
        pod.trouble = Some("ImagePullBackOff".into());
    });
    assert_eq!(
        said,
        "unmet: the synchronizer system6-dcr-sync-0 isn't ready (system6-dcr-sync-0: ImagePullBackOff)"
    );
    // The run record says how many there are to be, whatever was written into the manifest.
    let said = nodes(&|seen| {
        seen.deployment.wanted.iter_mut().for_each(|wanted| wanted.replicas = Some(1));
        cluster(seen).pods.truncate(2);
    });
    assert_eq!(said, "unmet: 1 of 4 farmers are ready, at least 3 are needed");
    // Pods of another run aren't ours.
    let said = nodes(&|seen| cluster(seen).pods.iter_mut().for_each(|pod| pod.run = Some(6)));
    starts(&said, "unmet: the synchronizer");
    // While the history updates, the one farmer has to be there although one may be lost.
    let said = after(Phase::HistoryUpdate, Gate::Nodes, |seen| {
        cluster(seen).pods.retain(|pod| pod.component != "farmer");
    });
    assert_eq!(said, "unmet: 0 of 1 farmers are ready, at least 1 are needed");
}

#[test]
fn a_rebuild_needs_evidence_of_this_attempt() {
    let rebuild = |change: &dyn Fn(&mut Observation)| after(Phase::Rebuild, Gate::Rebuild, change);
    let of = |run, attempt| {
        rebuild(&|seen| {
            let answers = seen.world.admin.rebuild.iter_mut();
            answers.for_each(|answer| answer.of = Some(Echo { run, attempt }));
        })
    };
    starts(&of(7, Some(1)), "met: ");
    starts(&of(7, None), "met: ");
    starts(&of(6, Some(1)), "failed: the rebuild is lost");
    starts(&of(7, Some(2)), "failed: the rebuild is lost");
    // Without an echo: a start after the commit landed, or five minutes before it at most.
    let begun = |minutes: i64| {
        rebuild(&|seen| {
            let landed = landed(Phase::Rebuild, dcr_gitops::run::Kind::Rebuild).at;
            for answer in &mut seen.world.admin.rebuild {
                answer.of = None;
                answer.started_at = Some(landed + SignedDuration::from_mins(minutes));
            }
        })
    };
    starts(&begun(1), "met: ");
    starts(&begun(-5), "met: ");
    starts(&begun(-6), "failed: the rebuild is lost");
    // Nothing says when: nothing is proved.
    let said = rebuild(&|seen| {
        for answer in &mut seen.world.admin.rebuild {
            answer.of = None;
            answer.started_at = None;
        }
    });
    starts(&said, "unknown: system6-fe1 doesn't say which rebuild");
    // A second attempt isn't proved by an answer that only names the run.
    let said = rebuild(&|seen| {
        seen.deployment.record.as_mut().unwrap().attempt = 2;
        for answer in &mut seen.world.admin.rebuild {
            answer.of = Some(Echo { run: 7, attempt: None });
            answer.started_at = None;
        }
    });
    starts(&said, "unknown: system6-fe1 doesn't say which rebuild");
}

#[test]
fn a_rebuild_is_only_lost_when_nobody_can_know_of_it() {
    let lost = |change: &dyn Fn(&mut Observation)| {
        after(Phase::Rebuild, Gate::Rebuild, |seen| {
            seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = ProbeState::None);
            change(seen);
        })
    };
    starts(&lost(&|_| ()), "failed: the rebuild is lost");
    let said = lost(&|seen| {
        seen.world.admin.rebuild.pop();
    });
    assert_eq!(said, "unmet: no node knows of attempt 1 yet");
    let said = lost(&|seen| {
        let at = seen.at;
        cluster(seen).pods[0].started = Some(at - SignedDuration::from_mins(29));
    });
    assert_eq!(said, "unmet: no node knows of attempt 1 yet");
    starts(
        &lost(&|seen| {
            let at = seen.at;
            cluster(seen).pods[0].started = Some(at - SignedDuration::from_mins(30));
        }),
        "failed: the rebuild is lost",
    );
    // What counts is when a node said so, not when that is looked at again.
    let said = lost(&|seen| {
        let ended = landed_at() + SignedDuration::from_mins(2);
        seen.world.admin.rebuild[0].at = ended + SignedDuration::from_mins(29);
    });
    assert_eq!(said, "unmet: no node knows of attempt 1 yet");
    // A farmer that never started hides nothing.
    let said = lost(&|seen| cluster(seen).pods[1].started = None);
    starts(&said, "failed: the rebuild is lost");
    let said = lost(&|seen| {
        for job in cluster(seen).objects.iter_mut().filter_map(|live| live.job.as_mut()) {
            job.ended = None;
        }
    });
    assert_eq!(said, "unmet: no node knows of attempt 1 yet");
    let said = lost(&|seen| {
        for job in cluster(seen).objects.iter_mut().filter_map(|live| live.job.as_mut()) {
            job.result = JobResult::Running;
        }
    });
    assert_eq!(said, "unmet: the Job system6-dcr-trigger-7-1 is running");
}

#[test]
fn what_else_a_rebuild_may_come_to() {
    let rebuild = |change: &dyn Fn(&mut Observation)| after(Phase::Rebuild, Gate::Rebuild, change);
    let all = |seen: &mut Observation, state: ProbeState| {
        seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = state.clone());
    };
    // The synchronizer has to hold the result.
    let said = rebuild(&|seen| {
        let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
        rows.last_mut().unwrap().detail = Some(Detail::Inactive);
    });
    starts(&said, "unmet: the rebuild is complete, but system6-dcr-sync-0 isn't");
    let said = rebuild(&|seen| {
        seen.world.admin.aa_status.as_mut().unwrap().rows.pop();
    });
    starts(&said, "unknown: ");
    // The deadline counts for what isn't complete, however late a completion is seen.
    let late = |seen: &mut Observation| seen.at += SignedDuration::from_hours(24 * 14);
    starts(&rebuild(&late), "met: ");
    let said = rebuild(&|seen| {
        late(seen);
        all(seen, ProbeState::Running);
    });
    starts(&said, "failed: the rebuild isn't complete, and its deadline");
    // Whatever else keeps it from being complete then: somebody must look.
    let said = rebuild(&|seen| {
        late(seen);
        all(seen, ProbeState::Unmapped("DOZING".into()));
    });
    starts(&said, "failed: the rebuild isn't complete, and its deadline");
    let said = rebuild(&|seen| {
        late(seen);
        let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
        rows.last_mut().unwrap().detail = Some(Detail::Inactive);
    });
    starts(&said, "failed: the rebuild isn't complete, and its deadline");
    // Nothing to do is no answer to a forced rebuild.
    let said = rebuild(&|seen| {
        seen.deployment.record.as_mut().unwrap().forced = true;
        all(seen, ProbeState::NotNeeded);
    });
    starts(&said, "failed: system6-fe1 says that no rebuild was needed");
    let said = rebuild(&|seen| all(seen, ProbeState::Unmapped("DOZING".into())));
    assert_eq!(
        said,
        "unknown: system6-fe1 says `DOZING`, which `admin.rebuildStatus.states` doesn't map"
    );
    starts(&rebuild(&|seen| all(seen, ProbeState::Failed)), "failed: system6-fe1 says");
    starts(&rebuild(&|seen| all(seen, ProbeState::NotNeeded)), "met: ");
    let said = rebuild(&|seen| seen.world.admin.rebuild[1].state = ProbeState::Running);
    assert_eq!(said, "unknown: the nodes disagree about how the rebuild stands");
    let said = rebuild(&|seen| {
        seen.world.admin.rebuild.clear();
        for job in cluster(seen).objects.iter_mut().filter_map(|live| live.job.as_mut()) {
            job.result = JobResult::Failed;
            job.message = Some("the synchronizer doesn't answer".into());
        }
    });
    assert_eq!(
        said,
        "failed: the Job system6-dcr-trigger-7-1 failed: the synchronizer doesn't answer"
    );
}

#[test]
fn the_deadline_never_moves_later() {
    let mut seen = met(Phase::Rebuild);
    let first = deadline(&seen).unwrap();
    let landed = landed(Phase::Rebuild, dcr_gitops::run::Kind::Rebuild).at;
    assert_eq!(first, landed + SignedDuration::from_hours(24 * 14));
    // A Job that comes back on day 9, and a restarted node, change nothing.
    for live in &mut cluster(&mut seen).objects {
        live.created = Some(landed + SignedDuration::from_hours(24 * 9));
    }
    assert_eq!(deadline(&seen), Some(first));
    // The earliest moment known counts: of the Job, or of what was noted.
    let noted = |minutes: i64| landed - SignedDuration::from_mins(minutes);
    let fortnight = SignedDuration::from_hours(24 * 14);
    let mut earlier = seen.clone();
    let attempt = |run, attempt, first_seen| dcr_gitops::run::journal::AttemptSeen {
        run,
        attempt,
        first_seen,
        furthest: None,
        went_back: None,
    };
    earlier.world.journal.attempts = vec![attempt(7, 2, noted(9)), attempt(6, 1, noted(8))];
    assert_eq!(deadline(&earlier), Some(first));
    earlier.world.journal.attempts.push(attempt(7, 1, noted(3)));
    assert_eq!(deadline(&earlier), Some(noted(3) + fortnight));
    let job = |live: &&mut dcr_gitops::run::cluster::Live| live.job.is_some();
    cluster(&mut earlier).objects.iter_mut().find(job).unwrap().created = Some(noted(5));
    assert_eq!(deadline(&earlier), Some(noted(5) + fortnight));
    // What a reviewed commit says about its length counts.
    seen.deployment.inputs.rebuild.deadline = "20d".parse().unwrap();
    assert_eq!(deadline(&seen), Some(landed + SignedDuration::from_hours(24 * 20)));
}

#[test]
fn frontends_that_look_done_before_anything_was_propagated() {
    let propagated =
        |change: &dyn Fn(&mut Observation)| after(Phase::Propagate, Gate::Propagated, change);
    let job = |seen: &mut Observation, change: &dyn Fn(&mut dcr_gitops::run::cluster::JobState)| {
        let objects = &mut cluster(seen).objects;
        let live = objects.iter_mut().find(|live| live.name.contains("propagate")).unwrap();
        change(live.job.as_mut().unwrap());
    };
    let said = propagated(&|seen| job(seen, &|job| job.result = JobResult::Running));
    assert_eq!(said, "unmet: the Job system6-dcr-propagate-7-1 is running");
    let said = propagated(&|seen| {
        let at = seen.at;
        job(seen, &|job| job.ended = Some(at - SignedDuration::from_mins(9)));
    });
    starts(&said, "unmet: the Job system6-dcr-propagate-7-1 ended at");
    let said = propagated(&|seen| {
        seen.world.admin.aa_status.as_mut().unwrap().rows.remove(1);
    });
    assert_eq!(said, "unmet: system6-fe2 isn't in the A/A status");
    let said = propagated(&|seen| {
        let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
        rows[2].detail = Some(Detail::Hash("0000000000000000".into()));
    });
    assert_eq!(said, "unmet: system6-fe3 has 0000000000000000, not 5f5e38d65f5e38d6");
    let said = propagated(&|seen| seen.deployment.record.as_mut().unwrap().frontends.clear());
    assert_eq!(said, "unknown: the run record names no frontend");
    let said = propagated(&|seen| {
        seen.deployment.inputs.admin.propagation = Some(Default::default());
    });
    assert_eq!(said, "unknown: no node answers `admin.propagation`");
    let said = propagated(&|seen| {
        job(seen, &|job| job.result = JobResult::Failed);
    });
    starts(&said, "failed: the Job system6-dcr-propagate-7-1 failed");
    starts(&propagated(&|seen| job(seen, &|job| job.ended = None)), "unknown: ");
    let said = propagated(&|seen| {
        let at = seen.at;
        job(seen, &|job| job.ended = Some(at - SignedDuration::from_mins(10)));
    });
    starts(&said, "met: ");
    // A row that wasn't wholly understood, or that another one contradicts, shows nothing.
    let said = propagated(&|seen| {
        seen.world.admin.aa_status.as_mut().unwrap().rows[0].unknown.push("STALE".into());
    });
    starts(&said, "unmet: system6-fe1 isn't `SYNCHRONIZED");
    let said = propagated(&|seen| {
        let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
        let mut other = rows[0].clone();
        other.detail = Some(Detail::Inactive);
        rows.push(other);
    });
    assert_eq!(said, "unmet: system6-fe1 isn't in the A/A status");
    // A second attempt isn't done by the first one's Job.
    let said = propagated(&|seen| seen.deployment.record.as_mut().unwrap().attempt = 2);
    assert_eq!(said, "unmet: the Job system6-dcr-propagate-7-2 isn't live yet");
    let said = propagated(&|seen| {
        let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
        rows[0].visible = Some(false);
    });
    starts(&said, "unmet: system6-fe1 isn't `SYNCHRONIZED");
}

/// An answer of the optional probes, as far as it says what it is about.
fn signal(seen: &Observation, state: ProbeState, of: Option<Echo>) -> Option<ProbeAnswer> {
    let usual = seen.world.admin.rebuild[0].clone();
    Some(ProbeAnswer { state, of, started_at: None, percent: None, ..usual })
}

#[test]
fn an_optional_signal_is_of_this_run_too() {
    let history = |state: ProbeState, of: Option<Echo>| {
        after(Phase::HistoryUpdate, Gate::History, |seen| {
            seen.deployment.inputs.admin.history = Some(Default::default());
            seen.world.admin.history = signal(seen, state, of);
        })
    };
    let of = |run, attempt| Some(Echo { run, attempt });
    starts(&history(ProbeState::Complete, of(7, None)), "met: ");
    starts(&history(ProbeState::Complete, of(6, None)), "unmet: ");
    starts(&history(ProbeState::Running, of(7, None)), "unmet: ");
    starts(&history(ProbeState::Failed, of(7, None)), "failed: ");
    starts(&history(ProbeState::Failed, of(6, None)), "unmet: ");
    starts(&history(ProbeState::Unmapped("ODD".into()), of(7, None)), "unknown: ");
    starts(&history(ProbeState::Complete, None), "unknown: ");
    let propagation = |state: ProbeState, of: Option<Echo>| {
        after(Phase::Propagate, Gate::Propagated, |seen| {
            seen.deployment.inputs.admin.propagation = Some(Default::default());
            seen.world.admin.propagation = signal(seen, state, of);
        })
    };
    starts(&propagation(ProbeState::Complete, of(7, Some(1))), "met: ");
    starts(&propagation(ProbeState::Complete, of(7, Some(2))), "unmet: ");
    starts(&propagation(ProbeState::Running, of(7, Some(1))), "unmet: ");
    starts(&propagation(ProbeState::Failed, of(7, Some(1))), "failed: ");
    starts(&propagation(ProbeState::Complete, None), "unknown: ");
}

#[test]
fn a_silent_cluster_meets_no_gate() {
    let views = [
        ClusterView::NoContext { context: "den".into() },
        ClusterView::Unreachable { context: "den".into(), why: "timed out".into() },
    ];
    for view in views {
        for phase in Phase::ALL {
            let mut seen = met(phase);
            seen.world.cluster = view.clone();
            let gates = phase.gates().iter().filter(|gate| **gate != Gate::History);
            for gate in gates {
                assert!(matches!(verdict(&seen, *gate), Verdict::Unknown(_)), "{gate}");
            }
        }
    }
}

#[test]
fn a_run_is_gone_when_nothing_is_left() {
    let said = after(Phase::Teardown, Gate::Gone, |seen| {
        let name = "cache-system6-dcr-farmer-0".into();
        cluster(seen).claims.push(Claim { name, run: Some(7), terminating: true, trouble: None });
    });
    assert_eq!(said, "unmet: PersistentVolumeClaim cache-system6-dcr-farmer-0 is still live");
}

/// First steps that were merged together may have taken the same place.
#[test]
fn the_last_place_in_a_cluster_is_one_runs_whoever_looks() {
    let other = |n: u32| SystemRef { system: format!("other{n}"), ..system() };
    let live = |system, step| LiveRun { system, run: 7, step };
    let capacity = |runs: Vec<LiveRun>| {
        after(Phase::HistoryUpdate, Gate::Capacity, |seen| {
            cluster(seen).runs = runs;
            // Who hasn't begun doesn't count any more.
            seen.deployment.open_first_steps = (10..20).map(other).collect();
        })
    };
    let [a, b, c] = [other(1), other(2), other(3)];
    let ours = || live(system(), 1);
    let at = |place: usize, before: &[(&SystemRef, u32)]| {
        let mut runs: Vec<_> =
            before.iter().map(|(system, step)| live((*system).clone(), *step)).collect();
        runs.insert(place, ours());
        capacity(runs)
    };
    assert_eq!(at(0, &[(&a, 1), (&b, 1), (&c, 1)]), "met: it is run 1 of at most 3 in den");
    assert_eq!(at(2, &[(&a, 1), (&b, 1), (&c, 1)]), "met: it is run 3 of at most 3 in den");
    let full = "unmet: 3 of 3 runs are on in den: tenant-105858-prod/other1, \
                tenant-105858-prod/other2, tenant-105858-prod/other3";
    assert_eq!(at(3, &[(&a, 1), (&b, 1), (&c, 1)]), full);
    // A run that has gone on keeps its place though its record came to be later.
    assert_eq!(at(2, &[(&a, 1), (&b, 1), (&c, 2)]), full);
    // One whose record can't be read is on all the same.
    assert_eq!(at(0, &[(&a, 0), (&b, 3), (&c, 2)]), full);
    // Of two that were merged again one comes first, too.
    let again = |first: SystemRef, second: SystemRef| {
        let rest = [live(a.clone(), 4), live(b.clone(), 4)];
        capacity(rest.into_iter().chain([live(first, 2), live(second, 2)]).collect())
    };
    assert_eq!(again(system(), c.clone()), "met: it is run 3 of at most 3 in den");
    assert_eq!(again(c.clone(), system()), full);
    // As long as its own record isn't live it counts all others.
    assert_eq!(capacity(vec![live(a.clone(), 1), live(b.clone(), 1), live(c.clone(), 1)]), full);
}

#[test]
fn a_first_step_needs_room_and_nothing_left_over() {
    let start = |change: &dyn Fn(&mut Observation)| {
        let mut seen = untouched();
        change(&mut seen);
        match decide(&seen, &Request::Next { forced: None, ticket: None, skip_gate: None }) {
            Ok(Decision::Propose(step)) => step.reason,
            Ok(Decision::Wait(unmet)) => format!("wait: {}", unmet[0].message),
            other => format!("{other:?}"),
        }
    };
    let other = |n: u32| SystemRef { system: format!("other{n}"), ..system() };
    let others = |seen: &mut Observation, live: u32, open: u32| {
        let run = |system| LiveRun { system, run: 1, step: 2 };
        cluster(seen).runs = (0..live).map(|n| run(other(n))).collect();
        seen.deployment.open_first_steps = (live..live + open).map(other).collect();
    };
    starts(&start(&|seen| others(seen, 1, 1)), "a run was asked for");
    starts(&start(&|seen| others(seen, 2, 1)), "wait: 3 of 3 runs are on in den");
    // This system's own record and branch take no room from it.
    starts(
        &start(&|seen| {
            others(seen, 2, 0);
            cluster(seen).runs.push(LiveRun { system: system(), run: 0, step: 0 });
            seen.deployment.open_first_steps = vec![system()];
        }),
        "a run was asked for",
    );
    // The same system live and open counts once.
    starts(
        &start(&|seen| {
            others(seen, 2, 0);
            seen.deployment.open_first_steps = vec![other(0), other(1)];
        }),
        "a run was asked for",
    );
    starts(
        &start(&|seen| {
            let name = "cache-system6-dcr-sync-0".into();
            cluster(seen).claims.push(Claim {
                name,
                run: Some(3),
                terminating: false,
                trouble: None,
            });
        }),
        "wait: PersistentVolumeClaim cache-system6-dcr-sync-0 is still live from an earlier run",
    );
    // No context: nothing can be looked at, and the step is proposed. A silent one is waited for.
    let context = || "den".to_owned();
    starts(
        &start(&|seen| seen.world.cluster = ClusterView::NoContext { context: context() }),
        "a run was asked for",
    );
    starts(
        &start(&|seen| {
            let why = "timed out".into();
            seen.world.cluster = ClusterView::Unreachable { context: context(), why };
        }),
        "wait: the cluster can't be seen",
    );
}

#[test]
fn a_missing_pod_is_told_by_what_refused_it() {
    let said = after(Phase::FarmUp, Gate::Nodes, |seen| {
        let cluster = cluster(seen);
        cluster.pods.retain(|pod| pod.component != "farmer");
        let set = cluster.objects.iter_mut().find(|live| live.name == "system6-dcr-farmer");
        set.unwrap().trouble = Some("exceeded quota: q".into());
    });
    assert_eq!(said, "unmet: 0 of 4 farmers are ready, at least 3 are needed (exceeded quota: q)");
}

#[test]
fn a_trigger_that_does_not_come_up_says_why() {
    let said = after(Phase::Rebuild, Gate::Rebuild, |seen| {
        seen.world.admin.rebuild.clear();
        let job = cluster(seen).objects.iter_mut().find(|live| live.kind == "Job").unwrap();
        job.trouble = Some("ErrImagePull: not found".into());
        job.job.as_mut().unwrap().result = JobResult::Running;
    });
    starts(&said, "unmet: the Job system6-dcr-trigger-7-1 is running (ErrImagePull: not found)");
}

#[test]
fn a_set_changed_under_its_pods_is_a_notice() {
    let mut seen = met(Phase::Rebuild);
    let farm = cluster(&mut seen);
    let set = farm.objects.iter_mut().find(|live| live.name == "system6-dcr-farmer").unwrap();
    set.update_revision = Some("farmer-2".into());
    for pod in &mut farm.pods {
        pod.revision = Some(format!("{}-2", pod.component));
    }
    assert_eq!(notices(&seen), Vec::<String>::new());
    let farmers = cluster(&mut seen).pods.iter_mut().filter(|pod| pod.component == "farmer");
    farmers.skip(1).for_each(|pod| pod.revision = Some("farmer-1".into()));
    assert_eq!(
        notices(&seen),
        [
            "StatefulSet system6-dcr-farmer was changed since 3 of its pods were created: they run on \
          as they are, one created anew would differ"
        ]
    );
    cluster(&mut seen).limits.push("not all was seen".into());
    assert_eq!(notices(&seen)[1], "not all was seen");
}

/// Two attempts: the first failed at once, and the second landed a minute later.
fn second_attempt(seen: &mut Observation) {
    let first = landed(Phase::Rebuild, dcr_gitops::run::Kind::Rebuild);
    let at = first.at + SignedDuration::from_mins(4);
    let second = dcr_gitops::run::deployment::Landed { step: 4, attempt: 2, at, ..first.clone() };
    seen.deployment.history.landed.insert(0, second);
    let record = seen.deployment.record.as_mut().unwrap();
    (record.step, record.attempt) = (4, 2);
    for answer in &mut seen.world.admin.rebuild {
        answer.of = None;
        answer.started_at = Some(first.at + SignedDuration::from_mins(3));
        answer.state = ProbeState::Failed;
    }
    let objects = &mut cluster(seen).objects;
    let mut job = objects.iter().find(|live| live.job.is_some()).unwrap().clone();
    job.name = system().trigger_job(7, 2);
    let state = job.job.as_mut().unwrap();
    (state.result, state.ended) = (JobResult::Running, None);
    objects.push(job);
}

#[test]
fn an_attempt_that_failed_at_once_is_not_the_next_one() {
    let rebuild = |change: &dyn Fn(&mut Observation)| {
        after(Phase::Rebuild, Gate::Rebuild, |seen| {
            second_attempt(seen);
            change(seen);
        })
    };
    starts(&rebuild(&|_| ()), "unknown: system6-fe1 may still speak of the attempt before");
    // Its own Job is done, and a node tells as long after that as clocks differ.
    let done = |seen: &mut Observation, minutes: i64| {
        let ended = seen.at - SignedDuration::from_mins(minutes);
        let live = cluster(seen).objects.last_mut().unwrap();
        let job = live.job.as_mut().unwrap();
        (job.result, job.ended) = (JobResult::Complete, Some(ended));
    };
    starts(&rebuild(&|seen| done(seen, 4)), "unknown: system6-fe1 may still speak of the attempt");
    starts(&rebuild(&|seen| done(seen, 5)), "failed: system6-fe1 says that the rebuild failed");
    // What began after it landed is its own, and what names itself needs no times.
    let began = |seen: &mut Observation| {
        let landed = seen.deployment.history.landed[0].at;
        let answers = seen.world.admin.rebuild.iter_mut();
        answers.for_each(|answer| answer.started_at = Some(landed));
    };
    starts(&rebuild(&began), "failed: system6-fe1 says that the rebuild failed");
    let named = |seen: &mut Observation| {
        let answers = seen.world.admin.rebuild.iter_mut();
        answers.for_each(|answer| answer.of = Some(Echo { run: 7, attempt: Some(1) }));
    };
    assert_eq!(rebuild(&named), "unmet: the Job system6-dcr-trigger-7-2 is running");
}

#[test]
fn a_restarted_container_is_a_node_that_started() {
    let lost = |component: &str, minutes: i64| {
        after(Phase::Rebuild, Gate::Rebuild, |seen| {
            seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = ProbeState::None);
            let since = seen.at - SignedDuration::from_mins(minutes);
            let mut pod = cluster(seen).pods[1].clone();
            (pod.component, pod.running_since) = (component.to_owned(), Some(since));
            cluster(seen).pods[1] = pod;
        })
    };
    assert_eq!(lost("farmer", 29), "unmet: no node knows of attempt 1 yet");
    starts(&lost("farmer", 30), "failed: the rebuild is lost");
    // The pod of a Job that was created again is no node.
    starts(&lost("trigger", 29), "failed: the rebuild is lost");
}

#[test]
fn what_the_status_must_show_is_a_setting() {
    let require = |phase: Phase, text: &str, change: &dyn Fn(&mut Observation)| {
        after(phase, Gate::Nodes, |seen| {
            let require = serde_json::from_str(text).unwrap();
            seen.deployment.inputs.admin.aa_status.require = require;
            let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
            let booting = |node: &str, group| AaRow {
                state: Some(AaState::Booting),
                visible: Some(false),
                sync: Some(false),
                readiness: Some(Readiness::Waiting),
                detail: Some(Detail::Inactive),
                ..synchronized(node, group, HASH)
            };
            rows.push(booting("system6-dcr-sync-0", AaGroup::DynamicSynchronizers));
            let farmers = (0..4).map(|n| format!("system6-dcr-farmer-{n}"));
            rows.extend(farmers.map(|node| booting(&node, AaGroup::DynamicFarmers)));
            change(seen);
        })
    };
    let row = |seen: &mut Observation, node: &str, change: &dyn Fn(&mut AaRow)| {
        let rows = &mut seen.world.admin.aa_status.as_mut().unwrap().rows;
        change(rows.iter_mut().find(|row| row.node == node).unwrap());
    };
    let both = r#"{"farm-up": {"synchronizer": ["BOOTING", "not sync", "waiting", "Inactive"],
        "farmers": ["invisible", "waiting"]}}"#;
    let said = |change: &dyn Fn(&mut Observation)| require(Phase::FarmUp, both, change);
    assert_eq!(said(&|_| ()), "met: 4 of 4 farmers are ready");
    let unreachable = |row: &mut AaRow| row.readiness = Some(Readiness::Unreachable);
    let sync = "system6-dcr-sync-0";
    assert_eq!(
        said(&|seen| row(seen, sync, &unreachable)),
        "unmet: system6-dcr-sync-0 doesn't show `BOOTING not sync waiting Inactive` in the A/A status"
    );
    // As many farmers as have to be ready.
    let farmers = |seen: &mut Observation, count: u32| {
        (0..count).for_each(|n| row(seen, &format!("system6-dcr-farmer-{n}"), &unreachable));
    };
    assert_eq!(said(&|seen| farmers(seen, 1)), "met: 4 of 4 farmers are ready");
    assert_eq!(
        said(&|seen| farmers(seen, 2)),
        "unmet: 2 farmers show `invisible waiting` in the A/A status, 3 are needed"
    );
    // An absent row, and one that isn't understood, are unknown.
    let unknown =
        "unknown: system6-dcr-sync-0 isn't in the A/A status, or its row isn't understood";
    assert_eq!(said(&|seen| row(seen, sync, &|row| row.unknown.push("STALE".into()))), unknown);
    assert_eq!(said(&|seen| row(seen, sync, &|row| row.node = "other".into())), unknown);
    starts(&said(&|seen| seen.world.admin.aa_status = None), "unknown: no node answers");
    // Kubernetes comes first, other phases aren't concerned, and by default nothing is.
    let down = |seen: &mut Observation| cluster(seen).pods[0].ready = false;
    starts(&said(&down), "unmet: the synchronizer system6-dcr-sync-0 isn't ready");
    let wrong = |seen: &mut Observation| farmers(seen, 4);
    starts(&require(Phase::HistoryUpdate, both, &wrong), "met: ");
    starts(&require(Phase::FarmUp, "{}", &wrong), "met: ");
    let alone = r#"{"synchronizer": {"synchronizer": ["SYNCHRONIZED"]}}"#;
    starts(&require(Phase::Synchronizer, alone, &|_| ()), "unmet: system6-dcr-sync-0 doesn't show");
}

#[test]
fn the_synchronizer_is_watched_since_the_trigger() {
    let told = |phase: Phase, change: &dyn Fn(&mut Observation)| {
        let mut seen = met(phase);
        change(&mut seen);
        let concerns = concerns(&seen).into_iter();
        concerns.map(|it| it.why.message).collect::<Vec<_>>().join("; ")
    };
    let at = |minutes: i64| landed_at() + SignedDuration::from_mins(minutes);
    let began = |minutes: i64| {
        move |seen: &mut Observation| cluster(seen).pods[0].started = Some(at(minutes))
    };
    assert_eq!(told(Phase::Rebuild, &|_| ()), "");
    // The trigger was done two minutes after its commit landed; a node says that it began at once.
    let new = "the synchronizer system6-dcr-sync-0 is a new pod, started at 2026-11-22T09:31:00Z; the \
        rebuild was triggered at 2026-11-22T09:30:00Z";
    assert_eq!(told(Phase::Rebuild, &began(1)), new);
    assert_eq!(told(Phase::Rebuild, &began(-1)), "");
    // A Job that was created again days later is no new trigger.
    let again = |seen: &mut Observation| {
        began(60)(seen);
        let late = seen.at;
        let jobs = cluster(seen).objects.iter_mut().filter_map(|live| live.job.as_mut());
        jobs.for_each(|job| job.ended = Some(late));
    };
    starts(&told(Phase::Rebuild, &again), "the synchronizer system6-dcr-sync-0 is a new pod");
    starts(&told(Phase::Propagate, &began(60)), "the synchronizer system6-dcr-sync-0 is a new pod");
    assert_eq!(told(Phase::FarmUp, &began(60)), "", "nothing was triggered yet");
    let gone = |seen: &mut Observation| drop(cluster(seen).pods.remove(0));
    starts(&told(Phase::Rebuild, &gone), "the synchronizer system6-dcr-sync-0 is gone");
    let crashed = |seen: &mut Observation| {
        let pod = &mut cluster(seen).pods[0];
        (pod.ready, pod.running_since, pod.restarts) = (false, None, 3);
        pod.trouble = Some("CrashLoopBackOff".into());
    };
    starts(
        &told(Phase::Rebuild, &crashed),
        "the synchronizer system6-dcr-sync-0 doesn't run any more (CrashLoopBackOff)",
    );
    // A farmer may be lost.
    let farmer = |seen: &mut Observation| cluster(seen).pods[1].started = Some(at(60));
    assert_eq!(told(Phase::Rebuild, &farmer), "");
    // Before the trigger is done, the synchronizer may come and go.
    let not_yet = |seen: &mut Observation| {
        began(60)(seen);
        seen.world.admin.rebuild.clear();
        let jobs = cluster(seen).objects.iter_mut().filter_map(|live| live.job.as_mut());
        jobs.for_each(|job| job.result = JobResult::Running);
    };
    assert_eq!(told(Phase::Rebuild, &not_yet), "");
}

#[test]
fn a_node_that_came_back_is_a_notice() {
    let mut seen = met(Phase::Rebuild);
    cluster(&mut seen).pods[2].restarts = 1;
    cluster(&mut seen).pods[3].restarts = 4;
    // One that isn't ready is what the gates tell of.
    let pod = &mut cluster(&mut seen).pods[4];
    (pod.restarts, pod.ready) = (9, false);
    assert_eq!(
        notices(&seen),
        [
            "system6-dcr-farmer-1 was restarted once by the kubelet",
            "system6-dcr-farmer-2 was restarted 4 times by the kubelet",
        ]
    );
}

#[test]
fn a_pod_is_known_by_its_name_and_number() {
    let said = after(Phase::FarmUp, Gate::Nodes, |seen| {
        let pods = &mut cluster(seen).pods;
        pods.retain(|pod| pod.name != "system6-dcr-farmer-0" && pod.name != "system6-dcr-farmer-1");
        let farmer = pods.last().unwrap().clone();
        // A copy made for debugging with all its labels, and one that is about to be scaled away.
        for name in ["system6-dcr-farmer-3-debug", "system6-dcr-farmer-4"] {
            pods.push(dcr_gitops::run::cluster::Pod { name: name.into(), ..farmer.clone() });
        }
    });
    assert_eq!(said, "unmet: 2 of 4 farmers are ready, at least 3 are needed");
}

#[test]
fn what_needs_somebody_at_once_is_told_at_once() {
    let classes = |seen: &Observation| {
        let decision = decide(seen, &Request::Observe).unwrap();
        attentions(seen, &decision).iter().map(|it| it.class).collect::<Vec<_>>()
    };
    let mut seen = met(Phase::FarmUp);
    seen.at = landed(Phase::FarmUp, dcr_gitops::run::Kind::Rebuild).at;
    cluster(&mut seen).objects.clear();
    assert_eq!(classes(&seen), []);
    let (name, context) = ("argocd/system6".to_owned(), "den".to_owned());
    seen.deployment.record.as_mut().unwrap().gate_skipped = Some("tried without a cluster".into());
    seen.world.application = Some(ApplicationView::Missing { name, context });
    assert_eq!(classes(&seen), [AttentionClass::Application]);
    let mut seen = met(Phase::Rebuild);
    seen.at = landed_at() + SignedDuration::from_mins(30);
    seen.world.admin.rebuild.iter_mut().for_each(|answer| answer.state = ProbeState::Running);
    cluster(&mut seen).pods[0].started = Some(landed_at() + SignedDuration::from_mins(20));
    assert_eq!(classes(&seen), [AttentionClass::Synchronizer]);
}

#[test]
fn a_rebuild_is_waited_for_since_its_attempt_began() {
    let mut seen = met(Phase::Rebuild);
    for answer in &mut seen.world.admin.rebuild {
        answer.state = ProbeState::Running;
    }
    let waits = |seen: &Observation| match decide(seen, &Request::Observe).unwrap() {
        Decision::Wait(unmet) => unmet,
        other => panic!("{other:?}"),
    };
    let before = waits(&seen);
    let landed = seen.deployment.history.landed[0].at;
    assert_eq!((before[0].gate, before[0].since), (Gate::Rebuild, Some(landed)));
    // More farmers landed meanwhile.
    let mut scaled = seen.deployment.history.landed[0].clone();
    (scaled.step, scaled.farmers) = (scaled.step + 1, scaled.farmers + 1);
    scaled.at = landed + SignedDuration::from_hours(5);
    let record = seen.deployment.record.as_mut().unwrap();
    (record.step, record.farmers) = (scaled.step, scaled.farmers);
    seen.deployment.history.landed.insert(0, scaled);
    assert_eq!(waits(&seen).last().unwrap().since, before[0].since);
}
