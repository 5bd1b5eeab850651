//! The summary of a step.
use serde_json::json;

use super::*;

#[test]
fn it_tells_where_the_run_stands_and_what_would_change() {
    let repo = Deployment::cloned(Wired::Directory);
    let proposed = step(&repo, &repo.work, &["next-phase", "system6"], &[]);
    let summary = &proposed.summary;
    assert!(summary.starts_with("### den/tenant-105858-prod/system6\n\n"), "{summary}");
    assert!(
        summary.contains("**Next**: `history-update` (committed), because a run was asked for"),
        "{summary}"
    );
    assert!(summary.contains("<details><summary>"), "{summary}");
    assert!(summary.contains("\n+  name: system6-dcr-farmer\n"), "{summary}");

    let repo = waiting();
    let waiting = step(&repo, &repo.work, &["status", "system6"], &[]);
    let summary = &waiting.summary;
    assert!(summary.contains("Run 1, step 1: `history-update`."), "{summary}");
    assert!(summary.contains("**Waiting**, next is `farm-up`:\n\n- `applied`: "), "{summary}");
    assert!(summary.contains("\n    history-update : active, 2026-11-22T12:00:00, 2"), "{summary}");
}

#[test]
fn what_others_wrote_before_stays_and_counts() {
    let repo = Deployment::cloned(Wired::Directory);
    let file = repo.sandbox.path("filled");
    let before = "x".repeat(dcr_gitops::report::actions::LIMIT - 1_500);
    std::fs::write(&file, &before).unwrap();
    let path = file.display().to_string();
    let proposed =
        step(&repo, &repo.work, &["next-phase", "system6"], &[("GITHUB_STEP_SUMMARY", &path)]);
    assert_eq!(proposed.ran.code, 0);
    let summary = std::fs::read_to_string(&file).unwrap();
    let ours = summary.strip_prefix(&before).unwrap();
    assert!(ours.starts_with("### den/tenant-105858-prod/system6\n"), "{ours}");
    assert!(ours.contains("_Left out for want of room: 0 systems and 1 commits."), "{ours}");
    assert!(summary.len() <= dcr_gitops::report::actions::LIMIT, "{}", summary.len());
    assert!(!ours.contains("```diff"), "{ours}");
}

#[test]
fn words_of_others_are_shown_as_they_are() {
    let hostile =
        "</details> @everyone ![x](http://evil.example) <!-- x -->\n```\n# big\npassword=hunter22";
    let repo = waiting();
    let seen = repo.run(&["status", "system6", "-o", "json"]).ends(0).line();
    let mut observed = seen["observed"].clone();
    observed["world"]["cluster"] = json!({"unreachable": {"context": "den", "why": hostile}});
    let answer = json!({"node": "system6-fe1", "at": "2026-11-22T12:00:00Z", "state": "running", "percent": null,
        "startedAt": null, "of": null, "error": hostile});
    observed["world"]["admin"]["rebuild"] = json!([answer]);
    let file = repo.save("observed.json", &json!({"observed": observed}).to_string());
    let step = step(&repo, &repo.work, &["status", "system6", "--observed", &file], &[]);
    let summary = &step.summary;
    assert!(summary.contains(r"&lt;/details&gt; @&#8203;everyone \!\[x\]\("), "{summary}");
    assert!(!summary.contains("hunter22"), "{summary}");
    // As evidence it stands in a fence of its own that it can't close.
    assert!(summary.contains("\n````\n</details> @everyone "), "{summary}");
    assert!(summary.contains("\n```\n# big\npassword=***\n````\n"), "{summary}");
}

#[test]
fn a_file_that_cannot_be_written_is_no_reason_to_fail() {
    let repo = Deployment::cloned(Wired::Directory);
    let nowhere = repo.sandbox.path("none/output").display().to_string();
    let step = step(&repo, &repo.work, &["next-phase", "system6"], &[("GITHUB_OUTPUT", &nowhere)]);
    assert_eq!(step.ran.code, 0);
    assert!(step.ran.err.contains("warning: writing GITHUB_OUTPUT: "), "{}", step.ran.err);
    assert!(!step.summary.is_empty());
}
