//! What stands below the help of each command: how it is used most.

pub const INIT: &str = "\
Examples:
  dcr-gitops init --dry-run
  dcr-gitops init";

pub const NEXT_PHASE: &str = "\
Examples:
  dcr-gitops next-phase system6                         a local branch, and its diff
  dcr-gitops next-phase system6 --ticket DCR-123 --pr   a pull request
  dcr-gitops next-phase system6 --skip-gate 'nodes checked by hand' --pr";

pub const PLAN: &str = "\
Examples:
  dcr-gitops plan system6 --all-phases                  every commit of a run
  dcr-gitops plan                                       what falls due in runs that are on
  dcr-gitops plan --base HEAD --against main            what a branch changes for runs";

pub const WATCH: &str = "\
Examples:
  dcr-gitops watch --pr --for 45m                       all runs that are on, for a slice of a job
  dcr-gitops watch system6 --no-emit                    only wait";

pub const STATUS: &str = "\
Examples:
  dcr-gitops status
  dcr-gitops status system6 --watch                     until Ctrl-C
  dcr-gitops status system6 -o json > seen.json         what --observed replays";

pub const SCALE: &str = "\
Examples:
  dcr-gitops scale system6 --farmers 6 --pr";

pub const RETRY: &str = "\
Examples:
  dcr-gitops retry system6 --pr";

pub const ABORT: &str = "\
Examples:
  dcr-gitops abort system6 --reason 'the disks are needed elsewhere' --pr";

pub const SYNCHRONIZER: &str = "\
Examples:
  dcr-gitops synchronizer up system6 --pr
  dcr-gitops synchronizer down system6 --pr";

pub const CHECK: &str = "\
Examples:
  dcr-gitops check                                      what is on disk, committed or not
  dcr-gitops check clusters/den                         the systems in a folder
  dcr-gitops check --base origin/main -o sarif          a commit, for code scanning";

pub const REHEARSE: &str = "\
Examples:
  dcr-gitops rehearse
  dcr-gitops rehearse system6 --scenario rebuild-fails --keep /tmp/rehearsal";

pub const COMPLETIONS: &str = "\
Examples:
  dcr-gitops completions bash > ~/.local/share/bash-completion/completions/dcr-gitops
  dcr-gitops completions zsh > \"${fpath[1]}/_dcr-gitops\"
  dcr-gitops completions fish > ~/.config/fish/completions/dcr-gitops.fish
  dcr-gitops completions powershell >> $PROFILE";

pub const MAN: &str = "\
Examples:
  dcr-gitops man | man -l -
  dcr-gitops man next-phase > dcr-gitops-next-phase.1";
