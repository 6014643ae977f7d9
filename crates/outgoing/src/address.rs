//! What an IP address is for. Pure; knows no policy.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Anybody's machine on the internet.
    Public,
    /// A machine of a private network.
    Private,
    /// This machine, its link, a cloud's metadata service, a group of machines, or nothing that can be called.
    Special,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: [u16; 4], length: u8) -> Ipv6Net {
    let [a, b, c, d] = first;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

/// Looked at before the private ones: metadata services lie among them.
const SPECIAL_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),          // this network
    v4(127, 0, 0, 0, 8),        // loopback
    v4(169, 254, 0, 0, 16),     // link-local, and the metadata service of most clouds
    v4(100, 100, 100, 200, 32), // a metadata service
    v4(168, 63, 129, 16, 32),   // a metadata service that looks public
    v4(192, 0, 0, 0, 24),       // protocol assignments, a metadata service among them
    v4(192, 0, 2, 0, 24),       // documentation
    v4(198, 51, 100, 0, 24),    // documentation
    v4(203, 0, 113, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),     // relays to other addresses
    v4(198, 18, 0, 0, 15),      // benchmarks
    v4(224, 0, 0, 0, 4),        // multicast
    v4(240, 0, 0, 0, 4),        // reserved, broadcast
];

const PRIVATE_V4: &[Ipv4Net] = &[
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(100, 64, 0, 0, 10), // shared by a provider's customers
];

/// What of IPv6 may be called at all; the rest is loopback, link-local, multicast, translation or unassigned.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

const SPECIAL_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0], 23),     // protocol assignments and tunnels
    v6([0x2001, 0xdb8, 0, 0], 32), // documentation
    v6([0x3fff, 0, 0, 0], 20),     // documentation
    v6([0x2002, 0, 0, 0], 16),     // another address inside
    v6([0xfd00, 0xec2, 0, 0], 64), // a metadata service
    v6([0xfd20, 0xce, 0, 0], 64),  // a metadata service
];

const PRIVATE_V6: Ipv6Net = v6([0xfc00, 0, 0, 0], 7);

/// One address, one spelling: an IPv4 address written as IPv6 is the IPv4 address.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What an address is for.
pub(crate) fn class(address: IpAddr) -> Class {
    match canonical(address) {
        IpAddr::V4(address) => {
            let in_any = |nets: &[Ipv4Net]| nets.iter().any(|net| net.contains(&address));
            if in_any(SPECIAL_V4) {
                Class::Special
            } else if in_any(PRIVATE_V4) {
                Class::Private
            } else {
                Class::Public
            }
        }
        IpAddr::V6(address) => {
            if SPECIAL_V6.iter().any(|net| net.contains(&address)) {
                Class::Special
            } else if PRIVATE_V6.contains(&address) {
                Class::Private
            } else if GLOBAL_V6.contains(&address) {
                Class::Public
            } else {
                Class::Special
            }
        }
    }
}

/// Whether a net holds an address, however either is written.
pub(crate) fn holds(net: &IpNet, address: IpAddr) -> bool {
    net.contains(&canonical(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Class {
        class(text.parse().unwrap())
    }

    #[test]
    fn what_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(of(text), Class::Public, "{text}");
        }
    }

    #[test]
    fn what_is_private() {
        for text in [
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "fc00::1",
            "fd12:3456::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(of(text), Class::Private, "{text}");
        }
    }

    #[test]
    fn what_is_special() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(of(text), Class::Special, "{text}");
        }
    }
}
