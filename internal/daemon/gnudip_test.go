package daemon_test

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/daemon"
	"stayput.dev/internal/zone"
)

// TestGnuDIP updates a host over TCP, at the address of gnudip.listen.
func TestGnuDIP(t *testing.T) {
	t.Parallel()
	d := start(t, load(t, t.TempDir(), "[gnudip]\nlisten = [\"127.0.0.1:0\"]\n"), daemon.Options{})
	origin, host := zone.MustName("dyn.example.org"), zone.MustName("home.dyn.example.org")
	_, err := d.admin.AddZone(t.Context(), admin.NewZone{Name: origin, NameServers: []admin.NameServer{{Name: zone.MustName("ns1.example.net")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.AddAccount(t.Context(), admin.NewAccount{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.AddHost(t.Context(), admin.NewHost{Name: host, Account: "alice"}); err != nil {
		t.Fatal(err)
	}
	key, secret, err := d.admin.AddKey(t.Context(), admin.NewKey{Account: "alice", MD5: true})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", d.GnuDIP[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	salt, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	sum := func(s string) string {
		m := md5.Sum([]byte(s))
		return hex.EncodeToString(m[:])
	}
	fmt.Fprintf(conn, "%s:%s:%s:0:203.0.113.9\n", key.Username, sum(sum(secret)+"."+salt[:len(salt)-1]), host)
	if reply, err := in.ReadString('\n'); err != nil || reply != "0\n" {
		t.Errorf("reply = %q, %v, want %q", reply, err, "0\n")
	}
	h, err := d.admin.Host(host)
	if err != nil || len(h.Addresses) != 1 || h.Addresses[0] != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("host = %+v, %v", h, err)
	}
	if err := d.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}
