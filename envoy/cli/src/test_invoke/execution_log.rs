//! The execution log of one request, line by line as API Gateway writes it.

use std::fmt::{Display, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use attache_policies::execution_log::TARGET;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// The lines so far.
pub(super) struct Log {
    text: String,
    failed: bool,
}

impl Log {
    /// The log of a request.
    pub(super) fn begin(request_id: &str) -> Self {
        let mut log = Self {
            text: format!("Execution log for request {request_id}\n"),
            failed: false,
        };
        log.line(format_args!("Starting execution for request: {request_id}"));
        log
    }

    /// One more line, with the time before it.
    pub(super) fn line(&mut self, text: impl Display) {
        let now = Zoned::now().with_time_zone(TimeZone::UTC);
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.text,
            "{} : {text}",
            now.strftime("%a %b %d %H:%M:%S UTC %Y")
        );
    }

    /// What the policies have said of a failure since this was asked last.
    pub(super) fn failures(&mut self) {
        for reason in std::mem::take(&mut *reasons().lock().unwrap_or_else(PoisonError::into_inner))
        {
            self.failure(reason);
        }
    }

    /// Why the execution has failed.
    pub(super) fn failure(&mut self, reason: impl Display) {
        self.failed = true;
        self.line(reason);
    }

    /// The last lines: how the method was completed.
    pub(super) fn end(&mut self, status: u16) {
        self.failures();
        if !self.failed {
            self.line("Successfully completed execution");
        }
        self.line(format_args!("Method completed with status: {status}"));
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Names and values as Java prints a map.
pub(super) fn map<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let pairs: Vec<_> = fields
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Has the policies' words about failures kept for [`Log::failures`].
pub(super) fn listen() {
    // A second call finds the listener there already.
    if log::set_logger(&Listener).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

fn reasons() -> &'static Mutex<Vec<String>> {
    static REASONS: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    REASONS.get_or_init(Mutex::default)
}

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut reasons = reasons().lock().unwrap_or_else(PoisonError::into_inner);
            reasons.push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}
