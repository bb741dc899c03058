"""Which addresses a URL of somebody else's may lead to: public unicast, and nothing besides.

The networks are written out instead of asking `ipaddress.is_global`, whose answers differ between
patch releases of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Source: https://www.iana.org/assignments/iana-ipv4-special-registry, 2026-11-22; the last line
# is Azure's metadata service, which has a public-looking address of its own.
# Source: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16,
# 2026-11-22.
_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",
    )
)
# Global unicast; loopback, unique-local, link-local, site-local and multicast lie outside.
# Source: https://www.iana.org/assignments/ipv6-address-space, 2026-11-22.
_OPEN_V6 = IPv6Network("2000::/3")
# Protocol assignments (Teredo among them), documentation, 6to4.
# Source: https://www.iana.org/assignments/iana-ipv6-special-registry, 2026-11-22.
_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
# A network with IPv6 only reaches the IPv4 internet through this prefix.
# Source: https://www.rfc-editor.org/rfc/rfc6052, 2026-11-22.
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Say whether an address, as text, is one of the public internet.

    IPv4 inside of IPv6 counts as what it is: mapped and NAT64 addresses are unwrapped. 6to4 and
    Teredo, which nothing public needs any more, are closed whatever they hold, and so is an
    address with a zone, or any text that is no address.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is None:
            return _is_public_v6(address)
        address = inner
    return not any(address in network for network in _CLOSED_V4)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.scope_id is not None:
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_public_v6(address: IPv6Address) -> bool:
    return (
        address.scope_id is None
        and address in _OPEN_V6
        and not any(address in network for network in _CLOSED_V6)
    )
