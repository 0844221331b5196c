//! Addresses and networks.

use std::net::{IpAddr, Ipv6Addr};

/// A network, such as `203.0.113.0/24` or `2001:db8::/32`; a single address has the full prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u8,
}

/// How many leading bits of an IPv6 address say that it stands for one of IPv4 (RFC 4291, section
/// 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

impl Network {
    /// Reads an address with or without a prefix length. Bits behind the prefix do not matter.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= longest)?
            }
            Some(_) => return None,
        };
        let mapped = !address.is_ipv4() && address.to_canonical().is_ipv4();
        Some(if mapped && prefix >= MAPPED_PREFIX {
            Self {
                address: address.to_canonical(),
                prefix: prefix - MAPPED_PREFIX,
            }
        } else {
            Self { address, prefix }
        })
    }

    /// Whether an address that is in its canonical form lies in the network.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        if self.address.is_ipv4() != address.is_ipv4() {
            return false;
        }
        let prefix = u32::from(self.prefix) + if address.is_ipv4() { 96 } else { 0 };
        let different = bits(self.address) ^ bits(address);
        different.leading_zeros() >= prefix
    }
}

/// The address of a client, in its canonical form: one of IPv4 may come as IPv6
/// (`::ffff:192.0.2.1`) when it was taken on a socket for both.
pub(super) fn canonical(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// An IPv4 address in the last bits of those of IPv6, so that one comparison does for both.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Network, canonical};

    fn contains(network: &str, address: &str) -> bool {
        let network = Network::parse(network).unwrap();
        network.contains(canonical(address).unwrap())
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn networks_contain_their_addresses() {
        for (network, address, inside) in [
            ("203.0.113.5", "203.0.113.5", true),
            ("203.0.113.5", "203.0.113.6", false),
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.77/24", "203.0.113.1", true),
            ("203.0.113.128/25", "203.0.113.127", false),
            ("203.0.113.128/25", "203.0.113.128", true),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "198.51.100.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", true),
            ("2001:db8::1/128", "2001:db8::2", false),
            ("2001:db8::/127", "2001:db8::1", true),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.114.9", false),
            ("::ffff:203.0.113.9", "203.0.113.9", true),
        ] {
            assert_eq!(contains(network, address), inside, "{network} {address}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "/24",
            "203.0.113.0/",
            "203.0.113.0/33",
            "203.0.113.0/-1",
            "203.0.113.0/+8",
            "203.0.113.0/256",
            "203.0.113.0/8/8",
            "203.0.113",
            "203.0.113.0.1",
            "0203.0.113.0",
            "203.0.113.256",
            "::/129",
            "2001:db8:::1",
            "[::1]",
            "::1%eth0",
            "localhost",
            "*",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
