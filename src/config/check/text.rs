//! What single texts may hold: images, URLs, paths with placeholders.
/// Why `image` can't be one, if so; reads on from its name.
pub(super) fn bad_image(image: &str) -> Option<&'static str> {
    if image.is_empty() {
        Some("is empty: name a container image")
    } else if image.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Some("holds white space, which no container image does")
    } else {
        None
    }
}

/// Why `url` can't be called over HTTP, if so. Says nothing of the URL: it may hold a key.
pub(super) fn bad_url(url: &str) -> Option<&'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Some("must begin with `https://` or `http://`") };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Some("holds white space, which no URL does")
    } else if host.contains('@') {
        Some("must hold no user name and password")
    } else if host.is_empty() || host.starts_with(':') {
        Some("names no host")
    } else {
        None
    }
}

/// Why `text` can't have its placeholders filled in, if so.
pub(super) fn bad_placeholders(text: &str, known: &[&str]) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let inside = rest[at..].strip_prefix('{').and_then(|after| after.split_once('}'));
        let Some((name, after)) = inside else {
            return Some("holds a brace without its other half".to_owned());
        };
        if !known.contains(&name) {
            let all: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
            return Some(format!(
                "holds the unknown placeholder `{{{name}}}`: known are {}",
                all.join(", ")
            ));
        }
        rest = after;
    }
    None
}

/// Why `path` can't be asked for, if so.
pub(super) fn bad_path(path: &str, known: &[&str]) -> Option<String> {
    if !path.starts_with('/') {
        return Some("must begin with `/`".to_owned());
    }
    if path.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Some("holds what a URL can't: write it percent-encoded".to_owned());
    }
    if path.contains('#') {
        return Some("holds a `#`, after which nothing is sent".to_owned());
    }
    for (at, _) in path.match_indices('%') {
        let digits = path.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Some("holds a `%` without two hexadecimal digits".to_owned());
        }
    }
    bad_placeholders(path, known)
}

/// Whether `asks` may make a node do what `changes` makes it do: the same page, and no parameter that
/// says something else, as `cmd` does. What is filled in later says nothing.
pub(super) fn same_command(asks: &str, changes: &str) -> bool {
    let page = |path: &str| decoded(path.split('?').next().unwrap_or_default()).to_lowercase();
    let asked = parameters(asks);
    let agrees = |name: &str, value: &str| {
        let mut said =
            asked.iter().filter(|(asked, _)| asked == name).map(|(_, said)| said).peekable();
        let open = |value: &str| value.contains('{');
        open(value) || said.peek().is_none() || said.any(|said| open(said) || said == value)
    };
    page(asks) == page(changes)
        && parameters(changes).iter().all(|(name, value)| agrees(name, value))
}

/// Names and values of a query, in lower case.
fn parameters(path: &str) -> Vec<(String, String)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let lower = |text: &str| decoded(text).to_lowercase();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (lower(name), lower(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
