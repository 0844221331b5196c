//! The templates of gateway responses: text with references in it, and nothing else.

use crate::headers::media_type;

use super::reference::{Reference, Refusal};

/// The body of a gateway response for one content type.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) content_type: Box<str>,
    pieces: Box<[Piece]>,
}

/// A part of a template, or the whole of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This text.
    Text(Box<str>),
    /// What a reference stands for.
    Reference(Reference),
}

/// What a whole API has in common, put in place when it is compiled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants<'m> {
    pub(super) account_id: &'m str,
    pub(super) api_id: &'m str,
}

impl Constants<'_> {
    /// What a name stands for, `None` for one that is not known.
    pub(super) fn resolve(&self, name: &str) -> Option<Piece> {
        match name {
            "context.accountId" => Some(Piece::Text(self.account_id.into())),
            "context.apiId" => Some(Piece::Text(self.api_id.into())),
            name => Reference::from_name(name).map(Piece::Reference),
        }
    }
}

impl Template {
    /// Reads a template. Every text is one: a `$` that begins no reference is a `$`.
    ///
    /// References are `$context.NAME`, `$stageVariables.NAME` and
    /// `$method.request.{header,path,querystring}.NAME`; braces around the name and an exclamation
    /// mark before it, as in the Velocity Template Language, change nothing.
    pub(super) fn compile(content_type: &str, text: &str, constants: Constants<'_>) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            if let Some((piece, after)) = reference(after, constants) {
                match piece {
                    Piece::Text(text) => literal.push_str(&text),
                    piece @ Piece::Reference(_) => {
                        if !literal.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
                        }
                        pieces.push(piece);
                    }
                }
                rest = after;
            } else {
                literal.push('$');
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal.into()));
        }
        Self {
            content_type: content_type.into(),
            pieces: pieces.into(),
        }
    }

    /// The body for one refusal. A reference without a value leaves nothing.
    pub(super) fn render(&self, refusal: &Refusal<'_>) -> Vec<u8> {
        let mut body = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => body.extend_from_slice(text.as_bytes()),
                Piece::Reference(reference) => {
                    let value = reference.value(refusal).map(|value| value.into_bytes());
                    let value = value.unwrap_or_default();
                    // A client sends any bytes, and a body is text.
                    body.extend_from_slice(String::from_utf8_lossy(&value).as_bytes());
                }
            }
        }
        body
    }
}

/// The template for a client that accepts these content types: the first of them that there is one
/// for, or else that for JSON, or else the first template. Parameters count for nothing, the
/// quality neither.
pub(super) fn choose<'t>(templates: &'t [Template], accept: Option<&[u8]>) -> Option<&'t Template> {
    let of_type = |wanted: &[u8]| {
        templates
            .iter()
            .find(|template| media_type(template.content_type.as_bytes()) == wanted)
    };
    accept
        .unwrap_or_default()
        .split(|byte| *byte == b',')
        .map(media_type)
        .take_while(|accepted| accepted != b"*/*")
        .find_map(|accepted| of_type(&accepted))
        .or_else(|| of_type(b"application/json"))
        .or_else(|| templates.first())
}

/// Reads the reference that begins behind a `$`, and returns what follows it.
fn reference<'t>(text: &'t str, constants: Constants<'_>) -> Option<(Piece, &'t str)> {
    let text = text.strip_prefix('!').unwrap_or(text);
    let in_braces = text.strip_prefix('{');
    let text = in_braces.unwrap_or(text);
    let end = name_end(text);
    let (name, after) = text.split_at_checked(end)?;
    if in_braces.is_some() {
        let after = after.strip_prefix('}')?;
        return Some((constants.resolve(name).or_else(|| unknown(name))?, after));
    }
    // A full stop or a dash behind a name may be part of the text around it.
    let mut shorter = name;
    loop {
        if let Some(piece) = constants.resolve(shorter) {
            return Some((piece, text.get(shorter.len()..)?));
        }
        match shorter.rfind(['.', '-']) {
            Some(cut) => shorter = shorter.get(..cut)?,
            None => return Some((unknown(name)?, after)),
        }
    }
}

/// A variable of `$context` that AWS does not have prints nothing. Anything else is no reference.
fn unknown(name: &str) -> Option<Piece> {
    name.starts_with("context.")
        .then_some(Piece::Reference(Reference::Absent))
}

/// Where the longest name ends that a text begins with: words, with one full stop between them.
fn name_end(text: &str) -> usize {
    let mut end = 0;
    for word in text.split('.') {
        let length = word
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        if length == 0 {
            break;
        }
        end += length + 1;
        if length < word.len() {
            break;
        }
    }
    end.saturating_sub(1)
}

#[cfg(test)]
mod tests;
