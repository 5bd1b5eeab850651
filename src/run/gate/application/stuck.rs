//! What keeps an Application from applying a commit until somebody acts.
use jiff::SignedDuration;

use super::super::super::Why;
use super::super::super::argocd::Automated;
use super::{Look, colon};

/// How long after a comparison an automated sync has begun, if nothing holds it back (assumed).
const BEGUN: SignedDuration = SignedDuration::from_mins(5);

impl Look<'_> {
    /// The weightiest such reason.
    pub(super) fn stuck(&self) -> Option<Why> {
        let reasons = [
            Self::stale,
            Self::unrenderable,
            Self::renamed,
            Self::being_deleted,
            Self::by_hand,
            Self::wipe_refused,
            Self::not_pruned,
            Self::not_read,
            Self::others_fail,
            Self::wedged,
            Self::window,
            Self::not_healed,
            Self::shared,
        ];
        reasons.iter().find_map(|reason| reason(self))
    }

    fn stale(&self) -> Option<Why> {
        self.application.is_stale().then(|| {
            Why::new(format!(
                "the status of the Application {} is too large to be stored: what it says may be old",
                self.name()
            ))
            .hint("split the Application, or keep a shorter history: `spec.revisionHistoryLimit`")
        })
    }

    fn unrenderable(&self) -> Option<Why> {
        let renders = ["ComparisonError", "InvalidSpecError", "UnknownError"];
        let mut conditions = self.application.conditions.iter();
        let error = conditions.find(|condition| renders.contains(&&*condition.kind))?;
        let said = colon(error.message.as_ref());
        let message = format!("the Application {} has a {}{said}", self.name(), error.kind);
        Some(Why::new(message).hint("whoever owns what it names has to mend it"))
    }

    /// Names that aren't those that are committed are never found.
    fn renamed(&self) -> Option<Why> {
        let names = ["namePrefix", "nameSuffix", "namespace"];
        let mut used = self.application.sources.iter().flat_map(|source| &source.transformers);
        let used = used.find(|key| names.contains(&key.as_str()))?;
        Some(
            Why::new(format!(
                "the source of the Application {} sets kustomize's `{used}`: our objects get other names",
                self.name()
            ))
            .hint("take it out, or keep our folder in an Application of its own"),
        )
    }

    fn by_hand(&self) -> Option<Why> {
        let idle = !self.application.starting && !self.is_running();
        (self.application.automated.is_none() && idle).then(|| {
            Why::new(format!("the Application {} isn't synced automatically", self.name()))
                .hint("sync it by hand, with pruning, or set `syncPolicy.automated`")
        })
    }

    /// Nothing is left in it but what is to go.
    fn wipe_refused(&self) -> Option<Why> {
        let application = self.application;
        let refused = application.conditions.iter().any(|condition| {
            let message = condition.message.as_deref().unwrap_or_default();
            condition.kind == "SyncError" && message.contains("wipe out all resources")
        });
        let empties = application.automated.is_some_and(|automated| !automated.allow_empty)
            && self.seen.deployment.wanted.is_empty()
            && !application.ours.is_empty()
            && application.others == 0;
        (refused || self.amiss.surplus && empties).then(|| {
            Why::new(format!(
                "the Application {} holds only what is to go, and Argo CD refuses to remove everything",
                self.name()
            ))
            .hint("set `syncPolicy.automated.allowEmpty: true`, or sync it by hand with pruning")
        })
    }

    fn not_pruned(&self) -> Option<Why> {
        if !self.amiss.surplus {
            return None;
        }
        let name = self.name();
        if matches!(self.application.automated, Some(Automated { prune: false, .. })) {
            let message = format!(
                "the Application {name} doesn't prune: what is taken out of git stays live"
            );
            let hint = "set `syncPolicy.automated.prune: true`, or sync it by hand with pruning";
            return Some(Why::new(message).hint(hint));
        }
        self.application.orphans.then(|| {
            Why::new(format!(
                "the Application {name} prunes with `PrunePropagationPolicy=orphan`: pods and volume claims stay"
            ))
            .hint("take the sync option out, and delete what is left by hand")
        })
    }

    /// It has compared since the commit landed, and knows nothing of our folder.
    fn not_read(&self) -> Option<Why> {
        let application = self.application;
        let compared = matches!(application.sync.as_deref(), Some("Synced" | "OutOfSync"));
        let blind = application.ours.is_empty() && !self.amiss.objects.is_empty();
        if !compared || !blind || !self.has_noticed() {
            return None;
        }
        let (name, folder) = (self.name(), &self.seen.deployment.folder);
        let covering: Vec<_> =
            application.sources.iter().filter(|source| source.covers(folder)).collect();
        let (message, hint) = match (covering.first(), application.source_type.as_deref()) {
            (None, _) => (
                format!("the Application {name} reads {}, not {folder}", self.paths()),
                "add the folder to its sources, or name another Application in `argocd` of dcr.yaml",
            ),
            (Some(_), Some("Kustomize")) => (
                format!(
                    "the Application {name} is built by kustomize, which doesn't list our folder dcr/"
                ),
                "set `wiring: kustomize` in dcr-gitops.yaml, or list `dcr` among its resources",
            ),
            (Some(source), _) if !source.recurse => (
                format!("the Application {name} doesn't look into folders: ours is {folder}/dcr"),
                "set `directory.recurse: true` in its source",
            ),
            (Some(source), _) => (
                format!(
                    "the Application {name} has compared {} since the commit landed, and knows none of our objects",
                    source.revision.as_deref().unwrap_or("HEAD")
                ),
                "look for another branch, `directory.include` or `exclude`, or `manifest-generate-paths` with a webhook that doesn't come",
            ),
        };
        Some(Why::new(message).hint(hint))
    }

    fn being_deleted(&self) -> Option<Why> {
        self.application.terminating.then(|| {
            Why::new(format!("the Application {} is being deleted", self.name()))
                .hint("it applies nothing any more: create it anew")
        })
    }

    /// A sync fails, and not because of us: then nothing of it may be applied.
    fn others_fail(&self) -> Option<Why> {
        let operation = self.ended_badly()?;
        let name = self.name();
        let message = match operation.failed.first() {
            Some(failed) => format!("the sync of {name} fails: {}", failed.told()),
            None => format!("the last sync of {name} failed{}", colon(operation.message.as_ref())),
        };
        let hint = "Argo CD doesn't try this commit again: whoever owns it has to mend it in a new one, or sync by hand";
        Some(Why::new(message).hint(hint))
    }

    fn wedged(&self) -> Option<Why> {
        let operation = self.application.operation.as_ref().filter(|it| it.is_wedged())?;
        let since = operation.started_at.map(|at| format!(" since {at}")).unwrap_or_default();
        (!self.application.starting).then(|| {
            Why::new(format!(
                "the Application {} is stuck{since}: its sync is said to have succeeded, and never ended",
                self.name()
            ))
            .hint("sync it by hand, or land another commit in its folder")
        })
    }

    /// A window is not in the Application: it is told in a sync that runs into it, and shows by a sync that
    /// doesn't begin.
    fn window(&self) -> Option<Why> {
        let application = self.application;
        let hint = "see the sync windows of its AppProject; a sync by hand may be allowed";
        let operation = application.operation.as_ref();
        let said = operation.and_then(|it| it.message.as_deref()).unwrap_or_default();
        if self.is_running() && said.contains("sync window") {
            let message = format!("the sync of {} is held back by a sync window", self.name());
            return Some(Why::new(message).hint(hint));
        }
        let differs = application.sync.as_deref() == Some("OutOfSync");
        let waited = application
            .compared_at
            .is_some_and(|at| self.seen.at.duration_since(at) >= BEGUN && self.has_noticed());
        let other = operation.is_none_or(|it| it.revisions != application.revisions);
        let idle = !application.starting && !self.is_running();
        (differs && waited && other && idle).then(|| {
            Why::new(format!(
                "the Application {} is OutOfSync, and no sync begins: a sync window may hold it back",
                self.name()
            ))
            .hint(hint)
        })
    }

    fn not_healed(&self) -> Option<Why> {
        let (application, name) = (self.application, self.name());
        let (kind, field) = self.amiss.drifted?;
        let field = if field == "image" { "images" } else { field };
        let mut transformers = application.sources.iter().flat_map(|source| &source.transformers);
        if transformers.any(|key| key == field || key == "patches" || key == "components") {
            let message = format!("the source of the Application {name} changes what is committed");
            return Some(Why::new(message).hint("take the kustomize settings out of its source"));
        }
        let mut ignored = application.ignored.iter();
        if let Some(ignored) = ignored.find(|ignored| ignored.kind == "*" || ignored.kind == kind) {
            let message = format!(
                "the Application {name} ignores differences in {} of {}",
                ignored.what, ignored.kind
            );
            let hint = "leave our objects out of `ignoreDifferences`";
            return Some(Why::new(message).hint(hint));
        }
        matches!(application.automated, Some(Automated { self_heal: false, .. })).then(|| {
            Why::new(format!("the Application {name} doesn't undo changes by hand"))
                .hint("set `syncPolicy.automated.selfHeal: true`, or sync it by hand")
        })
    }

    /// Two Applications want the same object: each undoes what the other applies.
    fn shared(&self) -> Option<Why> {
        let ours = format!("{}-dcr-", self.seen.deployment.system.system);
        let mut conditions = self.application.conditions.iter();
        let shared = conditions.find(|condition| {
            let message = condition.message.as_deref().unwrap_or_default();
            condition.kind == "SharedResourceWarning" && message.contains(&ours)
        })?;
        let said = colon(shared.message.as_ref());
        let message = format!("another Application wants the same objects{said}");
        Some(Why::new(message).hint("take our folder out of one of them"))
    }
}
