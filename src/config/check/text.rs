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

/// Whether both paths send a node the same admin command, whatever else they say: they name the same
/// `cmd`, or the same page where the one that changes something has no `cmd`.
pub(super) fn same_command(asks: &str, changes: &str) -> bool {
    let page = |path: &str| decoded(path.split('?').next().unwrap_or_default());
    let command = |path: &str| {
        let (_, query) = path.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            decoded(name).eq_ignore_ascii_case("cmd").then(|| decoded(value).to_lowercase())
        })
    };
    page(asks) == page(changes)
        && match command(changes) {
            Some(changing) => command(asks) == Some(changing),
            None => decoded(asks) == decoded(changes),
        }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
