//! `watch`: waits on the gates of runs that are on and emits what falls due. Never starts a run.
mod lookout;
mod sights;
mod teller;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::exit;
use crate::cli::{Common, Watch};
use crate::context::Context;
use crate::report::error::Invalid;
use crate::wait::heartbeat::Heartbeat;
use crate::wait::{End, Occasion, Schedule, Seen, wait};
use lookout::{Lookout, Tidings};
use teller::Teller;

/// What is said of the whole deployment repo is said under this name; no system has it.
const REPO: &str = "";

pub fn run(context: &mut Context, common: &Common, asked: &Watch) -> anyhow::Result<u8> {
    if asked.emit.push && common.observed.is_some() {
        let hint = "what was observed before isn't what is there now";
        return Err(Invalid::usage("--observed can't go with --push").hint(hint).into());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let speaking = context.take();
    let mut teller = Teller::new(speaking, common, asked.poll.signed());
    let changed = Arc::new(Notify::new());
    let handle = runtime.handle().clone();
    let (quiet, of, told) = (context.take(), (common.clone(), asked.clone()), Arc::clone(&changed));
    let lookout = move || Lookout::new(quiet, of.0, of.1, handle, told);
    let end = runtime.block_on(watch(lookout, &mut teller, asked, &changed));
    runtime.shutdown_background();
    let code = teller.end();
    *context = teller.context;
    Ok(if end? == End::Stopped { exit::WAITING } else { code? })
}

async fn watch(
    lookout: impl FnOnce() -> Lookout + Send + 'static,
    teller: &mut Teller,
    asked: &Watch,
    changed: &Notify,
) -> anyhow::Result<End> {
    let schedule =
        Schedule { poll: asked.poll.signed(), slice: asked.slice.map(|slice| slice.signed()) };
    let clock = teller.context.clock.clone();
    let mut heartbeat = Heartbeat::default();
    let (occasions, mut looks) = on_its_own_thread(lookout);
    let end = wait(&clock, schedule, changed, stopped()?, async |occasion| {
        occasions.send(occasion)?;
        let Some(tidings) = looks.recv().await else { bail!("the look broke off") };
        let tidings = tidings?;
        if let (Occasion::Poll, Some(called)) = (occasion, &tidings.heartbeat) {
            heartbeat.beat(&teller.context, &called.url);
        }
        if let Some(why) = heartbeat.failed().await {
            teller.warn(&format!("the heartbeat failed: {why}"));
        }
        report(teller, tidings, asked)
    })
    .await?;
    if end != End::Stopped
        && let Some(why) = heartbeat.last().await
    {
        teller.warn(&format!("the heartbeat failed: {why}"));
    }
    if end == End::SliceOver {
        teller.slice_over();
    }
    Ok(end)
}

/// Looks whenever it is sent an occasion. A look reads files and talks to the remote, so it doesn't keep a
/// signal waiting; one that hangs in the end is left behind, which is as good as if it had never begun.
fn on_its_own_thread(
    lookout: impl FnOnce() -> Lookout + Send + 'static,
) -> (Sender<Occasion>, UnboundedReceiver<anyhow::Result<Tidings>>) {
    let (occasions, asked) = channel();
    let (told, looks) = unbounded_channel();
    std::thread::spawn(move || {
        let mut lookout = lookout();
        while let Ok(occasion) = asked.recv() {
            if told.send(lookout.look(occasion)).is_err() {
                return;
            }
        }
    });
    (occasions, looks)
}

fn report(teller: &mut Teller, tidings: Tidings, asked: &Watch) -> anyhow::Result<Seen> {
    match &tidings.trouble {
        Some(error) => teller.complain(REPO, error),
        None => teller.is_right(REPO),
    }
    teller.keep(&tidings.watched);
    for told in tidings.each {
        teller.tell(told)?;
    }
    teller.still_on(asked.poll.signed());
    Ok(tidings.seen)
}

/// Done when the process is asked to end.
pub(super) fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
