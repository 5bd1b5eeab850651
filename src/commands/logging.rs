//! What the program says of its own doing, on standard error: `-v`, `-vv` or `RUST_LOG`.
use std::io::{Stderr, Write};

use tracing_subscriber::EnvFilter;

use crate::cli::Common;
use crate::context::Context;
use crate::report::for_runner;

/// Libraries that log what goes over the wire, request headers and with them tokens included: silent,
/// whatever is asked for.
const TOO_TALKATIVE: [&str; 5] = ["hyper", "hyper_util", "h2", "tungstenite", "tokio_tungstenite"];

/// Sets logging up for the whole process; where that was done before, it stays as it is.
pub fn start(context: &Context, common: &Common) {
    let asked = match (context.var("RUST_LOG"), common.verbose) {
        (Some(filter), _) => filter,
        (None, 0) => "warn",
        (None, 1) => "warn,dcr_gitops=debug",
        (None, _) => "debug,dcr_gitops=trace",
    };
    // It logs whole answers that it can't read.
    let quiet = std::iter::once("kube_client=error".to_owned());
    let silent = TOO_TALKATIVE.iter().map(|name| format!("{name}=off")).chain(quiet);
    let silent = silent.filter_map(|directive| directive.parse().ok());
    let filter = silent.fold(EnvFilter::new(asked), EnvFilter::add_directive);
    let ansi = context.terminal.err && context.var("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi);
    if context.is_in_actions() {
        log.with_writer(|| ForRunner(std::io::stderr())).try_init().ok();
    } else {
        log.with_writer(std::io::stderr).try_init().ok();
    }
}

/// The log of a GitHub Actions job: no word of a cluster's or a library's is a command to its runner. An
/// event comes in one piece.
struct ForRunner(Stderr);

impl Write for ForRunner {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(for_runner(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
