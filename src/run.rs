//! The core: what was seen and what was asked go in, what to do comes out. Pure, total and synchronous; it
//! knows no clock (the time is `Observation::at`), no file, no network and no process.
pub mod argocd;
pub mod branch;
pub mod cluster;
pub mod deployment;
pub mod express;
pub mod journal;
pub mod review;

mod attention;
mod decision;
mod gate;
mod observation;
mod phase;
mod position;
mod progress;
mod record;
mod request;
mod spans;
mod step;
mod system;
mod verdict;

pub use attention::{Attention, AttentionClass, attentions};
pub use decision::{Decision, Halt, Refused, after, course, decide, in_review};
pub use gate::{About, Concern, Holds, concerns, holds, notices, verdict};
pub use observation::{Observation, World};
pub use phase::{Gate, Kind, Phase};
pub use position::open_step;
pub use progress::{
    Estimate, Progress, Standstill, WentBack, deadline, estimate, progress, standstill, went_back,
};
pub use record::{BadField, LastRun, Outcome, Record};
pub use request::Request;
pub use spans::{PhaseSpan, SpanState, spans};
pub use step::{Place, Step, intent_between};
pub use system::{MAX_SYSTEM_NAME, SystemRef};
pub use verdict::{Unmet, Verdict, Why};
