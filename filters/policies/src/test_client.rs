//! A client, and random numbers, for the tests of what a request is told of them.

use crate::ports::{Connection, Random};

/// Random numbers that are always the same one.
pub(crate) struct Constant;

impl Random for Constant {
    fn next_u64(&self) -> u64 {
        0x0123_4567_89ab_cdef
    }
}

/// A client at 192.0.2.7, without a certificate.
pub(crate) struct Client;

impl Connection for Client {
    fn source_address(&self) -> Vec<u8> {
        b"192.0.2.7".to_vec()
    }

    fn protocol(&self) -> Vec<u8> {
        b"HTTP/1.1".to_vec()
    }

    fn is_mutual_tls(&self) -> bool {
        false
    }
}
