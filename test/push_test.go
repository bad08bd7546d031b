package test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
	"stayput.dev/test/rig/primary"
)

// pushTo configures a daemon to push its zone to servers; updates are lines of that section.
func (w *world) pushTo(updates string, servers ...*primary.Server) {
	w.t.Helper()
	var all []string
	for _, s := range servers {
		all = append(all, fmt.Sprintf("%q", "dyn.example.org "+s.Addr.String()+" key "+primary.KeyName))
	}
	w.write("stayput.toml", fmt.Sprintf("data = %q\n[dns]\nlisten = [\"127.0.0.1:0\"]\ntransfers = [\"127.0.0.1\"]\npush = [%s]\n[http]\nlisten = [\"127.0.0.1:0\"]\n[updates]\n%s\n",
		w.data, strings.Join(all, ", "), updates))
}

// addressesAt returns the addresses that a server has of a name.
func addressesAt(s *primary.Server, name string) (all []string) {
	reply := s.Ask(name, dns.TypeA)
	if reply == nil {
		return nil
	}
	for _, rr := range reply.Answer {
		all = append(all, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return all
}

// A zone is pushed to a BIND that was given the lines of `zone bind`, while both are killed
// again and again, and through an upgrade: in the end BIND answers what we answer, has kept
// what was never ours, and lost what is gone.
func TestPushToBIND(t *testing.T) {
	t.Parallel()
	target := primary.BIND.New(t)
	w := newWorld(t, "")
	w.pushTo(`push_wait = "100ms"`, target)
	w.start()
	var hosts []string
	for i := range 20 {
		hosts = append(hosts, fmt.Sprintf("h%d.dyn.example.org", i))
	}
	user, secret := w.seed(hosts...)
	if list := w.run("zone", "push"); !strings.Contains(list, "there is no TSIG key stayput-push") {
		t.Errorf("without its key, zone push prints\n%s", list)
	}
	w.run("tsig", "add", "stayput-push")
	target.Named(w.run("zone", "bind", "dyn.example.org", "--tsig", "stayput-push"))
	target.Start()

	latest := make([]string, len(hosts))
	update := func(round int) {
		for i, h := range hosts {
			address := fmt.Sprintf("192.0.2.%d", (round*7+i)%250+1)
			if status, body, err := get(w.http, "/nic/update?hostname="+h+"&myip="+address, user, secret); err != nil || status != http.StatusOK || !strings.HasPrefix(body, "good ") {
				t.Fatalf("%s: %d %q %v; the log:\n%s", h, status, body, err, w.log)
			}
			latest[i] = address
		}
	}
	settled := func() bool {
		for i, h := range hosts {
			if got := addressesAt(target, h); len(got) != 1 || got[0] != latest[i] {
				return false
			}
		}
		return true
	}
	update(0)
	until(t, "BIND has what we have", settled)
	var round atomic.Int32
	for range rounds(4, 40) {
		update(int(round.Add(1)))
		w.kill()
		w.start()
		update(int(round.Add(1)))
		target.Kill()
		update(int(round.Add(1)))
		again := "/nic/update?hostname=" + hosts[0] + "&myip=" + latest[0]
		if _, body, err := get(w.http, again, user, secret); err != nil || !strings.HasPrefix(body, "good ") {
			t.Errorf("what is pending is answered %q, %v", body, err)
		}
		late := target.Addr.String() + ", since "
		if rig.OnPostgres() { // for as long as the lease of the process that was killed, none says since when
			late = target.Addr.String()
		}
		if shown := w.run("host", "show", hosts[0]); !strings.Contains(shown, "pending") || !strings.Contains(shown, late) {
			t.Errorf("host show does not name the server that is away:\n%s", shown)
		}
		if told := w.run("host", "history", hosts[0]); !strings.Contains(told, "(not yet at "+target.Addr.String()+")") {
			t.Errorf("host history does not name the server that is away:\n%s", told)
		}
		target.Start()
		until(t, "BIND has caught up", settled)
	}
	until(t, "nothing is pending", func() bool { return strings.Contains(w.run("zone", "push"), "up to date") })
	if _, body, err := get(w.http, "/nic/update?hostname="+hosts[0]+"&myip="+latest[0], user, secret); err != nil || !strings.HasPrefix(body, "nochg ") {
		t.Errorf("what BIND has is answered %q, %v", body, err)
	}
	if shown := w.run("host", "show", hosts[0]); strings.Contains(shown, "pending") {
		t.Errorf("host show says that what BIND has is pending:\n%s", shown)
	}
	w.run("host", "delete", hosts[0])
	w.run("upgrade")
	hosts, latest = hosts[1:], latest[1:]
	until(t, "a host is gone", func() bool { return len(addressesAt(target, "h0.dyn.example.org")) == 0 && settled() })
	if got := addressesAt(target, "www.dyn.example.org"); len(got) != 1 {
		t.Errorf("what was never ours is %q", got)
	}
	until(t, "nothing is pending", func() bool { return strings.Contains(w.run("zone", "push"), "up to date") })
	if status := w.run("zone", "push", "dyn.example.org"); !strings.Contains(status, ": 0 differences, 0 deletions, 1 names of others") {
		t.Errorf("zone push dyn.example.org prints\n%s", status)
	}
}

// In the strict mode a device is told to try again until BIND has its address.
func TestPushStrict(t *testing.T) {
	t.Parallel()
	target := primary.BIND.New(t)
	w := newWorld(t, "")
	w.pushTo("push_wait = \"1s\"\npush_strict = true", target)
	w.start()
	user, secret := w.seed("home.dyn.example.org")
	w.run("tsig", "add", "stayput-push")
	target.Named(w.run("zone", "bind", "dyn.example.org", "--tsig", "stayput-push"))
	ask := func() string {
		status, body, err := get(w.http, "/nic/update?hostname=home.dyn.example.org&myip=192.0.2.7", user, secret)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(status, " ", strings.TrimSpace(body))
	}
	for range 2 {
		if got := ask(); got != "503 911" {
			t.Errorf("without BIND: %q, want 503 911", got)
		}
	}
	if told := w.run("host", "history", "home.dyn.example.org"); !strings.Contains(told, "911 (not yet at every server that the zone is pushed to)") {
		t.Errorf("host history says\n%s", told)
	}
	if got := w.ask("home.dyn.example.org", dns.TypeA); len(got) != 1 {
		t.Errorf("we answer %q", got)
	}
	target.Start()
	until(t, "BIND has it", func() bool { return len(addressesAt(target, "home.dyn.example.org")) == 1 })
	until(t, "nothing is pending", func() bool { return ask() == "200 nochg 192.0.2.7" })
}
