//! `completions` and `man`: the command line described for shells and for man.
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::exit;
use crate::cli::Cli;
use crate::context::Context;
use crate::report::error::Invalid;

const NAME: &str = "dcr-gitops";

/// What prints the names of systems, in the repo that the shell is in. Elsewhere there are none.
const NAMES: &str = "dcr-gitops systems 2>/dev/null";

/// The completion script of a shell. Names of systems are looked up when they are asked for.
pub fn completions(context: &mut Context, shell: Shell) -> anyhow::Result<u8> {
    // Into memory first: the generator panics where it can't write.
    let mut script = Vec::new();
    let mut cli = Cli::command();
    clap_complete::generate(shell, &mut cli, NAME, &mut script);
    let script = String::from_utf8(script)?;
    let commands = with_systems(&cli, &[]);
    context.print(&match shell {
        Shell::Bash => bash(&script),
        Shell::Zsh => zsh(&script),
        Shell::Fish => fish(&script, &commands),
        Shell::PowerShell => powershell(&script, &commands),
        _ => script,
    })?;
    Ok(exit::OK)
}

/// The manual page of the program, or of one command, in roff.
///
/// # Errors
/// There is no such command.
pub fn man(context: &mut Context, words: &[String]) -> anyhow::Result<u8> {
    let mut cli = Cli::command();
    cli.build();
    let mut command = &cli;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let names = command.get_subcommands().filter(|it| !it.is_hide_set());
            let names: Vec<&str> = names.map(Command::get_name).collect();
            Invalid::usage(format!("there is no command `{}`", crate::report::line(word)))
                .hint(format!("known here: {}", names.join(", ")))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    context.print(&String::from_utf8(page)?)?;
    Ok(exit::OK)
}

/// The words of each command that takes names of systems.
fn with_systems(command: &Command, words: &[&str]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    if command.get_positionals().any(|it| matches!(it.get_id().as_str(), "system" | "systems")) {
        found.push(words.iter().map(|word| (*word).to_owned()).collect());
    }
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        found.extend(with_systems(inner, &[words, &[inner.get_name()]].concat()));
    }
    found
}

/// The words to choose from are in double quotes, where a command can stand.
fn bash(script: &str) -> String {
    let names = format!("$({NAMES})");
    script.replace("[SYSTEM]...", &names).replace("[SYSTEM]", &names).replace("<SYSTEM>", &names)
}

fn zsh(script: &str) -> String {
    let function = format!(
        "(( $+functions[_dcr-gitops_systems] )) ||\n_dcr-gitops_systems() {{\n    local names\n    names=(${{(f)\"$({NAMES})\"}})\n    compadd -a names\n}}\n\n"
    );
    let lines = script.lines().map(|line| {
        let of_systems = [":system -- ", "::system -- ", "*::systems -- "];
        match of_systems.iter().any(|beginning| line.starts_with(&format!("'{beginning}"))) {
            true => line.replace(":_default'", ":_dcr-gitops_systems'") + "\n",
            false => format!("{line}\n"),
        }
    });
    let script: String = lines.collect();
    // Functions have to be there before the script calls itself.
    script.replacen("if [ \"$funcstack[1]\"", &format!("{function}if [ \"$funcstack[1]\""), 1)
}

fn fish(script: &str, commands: &[Vec<String>]) -> String {
    let lines = commands.iter().map(|words| {
        let seen: Vec<String> =
            words.iter().map(|word| format!("__fish_seen_subcommand_from {word}")).collect();
        format!("complete -c {NAME} -n \"{}\" -f -a \"({NAMES})\"\n", seen.join("; and "))
    });
    script.to_owned() + &lines.collect::<String>()
}

fn powershell(script: &str, commands: &[Vec<String>]) -> String {
    let names = "            dcr-gitops systems 2>$null | ForEach-Object { [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_) }\n";
    commands.iter().fold(script.to_owned(), |script, words| {
        let case = format!("'{NAME};{}' {{\n", words.join(";"));
        script.replacen(&case, &format!("{case}{names}"), 1)
    })
}
