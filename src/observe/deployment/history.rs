//! Which states of the run the base branch has been in, from its first-parent history.
use std::collections::{HashMap, HashSet};

use git2::Oid;
use jiff::Timestamp;

use super::folder::{LAST_RUN, RUN, State};
use super::{Error, Files};
use crate::git::Repo;
use crate::run::Phase;
use crate::run::deployment::{History, Landed};

/// How far back is looked: a run outlives neither unnoticed, and what is older decides nothing.
const MOST_COMMITS: usize = 5_000;
const OLDEST_SECONDS: i64 = 60 * 86_400;

/// A commit of the base branch, with the id of `dcr/` in it.
struct Point {
    commit: Oid,
    at: i64,
    dcr: Option<Oid>,
}

/// Walks from the tip until the first step of the run that is on, or else the last teardown, was found.
///
/// A state whose predecessor isn't known (the edge of a shallow clone, the bound) hasn't been seen to
/// land, and is left out.
pub(super) fn read(repo: &Repo, tip: Oid, dcr: &str, now: &State) -> Result<History, Error> {
    let mut walk = Walk {
        repo,
        dcr,
        next: Some(tip),
        oldest: None,
        seen: 0,
        states: HashMap::new(),
        edges: repo.shallow_edges()?,
    };
    let mut history = History::default();
    let mut newer: Option<Point> = None;
    // A run's commits are often recent: look at few commits first, and at ever more.
    let mut window = 8;
    while walk.next.is_some() && walk.seen < MOST_COMMITS {
        let points = walk.points(window.min(MOST_COMMITS - walk.seen))?;
        window *= 4;
        let line: Vec<Point> = newer.take().into_iter().chain(points).collect();
        let is_root = walk.ended_at_root();
        let before = |at: usize| match line.get(at + 1) {
            Some(older) => Some(older.dcr),
            None => is_root.then_some(None),
        };
        let changes: Vec<(&Point, Option<Oid>)> = line
            .iter()
            .enumerate()
            .filter_map(|(at, point)| {
                Some((point, before(at).filter(|before| *before != point.dcr)?))
            })
            .collect();
        walk.load(changes.iter().flat_map(|(point, before)| [point.dcr, *before]).flatten())?;
        for (point, before) in changes {
            let (after, before) = (walk.state(point.dcr), walk.state(before));
            history.landed.extend(landed(&after, &before, point));
            if is_beginning(&after, &before, now) {
                return Ok(history);
            }
        }
        newer = line.into_iter().next_back();
    }
    history.truncated = walk.next.is_some() || !walk.ended_at_root();
    Ok(history)
}

/// Whether older states belong to runs that are over.
fn is_beginning(after: &State, before: &State, now: &State) -> bool {
    let run = |state: &State| state.record.as_ref().map(|record| record.run);
    let torn_down = after.record.is_none()
        && after.last_run.as_ref().is_some_and(|last| Some(last.run) == run(before));
    let first_step = after.record.as_ref().is_some_and(|record| {
        record.step == 1 && Some(record.run) == run(now) && run(before) != Some(record.run)
    });
    first_step || torn_down
}

/// What a commit brought. A teardown leaves no record: whose ticket it is, is in the one it took away.
fn landed(state: &State, before: &State, point: &Point) -> Option<Landed> {
    let commit = point.commit.to_string();
    let at = Timestamp::from_second(point.at).ok()?;
    match (&state.record, &state.last_run) {
        (Some(record), _) => Some(Landed {
            run: record.run,
            step: record.step,
            kind: record.kind,
            phase: record.phase,
            attempt: record.attempt,
            forced: record.forced,
            farmers: record.farmers,
            ticket: record.ticket.clone(),
            commit,
            at,
        }),
        (None, Some(last)) => Some(Landed {
            run: last.run,
            step: last.step,
            kind: last.kind,
            phase: Phase::Teardown,
            attempt: 1,
            forced: false,
            farmers: 0,
            ticket: before
                .record
                .as_ref()
                .filter(|record| record.run == last.run)
                .and_then(|record| record.ticket.clone()),
            commit,
            at,
        }),
        (None, None) => None,
    }
}

struct Walk<'a> {
    repo: &'a Repo,
    dcr: &'a str,
    /// The commit to go on with.
    next: Option<Oid>,
    /// The oldest commit looked at.
    oldest: Option<(Oid, i64)>,
    seen: usize,
    states: HashMap<Oid, State>,
    /// Where a shallow clone ends.
    edges: HashSet<Oid>,
}

impl Walk<'_> {
    /// The next commits down the first parents, with the id of `dcr/` in each.
    fn points(&mut self, most: usize) -> Result<Vec<Point>, Error> {
        let mut commits = Vec::new();
        let mut roots = Vec::new();
        while commits.len() < most
            && let Some(id) = self.next
        {
            let commit = self.repo.commit(id)?;
            let at = commit.time().seconds();
            let newest = self.oldest.map_or(at, |(_, newest)| newest);
            if at < newest - OLDEST_SECONDS {
                self.seen = MOST_COMMITS;
                break;
            }
            self.oldest = Some((id, newest));
            self.next = self.repo.parents(id, &self.edges)?.first().copied();
            commits.push((id, at));
            roots.push(Some(commit.tree_id()));
        }
        self.seen += commits.len();
        let dcrs = self.subtrees(roots)?;
        let points = commits.into_iter().zip(dcrs);
        Ok(points.map(|((commit, at), dcr)| Point { commit, at, dcr }).collect())
    }

    /// From root trees to the trees of `dcr/`, level by level: each tree is read once, and those a partial
    /// clone lacks come in one fetch per level.
    fn subtrees(&self, mut trees: Vec<Option<Oid>>) -> Result<Vec<Option<Oid>>, Error> {
        for name in self.dcr.split('/') {
            self.repo.ensure(trees.iter().flatten().copied())?;
            let mut known: HashMap<Oid, Option<Oid>> = HashMap::new();
            for tree in &mut trees {
                let Some(id) = *tree else { continue };
                let below = match known.get(&id) {
                    Some(below) => *below,
                    None => {
                        let entry = self.repo.entry(id, name)?.filter(|entry| entry.is_tree());
                        let below = entry.map(|entry| entry.id);
                        known.insert(id, below);
                        below
                    }
                };
                *tree = below;
            }
        }
        Ok(trees)
    }

    /// Reads the runs that these `dcr/` hold. One that can't be read says nothing.
    fn load(&mut self, trees: impl Iterator<Item = Oid>) -> Result<(), Error> {
        let trees: Vec<Oid> = trees.filter(|tree| !self.states.contains_key(tree)).collect();
        self.repo.ensure(trees.iter().copied())?;
        let mut found = Vec::new();
        for tree in trees {
            let [run, last_run] = [RUN, LAST_RUN].map(|name| self.repo.entry(tree, name));
            found.push((tree, [(RUN, run?), (LAST_RUN, last_run?)]));
        }
        let entries = found.iter().flat_map(|(_, files)| files.iter());
        self.repo.ensure(entries.filter_map(|(_, entry)| Some((*entry)?.id)))?;
        for (tree, entries) in found {
            let mut files = Files::new();
            for (name, entry) in entries {
                if let Some(entry) = entry.filter(|entry| entry.is_file()) {
                    let text = String::from_utf8_lossy(&self.repo.blob(entry.id)?).into_owned();
                    files.insert(name.to_owned(), text);
                }
            }
            self.states.insert(tree, State::of(&files, self.dcr).unwrap_or_default());
        }
        Ok(())
    }

    fn state(&self, dcr: Option<Oid>) -> State {
        dcr.and_then(|dcr| self.states.get(&dcr)).cloned().unwrap_or_default()
    }

    /// Whether the walk came to a commit that really has no parent.
    fn ended_at_root(&self) -> bool {
        self.next.is_none() && self.oldest.is_some_and(|(oldest, _)| !self.edges.contains(&oldest))
    }
}
