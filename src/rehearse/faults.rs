//! Faults that wait for the requests they befall.

/// A fault that waits.
#[derive(Debug, Clone)]
struct Waiting<F> {
    verb: String,
    resource: String,
    left: u32,
    fault: F,
}

/// All faults that wait, in the order they were asked for.
#[derive(Debug, Clone)]
pub struct Faults<F>(Vec<Waiting<F>>);

impl<F> Default for Faults<F> {
    fn default() -> Self {
        Faults(Vec::new())
    }
}

impl<F: Clone> Faults<F> {
    /// The next `count` requests with this verb and resource (`*`: any) fail.
    pub fn add(&mut self, verb: &str, resource: &str, count: u32, fault: F) {
        let (verb, resource) = (verb.to_owned(), resource.to_owned());
        self.0.push(Waiting { verb, resource, left: count, fault });
    }

    /// The fault that befalls this request, if any.
    pub fn take(&mut self, verb: &str, resource: &str) -> Option<F> {
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.0.retain(|waiting| waiting.left > 0);
        let waiting = self
            .0
            .iter_mut()
            .find(|waiting| fits(&waiting.verb, verb) && fits(&waiting.resource, resource))?;
        waiting.left -= 1;
        Some(waiting.fault.clone())
    }

    /// Forgets all that still wait.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
