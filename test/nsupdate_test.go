package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// tsigKey makes a TSIG key and returns its secret.
func (w *world) tsigKey(args ...string) string {
	w.t.Helper()
	var key struct{ Secret string }
	out := w.run(append([]string{"tsig", "add", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &key); err != nil {
		w.t.Fatal(err)
	}
	return key.Secret
}

// script runs a client of RFC 2136 with a script, in which SERVER is what the client
// calls us, and returns what it said.
func (w *world) script(program []string, lines ...string) (string, error) {
	w.t.Helper()
	host, port, _ := strings.Cut(w.dns, ":")
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Stdin = strings.NewReader("server " + host + " " + port + "\n" + strings.Join(lines, "\n") + "\nsend\nanswer\n")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The clients that others are made of, in all the ways in which they are used: with and
// without the name of the zone, over UDP and TCP, with the algorithm that they choose.
func TestNsupdate(t *testing.T) {
	t.Parallel()
	need(t, "nsupdate", "knsupdate")
	w := newWorld(t, "")
	w.start()
	w.seed(home, nas)
	secret := w.tsigKey("router", "--host", home, "--algorithm", "hmac-sha256,hmac-md5")
	address := 0
	for _, program := range [][]string{{"nsupdate"}, {"nsupdate", "-v"}, {"knsupdate"}, {"knsupdate", "-v"}} {
		for _, key := range []string{"key router " + secret, "key hmac-sha256:router " + secret, "key hmac-md5:router " + secret} {
			for _, zone := range []string{"zone dyn.example.org", ""} {
				if zone == "" && program[0] == "knsupdate" {
					continue // it wants to be told
				}
				address++
				lines := []string{key, "update delete " + home + " A", fmt.Sprintf("update add %s 60 A 192.0.2.%d", home, address)}
				if zone != "" {
					lines = append([]string{zone}, lines...)
				}
				out, err := w.script(program, lines...)
				if got, want := w.ask(home, dns.TypeA), fmt.Sprintf("192.0.2.%d", address); err != nil || len(got) != 1 || got[0] != want {
					t.Errorf("%s with %q and %q: %v, want %s; %v\n%s", strings.Join(program, " "), zone, key, got, want, err, out)
				}
			}
		}
	}
	if out := w.run("host", "show", home); !strings.Contains(out, "via rfc2136") || !strings.Contains(out, "last seen") {
		t.Errorf("host show says\n%s", out)
	}
	history := w.run("host", "history", home)
	if !strings.Contains(history, "UPDATE dyn.example.org, delete A, add A 192.0.2.1") || !strings.Contains(history, "by TSIG key router") {
		t.Errorf("host history says\n%s", history)
	}
	if strings.Contains(w.log.String()+history, secret) {
		t.Error("the secret is in the log or in the history")
	}
}

// What a key may not change is refused, and the client says so.
func TestNsupdateRefused(t *testing.T) {
	t.Parallel()
	need(t, "nsupdate")
	w := newWorld(t, "")
	w.start()
	w.seed(home, nas)
	secret := w.tsigKey("router", "--host", home)
	for _, tt := range []struct{ key, update, want string }{
		{"key hmac-sha256:router " + secret, "update add " + nas + " 60 A 192.0.2.1", "REFUSED"},
		{"key hmac-sha256:router " + secret, "update add " + home + " 60 TXT x", "REFUSED"},
		{"key hmac-sha256:router " + secret, "update add www.example.com 60 A 192.0.2.1", "NOTZONE"},
		{"key hmac-sha512:router " + secret, "update add " + home + " 60 A 192.0.2.1", "BADKEY"},
		{"key hmac-sha256:stranger " + secret, "update add " + home + " 60 A 192.0.2.1", "BADKEY"},
		{"key hmac-sha256:router bm90IHRoZSBzZWNyZXQ=", "update add " + home + " 60 A 192.0.2.1", "BADSIG"},
		{"", "update add " + home + " 60 A 192.0.2.1", "REFUSED"},
		{"key hmac-sha256:router " + secret, "prereq nxdomain " + home + "\nupdate add " + home + " 60 A 192.0.2.1", "NOERROR"},
		{"key hmac-sha256:router " + secret, "prereq yxrrset " + home + " AAAA\nupdate add " + home + " 60 A 192.0.2.1", "NXRRSET"},
	} {
		out, _ := w.script([]string{"nsupdate"}, "zone dyn.example.org", tt.key, tt.update)
		if !strings.Contains(out, tt.want) {
			t.Errorf("%s with %q: want %s\n%s", tt.update, tt.key, tt.want, out)
		}
	}
	if got := w.ask(nas, dns.TypeA); len(got) != 0 {
		t.Errorf("%s = %v", nas, got)
	}
}

// Clients for certificates put a text below a host, and take it away again.
func TestNsupdateChallenge(t *testing.T) {
	t.Parallel()
	need(t, "nsupdate")
	w := newWorld(t, "")
	w.start()
	w.seed(home, nas)
	key := "key hmac-sha512:acme " + w.tsigKey("acme", "--host", home, "--types", "TXT", "--algorithm", "hmac-sha512")
	name := "_acme-challenge." + home
	if out, err := w.script([]string{"nsupdate", "-v"}, key, "update add "+name+" 120 TXT token"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := w.ask(name, dns.TypeTXT); len(got) != 1 || got[0] != `"token"` {
		t.Errorf("%s = %v", name, got)
	}
	if out, err := w.script([]string{"nsupdate"}, key, "update delete "+name+" TXT token"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := w.ask(name, dns.TypeTXT); len(got) != 0 {
		t.Errorf("%s = %v", name, got)
	}
	if out, _ := w.script([]string{"nsupdate"}, key, "update add _acme-challenge."+nas+" 120 TXT token"); !strings.Contains(out, "REFUSED") {
		t.Errorf("a name of another host:\n%s", out)
	}
}

// A DHCP server keeps a reverse zone, and what was answered outlives a kill.
func TestNsupdateReverse(t *testing.T) {
	t.Parallel()
	need(t, "nsupdate")
	w := newWorld(t, "")
	w.start()
	w.seed(home)
	const reverse = "2.0.192.in-addr.arpa"
	w.run("zone", "add", reverse, "--ns", "ns1.dyn.example.org")
	key := "key hmac-sha256:dhcp " + w.tsigKey("dhcp", "--update", reverse, "--types", "PTR,DHCID")
	if out, err := w.script([]string{"nsupdate"}, key, "update delete 7."+reverse+" PTR", "update add 7."+reverse+" 3600 PTR "+home); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.kill()
	w.start()
	if got := w.ask("7."+reverse, dns.TypePTR); len(got) != 1 || got[0] != home+"." {
		t.Errorf("7.%s = %v", reverse, got)
	}
	if out, err := w.script([]string{"nsupdate"}, key, "update add 8."+reverse+" 3600 PTR "+home); err != nil {
		t.Errorf("after the restart: %v\n%s", err, out)
	}
}

// certbot makes the plugin of Certbot do what it does for a certificate.
const certbot = `
import sys
from certbot_dns_rfc2136._internal import dns_rfc2136 as plugin

does, server, port, secret, name, algorithm = sys.argv[1:]
client = plugin._RFC2136Client(server, int(port), "acme.", secret, plugin.Authenticator.ALGORITHMS[algorithm])
if does == "add":
    client.add_txt_record(name, "token", 120)
else:
    client.del_txt_record(name, "token")
`

func TestCertbot(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // that of Debian, which has the plugin
	if err := exec.Command(python, "-c", "import certbot_dns_rfc2136").Run(); err != nil {
		missing(t, "Certbot's plugin for RFC 2136 is not installed")
	}
	w := newWorld(t, "")
	w.start()
	w.seed(home)
	name := "_acme-challenge." + home
	secret := w.tsigKey("acme", "--host", home, "--types", "TXT", "--algorithm", "hmac-md5,hmac-sha512")
	host, port, _ := strings.Cut(w.dns, ":")
	for _, algorithm := range []string{"HMAC-MD5", "HMAC-SHA512"} {
		output(t, python, "-c", certbot, "add", host, port, secret, name, algorithm)
		if got := w.ask(name, dns.TypeTXT); len(got) != 1 || got[0] != `"token"` {
			t.Errorf("%s: added: %v", algorithm, got)
		}
		output(t, python, "-c", certbot, "delete", host, port, secret, name, algorithm)
		if got := w.ask(name, dns.TypeTXT); len(got) != 0 {
			t.Errorf("%s: deleted: %v", algorithm, got)
		}
	}
}

// UPDATEs over UDP and three upgrades: who sends his message again until there is a
// reply, as all clients do, is told NOERROR, and what he was told remains.
func TestUpgradeUnderUpdates(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	w.seed(home)
	secret := w.tsigKey("dhcp", "--update", "dyn.example.org")
	ended, stop := make(chan int), make(chan struct{})
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				ended <- n
				return
			default:
			}
			m := new(dns.Msg).SetUpdate("dyn.example.org.")
			rr, _ := dns.NewRR(fmt.Sprintf("n%d.dyn.example.org. 60 IN A 192.0.2.1", n))
			m.Insert([]dns.RR{rr})
			if code, err := sendUntilAnswered(m.SetTsig("dhcp.", dns.HmacSHA256, 300, time.Now().Unix()), w.dns, secret); code != dns.RcodeSuccess || err != nil {
				t.Errorf("update %d: %s, %v", n, dns.RcodeToString[code], err)
			}
		}
	}()
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		w.upgrade()
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	n := <-ended
	w.stop()
	w.start()
	for i := range n {
		if got := w.ask(fmt.Sprintf("n%d.dyn.example.org", i), dns.TypeA); len(got) != 1 {
			t.Errorf("update %d was answered and is lost: %v", i, got)
		}
	}
	t.Logf("%d updates", n)
}

// sendUntilAnswered sends a message over UDP, and the same again each second.
func sendUntilAnswered(m *dns.Msg, address, secret string) (code int, err error) {
	packet, _, err := dns.TsigGenerate(m, secret, "", false)
	if err != nil {
		return 0, err
	}
	conn, err := net.Dial("udp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for range 60 {
		if _, err := conn.Write(packet); err != nil {
			return 0, err
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		buf := make([]byte, 1232)
		size, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		var reply dns.Msg
		if err == nil {
			err = reply.Unpack(buf[:size])
		}
		return reply.Rcode, err
	}
	return 0, errors.New("no reply")
}
