//! The records of an API key file, each with its place in the bytes.

use std::ops::Range;

use csv::{ByteRecord, ReaderBuilder};

/// What is wrong with a record.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The kind of finding.
    pub(crate) code: &'static str,
    /// What is wrong; never the content of a cell.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<&'static str>,
    /// Where, when the fault belongs to no single record.
    pub(crate) span: Range<usize>,
}

impl Fault {
    fn new(code: &'static str, message: String, hint: &'static str) -> Self {
        Self {
            code,
            message,
            hint: Some(hint),
            span: 0..0,
        }
    }
}

/// One record.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// Where it stands, in bytes, without its line end.
    pub(crate) span: Range<usize>,
    /// The line on which it starts, counted from 1.
    pub(crate) line: usize,
    /// The record as it is written.
    pub(crate) text: &'a [u8],
    cells: ByteRecord,
}

/// Takes the records of a file apart. Blank lines are no records.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Record<'_>>, Fault> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut records = Vec::new();
    let mut line = 1;
    let mut counted_to = 0;
    loop {
        let from = offset(reader.position());
        let mut cells = ByteRecord::new();
        let found = reader.read_byte_record(&mut cells).map_err(|_| {
            Fault::new(
                "api-key-file",
                "the file cannot be read as CSV".to_owned(),
                "write it as in RFC 4180",
            )
        })?;
        if !found {
            return Ok(records);
        }
        let to = offset(reader.position());
        let written = bytes.get(from..to).unwrap_or_default();
        let is_line_end = |byte: &&u8| matches!(**byte, b'\r' | b'\n');
        let start = from + written.iter().take_while(is_line_end).count();
        let end = to - written.iter().rev().take_while(is_line_end).count();
        let skipped = bytes.get(counted_to..start).unwrap_or_default();
        line += skipped.iter().filter(|byte| **byte == b'\n').count();
        counted_to = start;
        records.push(Record {
            span: start..end.max(start),
            line,
            text: bytes.get(start..end.max(start)).unwrap_or_default(),
            cells,
        });
    }
}

fn offset(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

impl Record<'_> {
    /// What is wrong with the record as a whole.
    pub(crate) fn fault(&self, columns: &Columns) -> Option<Fault> {
        if self.text.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
            return Some(Fault::new(
                "api-key-file",
                "a quote is opened in this record and not closed".to_owned(),
                "close it, and write a quote inside a quoted cell twice",
            ));
        }
        if self
            .cells
            .iter()
            .any(|cell| std::str::from_utf8(cell).is_err())
        {
            return Some(Fault::new(
                "api-key-file",
                "the record is not UTF-8".to_owned(),
                "save the file as UTF-8",
            ));
        }
        if self.cells.len() > columns.count {
            return Some(Fault::new(
                "api-key-file",
                format!(
                    "the record has {} cells and the first line names {}",
                    self.cells.len(),
                    columns.count
                ),
                "put a cell that holds commas, such as several usage plans, in quotes",
            ));
        }
        None
    }

    /// The cells as bytes, for writing the record anew.
    pub(crate) fn cells(&self) -> &ByteRecord {
        &self.cells
    }
}

/// The columns that AWS defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Key,
    Description,
    Enabled,
    UsagePlanIds,
}

impl Column {
    const ALL: [Self; 5] = [
        Self::Name,
        Self::Key,
        Self::Description,
        Self::Enabled,
        Self::UsagePlanIds,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Key => "Key",
            Self::Description => "Description",
            Self::Enabled => "Enabled",
            Self::UsagePlanIds => "UsagePlanIds",
        }
    }
}

/// Which column stands where.
#[derive(Debug)]
pub(crate) struct Columns {
    places: [Option<usize>; 5],
    /// How many columns the first record names, the ignored ones included.
    pub(crate) count: usize,
}

impl Columns {
    /// Reads the first record.
    pub(crate) fn read(header: &Record<'_>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut places = [None; 5];
        for (column, place) in Column::ALL.iter().zip(&mut places) {
            let mut found = header.cells.iter().enumerate().filter(|(_, cell)| {
                cell.trim_ascii()
                    .eq_ignore_ascii_case(column.title().as_bytes())
            });
            *place = found.next().map(|(index, _)| index);
            if found.next().is_some() {
                faults.push(Fault::new(
                    "repeated-column",
                    format!("the column `{}` is named twice", column.title()),
                    "name each column once",
                ));
            }
            if place.is_none() && matches!(column, Column::Name | Column::Key) {
                faults.push(Fault::new(
                    "missing-column",
                    format!("the first line names no column `{}`", column.title()),
                    "start with a line that names the columns: `Name,Key,Enabled,UsagePlanIds`",
                ));
            }
        }
        if faults.is_empty() {
            Ok(Self {
                places,
                count: header.cells.len(),
            })
        } else {
            Err(faults)
        }
    }

    /// Where a column stands, counted from 0.
    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        Column::ALL
            .iter()
            .zip(self.places)
            .find_map(|(known, place)| place.filter(|_| *known == column))
    }

    /// A cell without the white space around it; empty when the record does not have it or when
    /// it is not UTF-8, which [`Record::fault`] reports first.
    pub(crate) fn cell<'a>(&self, record: &'a Record<'_>, column: Column) -> &'a str {
        self.place(column)
            .and_then(|place| record.cells.get(place))
            .and_then(|cell| std::str::from_utf8(cell).ok())
            .unwrap_or_default()
            .trim()
    }
}
