//! How long a service is left alone after it didn't answer.
use jiff::{SignedDuration, Timestamp};

/// At first and at most; it doubles from time to time.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST: SignedDuration = SignedDuration::from_mins(16);

/// When to try again, and why not before.
#[derive(Debug, Clone)]
pub struct Patience<E> {
    waits: Option<(Timestamp, E)>,
    pause: SignedDuration,
}

impl<E> Default for Patience<E> {
    fn default() -> Self {
        Patience { waits: None, pause: PAUSE }
    }
}

impl<E: Clone> Patience<E> {
    /// What is still in the way, as far as anybody knows.
    pub fn waits_for(&self, now: Timestamp) -> Option<&E> {
        self.waits.as_ref().filter(|(until, _)| now < *until).map(|(_, trouble)| trouble)
    }

    pub fn succeeded(&mut self) {
        *self = Patience::default();
    }

    /// `told`: how long it wants to be left alone, if it said so.
    pub fn failed(&mut self, now: Timestamp, trouble: &E, told: Option<SignedDuration>) {
        let until = now.checked_add(told.unwrap_or(self.pause)).unwrap_or(Timestamp::MAX);
        self.waits = Some((until, trouble.clone()));
        self.pause = (self.pause * 2).min(LONGEST);
    }
}
