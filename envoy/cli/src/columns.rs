//! Rows for people: what stands in a column begins in the same place.

use std::ops::Range;

/// The rows as lines. The columns in `numbers` end in the same place instead.
pub(crate) fn aligned<const COUNT: usize>(
    rows: &[[String; COUNT]],
    numbers: Range<usize>,
) -> String {
    let mut widths = [0_usize; COUNT];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(place, (cell, width))| {
            if numbers.contains(&place) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:width$}")
            }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
