//! Where each look's result goes besides the two output streams.
use crate::context::Context;
use crate::render::Change;
use crate::report::facts::Account;
use crate::run::Step;

/// Hands one look at one system, and the commits that were or would be made, to whoever reports it
/// elsewhere.
pub fn tell(context: &Context, account: &Account<'_>, changes: &[(&Step, &Change)]) {
    if let Some(actions) = &context.actions {
        actions.tell(account, changes);
    }
}
