package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const changing = "changing.example.org"

// Zones come, change and go while clients ask without a pause. Every question is
// answered, and every answer is that of a zone as it was at some time.
func TestZonesChangeUnderLoad(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	l := newLoad(t, w, loadPace{updaters: 4, flood: 3, perConn: 100})
	for range 3 {
		l.loop(&l.packets, l.askForChanging)
	}
	form := func(serial, names int, address string) string {
		var text strings.Builder
		fmt.Fprintf(&text, "$TTL 60\n@ SOA ns1 hostmaster %d 300 60 1209600 30\n@ NS ns1\nns1 A 192.0.2.53\n", serial)
		for i := range names {
			fmt.Fprintf(&text, "h%d A %s\n", i, address)
		}
		return w.write("changing.zone", text.String())
	}
	for i := range rounds(20, 200) {
		w.run("zone", "import", changing, form(2*i+1, 10, "192.0.2.1"))
		w.run("zone", "import", changing, form(2*i+2, 1000, "192.0.2.2"))
		w.run("zone", "delete", changing, "--yes")
	}
	l.end()
	w.stop()
}

// askForChanging asks for a name that the zone has in both of its forms.
func (l *load) askForChanging() error {
	c := dns.Client{Timeout: patience}
	r, _, err := c.Exchange(new(dns.Msg).SetQuestion("h7."+changing+".", dns.TypeA), l.w.dns)
	if err != nil {
		return fmt.Errorf("asking for a zone that changes: %w", err)
	}
	if r.Rcode == dns.RcodeRefused && len(r.Answer) == 0 { // there is no such zone
		return nil
	}
	if r.Rcode == dns.RcodeSuccess && r.Authoritative && len(r.Answer) == 1 {
		if a := r.Answer[0].(*dns.A).A.String(); a == "192.0.2.1" || a == "192.0.2.2" {
			return nil
		}
	}
	return fmt.Errorf("a zone that changes: %v", r)
}
