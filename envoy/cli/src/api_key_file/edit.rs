//! Changes to an API key file that leave every other byte of it alone.

use csv::{ByteRecord, Terminator, WriterBuilder};

use super::record::{self, Column, Columns, Record};
use crate::api_key_value::ApiKeyValue;

/// What is to happen to one key.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    /// `Enabled` becomes false.
    Disable,
    /// The record goes.
    Delete,
    /// `Key` becomes this value.
    Replace(&'a ApiKeyValue),
}

/// The file after a change to the key of this name; `None` when the file does not read as an API
/// key file or does not hold the key.
///
/// A changed record is written as CSV anew, with the quotes that it needs. Where the file has no
/// column `Enabled`, disabling a key appends one to every record.
pub(crate) fn apply(bytes: &[u8], name: &str, change: &Change<'_>) -> Option<Vec<u8>> {
    let records = record::read(bytes).ok()?;
    let (header, records) = records.split_first()?;
    let columns = Columns::read(header).ok()?;
    let named = |record: &&Record<'_>| columns.cell(record, Column::Name) == name;
    // A repeated key keeps its last record, and that is the one that counts.
    let key = records.iter().rfind(named)?;
    match change {
        Change::Disable => match columns.place(Column::Enabled) {
            Some(place) => with_cell(bytes, key, place, b"false"),
            None => {
                let mut edited = Vec::with_capacity(bytes.len() + records.len() * 6 + 16);
                let mut copied = 0;
                let header = (header, &b"Enabled"[..]);
                let cells = records.iter().map(|record| {
                    let disabled = record.span == key.span;
                    (record, if disabled { &b"false"[..] } else { b"true" })
                });
                for (record, cell) in std::iter::once(header).chain(cells) {
                    edited.extend_from_slice(bytes.get(copied..record.span.end)?);
                    // A record may lack optional cells at its end; the new one comes after them.
                    let missing = columns.count.saturating_sub(record.cells().len());
                    edited.extend(std::iter::repeat_n(b',', missing + 1));
                    edited.extend_from_slice(cell);
                    copied = record.span.end;
                }
                edited.extend_from_slice(bytes.get(copied..)?);
                Some(edited)
            }
        },
        Change::Delete => {
            let mut edited = bytes.to_vec();
            let mut values = records
                .iter()
                .filter(|record| {
                    columns.cell(record, Column::Key) == columns.cell(key, Column::Key)
                })
                .collect::<Vec<_>>();
            // An earlier record of the same value would come back to life, so it goes as well.
            values.reverse();
            for record in values {
                let after = bytes.get(record.span.end..)?;
                let line_end = match after {
                    [b'\r', b'\n', ..] => 2,
                    [b'\n' | b'\r', ..] => 1,
                    _ => 0,
                };
                edited.drain(record.span.start..record.span.end + line_end);
            }
            Some(edited)
        }
        Change::Replace(value) => with_cell(
            bytes,
            key,
            columns.place(Column::Key)?,
            value.reveal().as_bytes(),
        ),
    }
}

/// The file with one cell of one record changed.
fn with_cell(bytes: &[u8], record: &Record<'_>, place: usize, cell: &[u8]) -> Option<Vec<u8>> {
    let mut cells: Vec<&[u8]> = record.cells().iter().collect();
    if cells.len() <= place {
        cells.resize(place + 1, b"");
    }
    *cells.get_mut(place)? = cell;
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    writer.write_byte_record(&ByteRecord::from(cells)).ok()?;
    let written = writer.into_inner().ok()?;
    let written = written.strip_suffix(b"\n")?;

    let mut edited = bytes.get(..record.span.start)?.to_vec();
    edited.extend_from_slice(written);
    edited.extend_from_slice(bytes.get(record.span.end..)?);
    Some(edited)
}
