//! The embedded reviewer on real bare repos: what is on the base afterwards, and what is left of the branch.
use dcr_gitops::rehearse::clock::WorldClock;
use dcr_gitops::rehearse::github::GitHub;
use dcr_gitops::rehearse::reviewer::{Act, Landing, Manners, Request, Reviewer, State};
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

use crate::git_repo::{NOW, Sandbox};

const STEP: &str = "dcr/den/tenant-105858-prod/system6/run-1/step-1";
const RECORD: &str = "clusters/den/tenant-105858-prod/system6/dcr/run.yaml";

struct Repo {
    sandbox: Sandbox,
    origin: PathBuf,
}

impl Repo {
    /// A base with two commits, and one step over the first of them.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let origin = sandbox.bare(&[("README".to_owned(), "A deployment repo\n".to_owned())]);
        let repo = Repo { sandbox, origin };
        repo.propose("step: '1'\n");
        let change = [("CHANGES".to_owned(), "since then\n".to_owned())];
        repo.sandbox.land(&repo.origin, "main", "Since then", &change);
        repo
    }

    fn propose(&self, text: &str) {
        self.git(&["branch", "--quiet", "--force", STEP, "main"]);
        let message = "Added/Modified system6 via automation (Starting)\n\nDcr-Step: 1";
        let files = [(RECORD.to_owned(), text.to_owned())];
        self.sandbox.land(&self.origin, STEP, message, &files);
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.sandbox.git(&self.origin, arguments)
    }

    fn on_base(&self, path: &str) -> String {
        self.git(&["show", &format!("main:{path}")])
    }

    fn branches(&self) -> String {
        self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]).replace('\n', " ")
    }

    fn reviewer(&self, manners: Manners) -> AtDesk {
        self.reviewer_of(Manners { jitter: SignedDuration::ZERO, ..manners }, 7)
    }

    fn reviewer_of(&self, manners: Manners, seed: u64) -> AtDesk {
        let clock = WorldClock::standing(at(0));
        let github =
            GitHub::new(clock.reader(), &self.origin, "acme", "deployment", "main").unwrap();
        AtDesk { clock, reviewer: Reviewer::new(github, manners, true, seed).unwrap() }
    }
}

/// A reviewer, and the clock on their desk.
struct AtDesk {
    clock: WorldClock,
    reviewer: Reviewer,
}

impl AtDesk {
    /// What happens until then.
    fn advance(&mut self, to: Timestamp) -> Vec<Act> {
        self.clock.forward(to.duration_since(self.clock.now()));
        self.reviewer.advance().unwrap()
    }
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOW + minutes * 60).unwrap()
}

/// The requests that ended until then, after the one that was opened at the beginning.
fn ended(reviewer: &mut AtDesk, minutes: i64) -> Vec<Request> {
    let acts = reviewer.advance(at(minutes));
    let ended = acts.into_iter().filter_map(|act| match act {
        Act::Ended(request) => Some(request),
        _ => None,
    });
    ended.collect()
}

/// Each way: subject of the newest commit, its parents' subjects, whether trailers survive.
#[test]
fn every_way_puts_the_same_files_on_the_newest_base() {
    let title = "Added/Modified system6 via automation (Starting)";
    let merge = format!("Merge pull request #1 from acme/{STEP}");
    let squash = format!("{title} (#1)");
    let table = [
        (Landing::Merge, merge.as_str(), 2, false),
        (Landing::Squash, squash.as_str(), 1, false),
        (Landing::Rebase, title, 1, true),
        (Landing::Queue, squash.as_str(), 1, false),
    ];
    for (landing, subject, parents, trailers) in table {
        let repo = Repo::new();
        let mut reviewer = repo.reviewer(Manners { landing, ..Manners::default() });
        assert!(matches!(&reviewer.advance(at(0))[..], [Act::Opened(request)]
            if request.title == title && request.body == "Dcr-Step: 1"));
        assert_eq!(reviewer.advance(at(59)), [], "{landing:?}: not yet");
        let mut done = ended(&mut reviewer, 60);
        if landing == Landing::Queue {
            assert!(done.is_empty() && repo.branches().contains("gh-readonly-queue/main/pr-1-"));
            assert_eq!(reviewer.advance(at(89)), [], "the queue takes half an hour");
            done = ended(&mut reviewer, 90);
        }
        let tip = repo.git(&["rev-parse", "main"]);
        assert!(
            matches!(&done[..], [request] if request.state == State::Merged(tip.parse().unwrap())),
            "{landing:?}: {done:?}"
        );
        assert_eq!(repo.git(&["log", "-1", "--format=%s", "main"]), subject);
        let found = repo.git(&["log", "-1", "--format=%P", "main"]).split(' ').count();
        assert_eq!(found, parents, "{landing:?}");
        let body = repo.git(&["log", "-1", "--format=%b", "main"]);
        assert_eq!(body.contains("Dcr-Step: 1"), trailers, "{landing:?}: {body}");
        assert_eq!(repo.on_base(RECORD), "step: '1'");
        assert_eq!(repo.on_base("CHANGES"), "since then");
        let when = repo.git(&["log", "-1", "--format=%ct", "main"]);
        assert_eq!(when, at(60).as_second().to_string(), "{landing:?}: the world's time");
        assert_eq!(repo.branches(), "main");
        assert_eq!(reviewer.advance(at(500)), [], "{landing:?}: it ends once");
    }
}

#[test]
fn a_branch_that_stays_is_not_reviewed_twice_and_one_that_changes_is_a_new_request() {
    let repo = Repo::new();
    let mut reviewer = repo.reviewer(Manners { deletes_branches: false, ..Manners::default() });
    reviewer.advance(at(0));
    assert_eq!(ended(&mut reviewer, 60).len(), 1);
    assert_eq!(repo.branches(), format!("{STEP} main"));
    assert_eq!(reviewer.advance(at(600)), []);
    repo.propose("step: '1'\nticket: DCR-1\n");
    assert!(matches!(&reviewer.advance(at(600))[..],
        [Act::Opened(request)] if request.number == 2));
    assert_eq!(ended(&mut reviewer, 660).len(), 1);
    assert_eq!(repo.on_base(RECORD), "step: '1'\nticket: DCR-1");
}

#[test]
fn a_queue_starts_again_when_others_were_faster() {
    let repo = Repo::new();
    let mut reviewer = repo.reviewer(Manners { landing: Landing::Queue, ..Manners::default() });
    reviewer.advance(at(0));
    reviewer.advance(at(60));
    let change = [("CHANGES".to_owned(), "faster\n".to_owned())];
    repo.sandbox.land(&repo.origin, "main", "Faster", &change);
    assert_eq!(ended(&mut reviewer, 90), []);
    assert_eq!(ended(&mut reviewer, 120).len(), 1);
    assert_eq!(repo.on_base("CHANGES"), "faster");
    assert_eq!(repo.on_base(RECORD), "step: '1'");
    assert_eq!(repo.branches(), "main");
}

#[test]
fn commits_of_others_land_between_opening_and_merging() {
    let repo = Repo::new();
    let manners = Manners { landing: Landing::Squash, others: 2, ..Manners::default() };
    let mut reviewer = repo.reviewer(manners);
    reviewer.advance(at(0));
    let acts = reviewer.advance(at(30));
    assert!(matches!(acts[..], [Act::Other(_), Act::Other(_)]), "{acts:?}");
    assert_eq!(ended(&mut reviewer, 60).len(), 1);
    let log = repo.git(&["log", "--format=%s", "-3", "main"]);
    assert_eq!(
        log,
        "Added/Modified system6 via automation (Starting) (#1)\n\
         Change 2 of another team\nChange 1 of another team"
    );
}

#[test]
fn a_declined_step_is_not_landed_and_the_next_one_is() {
    let repo = Repo::new();
    let mut reviewer = repo.reviewer(Manners { declines: Some(1), ..Manners::default() });
    let before = repo.git(&["rev-parse", "main"]);
    reviewer.advance(at(0));
    assert!(matches!(&ended(&mut reviewer, 60)[..], [it] if it.state == State::Declined));
    assert_eq!((repo.git(&["rev-parse", "main"]), repo.branches()), (before, "main".to_owned()));
    repo.propose("step: '1'\nattempt: '2'\n");
    reviewer.advance(at(60));
    assert!(matches!(&ended(&mut reviewer, 120)[..], [it] if matches!(it.state, State::Merged(_))));
}

#[test]
fn what_conflicts_stays_open_until_its_branch_is_replaced() {
    let repo = Repo::new();
    let mut reviewer = repo.reviewer(Manners::default());
    reviewer.advance(at(0));
    let files = [(RECORD.to_owned(), "step: '9'\n".to_owned())];
    repo.sandbox.land(&repo.origin, "main", "Somebody's hands", &files);
    assert!(matches!(&reviewer.advance(at(60))[..], [Act::Conflicts(_)]));
    assert_eq!(reviewer.advance(at(61)), [], "it is said once");
    repo.propose("step: '10'\n");
    assert!(matches!(&reviewer.advance(at(61))[..], [Act::Updated(_), Act::Ended(_)]));
    assert_eq!(repo.on_base(RECORD), "step: '10'");
}

#[test]
fn a_withdrawn_branch_closes_its_request() {
    let repo = Repo::new();
    let mut reviewer = repo.reviewer(Manners::default());
    reviewer.advance(at(0));
    repo.git(&["update-ref", "-d", &format!("refs/heads/{STEP}")]);
    assert!(matches!(&ended(&mut reviewer, 1)[..], [it] if it.state == State::Closed));
}

#[test]
fn when_it_reviews_follows_from_the_seed() {
    let repo = Repo::new();
    let due = |seed: u64| {
        let manners = Manners { deletes_branches: false, declines: Some(1), ..Manners::default() };
        let mut reviewer = repo.reviewer_of(manners, seed);
        let head = repo.git(&["rev-parse", STEP]);
        reviewer.advance(at(0));
        let due = (60..=91).find(|minute| !ended(&mut reviewer, *minute).is_empty());
        repo.git(&["update-ref", &format!("refs/heads/{STEP}"), &head]);
        due.unwrap()
    };
    assert_eq!(due(1), due(1));
    let different: std::collections::BTreeSet<i64> = (1..9).map(due).collect();
    assert!(different.len() > 1, "{different:?}");
}
