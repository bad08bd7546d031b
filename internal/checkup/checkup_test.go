package checkup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"stayput.dev/internal/checkup"
	"stayput.dev/internal/zone"
)

var origin = zone.MustName("dyn.example.org")

// head is a zone in which nothing is odd.
const head = `
@    60    SOA ns1 hostmaster 7 300 60 1209600 60
@    86400 NS  ns1
@    86400 NS  ns2.example.net.
ns1  86400 A   192.0.2.1
`

func read(t *testing.T, text string) *zone.Zone {
	t.Helper()
	z, _, err := zone.ReadMaster(strings.NewReader(text), origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// inside returns what is found of a zone when nobody else is asked, each as a line.
func inside(z *zone.Zone, followers ...checkup.Follower) (lines []string) {
	zones := zone.Set{}.With(z)
	opts := checkup.Options{Zones: func() zone.Set { return zones }, Followers: followers, Inside: true}
	for _, f := range checkup.Zone(context.Background(), z.Origin(), opts) {
		lines = append(lines, fmt.Sprintf("%s %s: %s", f.Level, f.Topic, f.Text))
	}
	return lines
}

func TestRecords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ records, want string }{
		{"", "ok records: nothing is odd about the records of 2 names"},
		{"mail MX 10 home\nhome A 192.0.2.7", "ok records: nothing is odd about the records of 4 names"},
		{"mail MX 0 .\n_sip._tcp SRV 0 0 0 .\nalias CNAME www.example.net.", "ok records: nothing is odd about the records of 5 names"},
		{"mail MX 10 any\n*  A 192.0.2.7", "ok records: nothing is odd about the records of 4 names"},
		{"mail MX 10 home", "warn records: mail.dyn.example.org MX points to home.dyn.example.org, which does not exist"},
		{"_sip._tcp SRV 0 0 5060 home\nhome TXT offline", "warn records: _sip._tcp.dyn.example.org SRV points to home.dyn.example.org, which has no address at present"},
		{"www CNAME gone", "warn records: www.dyn.example.org CNAME points to gone.dyn.example.org, which does not exist"},
		{"www CNAME home\nhome TXT offline", "ok records: nothing is odd about the records of 4 names"},
		{"mail MX 10 www\nwww CNAME home\nhome A 192.0.2.7", "warn records: mail.dyn.example.org MX points to www.dyn.example.org, which is an alias"},
		{"@ NS ns3", "fail records: dyn.example.org NS ns3.dyn.example.org has no address"},
		{"lab NS ns.lab", "fail records: lab.dyn.example.org NS ns.lab.dyn.example.org has no address here, and cannot be found without"},
		{"lab NS ns.lab\nns.lab A 192.0.2.5", "ok records: nothing is odd about the records of 4 names"},
		{"home 0 A 192.0.2.7", "warn records: home.dyn.example.org A has a TTL of 0: it is asked for again for every use"},
		{"home 1209600 A 192.0.2.7", "warn records: home.dyn.example.org A has a TTL of 1209600, more than a week: what changes is not seen for as long"},
	} {
		var got []string
		for _, line := range inside(read(t, "$TTL 60\n"+head+tt.records+"\n")) {
			if strings.Contains(line, "records:") {
				got = append(got, line)
			}
		}
		if len(got) != 1 || got[0] != tt.want {
			t.Errorf("%q: found\n%s\nwant\n%s", tt.records, strings.Join(got, "\n"), tt.want)
		}
	}
}

// What no master file may hold can still come about, by what others write.
func TestAliasBesideOthers(t *testing.T) {
	t.Parallel()
	d := read(t, "$TTL 60\n"+head+"www CNAME home\nhome A 192.0.2.7\n").Edit()
	www := zone.MustName("www.dyn.example.org")
	if err := d.Put(zone.RRset{Name: www, Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData("text")}}); err != nil {
		t.Fatal(err)
	}
	z, _, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if found := inside(z); !slices.Contains(found, "fail records: www.dyn.example.org has a CNAME beside other records") {
		t.Errorf("found\n%s", strings.Join(found, "\n"))
	}
}

// Of many findings of one kind, some are told, and the number of the others.
func TestManyAlike(t *testing.T) {
	t.Parallel()
	text := "$TTL 60\n" + head
	for i := range 25 {
		text += fmt.Sprintf("m%d MX 10 gone%d\n", i, i)
	}
	found := inside(read(t, text))
	if n := len(found); n != 12 || found[n-1] != "warn records: 15 more: pointers to nothing" {
		t.Errorf("found %d:\n%s", n, strings.Join(found, "\n"))
	}
}

func TestTimers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ soa, want string }{
		{"60 SOA ns1 h 7 300 60 1209600 60", "ok timers: the timers suit a zone that changes"},
		{"60 SOA ns1 h 7 300 300 1209600 60", "warn timers: retry 300 is not below refresh 300"},
		{"60 SOA ns1 h 7 300 60 360 60", "fail timers: expire 360 is not over refresh 300 and retry 60 together"},
		{"60 SOA ns1 h 7 300 60 86400 60", "warn timers: expire 86400 is less than a week"},
		{"86400 SOA ns1 h 7 300 60 1209600 7200", "warn timers: what does not exist is remembered for 7200 seconds"},
		{"60 SOA ns1 h 7 300 60 1209600 7200", "ok timers: the timers suit a zone that changes"},
	} {
		text := strings.Replace(head, "60    SOA ns1 hostmaster 7 300 60 1209600 60", tt.soa, 1)
		found := inside(read(t, "$TTL 60\n"+text))
		if !slices.ContainsFunc(found, func(line string) bool { return strings.HasPrefix(line, tt.want) }) {
			t.Errorf("%q: found\n%s\nwant\n%s", tt.soa, strings.Join(found, "\n"), tt.want)
		}
	}
	found := inside(read(t, "$TTL 60\n"+strings.Replace(head, "86400 NS  ns1", "60 NS ns1", 1)))
	if len(found) != 2 || !strings.HasPrefix(found[0], "warn timers: the NS records have a TTL of 60") {
		t.Errorf("found\n%s", strings.Join(found, "\n"))
	}
}

// A zone without a second name server is warned of, and one that is not there fails.
func TestFewServers(t *testing.T) {
	t.Parallel()
	found := inside(read(t, "$TTL 60\n"+strings.Replace(head, "@    86400 NS  ns2.example.net.", "", 1)))
	if len(found) != 2 || !strings.HasPrefix(found[1], "warn records: the zone has no second name server") {
		t.Errorf("found\n%s", strings.Join(found, "\n"))
	}
	none := checkup.Zone(t.Context(), origin, checkup.Options{Zones: func() zone.Set { return zone.Set{} }})
	if len(none) != 1 || none[0].Level != checkup.Fail {
		t.Errorf("found %+v of a zone that is not there", none)
	}
}

// Secondaries have our version, or catch up while they are looked at, or do not.
func TestFollowers(t *testing.T) {
	t.Parallel()
	has := func(serials ...uint32) func(context.Context) (uint32, error) {
		return func(context.Context) (uint32, error) {
			serial := serials[0]
			serials = serials[min(1, len(serials)-1):]
			return serial, nil
		}
	}
	var found []string
	synctest.Test(t, func(t *testing.T) {
		found = inside(read(t, "$TTL 60\n"+head),
			checkup.Follower{Name: "192.0.2.53:53", Serial: has(7)},
			checkup.Follower{Name: "192.0.2.54:53", Serial: has(6, 7)},
			checkup.Follower{Name: "192.0.2.55:53", Serial: has(5)},
			checkup.Follower{Name: "192.0.2.56:53", Serial: has(8)},
			checkup.Follower{Name: "192.0.2.57:53", Serial: func(context.Context) (uint32, error) { return 0, errors.New("no answer from 192.0.2.57:53") }},
		)
	})
	want := []string{
		"ok secondaries: 192.0.2.53:53 has our version",
		"ok secondaries: 192.0.2.54:53 has our version",
		"warn secondaries: 192.0.2.55:53 is 2 changes behind: it has serial 5, not 7",
		"fail secondaries: 192.0.2.56:53 has serial 8, later than ours, 7: it does not take what we change",
		"fail secondaries: 192.0.2.57:53: no answer from 192.0.2.57:53",
	}
	if len(found) < len(want) || !slices.Equal(found[:len(want)], want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}
