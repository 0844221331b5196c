//! Whether what is sent somewhere can be read by others.

use std::net::IpAddr;

use ureq::http::Uri;

/// Whether others can read on the way what is sent there: it goes without TLS to another machine.
pub(crate) fn is_readable_on_the_way(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("http") && !is_here
}

#[cfg(test)]
mod tests {
    use super::is_readable_on_the_way;

    #[test]
    fn what_stays_on_this_machine_is_not_read_on_the_way() {
        for (url, is_readable) in [
            ("http://127.0.0.1:7379", false),
            ("http://[::1]:7379", false),
            ("http://localhost", false),
            ("http://redis.localhost", false),
            ("https://example.com", false),
            ("http://example.com", true),
            ("http://10.0.0.7:7379", true),
            ("http://webdis:7379", true),
        ] {
            let uri = url.parse().unwrap();
            assert_eq!(is_readable_on_the_way(&uri), is_readable, "{url}");
        }
    }
}
