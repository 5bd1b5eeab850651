//! What a shell may complete a command line with; the names of systems come from the repo it is in.
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use clap::{Command, CommandFactory};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use super::exit;
use super::session::Session;
use crate::cli::{Cli, Common};
use crate::context::Context;
use crate::run::SystemRef;

/// By which a completion script asks: it holds the name of the shell.
pub const VARIABLE: &str = "DCR_GITOPS_COMPLETE";

/// Answers a completion script. Whatever goes wrong, nothing is completed: nobody reads errors there.
pub fn run(context: &mut Context, arguments: impl IntoIterator<Item = OsString>) -> Option<u8> {
    let shells = Shells::builtins();
    let shell = shells.completer(context.var(VARIABLE)?)?;
    let words: Vec<OsString> = arguments.into_iter().skip_while(|word| word != "--").collect();
    let mut command = with_systems(Cli::command(), &systems(context));
    command.build();
    let mut answer = Vec::new();
    let written = shell.write_complete(
        &mut command,
        words.into_iter().skip(1).collect(),
        Some(&context.cwd),
        &mut answer,
    );
    if written.is_ok()
        && let Ok(answer) = String::from_utf8(answer)
    {
        context.print(&answer).ok();
    }
    Some(exit::OK)
}

fn systems(context: &Context) -> Vec<SystemRef> {
    let session = Session::open(context, &Common::default());
    let systems = session.and_then(|session| session.systems_with(|_| true));
    systems.unwrap_or_default().into_iter().flatten().collect()
}

fn with_systems(command: Command, systems: &[SystemRef]) -> Command {
    let complete = |systems: Vec<SystemRef>| {
        ArgValueCompleter::new(move |begun: &OsStr| candidates(&systems, begun))
    };
    let command = command.mut_args(|argument| match argument.get_id().as_str() {
        "system" | "systems" => argument.add(complete(systems.to_vec())),
        _ => argument,
    });
    command.mut_subcommands(|inner| with_systems(inner, systems))
}

/// Each system in the form that was begun, as far as that names one system only.
fn candidates(systems: &[SystemRef], begun: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = begun.to_str() else { return Vec::new() };
    let all: Vec<[String; 3]> = systems.iter().map(forms).collect();
    let mut bearers: HashMap<&str, usize> = HashMap::new();
    for form in all.iter().flatten() {
        *bearers.entry(form).or_default() += 1;
    }
    let is_meant = |form: &&String| form.starts_with(begun) && bearers[form.as_str()] == 1;
    let named = all.iter().filter_map(|forms| forms.iter().find(is_meant));
    named.map(CompletionCandidate::new).collect()
}

/// The longest first.
fn forms(system: &SystemRef) -> [String; 3] {
    let SystemRef { cluster, namespace, system } = system;
    [format!("{cluster}/{namespace}/{system}"), format!("{namespace}/{system}"), system.clone()]
}
