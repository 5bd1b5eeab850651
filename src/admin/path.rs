//! The URLs the Job asks and sends to: configured paths with their placeholders replaced.
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin_job::AdminJob;

/// All but the unreserved characters of RFC 3986, so that a value can't add a parameter of its own.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL of a question to a node.
pub fn question(job: &AdminJob, node: &str, path: &str) -> Result<String, String> {
    let port = job.port.to_string();
    let values = [
        ("system", job.system.as_str()),
        ("cluster", job.cluster.as_str()),
        ("namespace", job.namespace.as_str()),
        ("node", node),
        ("port", port.as_str()),
    ];
    url(node, job.port, path, &values)
}

/// The URL of the command to `node`.
pub fn command(job: &AdminJob, node: &str, path: &str) -> Result<String, String> {
    let (run, attempt) = (job.run.to_string(), job.attempt.to_string());
    let values = [
        ("system", job.system.as_str()),
        ("run", run.as_str()),
        ("attempt", attempt.as_str()),
        ("forced", if job.forced { "true" } else { "false" }),
    ];
    url(node, job.port, path, &values)
}

fn url(node: &str, port: u16, path: &str, values: &[(&str, &str)]) -> Result<String, String> {
    // Anything else before the path would become part of the host.
    if !path.starts_with('/') {
        return Err("a configured path doesn't begin with `/`".to_owned());
    }
    let mut filled = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after
            .split_once('}')
            .ok_or_else(|| "a configured path has a `{` without its `}`".to_owned())?;
        let (_, value) = values.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            format!("the Job doesn't know what `{{{name}}}` in a path stands for")
        })?;
        filled.push_str(before);
        filled.extend(utf8_percent_encode(value, ENCODED));
        rest = behind;
    }
    Ok(format!("http://{node}:{port}{filled}{rest}"))
}
