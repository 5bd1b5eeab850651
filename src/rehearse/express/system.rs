//! One system: which of its nodes are there, what each of them knows, and how time moves it on.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::PodFact;
use super::conduct::Conduct;
use super::rebuild::{History, Propagation, Rebuild, Standing, Stretch};

/// The nodes that are always there.
#[derive(Debug, Clone)]
pub struct Frontends {
    pub names: Vec<String>,
    /// 16 hexadecimal digits: of the cache they serve, and of every rebuild of it.
    pub hash: String,
    /// As printed, e.g. `e686.131`.
    pub version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Synchronizer,
    Farmer,
}

/// A node of the farm, or the memory of one.
#[derive(Debug, Clone)]
pub struct FarmNode {
    pub name: String,
    /// Its UID and when its container started: a restart forgets as much as a new pod. `None` while
    /// nothing runs.
    process: Option<String>,
    answers_since: Option<Timestamp>,
    /// The others reach it: it is ready, and so has a host name.
    ready: bool,
    /// Since when its pod isn't there.
    gone: Option<Timestamp>,
}

impl FarmNode {
    /// Its admin port answers.
    pub fn answers(&self, now: Timestamp) -> bool {
        self.gone.is_none() && self.answers_since.is_some_and(|since| since <= now)
    }

    /// It takes part in the farm.
    pub fn is_up(&self, now: Timestamp) -> bool {
        self.ready && self.answers(now)
    }

    /// It was there, and isn't any more.
    pub fn is_gone(&self) -> bool {
        self.gone.is_some()
    }
}

pub struct System {
    pub namespace: String,
    pub name: String,
    pub frontends: Frontends,
    pub conduct: Conduct,
    caught_up: Timestamp,
    /// By role and ordinal.
    nodes: BTreeMap<(Role, u32), FarmNode>,
    pub history: History,
    /// What the synchronizer, and its farmers, know of.
    rebuild: Option<Rebuild>,
    /// What the frontends heard last.
    heard: Option<Rebuild>,
    pub propagation: Option<Propagation>,
}

impl System {
    pub fn new(
        namespace: &str,
        name: &str,
        frontends: Frontends,
        conduct: Conduct,
        now: Timestamp,
    ) -> Self {
        System {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            frontends,
            conduct,
            caught_up: now,
            nodes: BTreeMap::new(),
            history: History::default(),
            rebuild: None,
            heard: None,
            propagation: None,
        }
    }

    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// Looks at the pods and does the work of the time since the last look.
    pub fn advance(&mut self, pods: &[PodFact], now: Timestamp) {
        self.meet(pods, now);
        self.change_synchronizer();
        for stretch in self.stretches(now) {
            let rest = self.history.spend(stretch, &self.conduct);
            if let (Some(rest), Some(rebuild)) = (rest, &mut self.rebuild) {
                rebuild.spend(rest, &self.conduct);
            }
        }
        self.caught_up = self.caught_up.max(now);
        self.tell_frontends(now);
    }

    /// Which nodes there are now.
    fn meet(&mut self, pods: &[PodFact], now: Timestamp) {
        for node in self.nodes.values_mut() {
            node.gone = node.gone.or(Some(now));
        }
        for pod in pods {
            let Some(key) = self.place(pod) else { continue };
            let answers_since =
                pod.started.and_then(|started| started.checked_add(self.conduct.boots).ok());
            let node = FarmNode {
                name: pod.name.clone(),
                process: pod.started.map(|started| format!("{} since {started}", pod.uid)),
                answers_since,
                ready: pod.ready,
                gone: None,
            };
            self.nodes.insert(key, node);
        }
        let keeps = self.conduct.row_outlives_node;
        self.nodes.retain(|_, node| node.gone.is_none_or(|gone| now.duration_since(gone) <= keeps));
        if self.nodes.is_empty() {
            self.history = History::default();
        }
    }

    /// Role and ordinal, if the pod is one of this system's farm.
    fn place(&self, pod: &PodFact) -> Option<(Role, u32)> {
        let (role, set) = match pod.component.as_str() {
            "synchronizer" => (Role::Synchronizer, "dcr-sync"),
            "farmer" => (Role::Farmer, "dcr-farmer"),
            _ => return None,
        };
        let rest = pod.name.strip_prefix(self.name.as_str())?.strip_prefix('-')?;
        Some((role, rest.strip_prefix(set)?.strip_prefix('-')?.parse().ok()?))
    }

    /// A synchronizer that was started anew knows nothing of what it did before, unless it was told
    /// otherwise.
    fn change_synchronizer(&mut self) {
        let node = self.synchronizer().filter(|node| !node.is_gone());
        let process = node.and_then(|node| node.process.clone());
        let (Some(process), Some(rebuild)) = (process, &mut self.rebuild) else { return };
        if rebuild.synchronizer == process {
            return;
        }
        if self.conduct.outlives_synchronizer {
            rebuild.synchronizer = process;
        } else {
            self.rebuild = None;
            self.propagation = None;
        }
    }

    /// The time since the last look, cut where a node joined; without the time before the synchronizer did.
    fn stretches(&self, now: Timestamp) -> Vec<Stretch> {
        let up_since = |node: &FarmNode| node.answers_since.filter(|_| node.is_up(now));
        let Some(begin) = self.synchronizer().and_then(up_since) else { return Vec::new() };
        let farmers: Vec<Timestamp> = self.farmers().filter_map(up_since).collect();
        let begin = begin.max(self.caught_up);
        let inner = farmers.iter().copied().filter(|at| (begin..now).contains(at));
        let mut cuts: Vec<Timestamp> = [begin, now].into_iter().chain(inner).collect();
        cuts.sort_unstable();
        let at_work = |at| farmers.iter().filter(|since| **since <= at).count();
        cuts.windows(2)
            .filter(|cut| cut[0] < cut[1])
            .map(|cut| Stretch {
                from: cut[0],
                to: cut[1],
                farmers: u32::try_from(at_work(cut[0])).unwrap_or(u32::MAX),
            })
            .collect()
    }

    /// Frontends know what a synchronizer that is up tells them; of a rebuild that ended they go on
    /// knowing when it is gone.
    fn tell_frontends(&mut self, now: Timestamp) {
        if !self.synchronizer().is_some_and(|node| node.is_up(now)) {
            return;
        }
        let lost = self.heard.as_ref().is_some_and(|heard| heard.standing == Standing::Running)
            && !self.conduct.frontends_keep_lost;
        if self.rebuild.is_some() || lost {
            self.heard = self.rebuild.clone();
        }
    }

    pub fn synchronizer(&self) -> Option<&FarmNode> {
        self.nodes.get(&(Role::Synchronizer, 0))
    }

    /// In the order of their ordinals.
    pub fn farmers(&self) -> impl Iterator<Item = &FarmNode> {
        let farmers = (Role::Farmer, 0)..=(Role::Farmer, u32::MAX);
        self.nodes.range(farmers).map(|(_, node)| node)
    }

    fn is_frontend(&self, node: &str) -> bool {
        self.frontends.names.iter().any(|name| name == node)
    }

    /// The node is one of this system's, and answers.
    pub fn answers(&self, node: &str, now: Timestamp) -> bool {
        self.is_frontend(node) || self.nodes.values().any(|it| it.name == node && it.answers(now))
    }

    /// The rebuild that this node knows of.
    pub fn known_to(&self, node: &str) -> Option<&Rebuild> {
        if self.is_frontend(node) { self.heard.as_ref() } else { self.rebuild.as_ref() }
    }

    /// The rebuild of the farm as it is.
    pub fn rebuild(&self) -> Option<&Rebuild> {
        self.rebuild.as_ref()
    }

    /// Starts a rebuild: asked of `node`, done by the synchronizer. Says whether a node remembered this
    /// very attempt, or why nothing was started.
    pub fn start_rebuild(
        &mut self,
        node: &str,
        (run, attempt): (Option<u32>, Option<u32>),
        forced: bool,
        now: Timestamp,
    ) -> Result<bool, String> {
        let synchronizer = self.commanded(node, now)?;
        for known in [self.known_to(node), self.rebuild()].into_iter().flatten() {
            if known.standing == Standing::Running {
                return Err("a rebuild is running".to_owned());
            }
            if known.is_of(run, attempt) {
                return Err("this attempt was started before".to_owned());
            }
        }
        let remembered = self.heard.as_ref().is_some_and(|heard| heard.is_of(run, attempt));
        let conduct = &mut self.conduct;
        self.rebuild = Some(Rebuild::new((run, attempt), forced, &synchronizer, now, conduct));
        self.heard = self.rebuild.clone();
        self.propagation = None;
        Ok(remembered)
    }

    /// Sends the synchronizer's cache to the frontends, or says why not.
    pub fn propagate(
        &mut self,
        node: &str,
        run: Option<u32>,
        attempt: Option<u32>,
        now: Timestamp,
    ) -> Result<(), String> {
        self.commanded(node, now)?;
        if !self.rebuild().is_some_and(Rebuild::succeeded) {
            return Err("the synchronizer has nothing to propagate".to_owned());
        }
        if let Some(known) = &self.propagation {
            if known.percent(&self.conduct, now) < 100.0 {
                return Err("a propagation is running".to_owned());
            }
            if run.is_some() && attempt.is_some() && (known.run, known.attempt) == (run, attempt) {
                return Err("this attempt was propagated before".to_owned());
            }
        }
        self.propagation = Some(Propagation { run, attempt, started: now });
        Ok(())
    }

    /// The synchronizer's process, if `node` passes commands on to it and it is there to take them.
    fn commanded(&self, node: &str, now: Timestamp) -> Result<String, String> {
        let synchronizer = self.synchronizer().filter(|synchronizer| synchronizer.answers(now));
        let process = synchronizer.and_then(|synchronizer| synchronizer.process.clone());
        let Some(process) = process else { return Err("no synchronizer answers".to_owned()) };
        let addressed = synchronizer.is_some_and(|synchronizer| synchronizer.name == node);
        if !addressed && !self.is_frontend(node) {
            return Err(format!("{node} is a farmer and takes no commands"));
        }
        Ok(process)
    }
}
