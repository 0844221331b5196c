use std::ops::Range;

use saphyr_parser::{Marker, Span};

/// From the parser's count of characters to bytes.
pub(super) struct Offsets<'t> {
    text: &'t str,
    /// What stands before the text in the file.
    base: usize,
    /// The byte of every [`STRIDE`]th character; empty when all characters are single bytes.
    strides: Vec<usize>,
}

const STRIDE: usize = 64;

impl<'t> Offsets<'t> {
    pub(super) fn new(text: &'t str, base: usize) -> Self {
        let strides = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices()
                .step_by(STRIDE)
                .map(|(byte, _)| byte)
                .collect()
        };
        Self {
            text,
            base,
            strides,
        }
    }

    pub(super) fn byte(&self, marker: Marker) -> usize {
        let index = marker.index();
        let byte = if self.strides.is_empty() {
            index.min(self.text.len())
        } else {
            self.strides
                .get(index / STRIDE)
                .and_then(|start| {
                    let (byte, _) = self
                        .text
                        .get(*start..)?
                        .char_indices()
                        .nth(index % STRIDE)?;
                    Some(start + byte)
                })
                .unwrap_or(self.text.len())
        };
        self.base + byte
    }

    pub(super) fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }
}
