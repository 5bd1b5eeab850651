//! Help, completions and manual pages, as people and shells get them.
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::cli::{Deployment, Wired};

fn out(arguments: &[&str]) -> String {
    Deployment::alone(Wired::Directory).run(arguments).ends(0).out
}

#[test]
fn the_commands_are_listed_in_the_order_they_are_needed() {
    insta::assert_snapshot!(out(&["--help"]), @"");
}

#[test]
fn every_command_says_how_it_is_used() {
    insta::assert_snapshot!(out(&["scale", "--help"]), @"");
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

    // As bash asks for it, with the program on its path.
    let script = repo.save("completion.bash", &repo.run(&["completions", "bash"]).ends(0).out);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_dcr-gitops")).parent().unwrap();
    let complete = format!(
        "PATH='{}':$PATH; source '{script}'; COMP_WORDS=(dcr-gitops scale den/tenant-105858-prod/systemd); COMP_CWORD=2; _dcr-gitops dcr-gitops den/tenant-105858-prod/systemd scale; echo \"${{COMPREPLY[@]}}\"",
        program.display()
    );
    let ran = Command::new("bash")
        .args(["--norc", "-c", &complete])
        .current_dir(&repo.work)
        .env_clear()
        .envs(&repo.sandbox.env)
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(
        said,
        "den/tenant-105858-prod/systemdcrtest1\n",
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );

    for (shell, part) in [
        ("zsh", "'*::systems -- Systems to plan for"),
        ("zsh", ":_dcr-gitops_systems' \\"),
        ("zsh", "compadd -a names"),
        (
            "fish",
            "-n \"__fish_seen_subcommand_from synchronizer; and __fish_seen_subcommand_from up\" -f -a \"(dcr-gitops systems 2>/dev/null)\"",
        ),
        ("powershell", "'dcr-gitops;next-phase' {\n            dcr-gitops systems 2>$null"),
    ] {
        let script = repo.run(&["completions", shell]).ends(0).out;
        assert!(script.contains(part), "{shell}: {part}\n{script}");
    }
}
