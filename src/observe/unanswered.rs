//! Why an API server gave no answer, in words that hold no credentials.
use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

use kube::client::AuthError;
use thiserror::Error;

use super::express::excerpt::excerpt;

/// A request that wasn't answered with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Unanswered {
    pub cause: Cause,
    pub why: String,
}

/// What may be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Not allowed, though it may be elsewhere (403).
    Forbidden,
    /// There is no such object (404).
    NotFound,
    /// A list took so long that its pages no longer fit together (410).
    Expired,
    /// It may succeed when asked again, after this time where the server named one.
    Passing(Option<Duration>),
    /// Asking again won't help.
    Other,
}

impl Unanswered {
    /// `asked` is a verb and what it was for, e.g. `list pods in namespace tenant-1`; in its alternate form
    /// with what it takes to be allowed to.
    pub fn new(error: kube::Error, asked: &(impl Display + ?Sized)) -> Self {
        match error {
            kube::Error::Api(status) => {
                let (cause, why) = match status.code {
                    401 => (Cause::Other, "it doesn't accept the credentials (401)".to_owned()),
                    403 => (Cause::Forbidden, not_allowed(asked)),
                    404 => (Cause::NotFound, told(asked, &status)),
                    410 => (Cause::Expired, told(asked, &status)),
                    429 | 500 | 502 | 503 | 504 => {
                        (Cause::Passing(retry_after(&status)), told(asked, &status))
                    }
                    _ => (Cause::Other, told(asked, &status)),
                };
                Unanswered { cause, why }
            }
            kube::Error::Auth(error) => Unanswered::other(credentials(&error)),
            kube::Error::HyperError(error) => Unanswered::disturbed(&error),
            kube::Error::ReadEvents(error) => Unanswered::disturbed(&error),
            kube::Error::Service(error) => match find::<AuthError>(error.as_ref()) {
                Some(error) => Unanswered::other(credentials(error)),
                None => Unanswered::disturbed(error.as_ref()),
            },
            kube::Error::SerdeError(error) => {
                let why = excerpt(error.to_string().as_bytes());
                Unanswered::other(format!("the answer to `{asked}` can't be read: {why}"))
            }
            other => Unanswered::other(causes(&other)),
        }
    }

    /// There was no answer in time.
    pub fn late(limit: Duration, asked: &(impl Display + ?Sized)) -> Self {
        Unanswered::other(format!("no answer to `{asked}` within {} s", limit.as_secs()))
    }

    pub fn other(why: String) -> Self {
        Unanswered { cause: Cause::Other, why }
    }

    fn disturbed(error: &(dyn StdError + 'static)) -> Self {
        let refused = find::<std::io::Error>(error)
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        let cause = if refused { Cause::Other } else { Cause::Passing(None) };
        Unanswered { cause, why: causes(error) }
    }
}

/// That it was refused for want of a right.
pub fn not_allowed(asked: &(impl Display + ?Sized)) -> String {
    format!("not allowed to {asked:#} (403)")
}

fn told(asked: &(impl Display + ?Sized), status: &kube::core::Status) -> String {
    let message = if status.message.is_empty() { &status.reason } else { &status.message };
    format!("`{asked}` was answered with {}: {}", status.code, excerpt(message.as_bytes()))
}

fn retry_after(status: &kube::core::Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

/// What a credential plugin prints may be the credential, so none of it is shown.
fn credentials(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(error) => {
            format!("the kubeconfig's credential plugin can't be started: {error}")
        }
        AuthError::AuthExecRun { out, .. } => {
            format!("the kubeconfig's credential plugin failed ({})", out.status)
        }
        AuthError::ReadTokenFile(error, file) => {
            format!("the token file {} can't be read: {error}", file.display())
        }
        _ => "the kubeconfig's credentials can't be used".to_owned(),
    }
}

/// The first error of this type among `error` and its causes.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut error = Some(error);
    while let Some(inner) = error {
        if let Some(found) = inner.downcast_ref::<E>() {
            return Some(found);
        }
        error = inner.source();
    }
    None
}

/// An error with its causes; what repeats its cause is said once.
fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    excerpt(text.as_bytes())
}
