//! `systems`: the names of the systems on the base, one a line. No cluster is asked.
use super::exit;
use super::session::Session;
use crate::cli::{Common, Systems};
use crate::context::Context;
use crate::observe::deployment::HasRun;

pub fn run(context: &mut Context, common: &Common, asked: &Systems) -> anyhow::Result<u8> {
    let session = Session::open(context, common)?;
    let systems = session.systems_with(|run| match run {
        HasRun::On => true,
        HasRun::Over => !asked.on,
        HasRun::Never => !asked.on && !asked.begun,
    })?;
    // A folder that lost its inputs has no name; every command that looks at it complains.
    let names = systems.into_iter().flatten().map(|system| format!("{system}\n"));
    context.print(&names.collect::<String>())?;
    Ok(exit::OK)
}
