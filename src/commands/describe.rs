//! `completions` and `man`: the command line described for shells and for man.
use clap::CommandFactory;
use clap_complete::Shell;

use super::exit;
use crate::cli::Cli;
use crate::context::Context;

/// The completion script of a shell.
pub fn completions(context: &mut Context, shell: Shell) -> anyhow::Result<u8> {
    // Into memory first: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dcr-gitops", &mut script);
    context.print(&String::from_utf8(script)?)?;
    Ok(exit::OK)
}

/// The manual page, in roff.
pub fn man(context: &mut Context) -> anyhow::Result<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    context.print(&String::from_utf8(page)?)?;
    Ok(exit::OK)
}
