//! What `attache run` prints once it serves: where each API is, and how to call it.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use attache_model::{Api, Authorization, AuthorizerKind, Gateway, Operation, Secret, Stage, Verb};

use super::sample_body;

/// How many operations of a stage are shown; the rest is counted.
const SHOWN: usize = 20;

/// A key that opens a stage, whose value stands in the user's own files.
#[derive(Clone, Debug)]
pub struct SampleKey {
    /// The id of the API.
    pub api: String,
    /// The name of the stage.
    pub stage: String,
    /// The key's value: shown in the `curl` lines of operations that need one, and nowhere else.
    pub value: Secret<String>,
}

/// Writes each stage's addresses, at its own host and under custom domain names, and one `curl` line
/// per operation. `tls_port` is where clients use TLS.
///
/// # Errors
///
/// When `output` cannot be written.
pub fn write(
    output: &mut dyn Write,
    gateway: &Gateway,
    keys: &[SampleKey],
    listen: SocketAddr,
    tls_port: u16,
) -> io::Result<()> {
    for api in &gateway.apis {
        // A canary release has no address of its own.
        for stage in api.stages.iter().filter(|stage| stage.canary.is_none()) {
            let own = (!api.disable_execute_api_endpoint).then(|| base(api, stage, listen));
            let bases: Vec<String> = own
                .into_iter()
                .chain(custom_bases(gateway, api, stage, listen, tls_port))
                .collect();
            for base in &bases {
                writeln!(output, "{} ({}): {base}", api.id, stage.name)?;
            }
            let Some(base) = bases.first() else {
                continue;
            };
            let key = keys
                .iter()
                .find(|key| key.api == api.id && key.stage == stage.name);
            for operation in api.operations.iter().take(SHOWN) {
                let caller = caller(gateway, api, operation);
                writeln!(output, "  {}", curl(base, api, operation, caller, key))?;
            }
            if let Some(more) = api
                .operations
                .len()
                .checked_sub(SHOWN)
                .filter(|more| *more > 0)
            {
                writeln!(output, "  … and {more} more operations")?;
            }
        }
    }
    output.flush()
}

/// The address of a stage, without a slash at its end.
fn base(api: &Api, stage: &Stage, listen: SocketAddr) -> String {
    let port = listen.port();
    let host = if api.any_host {
        match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        }
    } else {
        format!("{}.localhost", api.id)
    };
    if stage.name == "$default" {
        format!("http://{host}:{port}")
    } else {
        format!("http://{host}:{port}/{}", stage.name)
    }
}

/// The addresses of a stage under custom domain names, without a slash at their ends. Whether the
/// names lead here is a matter of the domain name system.
fn custom_bases(
    gateway: &Gateway,
    api: &Api,
    stage: &Stage,
    listen: SocketAddr,
    tls_port: u16,
) -> Vec<String> {
    let mut bases = Vec::new();
    for domain in &gateway.domains {
        let mappings = domain.mappings.iter();
        for mapping in mappings.filter(|it| it.api == api.id && it.stage == stage.name) {
            let (scheme, port, usual) = if domain.tls {
                ("https", tls_port, 443)
            } else {
                ("http", listen.port(), 80)
            };
            let port = if port == usual {
                String::new()
            } else {
                format!(":{port}")
            };
            let slash = if mapping.path.is_empty() { "" } else { "/" };
            let (name, path) = (&domain.name, &mapping.path);
            bases.push(format!("{scheme}://{name}{port}{slash}{path}"));
        }
    }
    bases
}

/// What a caller has to add so that the authorization knows who it is.
enum Caller {
    Anybody,
    /// A signature for this region.
    Signature(String),
    /// A header with a token, and the name of the variable of the shell that holds it.
    Header(String),
    /// A parameter of the query string.
    Query(String),
}

fn caller(gateway: &Gateway, api: &Api, operation: &Operation) -> Caller {
    let index = match &operation.authorization {
        Authorization::None => return Caller::Anybody,
        Authorization::AwsIam => return Caller::Signature(gateway.account.region.clone()),
        Authorization::Authorizer { index, .. } => *index,
    };
    let kind = api
        .authorizers
        .get(index)
        .map(|authorizer| &authorizer.kind);
    let source = match kind {
        Some(AuthorizerKind::Lambda(lambda)) => lambda.identity_sources.first(),
        Some(AuthorizerKind::Jwt(jwt)) => Some(&jwt.identity_source),
        Some(AuthorizerKind::Cognito(cognito)) => Some(&cognito.identity_source),
        None => None,
    };
    let Some(source) = source else {
        return Caller::Anybody;
    };
    for (place, caller) in [
        ("request.header.", Caller::Header as fn(String) -> Caller),
        ("request.querystring.", Caller::Query),
    ] {
        if let Some((_, name)) = source.split_once(place) {
            return caller(name.to_owned());
        }
    }
    Caller::Anybody
}

fn curl(
    base: &str,
    api: &Api,
    operation: &Operation,
    caller: Caller,
    key: Option<&SampleKey>,
) -> String {
    let body = sample_body::of(api, operation);
    let mut line = String::from("curl");
    match operation.method {
        Verb::Get if body.is_none() => {}
        Verb::Any if body.is_none() => {}
        Verb::Any => line.push_str(" -X POST"),
        Verb::Head => line.push_str(" -I"),
        other => {
            line.push_str(" -X ");
            line.push_str(other.as_str());
        }
    }
    line.push(' ');
    let mut address = format!("{base}{}", sample_path(&operation.path));
    let mut headers = String::new();
    let mut separator = '?';
    for expression in &operation.request_validation.required_parameters {
        let parameter = expression.trim_start_matches("method.request.");
        if let Some(name) = parameter.strip_prefix("querystring.") {
            if !matches!(&caller, Caller::Query(own) if own == name) {
                address.push_str(&format!("{separator}{name}=1"));
                separator = '&';
            }
        } else if let Some(name) = parameter.strip_prefix("header.")
            && !is_sent_anyway(name, operation, &caller, body.is_some())
        {
            headers.push_str(" -H ");
            headers.push_str(&quoted(&format!("{name}: 1")));
        }
    }
    match caller {
        Caller::Anybody => line.push_str(&quoted(&address)),
        Caller::Query(name) => {
            line.push_str(&quoted(&format!("{address}{separator}{name}=")));
            line.push_str("\"$TOKEN\"");
        }
        Caller::Header(name) => {
            line.push_str(&quoted(&address));
            line.push_str(" -H ");
            line.push_str(&quoted(&format!("{name}: ")));
            line.push_str("\"$TOKEN\"");
        }
        Caller::Signature(region) => {
            line.push_str(&quoted(&address));
            line.push_str(" --aws-sigv4 ");
            line.push_str(&quoted(&format!("aws:amz:{region}:execute-api")));
            line.push_str(" -u \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"");
        }
    }
    line.push_str(&headers);
    if operation.api_key_required {
        match key {
            Some(key) => {
                line.push_str(" -H ");
                line.push_str(&quoted(&format!("x-api-key: {}", key.value.reveal())));
            }
            None => line.push_str(" -H \"x-api-key: $API_KEY\""),
        }
    }
    if let Some(body) = body {
        line.push_str(" -H ");
        line.push_str(&quoted(&format!("content-type: {}", body.content_type)));
        line.push_str(" -d ");
        line.push_str(&quoted(&body.text));
    }
    line
}

/// Whether the line has a required header field for another reason, or curl sends it by itself.
fn is_sent_anyway(name: &str, operation: &Operation, caller: &Caller, has_body: bool) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match caller {
        Caller::Header(own) if is(own) => return true,
        Caller::Signature(_) if is("authorization") => return true,
        _ => {}
    }
    is("accept")
        || is("host")
        || is("user-agent")
        || (is("x-api-key") && operation.api_key_required)
        || (is("content-type") && has_body)
}

/// A path that the template matches: `{petId}` becomes `1`, `{name}` its own name, and
/// `{proxy+}` two segments.
fn sample_path(template: &str) -> String {
    if template == "$default" {
        return "/".to_owned();
    }
    let segments: Vec<String> = template
        .split('/')
        .map(|segment| {
            let Some(name) = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            else {
                return segment.to_owned();
            };
            match name.strip_suffix('+') {
                Some(name) => format!("{name}/1"),
                None if name.to_ascii_lowercase().ends_with("id") => "1".to_owned(),
                None => name.to_owned(),
            }
        })
        .collect();
    segments.join("/")
}

/// One word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
