//! One branch and one pull request for each step, whatever happened before and whoever else is at it.
use dcr_gitops::rehearse::github::pull::{Method, State};

use super::stage::Stage;
use crate::cli::step;

const CREATE: &str = "/repos/{owner}/{repo}/pulls";

#[test]
fn the_first_one_opens_it_and_the_second_finds_it() {
    let stage = Stage::new();
    let line = stage.next(&[], 0);
    assert_eq!(line["outcome"], "opened", "{line}");
    assert_eq!(line["pullRequest"], "https://github.example.com/acme/deployment/pull/1");
    let pull = stage.pull();
    assert_eq!(
        pull.title,
        "Added/Modified system6 via automation (Starting DCR Farm History Update)"
    );
    assert_eq!((pull.head_ref.as_str(), pull.head), (step(1, 1).as_str(), stage.held(1, 1)));
    assert_eq!(pull.labels.iter().collect::<Vec<_>>(), ["dcr"]);
    let again = stage.next(&[], 0);
    assert_eq!(again["outcome"], "adopted", "{again}");
    assert_eq!(again["pullRequest"], line["pullRequest"]);
    assert_eq!(again["commit"], line["commit"]);
    assert_eq!(stage.pull(), pull);
    assert_eq!(stage.count("POST", CREATE), 1);
}
