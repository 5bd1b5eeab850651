//! Help, completions and manual pages, as people and shells get them.
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::cli::{Deployment, Wired};

fn out(arguments: &[&str]) -> String {
    Deployment::alone(Wired::Directory).run(arguments).ends(0).out
}

#[test]
fn the_commands_are_listed_in_the_order_they_are_needed() {
    insta::assert_snapshot!(out(&["--help"]), @r"
    Drive a Distributed Cache Rebuild (DCR) the GitOps way: one reviewed commit for each phase

    Usage: dcr-gitops [OPTIONS] <COMMAND>

    Commands:
      init          Write what a deployment repo needs to begin with; files that are there are left
                    alone
      next-phase    Propose the next phase of a run, if it is due; start a run where none is on
      plan          Show what `next-phase` would commit, and write nothing
      watch         Wait on the gates of runs that are on, and emit what falls due; never start a run
      status        Say where each run stands
      scale         Propose more farmers for a run, in its phases `farm-up` and `rebuild`
      retry         Propose a new attempt of the phase that is halted, or its declined or lost step
                    again
      abort         Propose the teardown now, whatever the run is at
      synchronizer  A dynamic synchronizer on its own, without a rebuild
      check         Find what is wrong with settings, inputs, templates and what is rendered from them;
                    offline
      rehearse      Play a whole run in a world embedded in the program, in seconds; nothing of yours is
                    touched
      schema        Print the JSON Schema of the settings and the inputs
      completions   Print the completion script of a shell
      man           Print the manual page of the program, or of a command
      help          Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Common options:
          --repo <DIR>
              The deployment repo, or any folder in it

          --base <REV>
              What counts as the base branch [default: the remote's as last fetched, else the local one]

      -o, --output <FORMAT>
              How results are printed

              Possible values:
              - text:  For people
              - json:  One object per system, one line each
              - yaml:  The same as YAML documents (`status`)
              - html:  One page that needs nothing but itself (`status`)
              - sarif: For code scanning: SARIF 2.1.0 (`check`)
              
              [default: text]

          --observed <FILE>
              Instead of the cluster, its nodes, reviews and journal: what a `status -o json` saw

          --skip-gate <REASON>
              Go on although the gate of this phase isn't met, and record why

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]

      -v, --verbose...
              Say more on standard error; twice for everything

      -q, --quiet
              Print nothing on standard output but `-o json`

          --color <WHEN>
              Colours

              Possible values:
              - auto:   On a terminal, unless NO_COLOR is set
              - always
              - never
              
              [default: auto]

    Exit codes:
      0   done, or nothing to do (status, plan: whatever they see)
      1   unexpected
      2   usage
      3   settings, inputs, templates, name or repo invalid
      10  still waiting: run again
      11  halted: a person must look
    ");
}

#[test]
fn every_command_says_how_it_is_used() {
    insta::assert_snapshot!(out(&["scale", "--help"]), @r"
    Propose more farmers for a run, in its phases `farm-up` and `rebuild`

    Usage: dcr-gitops scale [OPTIONS] --farmers <N> <SYSTEM>

    Arguments:
      <SYSTEM>
              As for next-phase

    Options:
          --farmers <N>
              How many farmers the run is to have from now on

          --push
              Push the step's branch to the remote

          --pr
              Push it and put it in review: open its pull request on GitHub

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Common options:
          --repo <DIR>
              The deployment repo, or any folder in it

          --base <REV>
              What counts as the base branch [default: the remote's as last fetched, else the local one]

      -o, --output <FORMAT>
              How results are printed

              Possible values:
              - text:  For people
              - json:  One object per system, one line each
              - yaml:  The same as YAML documents (`status`)
              - html:  One page that needs nothing but itself (`status`)
              - sarif: For code scanning: SARIF 2.1.0 (`check`)
              
              [default: text]

          --observed <FILE>
              Instead of the cluster, its nodes, reviews and journal: what a `status -o json` saw

          --skip-gate <REASON>
              Go on although the gate of this phase isn't met, and record why

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]

      -v, --verbose...
              Say more on standard error; twice for everything

      -q, --quiet
              Print nothing on standard output but `-o json`

          --color <WHEN>
              Colours

              Possible values:
              - auto:   On a terminal, unless NO_COLOR is set
              - always
              - never
              
              [default: auto]

    Examples:
      dcr-gitops scale system6 --farmers 6 --pr
    ");
    for command in
        ["init", "next-phase", "plan", "watch", "status", "retry", "abort", "check", "rehearse"]
    {
        let help = out(&[command, "--help"]);
        assert!(help.contains(&format!("\nExamples:\n  dcr-gitops {command}")), "{help}");
    }
}

#[test]
fn who_mistypes_is_told_what_is_meant() {
    let repo = Deployment::alone(Wired::Directory);
    let err = repo.run(&["next-phse", "system6"]).ends(2).err;
    assert!(err.contains("'next-phase'"), "{err}");
    let err = repo.run(&["abort", "sytem6", "--reason", "x"]).ends(3).err;
    assert!(err.contains("did you mean `den/tenant-105858-prod/system6`"), "{err}");
    let err = repo.run(&["man", "scael"]).ends(2).err;
    assert!(err.contains("known here: init, next-phase"), "{err}");
    assert!(out(&["man"]).starts_with(".ie"), "roff");
    assert!(out(&["man", "synchronizer", "up"]).contains("Bring up a dynamic synchronizer"));
}

#[test]
fn nobody_reading_on_is_no_error() {
    let repo = Deployment::alone(Wired::Directory);
    let mut child =
        repo.sandbox.program(&repo.work, &["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn systems_are_completed_from_the_repo() {
    let repo = Deployment::alone(Wired::Directory);
    let names = repo.run(&["systems"]).ends(0).out;
    assert_eq!(names, "den/tenant-105858-prod/system6\nden/tenant-105858-prod/systemdcrtest1\n");
    assert_eq!(repo.run(&["systems", "--on"]).ends(0).out, "");

    for (begun, completed) in [
        ("den/tenant-105858-prod/systemd", "den/tenant-105858-prod/systemdcrtest1"),
        ("tenant-105858-prod/system6", "tenant-105858-prod/system6"),
        ("systemd", "systemdcrtest1"),
        ("nowhere", ""),
    ] {
        assert_eq!(completed_by_bash(&repo, begun), completed, "{begun}");
    }
    for shell in ["zsh", "fish", "powershell"] {
        let script = repo.run(&["completions", shell]).ends(0).out;
        assert!(
            script.contains("DCR_GITOPS_COMPLETE") && script.contains("dcr-gitops"),
            "{script}"
        );
    }
}

#[test]
fn a_name_that_several_systems_have_is_no_completion() {
    let repo = Deployment::alone(Wired::Directory);
    let (here, there) =
        ("clusters/den/tenant-105858-prod/system6", "clusters/ams/tenant-204411-prod/system6");
    std::fs::create_dir_all(repo.work.join(there)).unwrap();
    let file = |folder: &str| repo.work.join(folder).join("dcr.yaml");
    std::fs::copy(file(here), file(there)).unwrap();
    repo.sandbox.git(&repo.work, &["add", "--all"]);
    repo.sandbox.git(&repo.work, &["commit", "--quiet", "--message", "another"]);
    assert_eq!(completed_by_bash(&repo, "system6"), "");
    assert_eq!(completed_by_bash(&repo, "tenant-2"), "tenant-204411-prod/system6");
    assert_eq!(completed_by_bash(&repo, "systemd"), "systemdcrtest1");
}

/// What bash makes of `dcr-gitops scale BEGUN` and a tab, with the program on its path.
fn completed_by_bash(repo: &Deployment, begun: &str) -> String {
    let script = repo.save("completion.bash", &repo.run(&["completions", "bash"]).ends(0).out);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_dcr-gitops")).parent().unwrap();
    let complete = format!(
        "PATH='{}':$PATH; source '{script}'; COMP_WORDS=(dcr-gitops scale {begun}); COMP_CWORD=2; \
         _clap_complete_dcr_gitops dcr-gitops {begun} scale; echo \"${{COMPREPLY[@]}}\"",
        program.display()
    );
    let ran = Command::new("bash")
        .args(["--norc", "-c", &complete])
        .current_dir(&repo.work)
        .env_clear()
        .envs(&repo.sandbox.env)
        .output()
        .unwrap();
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}
