//! The templates of Envoy's files, and how values come into them.

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State};

const TEMPLATES: [(&str, &str); 13] = [
    ("bootstrap.yaml", include_str!("templates/bootstrap.yaml")),
    ("clusters.yaml", include_str!("templates/clusters.yaml")),
    ("discovery.yaml", include_str!("templates/discovery.yaml")),
    ("envoy.yaml", include_str!("templates/envoy.yaml")),
    ("extension.yaml", include_str!("templates/extension.yaml")),
    ("listener.yaml", include_str!("templates/listener.yaml")),
    ("plugin.yaml", include_str!("templates/plugin.yaml")),
    ("process.yaml", include_str!("templates/process.yaml")),
    ("secret.yaml", include_str!("templates/secret.yaml")),
    ("routes.yaml", include_str!("templates/routes.yaml")),
    (
        "compose.yaml",
        include_str!("../compose_target/templates/compose.yaml"),
    ),
    (
        "envoy-gateway.yaml",
        include_str!("../envoy_gateway_target/templates/envoy-gateway.yaml"),
    ),
    (
        "istio.yaml",
        include_str!("../istio_target/templates/istio.yaml"),
    ),
];

/// Renders one template. Every value that is not made by this module is quoted.
pub(crate) fn render(name: &str, values: &Value) -> Result<String, Error> {
    environment()?.get_template(name)?.render(values)
}

/// Renders some blocks of one template, in the order in which they are named.
pub(super) fn blocks<const COUNT: usize>(
    name: &str,
    values: &Value,
    blocks: [&str; COUNT],
) -> Result<[String; COUNT], Error> {
    let environment = environment()?;
    let mut captured = environment.get_template(name)?.render_captured(values)?;
    let mut rendered = [const { String::new() }; COUNT];
    for (block, text) in blocks.into_iter().zip(&mut rendered) {
        *text = captured.with_state_mut(|state| state.render_block(block))?;
    }
    Ok(rendered)
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("yaml".into()));
    environment.set_formatter(format);
    for (template, source) in TEMPLATES {
        environment.add_template(template, source)?;
    }
    Ok(environment)
}

/// Lines without the columns that all of them are indented by, and without empty ones around them.
pub(crate) fn dedented(text: &str) -> String {
    let text = text.trim_matches('\n').trim_end();
    let margin = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.get(margin..).unwrap_or_default())
        .collect();
    lines.join("\n")
}

/// Text as one quoted scalar.
pub(crate) fn quoted(text: &str) -> Value {
    let json = serde_json::Value::from(text).to_string();
    Value::from_safe_string(printable(&json))
}

/// JSON text as a literal block, `indent` columns in: for people to read.
pub(crate) fn block(json: &str, indent: usize) -> Value {
    let body = indented(&printable(json), indent + 2);
    Value::from_safe_string(format!("|-\n{}{body}", " ".repeat(indent + 2)))
}

/// JSON text as it is, its further lines `indent` columns in: YAML reads JSON.
pub(crate) fn printed(json: &str, indent: usize) -> Value {
    Value::from_safe_string(indented(&printable(json), indent))
}

/// A rendered piece that goes on at its place, its further lines `indent` columns in.
pub(crate) fn nested(piece: &str, indent: usize) -> Value {
    Value::from_safe_string(indented(piece.trim(), indent))
}

/// A rendered list, on lines of its own; `[]` when there is nothing in it.
pub(crate) fn list(items: &str, indent: usize) -> Value {
    let items = items.trim();
    if items.is_empty() {
        return Value::from_safe_string(" []".to_owned());
    }
    Value::from_safe_string(format!(
        "\n{}{}",
        " ".repeat(indent),
        indented(items, indent)
    ))
}

fn indented(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut lines = text.lines();
    let mut result = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        result.push('\n');
        if !line.is_empty() {
            result.push_str(&margin);
            result.push_str(line);
        }
    }
    result
}

fn format(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let failed = |error| {
        Error::new(
            minijinja::ErrorKind::WriteFailure,
            "a value was not written",
        )
        .with_source(error)
    };
    if let (true, Some(piece)) = (value.is_safe(), value.as_str()) {
        return output.write_str(piece).map_err(failed);
    }
    let json = serde_json::to_string(value).map_err(|error| {
        Error::new(
            minijinja::ErrorKind::BadSerialization,
            "a value is not JSON",
        )
        .with_source(error)
    })?;
    output.write_str(&printable(&json)).map_err(failed)
}

/// JSON that YAML reads alike: what YAML takes for a line break, or does not allow unescaped,
/// becomes an escape. Such characters can only stand in strings, and all are in Unicode's first
/// plane, so that both languages read the escape as the same character.
fn printable(json: &str) -> String {
    let mut result = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                result.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => result.push(other),
        }
    }
    result
}
