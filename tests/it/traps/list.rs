//! The traps, in our own words and order: each with the answers recorded for it and the verdict on them, or
//! with why it has none here.
use dcr_gitops::run::{Gate, Phase};

/// One trap.
pub struct Trap {
    pub number: u32,
    pub what: &'static str,
    pub cases: &'static [Case],
    /// Why there are none, and where it is looked after.
    pub elsewhere: &'static str,
}

/// An answer, what else was so, and the verdict.
pub enum Case {
    /// An Application, or a refusal to show it.
    Application { fixture: &'static str, scene: Scene, says: &'static str },
    /// Objects of the farm.
    Farm { fixture: &'static str, phase: Phase, gate: Gate, says: &'static str },
}

/// How far a commit came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Everything is live as committed.
    AsCommitted,
    /// The same, and Argo CD's tracking is on it.
    Marked,
    /// The trigger Job isn't live yet; the rest is, with Argo CD's tracking on it.
    JobMissing,
    /// The same without the tracking.
    Unmarked,
    /// The first commit of the run, and nothing of it is live.
    NothingYet,
    /// In the middle of the run, and nothing of it is live.
    AllGone,
    /// The farmers were scaled by hand.
    Drifted,
    /// The teardown landed, and everything is live still.
    Left,
    /// The teardown landed, and a volume claim is left.
    Orphans,
}

const fn app(fixture: &'static str, scene: Scene, says: &'static str) -> Case {
    Case::Application { fixture, scene, says }
}

const fn farm(fixture: &'static str, phase: Phase, gate: Gate, says: &'static str) -> Case {
    Case::Farm { fixture, phase, gate, says }
}

const fn trap(number: u32, what: &'static str, cases: &'static [Case]) -> Trap {
    Trap { number, what, cases, elsewhere: "" }
}

const fn not_here(number: u32, what: &'static str, elsewhere: &'static str) -> Trap {
    Trap { number, what, cases: &[], elsewhere }
}

pub const TRAPS: &[Trap] = &[
    trap(
        1,
        "\"Synced\" and \"Healthy\" are about the commit that was compared last, which right after a push is the one before",
        &[
            app(
                "older-commit",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 may not have noticed the commit yet: it compared at 2026-11-22T09:29:30Z",
            ),
            app(
                "same-second",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 may not have noticed the commit yet: it compared at 2026-11-22T09:30:00Z",
            ),
        ],
    ),
    trap(
        2,
        "a comparison that was asked for hasn't begun, or there never was one",
        &[
            app(
                "refresh-asked-for",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 is about to be compared with git",
            ),
            app(
                "never-compared",
                Scene::NothingYet,
                "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: argocd/system6 wasn't compared with git yet",
            ),
        ],
    ),
    trap(
        3,
        "a commit that can't be rendered leaves no revision at all",
        &[
            app(
                "unrenderable",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 has a ComparisonError: Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = FailedPrecondition desc = Failed to unmarshal \"web.yaml\": failed to unmarshal manifest: error converting YAML to JSON: yaml: line 12: did not find expected key (told at once)",
            ),
            app("unrenderable", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        4,
        "neither the compared nor the synced revision moves for a commit that changes nothing of the application's",
        &[
            app("revision-stays", Scene::AsCommitted, "met: all 4 objects are applied"),
            app(
                "revision-stays",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 says that it is Synced at 2222222222",
            ),
        ],
    ),
    trap(
        5,
        "another team's commit lands on top, or the revision is a symbol: equality fails for ever",
        &[
            app("other-teams-commit", Scene::AsCommitted, "met: all 4 objects are applied"),
            app(
                "other-teams-commit",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 says that it is Synced at 0123456789",
            ),
        ],
    ),
    trap(
        6,
        "with the source hydrator the revision is one of a branch that nobody reviews",
        &[
            app("hydrated", Scene::AsCommitted, "met: all 4 objects are applied"),
            app(
                "hydrated",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 says that it is Synced at ffffffffff",
            ),
        ],
    ),
    trap(
        7,
        "several sources have several revisions",
        &[app(
            "multi-source",
            Scene::JobMissing,
            "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 is syncing: waiting for healthy state of apps/Deployment/redis",
        )],
    ),
    trap(
        8,
        "health lags behind, was bad before we came, or stays bad while a farmer is lost",
        &[
            app("health-degraded", Scene::AsCommitted, "met: all 4 objects are applied"),
            app(
                "health-degraded",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 says that it is Synced at 3333333333",
            ),
            app("health-progressing", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        9,
        "when a sync starts, the state of the one before is gone, and its own comes without a result",
        &[
            app(
                "starting",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: a sync of argocd/system6 is about to start",
            ),
            app(
                "running-without-result",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 is syncing",
            ),
        ],
    ),
    trap(
        10,
        "between two tries a sync is Running and has an end",
        &[app(
            "retrying",
            Scene::JobMissing,
            "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the sync of argocd/system6 failed and is tried again, attempt 2 of 5: one or more objects failed to apply, reason: Job.batch \"system6-dcr-trigger-7-1\" is invalid: spec.template.spec.restartPolicy: Required value. Retrying attempt #2 at 9:42AM.",
        )],
    ),
    trap(
        11,
        "a commit that failed isn't tried again: nothing comes of waiting",
        &[
            app(
                "given-up",
                Scene::JobMissing,
                "failed: Job system6-dcr-trigger-7-1 isn't live yet: Argo CD has given up: Job system6-dcr-trigger-7-1 could not be applied: Job.batch \"system6-dcr-trigger-7-1\" is invalid: spec.template.spec.restartPolicy: Required value",
            ),
            app(
                "given-up-under-another-commit",
                Scene::JobMissing,
                "failed: Job system6-dcr-trigger-7-1 isn't live yet: Argo CD has given up: Job system6-dcr-trigger-7-1 could not be applied: Job.batch \"system6-dcr-trigger-7-1\" is invalid: spec.template.spec.restartPolicy: Required value",
            ),
            app("given-up", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        12,
        "the failure is of an earlier commit, and the mended one wasn't looked at yet",
        &[app(
            "failed-before",
            Scene::JobMissing,
            "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 may not have noticed the commit yet: it compared at 2026-11-22T09:29:40Z",
        )],
    ),
    trap(
        13,
        "a revert is Synced while the state is still Failed at the bad commit",
        &[
            app(
                "failed-then-mended",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 says that it is Synced at 3333333333",
            ),
            app("failed-then-mended", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        14,
        "somebody else's object fails the sync of all",
        &[
            app(
                "others-fail",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the sync of argocd/system6 fails: Deployment web could not be applied: Deployment.apps \"web\" is invalid: spec.selector: Invalid value: field is immutable (told at once)",
            ),
            app("others-fail", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        15,
        "a hook fails after everything was applied, or is waited for: the operation isn't the objects",
        &[
            app("hook-fails", Scene::AsCommitted, "met: all 4 objects are applied"),
            app("waits-for-a-job", Scene::AsCommitted, "met: all 4 objects are applied"),
            app(
                "waits-for-a-job",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: argocd/system6 is syncing: waiting for completion of hook batch/Job/migrate",
            ),
        ],
    ),
    trap(
        16,
        "a sync is wedged: succeeded, without a result or an end, and no other follows",
        &[app(
            "wedged",
            Scene::JobMissing,
            "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 is stuck since 2026-11-22T09:41:20Z: its sync is said to have succeeded, and never ended (told at once)",
        )],
    ),
    trap(
        17,
        "a status that is too large to be stored is an old one",
        &[
            app(
                "too-large",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the status of the Application argocd/system6 is too large to be stored: what it says may be old (told at once)",
            ),
            app("too-large", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        18,
        "an error quotes a Secret",
        &[app(
            "secret-in-an-error",
            Scene::JobMissing,
            "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the sync of argocd/system6 fails: Secret web could not be applied: (not shown, for it speaks of a Secret) (told at once)",
        )],
    ),
    trap(
        19,
        "a sync window holds a sync back without a word, or in the middle",
        &[
            app(
                "window-before-a-sync",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 is OutOfSync, and no sync begins: a sync window may hold it back (told at once)",
            ),
            app(
                "window-during-a-sync",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the sync of argocd/system6 is held back by a sync window (told at once)",
            ),
        ],
    ),
    trap(
        20,
        "nothing is synced by itself",
        &[
            app(
                "by-hand",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 isn't synced automatically (told at once)",
            ),
            app(
                "switched-off",
                Scene::JobMissing,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 isn't synced automatically (told at once)",
            ),
            app("by-hand", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        21,
        "our folder isn't in the application's source, or isn't read",
        &[
            app(
                "elsewhere",
                Scene::NothingYet,
                "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: the Application argocd/system6 reads clusters/den/tenant-105858-prod/web, not clusters/den/tenant-105858-prod/system6 (told at once)",
            ),
            app(
                "not-recursing",
                Scene::NothingYet,
                "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: the Application argocd/system6 doesn't look into folders: ours is clusters/den/tenant-105858-prod/system6/dcr (told at once)",
            ),
            app(
                "kustomize-unlisted",
                Scene::NothingYet,
                "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: the Application argocd/system6 is built by kustomize, which doesn't list our folder dcr/ (told at once)",
            ),
            app(
                "another-branch",
                Scene::NothingYet,
                "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: the Application argocd/system6 has compared release-1 since the commit landed, and knows none of our objects (told at once)",
            ),
        ],
    ),
    trap(
        22,
        "the source's kustomize settings give our objects other names",
        &[app(
            "renamed",
            Scene::NothingYet,
            "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: the source of the Application argocd/system6 sets kustomize's `namePrefix`: our objects get other names (told at once)",
        )],
    ),
    trap(
        23,
        "the digest is right and the spec is not: ignored differences, a transformer, no self-heal, two owners",
        &[
            app(
                "differences-ignored",
                Scene::Drifted,
                "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4: the Application argocd/system6 ignores differences in /spec/replicas of StatefulSet (told at once)",
            ),
            app(
                "replicas-transformed",
                Scene::Drifted,
                "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4: the source of the Application argocd/system6 changes what is committed (told at once)",
            ),
            app(
                "not-healing",
                Scene::Drifted,
                "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4: the Application argocd/system6 doesn't undo changes by hand (told at once)",
            ),
            app(
                "healing",
                Scene::Drifted,
                "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4: argocd/system6 is OutOfSync at 3333333333",
            ),
            app(
                "shared",
                Scene::Drifted,
                "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4: another Application wants the same objects: StatefulSet/system6-dcr-farmer is part of applications argocd/system6 and tenant-all (told at once)",
            ),
        ],
    ),
    trap(
        24,
        "an application that holds nothing else is never emptied",
        &[
            app(
                "wipe-refused",
                Scene::Left,
                "unmet: ConfigMap system6-dcr-run and 4 more are still live: the Application argocd/system6 holds only what is to go, and Argo CD refuses to remove everything (told at once)",
            ),
            app(
                "only-us",
                Scene::Left,
                "unmet: ConfigMap system6-dcr-run and 4 more are still live: the Application argocd/system6 holds only what is to go, and Argo CD refuses to remove everything (told at once)",
            ),
            app(
                "path-gone",
                Scene::Left,
                "unmet: ConfigMap system6-dcr-run and 4 more are still live: the Application argocd/system6 has a ComparisonError: Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = clusters/den/tenant-105858-prod/system6/dcr: app path does not exist (told at once)",
            ),
        ],
    ),
    trap(
        25,
        "nothing is pruned",
        &[
            app(
                "not-pruning",
                Scene::Left,
                "unmet: ConfigMap system6-dcr-run and 4 more are still live: the Application argocd/system6 doesn't prune: what is taken out of git stays live (told at once)",
            ),
            app(
                "pruning",
                Scene::Left,
                "unmet: ConfigMap system6-dcr-run and 4 more are still live: argocd/system6 is syncing: waiting for deletion of apps/StatefulSet/system6-dcr-farmer",
            ),
        ],
    ),
    trap(
        26,
        "what is pruned orphans what hangs on it: pods and volume claims",
        &[
            app(
                "orphaning",
                Scene::Orphans,
                "unmet: PersistentVolumeClaim cache-system6-dcr-farmer-0 is still live: the Application argocd/system6 prunes with `PrunePropagationPolicy=orphan`: pods and volume claims stay (told at once)",
            ),
            app(
                "pruning",
                Scene::Orphans,
                "unmet: PersistentVolumeClaim cache-system6-dcr-farmer-0 is still live",
            ),
        ],
    ),
    trap(
        27,
        "the Application is deleted, or about to be",
        &[
            app(
                "none-of-this-name",
                Scene::JobMissing,
                "failed: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 was deleted: live objects still bear its name",
            ),
            app(
                "none-of-this-name",
                Scene::AllGone,
                "failed: ConfigMap system6-dcr-run isn't live yet; and 3 more: the Application argocd/system6 was deleted, and nothing of the run is live any more",
            ),
            app(
                "being-deleted",
                Scene::JobMissing,
                "failed: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 is being deleted",
            ),
            app(
                "being-deleted",
                Scene::Marked,
                "met: all 4 objects are applied (told at once: the Application argocd/system6 is being deleted)",
            ),
        ],
    ),
    trap(
        28,
        "a 404 is no deletion where the Application was never seen, nor where no Applications are known",
        &[
            app(
                "none-of-this-name",
                Scene::Unmarked,
                "unmet: Job system6-dcr-trigger-7-1 isn't live yet: there is no Application argocd/system6 (context `den`) (told at once)",
            ),
            app(
                "none-of-this-name",
                Scene::NothingYet,
                "unmet: ConfigMap system6-dcr-run isn't live yet; and 2 more: there is no Application argocd/system6 (context `den`) (told at once)",
            ),
            app("none-of-this-name", Scene::AsCommitted, "met: all 4 objects are applied"),
            app(
                "no-applications-here",
                Scene::JobMissing,
                "unknown: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 can't be seen (context `den`): `get applications.argoproj.io in namespace argocd` was answered with 404: the server could not find the requested resource",
            ),
        ],
    ),
    trap(
        29,
        "the Application was moved to another source",
        &[
            app(
                "moved",
                Scene::JobMissing,
                "failed: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 takes its manifests from clusters/den/tenant-105858-prod/web now, not from clusters/den/tenant-105858-prod/system6",
            ),
            app(
                "moved",
                Scene::Marked,
                "met: all 4 objects are applied (told at once: the Application argocd/system6 takes its manifests from clusters/den/tenant-105858-prod/web now, not from clusters/den/tenant-105858-prod/system6)",
            ),
        ],
    ),
    trap(
        30,
        "the Application may not be read, or its API server is ailing",
        &[
            app(
                "forbidden",
                Scene::JobMissing,
                "unknown: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 can't be seen (context `den`): not allowed to get applications.argoproj.io in namespace argocd, which takes the rule {apiGroups: [\"argoproj.io\"], resources: [applications], verbs: [get]} (403)",
            ),
            app(
                "hub-ailing",
                Scene::JobMissing,
                "unknown: Job system6-dcr-trigger-7-1 isn't live yet: the Application argocd/system6 can't be seen (context `den`): `get applications.argoproj.io in namespace argocd` was answered with 500: Internal error occurred: etcdserver: request timed out",
            ),
            app("forbidden", Scene::AsCommitted, "met: all 4 objects are applied"),
        ],
    ),
    trap(
        31,
        "somebody scales, or a webhook or transformer changes what was applied: the digest stays right",
        &[
            farm(
                "scaled-by-hand",
                Phase::Rebuild,
                Gate::Applied,
                "unmet: StatefulSet system6-dcr-farmer has drifted: 3 replicas, not 4",
            ),
            farm(
                "image-changed",
                Phase::Rebuild,
                Gate::Applied,
                "unmet: StatefulSet system6-dcr-farmer has drifted: image image:2, not image:1",
            ),
            farm(
                "rolling-update",
                Phase::Rebuild,
                Gate::Applied,
                "unmet: StatefulSet system6-dcr-farmer has drifted: updateStrategy RollingUpdate, not OnDelete",
            ),
            farm(
                "job-suspended",
                Phase::Rebuild,
                Gate::Applied,
                "unmet: Job system6-dcr-trigger-7-1 has drifted: suspend true, not false",
            ),
        ],
    ),
    trap(
        32,
        "an object is live and about to go",
        &[
            farm(
                "set-being-deleted",
                Phase::Rebuild,
                Gate::Applied,
                "unmet: StatefulSet system6-dcr-farmer is being deleted",
            ),
            farm(
                "set-being-deleted",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: StatefulSet system6-dcr-farmer is being deleted",
            ),
        ],
    ),
    trap(
        33,
        "the controller hasn't seen what was applied",
        &[
            farm(
                "generation-not-seen",
                Phase::Rebuild,
                Gate::Applied,
                "unmet: StatefulSet system6-dcr-farmer wasn't seen by its controller yet",
            ),
            farm(
                "generation-not-seen",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: StatefulSet system6-dcr-farmer wasn't seen by its controller yet",
            ),
        ],
    ),
    trap(
        34,
        "a set that is updated on delete is healthy with old pods",
        &[farm(
            "ready-set-of-old-pods",
            Phase::FarmUp,
            Gate::Nodes,
            "met: 4 of 4 farmers are ready",
        )],
    ),
    trap(
        35,
        "a pod that couldn't start stays as it is after its image was mended",
        &[farm(
            "mended-image",
            Phase::FarmUp,
            Gate::Nodes,
            "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: ImagePullBackOff: Back-off pulling image \"image:typo\": ErrImagePull: failed to pull and unpack image: not found; it is of revision system6-dcr-farmer-6d6c7c8db, the set is at system6-dcr-farmer-7fb4c8867)",
        )],
    ),
    trap(
        36,
        "a set whose pods crash is Progressing for ever, never Degraded",
        &[
            farm(
                "crash-loop",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: CrashLoopBackOff: back-off 5m0s restarting failed container=express pod=system6-dcr-farmer-2_tenant-105858-prod (before that Error, exit code 1))",
            ),
            farm(
                "out-of-memory",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: OOMKilled, exit code 137)",
            ),
        ],
    ),
    trap(
        37,
        "an image that can't be pulled looks like one that is being pulled",
        &[farm(
            "image-not-there",
            Phase::FarmUp,
            Gate::Nodes,
            "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: ImagePullBackOff: Back-off pulling image \"image:1\": ErrImagePull: not found)",
        )],
    ),
    trap(
        38,
        "exceeded quota, or a refusing webhook, creates no pod: only an Event tells",
        &[
            farm(
                "quota",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (Create Pod system6-dcr-farmer-3 in StatefulSet system6-dcr-farmer failed error: pods \"system6-dcr-farmer-3\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2)",
            ),
            farm(
                "admission-webhook",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (Create Pod system6-dcr-farmer-2 in StatefulSet system6-dcr-farmer failed error: admission webhook \"validate.kyverno.svc-fail\" denied the request: resource Pod was blocked due to policy require-run-as-non-root)",
            ),
        ],
    ),
    trap(
        39,
        "no node takes the pod, or its volume isn't provided",
        &[
            farm(
                "no-room",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: Unschedulable: 0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.)",
            ),
            farm(
                "claims-pending",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: Unschedulable: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.; cache-system6-dcr-farmer-2: it is Pending, not Bound)",
            ),
        ],
    ),
    trap(
        40,
        "a set's own count of ready pods can be wrong",
        &[farm(
            "set-that-lies",
            Phase::FarmUp,
            Gate::Nodes,
            "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: OOMKilled, exit code 137)",
        )],
    ),
    trap(
        41,
        "deleted pods go through terminal phases, which are no failures; evicted ones stay in one, which is",
        &[
            farm(
                "deleted-pods",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: it is being deleted)",
            ),
            farm("one-deleted-pod", Phase::FarmUp, Gate::Nodes, "met: 3 of 4 farmers are ready"),
            farm(
                "evicted",
                Phase::FarmUp,
                Gate::Nodes,
                "unmet: 2 of 4 farmers are ready, at least 3 are needed (system6-dcr-farmer-2: Evicted: The node was low on resource: ephemeral-storage.)",
            ),
        ],
    ),
    trap(
        42,
        "a Job has failed before it says so: `FailureTarget` comes first",
        &[farm(
            "failure-target",
            Phase::Rebuild,
            Gate::Rebuild,
            "failed: the Job system6-dcr-trigger-7-1 failed: BackoffLimitExceeded: Job has reached the specified backoff limit",
        )],
    ),
    trap(
        43,
        "the synchronizer is another one than the rebuild was triggered on",
        &[
            farm(
                "synchronizer-restarted",
                Phase::Rebuild,
                Gate::Rebuild,
                "met: the rebuild is complete (system6-fe1), system6-dcr-sync-0 is SYNCHRONIZED 5f5e38d65f5e38d6 (told at once: the synchronizer system6-dcr-sync-0 was restarted at 2026-11-22T09:40:00Z; the rebuild was triggered at 2026-11-22T09:30:00Z)",
            ),
            farm(
                "synchronizer-replaced",
                Phase::Rebuild,
                Gate::Rebuild,
                "met: the rebuild is complete (system6-fe1), system6-dcr-sync-0 is SYNCHRONIZED 5f5e38d65f5e38d6 (told at once: the synchronizer system6-dcr-sync-0 is a new pod, started at 2026-11-22T09:40:01Z; the rebuild was triggered at 2026-11-22T09:30:00Z)",
            ),
        ],
    ),
    not_here(
        44,
        "most changes of an object change nothing that matters",
        "the views take them for no news: tests/it/clusters.rs, tests/it/objects.rs",
    ),
    not_here(
        45,
        "a commit that arrives during a sync may be skipped",
        "then the objects stay as they were: the verdicts of the older commit, and of the wedged sync, tell",
    ),
    not_here(46, "a watch goes deaf, or a token expires while it is open", "tests/it/clusters.rs"),
    not_here(
        47,
        "a number of attempts is no deadline",
        "the deadline is absolute and never moves later: tests/it/gates.rs",
    ),
    not_here(
        48,
        "an operation is replaced between two reads",
        "each verdict is made from one answer, and the state counts for its own revision alone: the cases of failed syncs above",
    ),
    not_here(
        49,
        "owners' labels aren't inherited: pods and claims carry those of their templates",
        "tests/it/render/templates.rs checks every template for them",
    ),
    not_here(
        50,
        "claims outlive their set unless its policy says otherwise, and nobody prunes them",
        "they count as left: tests/it/gates.rs, and the orphans above",
    ),
    not_here(
        51,
        "a gate that was met may lapse while the next step is open",
        "the open step is looked at again at every tick; its pull request is no matter of the gates",
    ),
    not_here(
        52,
        "a CI job that ends before its tool hides the reason",
        "`watch --for` ends before it: tests/it/watch.rs",
    ),
    not_here(
        53,
        "text in refusals of a push changes",
        "the remote's refs are read again instead: tests/it/git_push.rs",
    ),
    not_here(
        54,
        "the same request is proposed twice after a crash",
        "a branch that holds the step is adopted: tests/it/cli/races.rs",
    ),
    not_here(
        55,
        "a list of many parts repeats all of them in each",
        "no text is made in parts: tests/it/render/messages.rs",
    ),
    not_here(
        56,
        "a shallow clone has no merge base to rebase on",
        "a step is made anew on the new base instead: tests/it/git_clones.rs",
    ),
    not_here(
        57,
        "a manifest edited as text loses comments or quotes",
        "a carried file changes in two scalars, and is read again: tests/it/render/carried.rs",
    ),
    not_here(
        58,
        "an API server's proxy reaches every command that answers to GET",
        "a status path that is a trigger path is refused: tests/it/config/diagnostics.rs",
    ),
    not_here(
        59,
        "port-forwarding needs other rights since Kubernetes 1.35",
        "tests/it/kubernetes_world/api.rs holds what is asked for",
    ),
    not_here(60, "racing writers of refs find them locked", "tests/it/cli/races.rs"),
];
