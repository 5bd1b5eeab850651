//! `admin trigger|propagate`: what the Jobs in the cluster run. What it has to say goes to standard
//! output and, in a pod, into the container's termination message.
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::admin::{self, Kind, Time};
use crate::admin_job::VARIABLE;
use crate::cli::Admin;
use crate::context::{Clock, Context};
use crate::observe::express::http::{Http, Limits};

/// Where Kubernetes reads a container's termination message, unless the pod says otherwise.
const TERMINATION_LOG: &str = "/dev/termination-log";

struct RealTime(Clock);

impl Time for RealTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

pub fn run(context: &mut Context, job: Admin) -> anyhow::Result<u8> {
    let kind = match job {
        Admin::Trigger => Kind::Trigger,
        Admin::Propagate => Kind::Propagate,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let http = Http::new(Limits::default()).context("setting up HTTP")?;
    let time = RealTime(context.clock.clone());
    let told = context.var(VARIABLE);
    let outcome = runtime.block_on(admin::run(kind, told, &http, &time));
    // Outside a pod there is no such file, and none is made.
    if Path::new(TERMINATION_LOG).exists() {
        std::fs::write(TERMINATION_LOG, &outcome.message)
            .with_context(|| format!("writing {TERMINATION_LOG}"))?;
    }
    context.print(&format!("{}\n", outcome.message))?;
    Ok(outcome.exit)
}
