package update_test

import (
	"net/netip"
	"testing"

	"stayput.dev/internal/update"
)

func TestIsNonGlobal(t *testing.T) {
	t.Parallel()
	tests := map[bool][]string{
		true: {
			"0.0.0.0",
			"127.0.0.0", "127.0.0.1", "127.255.255.255",
			"169.254.0.0", "169.254.169.254", "169.254.255.255",
			"10.0.0.0", "10.0.0.1", "10.255.255.255",
			"172.16.0.0", "172.20.1.2", "172.31.255.255",
			"192.168.0.0", "192.168.1.1", "192.168.255.255",
			"100.64.0.0", "100.64.0.1", "100.100.100.100", "100.127.255.255",
			"224.0.0.0", "224.0.0.251", "239.255.255.255",
			"::", "::1",
			"fe80::", "fe80::1", "fe80::1%eth0", "febf:ffff::1",
			"fc00::", "fd00:d::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ff00::", "ff02::1", "ff05::2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"::ffff:127.0.0.1", "::ffff:192.168.1.1", "::ffff:100.64.0.1", "::ffff:0.0.0.0",
		},
		false: {
			"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
			"100.63.255.255", "100.128.0.0", "101.64.0.1",
			"126.255.255.255", "128.0.0.0",
			"169.253.255.255", "169.255.0.0",
			"172.15.255.255", "172.32.0.0",
			"192.167.255.255", "192.169.0.0",
			"192.0.2.1", "198.51.100.1", "203.0.113.9", // documentation, RFC 5737
			"198.18.0.1", "198.19.255.255", // benchmarks, RFC 2544
			"223.255.255.255",
			"2001:db8::9", "3fff::1", "2001:2::1", // documentation and benchmarks
			"2000::1", "2606:4700::1111", "64:ff9b::cb00:7109", "2002:cb00:7109::1",
			"fbff::1", "fec0::1",
			"::2", "::ffff:203.0.113.9",
		},
	}
	for want, addrs := range tests {
		for _, s := range addrs {
			if got := update.IsNonGlobal(netip.MustParseAddr(s)); got != want {
				t.Errorf("IsNonGlobal(%s) = %v, want %v", s, got, want)
			}
		}
	}
	if update.IsNonGlobal(netip.Addr{}) {
		t.Error("IsNonGlobal of no address = true, want false")
	}
}
