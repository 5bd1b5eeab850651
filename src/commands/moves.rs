//! The commands that ask for one step of one run: the next phase, or a move beside the phases.
use super::advance::advance;
use crate::cli::{Abort, Common, Emit, NextPhase, Retry, Scale, Synchronizer};
use crate::context::Context;
use crate::report::error::Invalid;
use crate::run::Request;

pub fn next_phase(context: &mut Context, common: &Common, asked: NextPhase) -> anyhow::Result<u8> {
    let NextPhase { system, forced, ticket, emit } = asked;
    let request = Request::Next { forced, ticket, skip_gate: common.skip_gate.clone() };
    advance(context, common, &system, emit, &request)
}

pub fn scale(context: &mut Context, common: &Common, asked: &Scale) -> anyhow::Result<u8> {
    let request = Request::Scale { farmers: asked.farmers };
    side_move(context, common, &asked.system, asked.emit, &request)
}

pub fn retry(context: &mut Context, common: &Common, asked: &Retry) -> anyhow::Result<u8> {
    side_move(context, common, &asked.system, asked.emit, &Request::Retry)
}

pub fn abort(context: &mut Context, common: &Common, asked: Abort) -> anyhow::Result<u8> {
    let Abort { system, reason, emit } = asked;
    side_move(context, common, &system, emit, &Request::Abort { reason })
}

pub fn synchronizer(
    context: &mut Context,
    common: &Common,
    asked: Synchronizer,
) -> anyhow::Result<u8> {
    let (system, emit, up, ticket) = match asked {
        Synchronizer::Up(up) => (up.system, up.emit, true, up.ticket),
        Synchronizer::Down(down) => (down.system, down.emit, false, None),
    };
    side_move(context, common, &system, emit, &Request::Synchronizer { up, ticket })
}

/// What has no gate of its own: a reason to skip one would silently be lost.
fn side_move(
    context: &mut Context,
    common: &Common,
    system: &str,
    emit: Emit,
    request: &Request,
) -> anyhow::Result<u8> {
    if common.skip_gate.is_some() {
        let hint = "a side move has no gate that could be skipped";
        return Err(Invalid::usage("--skip-gate goes with next-phase and plan only")
            .hint(hint)
            .into());
    }
    advance(context, common, system, emit, request)
}
