//! What the program says of its own doing, on standard error: `-v`, `-vv` or `RUST_LOG`.
use tracing_subscriber::EnvFilter;

use crate::cli::Common;
use crate::context::Context;

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
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(ansi).try_init().ok();
}
