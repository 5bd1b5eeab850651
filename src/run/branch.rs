//! The name of the branch that holds one step of one run.
use super::SystemRef;

/// What all step branches begin with, without `refs/heads/`.
pub const PREFIX: &str = "dcr/";

/// `dcr/<cluster>/<namespace>/<system>/run-<n>/step-<m>`.
pub fn step_branch(system: &SystemRef, run: u32, step: u32) -> String {
    format!("{}run-{run}/step-{step}", system_prefix(system))
}

/// What the branches of one system begin with.
pub fn system_prefix(system: &SystemRef) -> String {
    format!(
        "{}{}/{}/",
        cluster_prefix(&system.cluster),
        component(&system.namespace),
        component(&system.system)
    )
}

/// What the branches of all systems of one cluster begin with.
pub fn cluster_prefix(cluster: &str) -> String {
    format!("{PREFIX}{}/", component(cluster))
}

/// What the refs of all journals begin with.
pub const JOURNALS: &str = "refs/dcr/journal/";

/// The ref of a system's journal, in full.
pub fn journal_ref(system: &SystemRef) -> String {
    format!("{}{}", journal_prefix(system), component(&system.system))
}

/// What the refs of the journals of a system's namespace begin with.
pub fn journal_prefix(system: &SystemRef) -> String {
    format!("{JOURNALS}{}/{}/", component(&system.cluster), component(&system.namespace))
}

/// Takes a branch name apart again: system, run and step.
pub fn parse(branch: &str) -> Option<(SystemRef, u32, u32)> {
    let mut parts = branch.strip_prefix(PREFIX)?.split('/');
    let system = SystemRef {
        cluster: decode(parts.next()?)?,
        namespace: decode(parts.next()?)?,
        system: decode(parts.next()?)?,
    };
    let run = number(parts.next()?, "run-")?;
    let step = number(parts.next()?, "step-")?;
    let known = parts.next().is_none() && step_branch(&system, run, step) == branch;
    known.then_some((system, run, step))
}

fn number(part: &str, prefix: &str) -> Option<u32> {
    part.strip_prefix(prefix)?.parse().ok().filter(|number| *number > 0)
}

/// One component of a ref name: what git-check-ref-format(1) forbids is percent-encoded, and `%` with
/// it, so that different names never meet.
fn component(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let last = at + 1 == name.len();
        let after_dot = at > 0 && name.as_bytes()[at - 1] == b'.';
        let forbidden = matches!(
            byte,
            0..=b' ' | 0x7f | b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'\\' | b'%' | b'/'
        ) || !byte.is_ascii()
            || (byte == b'.' && (at == 0 || last || after_dot))
            || (byte == b'.' && name[at..] == *".lock")
            || (byte == b'{' && at > 0 && name.as_bytes()[at - 1] == b'@')
            || (byte == b'@' && name.len() == 1);
        if forbidden {
            encoded.push_str(&format!("%{byte:02X}"));
        } else {
            encoded.push(char::from(byte));
        }
    }
    encoded
}

fn decode(component: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}
