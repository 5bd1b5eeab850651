//! Which proxy leads to a server, by the variables that other programs read, too: `HTTPS_PROXY`,
//! `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, each in either case.
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::context::Context;

/// The URL of the proxy, which may hold a password. `None`: the server is reached without one. What runs on
/// this machine always is.
pub fn proxy_to(context: &Context, url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let host = url.host()?.trim_matches(['[', ']']);
    let address: Option<std::net::IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return None;
    }
    let of_scheme = match url.scheme_str() {
        Some("https") => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| context.var(name));
    let named = first(of_scheme).or_else(|| first(["ALL_PROXY", "all_proxy"]))?;
    let without = first(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Matcher::builder().all(named).no(without).build().intercept(&url)?;
    Some(if named.contains("://") { named.to_owned() } else { format!("http://{named}") })
}
