//! Notices edits of the user's files.

use std::path::Path;
use std::sync::mpsc::Sender;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Event;

/// Sends [`Event::Edited`] for every change below `folder`, until the watcher is dropped. One
/// edit is several changes to a file system; whoever listens waits until it is calm.
pub(super) fn watch(folder: &Path, events: Sender<Event>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |change: notify::Result<notify::Event>| {
        // Reading a file is a change too, and compiling reads all of them. A lost change (an
        // error) counts as one, because nobody knows what it was.
        let only_read = change
            .as_ref()
            .is_ok_and(|change| matches!(change.kind, EventKind::Access(_)));
        if !only_read {
            // Nobody listens any more: the command is about to end.
            let _ = events.send(Event::Edited);
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}
