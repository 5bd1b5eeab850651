//! `watch`: waits on the gates of runs that are on and emits what falls due. Never starts a run.
mod lookout;
pub(super) mod sights;
mod teller;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::exit;
use crate::cli::{Common, Watch};
use crate::context::Context;
use crate::report::error::Invalid;
use crate::wait::heartbeat::Heartbeat;
use crate::wait::{End, Occasion, Schedule, wait};
use lookout::Lookout;
use teller::Teller;

pub fn run(context: &mut Context, common: &Common, asked: &Watch) -> anyhow::Result<u8> {
    if asked.emit.pushes() && common.observed.is_some() {
        let hint = "what was observed before isn't what is there now";
        return Err(Invalid::usage("--observed can't go with --push or --pr").hint(hint).into());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let teller = Teller::new(context.take(), common, asked.emit, asked.poll.signed());
    let teller = Arc::new(Mutex::new(teller?));
    let changed = Arc::new(Notify::new());
    let handle = runtime.handle().clone();
    let (silent, of, told) = (context.take(), (common.clone(), asked.clone()), changed.clone());
    let lookout = move || Lookout::new(silent, of.0, of.1, handle, told);
    let end = runtime.block_on(watch(context, lookout, &teller, asked, &changed));
    runtime.shutdown_background();
    // Whoever is still at it, when it was stopped in the middle, has what there would be to say.
    let Ok(mut teller) = teller.try_lock() else { return end.map(|_| exit::WAITING) };
    let code = teller.end();
    *context = teller.context.take();
    Ok(if end? == End::Stopped { exit::WAITING } else { code? })
}

/// What is looked at is told by the `teller`; `context` is for nothing but asking.
async fn watch(
    context: &Context,
    lookout: impl FnOnce() -> Lookout + Send + 'static,
    teller: &Arc<Mutex<Teller>>,
    asked: &Watch,
    changed: &Notify,
) -> anyhow::Result<End> {
    let schedule =
        Schedule { poll: asked.poll.signed(), slice: asked.slice.map(|slice| slice.signed()) };
    let mut heartbeat = Heartbeat::default();
    let (occasions, mut looks) = on_its_own_thread(lookout, Lookout::look);
    let end = wait(&context.clock, schedule, changed, stopped()?, async |occasion| {
        occasions.send(occasion)?;
        let Some(tidings) = looks.recv().await else { bail!("the look broke off") };
        let tidings = tidings?;
        let called = tidings.settings.as_ref().and_then(|settings| settings.heartbeat.as_ref());
        if let (Occasion::Poll, Some(called)) = (occasion, called) {
            heartbeat.beat(context, &called.url);
        }
        let (seen, missed) = (tidings.seen, heartbeat.failed().await);
        // It may have to tell others, who may be slow.
        let telling = Arc::clone(teller);
        tokio::task::spawn_blocking(move || {
            let Ok(mut teller) = telling.lock() else { bail!("the report broke off") };
            missed.iter().for_each(|why| teller.warn(&heartbeat_failed(why)));
            teller.report(occasion, tidings)
        })
        .await??;
        Ok(seen)
    })
    .await?;
    if end == End::Stopped {
        return Ok(end);
    }
    let missed = heartbeat.last().await;
    if let Ok(mut teller) = teller.try_lock() {
        missed.iter().for_each(|why| teller.warn(&heartbeat_failed(why)));
        if end == End::SliceOver {
            teller.slice_over();
        }
    }
    Ok(end)
}

fn heartbeat_failed(why: &str) -> String {
    format!("the heartbeat failed: {why}")
}

/// Looks whenever it is sent an occasion. A look reads files and talks to the remote, so it doesn't keep a
/// signal waiting; one that hangs in the end is left behind, which is as good as if it had never begun.
pub(super) fn on_its_own_thread<L: 'static, S: Send + 'static>(
    lookout: impl FnOnce() -> L + Send + 'static,
    look: fn(&mut L, Occasion) -> anyhow::Result<S>,
) -> (Sender<Occasion>, UnboundedReceiver<anyhow::Result<S>>) {
    let (occasions, asked) = channel();
    let (told, looks) = unbounded_channel();
    std::thread::spawn(move || {
        let mut lookout = lookout();
        while let Ok(occasion) = asked.recv() {
            if told.send(look(&mut lookout, occasion)).is_err() {
                return;
            }
        }
    });
    (occasions, looks)
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
