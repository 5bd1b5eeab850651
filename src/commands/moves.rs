//! The commands that ask for one step of one run: the next phase, or a move beside the phases.
use super::advance::advance;
use crate::cli::{Abort, Common, NextPhase, Retry, Scale, Synchronizer};
use crate::context::Context;
use crate::run::Request;

pub fn next_phase(context: &mut Context, common: &Common, asked: NextPhase) -> anyhow::Result<u8> {
    let NextPhase { system, forced, ticket, emit } = asked;
    let request = Request::Next { forced, ticket, skip_gate: common.skip_gate.clone() };
    advance(context, common, &system, emit, &request)
}

pub fn scale(context: &mut Context, common: &Common, asked: &Scale) -> anyhow::Result<u8> {
    let request = Request::Scale { farmers: asked.farmers };
    advance(context, common, &asked.system, asked.emit, &request)
}

pub fn retry(context: &mut Context, common: &Common, asked: &Retry) -> anyhow::Result<u8> {
    advance(context, common, &asked.system, asked.emit, &Request::Retry)
}

pub fn abort(context: &mut Context, common: &Common, asked: Abort) -> anyhow::Result<u8> {
    let Abort { system, reason, emit } = asked;
    advance(context, common, &system, emit, &Request::Abort { reason })
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
    advance(context, common, &system, emit, &Request::Synchronizer { up, ticket })
}
