//! What a rehearsal adds to a copy of somebody's deployment repo.
use dcr_gitops::git::Repo;
use dcr_gitops::rehearse::deployment::{adapt, copy};
use dcr_gitops::rehearse::folder::Folder;

use crate::git_repo::Sandbox;

/// Argo CD never removes all that an Application has: a run in a repo that was just set up would never end.
#[test]
fn a_system_that_has_nothing_else_gets_a_manifest_of_its_own() {
    let inputs = "clusters/den/tenant-1/system6/dcr.yaml";
    for (others, expected) in [(None, 1), (Some("web.yaml"), 0), (Some("base/web.yaml"), 0)] {
        let sandbox = Sandbox::new();
        let text = "apiVersion: dcr-gitops/v1\n".to_owned();
        let mut files =
            vec![("dcr-gitops.yaml".to_owned(), text.clone()), (inputs.to_owned(), text.clone())];
        files.extend(others.map(|name| (inputs.replace("dcr.yaml", name), "a: b\n".to_owned())));
        let origin = sandbox.bare(&files);
        let folder = Folder::new(None, std::env::var_os("PATH").as_deref()).unwrap();
        let repo = Repo::open(&origin, &sandbox.env).unwrap();
        let head = git2::Repository::open(&origin).unwrap().revparse_single("main").unwrap().id();
        let at = "2026-11-25T09:00:00Z".parse().unwrap();
        copy(&folder, &repo, head, "main").unwrap();
        adapt(&folder, "main", "den", inputs, None, at).unwrap();
        let added = ["diff", "--name-only", "--diff-filter=A", "main~", "main"];
        let added = folder.git(&folder.remote(), added).unwrap();
        assert_eq!(added.lines().count(), expected, "{others:?}: {added}");
    }
}
