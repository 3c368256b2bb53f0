"""Where webhooks may go: every way around the rule that we know of, as text and as numbers."""

from __future__ import annotations

import pytest

from uploads.documents.targets import Target, TargetRefused, Targets

STRICT = Targets(http=False, ports=[(443, 443), (8443, 8443)], networks=())
OPEN = Targets(http=True, ports=[(1, 65535)], networks=("127.0.0.0/8", "fd00:1::/32"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.org", Target("https", "example.org", 443, "/")),
        ("https://Example.org./a?b=c", Target("https", "example.org", 443, "/a?b=c")),
        ("https://example.org:8443/a", Target("https", "example.org", 8443, "/a")),
        ("https://[2606:4700::1]/", Target("https", "2606:4700::1", 443, "/")),
        ("HTTPS://8.8.8.8/", Target("https", "8.8.8.8", 443, "/")),
        ("https://8.8.2056/", Target("https", "8.8.2056", 443, "/")),
        ("https://notlocalhost/", Target("https", "notlocalhost", 443, "/")),
        ("https://localhost.example/", Target("https", "localhost.example", 443, "/")),
        ("https://127.0.0.1.example/", Target("https", "127.0.0.1.example", 443, "/")),
        ("https://0x7f.1.a/", Target("https", "0x7f.1.a", 443, "/")),
    ],
)
def test_an_address_is_read(url: str, found: Target) -> None:
    assert STRICT.read(url) == found


def test_the_host_header_names_the_port_where_it_is_not_the_usual_one() -> None:
    assert STRICT.read("https://example.org:443/").authority == "example.org"
    assert STRICT.read("https://[2606:4700::1]:8443/").authority == "[2606:4700::1]:8443"


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "//example.org", "http://example.org", "ftp://example.org"),
        *("file:///etc/passwd", "gopher://example.org:70/_x", "javascript:alert(1)"),
        *("https://", "https:///path", "https://:443/", "https://./"),
        *("https://a@example.org/", "https://a:b@example.org/", "https://@example.org/"),
        *("https://example.org/#a", "https://example.org/a b", "https://example.org/\n"),
        *("https://example.org/\r\nX: y", "https://exa\tmple.org/", "https://example.org\\@x"),
        *("https://exämple.org/", "https://example.org:99999/", "https://example.org:x/"),
        *("https://example.org:22/", "https://example.org:6379/", "https://example.org:0/"),
        *("https://[fe80::1%25eth0]/", "https://[::1", "https://" + "a" * 2000),
        *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/"),
        *("https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/"),
        # The same in the forms of inet_aton, and by the name that every machine has.
        *("https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f.1/"),
        *("https://0X7F000001/", "https://0177.0.0.1/", "https://017700000001./", "https://0/"),
        *("https://0xa9.254.0xa9fe/", "https://10.1/", "https://127.1:8443/"),
        *("https://localhost/", "https://LocalHost./", "https://a.localhost:8443/"),
    ],
)
def test_an_address_is_refused_as_text(url: str) -> None:
    with pytest.raises(TargetRefused):
        STRICT.read(url)


@pytest.mark.parametrize(
    "address",
    [
        # Loopback, unspecified, private, shared (CGNAT), link-local with the clouds' metadata.
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),
        *("172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200", "169.254.169.254"),
        *("192.0.0.192", "192.0.0.8", "168.63.129.16"),
        # Documentation, benchmarks, relays, multicast, reserved, broadcast.
        *("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        # The same in IPv6, and IPv4 inside of it: compatible, mapped, translated, NAT64, 6to4,
        # Teredo, ISATAP.
        *("::1", "::", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
        *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1"),
        *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1", "4000::1"),
        *("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1"),
        # No addresses at all.
        *("", "localhost", "127.1", "0x7f000001", "2130706433", "fe80::1%eth0", "1.2.3.4/8"),
    ],
)
def test_an_address_is_refused_as_numbers(address: str) -> None:
    assert not STRICT.allows(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1", "2a00:1450::1"])
def test_what_is_public_is_allowed(address: str) -> None:
    assert STRICT.allows(address)


def test_the_operator_opens_networks_schemes_and_ports() -> None:
    assert OPEN.read("http://127.0.0.1:5000/x") == Target("http", "127.0.0.1", 5000, "/x")
    for host in ("127.1", "0x7f.1", "localhost", "a.localhost"):
        assert OPEN.read(f"http://{host}:5000/").host == host
    six = Targets(http=False, ports=[(443, 443)], networks=("::1/128",))
    assert six.read("https://localhost/").host == "localhost"
    assert OPEN.allows("fd00:1::7")
    for other in ("10.0.0.1", "::1", "::ffff:127.0.0.1", "fd00:2::7"):
        assert not OPEN.allows(other)
