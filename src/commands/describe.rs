//! `completions` and `man`: the command line described for shells and for man.
use anyhow::Context as _;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::env::Shells;

use super::{complete, exit};
use crate::cli::Cli;
use crate::context::Context;
use crate::report::error::Invalid;

const NAME: &str = "dcr-gitops";

/// What makes a shell ask this program what a command line can be completed with.
///
/// # Errors
/// It can't be printed.
pub fn completions(context: &mut Context, shell: Shell) -> anyhow::Result<u8> {
    let shells = Shells::builtins();
    let shell = shells.completer(&shell.to_string()).context("no such shell")?;
    let mut script = Vec::new();
    shell.write_registration(complete::VARIABLE, NAME, NAME, NAME, &mut script)?;
    context.print(&String::from_utf8(script)?)?;
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
