//! Where proxies get the filters from: `--wasm`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use attache_model::TlsOptions;
use attache_policies::{Scheme, Upstream};
use ureq::http::Uri;

use crate::embedded_filters::Filter;
use crate::envoy_target::Code;

/// How it is written.
const FORMS: &str = "file, file:///PATH, oci://REGISTRY/REPOSITORY:TAG or https://HOST/PATH";

/// The part of a place that the filter's name stands in for.
const PLACEHOLDER: &str = "{filter}";

/// Where proxies get the filters from. All but `Beside` may hold `{filter}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterSource {
    /// From the folder of the other files, where they are written too.
    Beside,
    /// From a file that is already there, by its absolute path.
    File(String),
    /// From an OCI image, by its reference without `oci://`.
    Image(String),
    /// From a web server.
    Url(String),
}

impl FromStr for FilterSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "file" {
            return Ok(Self::Beside);
        }
        let unexpected = |character: char| !character.is_ascii_graphic();
        if text.contains(unexpected) {
            return Err("it has blanks, or letters that no such place has".to_owned());
        }
        if text.replace(PLACEHOLDER, "").contains(['{', '}']) {
            return Err("`{filter}` is the only name that may stand in braces".to_owned());
        }
        match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.to_owned())),
            Some(("file", _)) => {
                Err("the path of a file begins with a slash: file:///PATH".to_owned())
            }
            Some(("oci", reference)) => match reference.split_once('/') {
                Some((registry, repository)) if !registry.is_empty() && !repository.is_empty() => {
                    Ok(Self::Image(reference.to_owned()))
                }
                _ => Err(
                    "an image has a registry and a repository: oci://REGISTRY/REPOSITORY:TAG"
                        .to_owned(),
                ),
            },
            Some(("http" | "https", _)) => {
                let url = Self::Url(text.to_owned());
                match url.server(Filter::Gateway) {
                    Some(_) => Ok(url),
                    None => Err("it is not a URL".to_owned()),
                }
            }
            _ => Err(format!("say {FORMS}")),
        }
    }
}

impl FilterSource {
    /// Whether it names one place for whatever filter is asked for.
    #[must_use]
    pub fn is_for_one_filter(&self) -> bool {
        match self {
            Self::Beside => false,
            Self::File(place) | Self::Image(place) | Self::Url(place) => {
                !place.contains(PLACEHOLDER)
            }
        }
    }

    /// The place of one filter: a path, a reference or a URL; empty beside the other files.
    #[must_use]
    pub fn place(&self, filter: Filter) -> String {
        match self {
            Self::Beside => String::new(),
            Self::File(place) | Self::Image(place) | Self::Url(place) => {
                place.replace(PLACEHOLDER, filter.image_name())
            }
        }
    }

    /// The server of a URL, as a back end.
    fn server(&self, filter: Filter) -> Option<Upstream> {
        let Self::Url(_) = self else { return None };
        let uri: Uri = self.place(filter).parse().ok()?;
        let scheme = match uri.scheme_str()? {
            "http" => Scheme::Http,
            _ => Scheme::Https,
        };
        let host = uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
        let usual = match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        (!host.is_empty()).then_some(Upstream {
            scheme,
            host,
            port: uri.port_u16().unwrap_or(usual),
            tls: TlsOptions::default(),
            signing: None,
            client_certificate_id: None,
        })
    }

    /// What an Envoy that nobody fetches for opens, and the servers that it needs clusters for.
    ///
    /// `folder` is where the files beside the configuration are, as Envoy sees it.
    ///
    /// # Errors
    ///
    /// When Envoy cannot get it, or the SHA-256 is not to be had.
    pub(crate) fn for_envoy(
        &self,
        filter: Filter,
        folder: &str,
        sha256: impl FnOnce(Filter) -> Result<String, String>,
        servers: &mut BTreeSet<Upstream>,
    ) -> Result<Code, String> {
        match self {
            Self::Beside => Ok(Code::File(PathBuf::from(format!(
                "{folder}{}",
                filter.file_name()
            )))),
            Self::File(_) => Ok(Code::File(PathBuf::from(self.place(filter)))),
            Self::Url(_) => {
                let server = self
                    .server(filter)
                    .ok_or("the filter's place is not a URL")?;
                let cluster = server.cluster();
                servers.insert(server);
                Ok(Code::Remote {
                    uri: self.place(filter),
                    cluster,
                    sha256: sha256(filter)?,
                })
            }
            Self::Image(reference) => Err(format!(
                "Envoy does not pull images by itself, and so not `oci://{reference}`: take the \
                 filter as a file, `--wasm file`, or serve it at a URL"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::FilterSource;
    use crate::embedded_filters::Filter;
    use crate::envoy_target::Code;

    #[test]
    fn places_are_read_and_filled_in() {
        for (text, place) in [
            ("file", ""),
            ("file:///opt/{filter}.wasm", "/opt/api-key.wasm"),
            (
                "oci://registry.example.com:5000/attache/{filter}:1.0",
                "registry.example.com:5000/attache/api-key:1.0",
            ),
            ("https://example.com/f.wasm", "https://example.com/f.wasm"),
        ] {
            let source: FilterSource = text.parse().unwrap();
            assert_eq!(source.place(Filter::ApiKey), place);
            assert_eq!(
                source.is_for_one_filter(),
                text != "file" && !text.contains("{filter}")
            );
        }
        for text in [
            "",
            "gateway.wasm",
            "file://gateway.wasm",
            "oci://gateway",
            "oci:///gateway",
            "ftp://example.com/gateway.wasm",
            "https://",
            "https://exam ple.com/gateway.wasm",
            "https://example.com/{name}.wasm",
        ] {
            assert!(text.parse::<FilterSource>().is_err(), "{text}");
        }
    }

    #[test]
    fn envoy_opens_files_and_fetches_from_servers_that_it_has_clusters_for() {
        let code = |text: &str| {
            let mut servers = BTreeSet::new();
            let source: FilterSource = text.parse().unwrap();
            let code = source.for_envoy(
                Filter::Gateway,
                "/etc/attache/",
                |_| Ok("0123".to_owned()),
                &mut servers,
            );
            let clusters: Vec<String> = servers
                .iter()
                .map(attache_policies::Upstream::cluster)
                .collect();
            (code, clusters)
        };
        let file = |path: &str| Ok(Code::File(PathBuf::from(path)));
        assert_eq!(code("file"), (file("/etc/attache/gateway.wasm"), vec![]));
        assert_eq!(code("file:///opt/g.wasm"), (file("/opt/g.wasm"), vec![]));
        for (url, cluster) in [
            ("https://Example.com/g.wasm", "https_example.com_443"),
            ("http://127.0.0.1:8000/g.wasm", "http_127.0.0.1_8000"),
            ("http://[::1]/g.wasm", "http_::1_80"),
        ] {
            let remote = Code::Remote {
                uri: url.to_owned(),
                cluster: cluster.to_owned(),
                sha256: "0123".to_owned(),
            };
            assert_eq!(code(url), (Ok(remote), vec![cluster.to_owned()]));
        }
        let (refused, _) = code("oci://example.com/gateway:1");
        assert!(refused.unwrap_err().contains("does not pull images"));
    }
}
