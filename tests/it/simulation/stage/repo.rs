//! What the deployment repo of a schedule holds: the run on its base, the steps that are open, and since when.
use super::*;

impl Stage<'_> {
    /// The run's folder at a commit. Few of many commits change it.
    pub(super) fn at(&self, commit: git2::Oid) -> Rc<State> {
        let read = || {
            let files = base::at(&self.repo, commit);
            Rc::new(State { stand: Stand::of(&files), files })
        };
        match base::dcr(&self.repo, commit) {
            Some(folder) => Rc::clone(self.states.borrow_mut().entry(folder).or_insert_with(read)),
            None => read(),
        }
    }

    pub(super) fn base(&self) -> Rc<State> {
        self.at(base::tip(&self.repo))
    }

    pub(super) fn stand(&self) -> Option<Stand> {
        self.base().stand.clone()
    }

    pub(super) fn inputs(&self) -> Value {
        base::document(&self.repo, base::tip(&self.repo), &format!("{FOLDER}/dcr.yaml"))
    }

    /// The branches that hold steps which aren't merged, of the run on the base or a later one.
    pub(super) fn open(&self) -> Vec<String> {
        let reached = Stand::reached(&self.base().files);
        let mut open = Vec::new();
        for reference in self.repo.references_glob("refs/heads/dcr/*").unwrap() {
            let reference = reference.unwrap();
            let name = reference.name().unwrap().trim_start_matches("refs/heads/").to_owned();
            let Some((_, run, step)) = branch::parse(&name) else { continue };
            let holds = reference.target().unwrap();
            // Whatever is put on top of a step that was merged, it isn't open for that.
            let is_over = self.merged.get(&name).is_some_and(|merged| {
                holds == *merged || self.repo.graph_descendant_of(holds, *merged).unwrap()
            });
            if (run, step) > reached && !is_over {
                open.push(name);
            }
        }
        open
    }

    /// Of the branches that hold a step, at most one isn't merged.
    pub(super) fn one_open(&self) -> Held {
        let open = self.open();
        holds!(open.len() <= 1, "{}: open at once: {open:?}", self.world.now());
        Ok(())
    }

    /// The time that the attempt of the rebuild has is up.
    pub(super) fn is_overdue(&self) -> bool {
        let shortened = self.inputs()["rebuild"]["deadline"] == "1h";
        let hours = if shortened { 1 } else { 14 * 24 };
        let Some(stand) = self.stand().filter(|stand| stand.phase == "rebuild") else {
            return false;
        };
        let attempt = |it: &Stand| (it.run, it.phase.clone(), it.attempt);
        let began = base::first(&self.repo, |commit| {
            self.at(commit).stand.as_ref().map(attempt) == Some(attempt(&stand))
        });
        began.unwrap() + SignedDuration::from_hours(hours) < self.world.now()
    }
}
