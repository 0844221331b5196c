//! The hostcalls, with a status code as an error value.
//!
//! The SDK's own wrappers panic on most status codes; a panic kills the VM of the worker and
//! every stream in it. Only [`dispatch`] goes through the SDK, because the SDK must know the
//! token to deliver the answer.

#![expect(unsafe_code, reason = "the proxy-wasm ABI passes pointers")]

use std::ptr::{null, null_mut};
use std::time::Duration;

use attache_policies::{Callout, HeaderEdit, Headers, Reply};

use crate::header_map;

mod wasi {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
    }
}

mod abi {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            length: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_buffer_bytes(
            buffer: u32,
            start: usize,
            length: usize,
            data: *const u8,
            size: usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(map: u32, key: *const u8, size: usize) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_add_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            version: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            version: u32,
        ) -> u32;
        pub(super) fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            size: usize,
            id: *mut u32,
        ) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, amount: i64) -> u32;
        pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_continue_stream(stream: u32) -> u32;
        pub(super) fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            arguments: *const u8,
            arguments_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
    }

    unsafe extern "C" {
        /// A callback of this module, as the SDK exports it.
        pub(super) fn proxy_on_queue_ready(context: u32, queue: u32);
    }
}

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CAS_MISMATCH: u32 = 8;

/// A hostcall that the host refused, with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u32);

/// Which message's header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderMap {
    Request = 0,
    Response = 2,
    CalloutAnswer = 6,
}

/// Which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CalloutAnswer = 4,
    PluginConfiguration = 7,
}

/// Which direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request = 0,
    Response = 1,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

const fn done(status: u32) -> Result<(), Refused> {
    match status {
        OK => Ok(()),
        status => Err(Refused(status)),
    }
}

/// Runs a hostcall that hands over a buffer, and takes the buffer.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, Refused> {
    let mut data: *mut u8 = null_mut();
    let mut size = 0_usize;
    match call(&raw mut data, &raw mut size) {
        OK if data.is_null() => Ok(Some(Vec::new())),
        // SAFETY: the host got this memory from `proxy_on_memory_allocate`, which leaks a boxed
        // slice of exactly `size` bytes, and filled it.
        OK => Ok(Some(unsafe { Vec::from_raw_parts(data, size, size) })),
        NOT_FOUND => Ok(None),
        status => Err(Refused(status)),
    }
}

/// Nanoseconds since 1970; zero if the host has no clock.
pub(crate) fn now() -> u64 {
    let mut time = 0;
    // SAFETY: the host writes one u64 to a valid place.
    match unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut time) } {
        OK => time,
        _ => 0,
    }
}

/// Nanoseconds of a clock that nobody sets: for how long something has taken, not when it was.
pub(crate) fn monotonic_now() -> u64 {
    const MONOTONIC: u32 = 1;
    let mut time = 0;
    // SAFETY: the host writes one u64 to a valid place.
    match unsafe { wasi::clock_time_get(MONOTONIC, 0, &raw mut time) } {
        OK => time,
        _ => now(),
    }
}

/// All bytes of a buffer; nothing when there is no such buffer now.
pub(crate) fn buffer(buffer: Buffer) -> Result<Vec<u8>, Refused> {
    start_of_buffer(buffer, usize::MAX)
}

/// So many bytes of a buffer from its start, or fewer when it holds fewer.
pub(crate) fn start_of_buffer(buffer: Buffer, at_most: usize) -> Result<Vec<u8>, Refused> {
    receive(|data, size| {
        // SAFETY: the host writes one pointer and one size to valid places.
        unsafe { abi::proxy_get_buffer_bytes(buffer as u32, 0, at_most, data, size) }
    })
    .map(Option::unwrap_or_default)
}

/// Replaces all bytes of a buffer.
pub(crate) fn set_buffer(buffer: Buffer, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointer and size describe a valid slice.
    done(unsafe {
        abi::proxy_set_buffer_bytes(buffer as u32, 0, usize::MAX, bytes.as_ptr(), bytes.len())
    })
}

/// All header fields of a message, in one call.
pub(crate) fn headers(map: HeaderMap) -> Result<Headers, Refused> {
    let buffer = receive(|data, size| {
        // SAFETY: the host writes one pointer and one size to valid places.
        unsafe { abi::proxy_get_header_map_pairs(map as u32, data, size) }
    })?;
    header_map::decode(buffer.unwrap_or_default()).ok_or(Refused(NOT_FOUND))
}

/// Makes one change to the header fields of a message.
pub(crate) fn edit(map: HeaderMap, edit: &HeaderEdit) -> Result<(), Refused> {
    // SAFETY: pointers and sizes describe valid slices.
    done(unsafe {
        match edit {
            HeaderEdit::Set(name, value) => abi::proxy_replace_header_map_value(
                map as u32,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            ),
            HeaderEdit::Add(name, value) => abi::proxy_add_header_map_value(
                map as u32,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            ),
            HeaderEdit::Remove(name) => {
                abi::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len())
            }
        }
    })
}

/// A property of the stream; the parts of its path are separated by a zero byte.
pub(crate) fn property(path: &str) -> Result<Option<Vec<u8>>, Refused> {
    receive(|data, size| {
        // SAFETY: pointer and size describe a valid slice; the host writes to valid places.
        unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), data, size) }
    })
}

/// Leaves a value in the stream's filter state, where it is called `wasm.<name>`.
pub(crate) fn set_property(name: &str, value: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointers and sizes describe valid slices.
    done(unsafe { abi::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// A value of the data that all workers share, and its version.
pub(crate) fn shared_data(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Refused> {
    let mut version = 0;
    let value = receive(|data, size| {
        // SAFETY: pointer and size describe a valid slice; the host writes to valid places.
        unsafe { abi::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version) }
    })?;
    Ok(value.map(|value| (value, version)))
}

/// Writes a value of the shared data; `false` when another worker was first.
///
/// A version of `None` means that the key was never written. The host takes version 0 for "write
/// whatever is there", which would lose the write of another worker that was first; any other
/// number is accepted for a new key and compared for an old one, so a number is sent that the
/// host never gives out.
pub(crate) fn set_shared_data(
    key: &[u8],
    value: &[u8],
    version: Option<u32>,
) -> Result<bool, Refused> {
    let version = version.unwrap_or(u32::MAX);
    // SAFETY: pointers and sizes describe valid slices.
    let status = unsafe {
        abi::proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            version,
        )
    };
    match status {
        OK => Ok(true),
        CAS_MISMATCH => Ok(false),
        status => Err(Refused(status)),
    }
}

/// Writes a value of the shared data, whatever is there.
pub(crate) fn put_shared_data(key: &[u8], value: &[u8]) -> Result<(), Refused> {
    const ANY_VERSION: u32 = 0;
    // SAFETY: pointers and sizes describe valid slices.
    done(unsafe {
        abi::proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            ANY_VERSION,
        )
    })
}

/// The number of a metric, made on first use.
pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    // SAFETY: pointer and size describe a valid slice; the host writes one u32.
    done(unsafe { abi::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter.
pub(crate) fn increment_metric(id: u32, amount: u64) -> Result<(), Refused> {
    // SAFETY: only numbers are passed.
    done(unsafe { abi::proxy_increment_metric(id, i64::try_from(amount).unwrap_or(i64::MAX)) })
}

/// Adds a value to a histogram.
pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Refused> {
    // SAFETY: only numbers are passed.
    done(unsafe { abi::proxy_record_metric(id, value) })
}

/// Answers the request. The host does it at the end of the callback.
pub(crate) fn send(reply: &Reply) -> Result<(), Refused> {
    const DETAILS: &str = "attache";
    const NO_GRPC_STATUS: i32 = -1;
    let headers = header_map::encode(
        reply
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice())),
    );
    let body = if reply.body.is_empty() {
        null()
    } else {
        reply.body.as_ptr()
    };
    // SAFETY: pointers and sizes describe valid slices.
    done(unsafe {
        abi::proxy_send_local_response(
            u32::from(reply.status),
            DETAILS.as_ptr(),
            DETAILS.len(),
            body,
            reply.body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Lets a held message go on. The host does it at the end of the callback.
pub(crate) fn continue_stream(direction: Direction) -> Result<(), Refused> {
    // SAFETY: only a number is passed.
    done(unsafe { abi::proxy_continue_stream(direction as u32) })
}

/// Which context the next hostcalls are about, until the callback returns.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Refused> {
    // SAFETY: only a number is passed.
    done(unsafe { abi::proxy_set_effective_context(context) })
}

/// How often the root context is woken; from now on, whatever it was before.
pub(crate) fn set_tick_period(millis: u32) -> Result<(), Refused> {
    // SAFETY: only a number is passed.
    done(unsafe { abi::proxy_set_tick_period_milliseconds(millis) })
}

/// Calls a function that the proxy offers beyond the ABI. `None`: it has none of this name.
pub(crate) fn foreign_function(name: &str, arguments: &[u8]) -> Result<Option<Vec<u8>>, Refused> {
    receive(|data, size| {
        // SAFETY: pointers and sizes describe valid slices; the host writes to valid places.
        unsafe {
            abi::proxy_call_foreign_function(
                name.as_ptr(),
                name.len(),
                arguments.as_ptr(),
                arguments.len(),
                data,
                size,
            )
        }
    })
}

/// Has the SDK call `on_queue_ready` of a root context, from within a callback of a stream.
///
/// The SDK delivers the answer to a call to the context whose callback is running when the call
/// is made, and only its own exports change which that is.
pub(crate) fn turn_to(root: u32) {
    const NO_QUEUE: u32 = 0;
    // SAFETY: it is an ordinary function of this module, which the host calls in the same way.
    unsafe { abi::proxy_on_queue_ready(root, NO_QUEUE) }
}

/// Makes a callout; the token comes back with its answer.
pub(crate) fn dispatch(callout: &Callout) -> Result<u32, Refused> {
    // No time-out at all is what the host takes zero for; a held request must have a deadline.
    let timeout = Duration::from_millis(u64::from(callout.timeout_millis.max(1)));
    let headers = callout
        .headers
        .iter()
        .map(|(name, value)| Some((name.as_str(), str::from_utf8(value).ok()?)))
        .collect::<Option<Vec<_>>>()
        .ok_or(Refused(BAD_ARGUMENT))?;
    proxy_wasm::hostcalls::dispatch_http_call(
        &callout.cluster,
        headers,
        Some(&callout.body),
        Vec::new(),
        timeout,
    )
    .map_err(|status| Refused(status as u32))
}
