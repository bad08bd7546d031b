package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/api"
)

// recordsOf returns what a list of records says, as lines.
func (w *world) recordsOf(zone, prefix string) (lines []string) {
	w.t.Helper()
	for set, err := range w.Records(w.t.Context(), zone, prefix) {
		done(w.t, err)
		lines = append(lines, set.Name+" "+set.Type+" "+strings.Join(set.Values, ", "))
	}
	return lines
}

// TestRecords: the records of one type at a name are shown, put, and deleted together.
func TestRecords(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	const zone = "dyn.example.org"
	set := ok(w.SetRecords(ctx, zone, "www", "txt", api.RRsetChange{TTL: ptr(uint32(300)), Values: []string{"v=spf1 mx; <b>", `"in two" "parts"`}}))(t)
	if want := []string{`"in two" "parts"`, `"v=spf1 mx; <b>"`}; set.Name != "www.dyn.example.org" || set.Type != "TXT" || set.TTL != 300 || !slices.Equal(slices.Sorted(slices.Values(set.Values)), want) {
		t.Errorf("the set is %+v", set)
	}
	if set = ok(w.SetRecords(ctx, zone, "www."+zone, "TXT", api.RRsetChange{Values: []string{"again"}}))(t); set.TTL != 300 {
		t.Errorf("without a TTL it is %d", set.TTL)
	}
	if set = ok(w.SetRecords(ctx, zone, "@", "MX", api.RRsetChange{Values: []string{"10 mail"}}))(t); set.Name != zone || set.TTL != 3600 || set.Values[0] != "10 mail.dyn.example.org." {
		t.Errorf("at the apex there is %+v", set)
	}
	ok(w.AddHost(ctx, api.NewHost{Name: "home." + zone, Account: "alice", Addresses: []string{"192.0.2.7"}}))(t)
	want := []string{"home.dyn.example.org A 192.0.2.7", `www.dyn.example.org TXT "again"`}
	if got := append(w.recordsOf(zone, "ho"), w.recordsOf(zone, "www")...); !slices.Equal(got, want) {
		t.Errorf("records are %q, want %q", got, want)
	}
	done(t, w.DeleteRecords(ctx, zone, "www", "TXT"))
	refused(t, w.DeleteRecords(ctx, zone, "www", "TXT"), 404, "www.dyn.example.org has no TXT record", "")
	if got := w.recordsOf(zone, "www"); len(got) != 0 {
		t.Errorf("after all is deleted there is %q", got)
	}
}

// TestRecordPages: a long list comes in pages, no name in two of them.
func TestRecordPages(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		ok(w.SetRecords(t.Context(), "dyn.example.org", name, "TXT", api.RRsetChange{Values: []string{name}}))(t)
		ok(w.SetRecords(t.Context(), "dyn.example.org", name, "A", api.RRsetChange{Values: []string{"192.0.2.1"}}))(t)
	}
	root := w.admins()
	var got []string
	for start := ""; ; {
		var page api.RRsetPage
		done(t, json.Unmarshal([]byte(w.wants(200, root, "GET", "/zones/dyn.example.org/records?limit=2&start="+start, "")), &page))
		for _, set := range page.Records {
			got = append(got, set.Name+" "+set.Type)
		}
		if start = page.Next; start == "" {
			break
		}
	}
	want := []string{"dyn.example.org NS", "dyn.example.org SOA"}
	for _, name := range []string{"a", "b", "c", "d"} {
		want = append(want, name+".dyn.example.org A", name+".dyn.example.org TXT")
	}
	if got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "ns1.") }); !slices.Equal(got, want) {
		t.Errorf("the pages list %q, want %q", got, want)
	}
}

// admins makes an administrator and returns the secret of a token.
func (w *world) admins() string {
	w.t.Helper()
	ok(w.AddAccount(w.t.Context(), api.NewAccount{Name: "root", Role: "admin"}))(w.t)
	return w.token(api.NewToken{Account: "root", Staff: true})
}

// TestRecordProblems: what the zone cannot have is told by the rule that it would break,
// and nothing changes.
func TestRecordProblems(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	root := w.admins()
	ok(w.AddHost(t.Context(), api.NewHost{Name: "home.dyn.example.org", Account: "alice", Addresses: []string{"192.0.2.7"}}))(t)
	before := w.revision()
	for _, c := range []struct {
		at, body string
		status   int
		rule     string
		value    int
	}{
		{"/www/A", `{"values":["192.0.2.1","192.0.2"]}`, 422, "data", 2},
		{"/www/TXT", `{"values":["x\n@ A 192.0.2.66"]}`, 422, "data", 1},
		{"/www/CNAME", `{"values":["a","b"]}`, 422, "single", 0},
		{"/@/CNAME", `{"values":["a"]}`, 409, "alias", 0},
		{"/@/SOA", `{"values":["ns1 hostmaster 1 2 3 4 5"]}`, 409, "soa", 0},
		{"/home/A", `{"values":["192.0.2.9"]}`, 409, "host", 0},
		{"/www.example.net./A", `{"values":["192.0.2.9"]}`, 422, "name", 0},
		{"/www/A", `{"values":[]}`, 422, "", 0},
		{"/www/A", `{"ttl":2147483648,"values":["192.0.2.1"]}`, 422, "", 0},
		{"/www/BOGUS", `{"values":["x"]}`, 422, "", 0},
		{"/www/ANY", `{"values":["x"]}`, 422, "data", 1},
		{"/a..b/A", `{"values":["192.0.2.9"]}`, 422, "", 0},
	} {
		text := w.wants(c.status, root, "PUT", "/zones/dyn.example.org/records"+c.at, c.body)
		var p api.Problem
		done(t, json.Unmarshal([]byte(text), &p))
		if p.Rule != c.rule || p.Value != c.value || p.Detail == "" {
			t.Errorf("%s %s: problem %s", c.at, c.body, text)
		}
	}
	w.wants(404, root, "GET", "/zones/dyn.example.org/records/www/A", "")
	w.wants(404, root, "GET", "/zones/none.example.org/records", "")
	w.wants(404, root, "PUT", "/zones/none.example.org/records/www/A", `{"values":["192.0.2.9"]}`)
	w.wants(409, root, "DELETE", "/zones/dyn.example.org/records/@/NS", "")
	if after := w.revision(); after != before {
		t.Errorf("the revision is %d, it was %d", after, before)
	}
}

// TestRecordsHaveTags: who changes records that are not what they have seen, changes none.
func TestRecordsHaveTags(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	root := w.admins()
	const at = "/zones/dyn.example.org/records/www/A"
	answer, _ := w.call(root, "PUT", at, `{"values":["192.0.2.1"]}`)
	tag := answer.Header.Get("ETag")
	if shown, _ := w.call(root, "GET", at, ""); answer.StatusCode != http.StatusOK || tag == "" || shown.Header.Get("ETag") != tag {
		t.Errorf("PUT answers %d and tag %q, GET tag %q", answer.StatusCode, tag, shown.Header.Get("ETag"))
	}
	w.wants(304, root, "GET", at, "", "If-None-Match", tag)
	w.wants(412, root, "PUT", at, `{"values":["192.0.2.2"]}`, "If-Match", `"other"`)
	w.wants(412, root, "DELETE", at, "", "If-Match", `"other"`)
	w.wants(200, root, "PUT", at, `{"values":["192.0.2.2"]}`, "If-Match", tag)
	w.wants(412, root, "DELETE", at, "", "If-Match", tag)
	w.wants(412, root, "PUT", "/zones/dyn.example.org/records/new/A", `{"values":["192.0.2.2"]}`, "If-Match", "*")
	w.wants(204, root, "DELETE", at, "", "If-Match", "*")
}

// TestRecordsAreForStaff: support reads them, admins change them, and a token for a zone
// comes to the names in it, one for a host to none.
func TestRecordsAreForStaff(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	root := w.admins()
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "desk", Role: "support"}))(t)
	ok(w.AddHost(t.Context(), api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	const at = "/zones/dyn.example.org/records"
	w.wants(200, root, "PUT", at+"/www/A", `{"values":["192.0.2.1"]}`)
	for _, c := range []struct {
		name        string
		token       api.NewToken
		list        int
		read, write int // of www
	}{
		{"a customer", api.NewToken{Account: "alice"}, 403, 403, 403},
		{"support", api.NewToken{Account: "desk", Staff: true}, 200, 200, 403},
		{"an admin who only reads", api.NewToken{Account: "root", Staff: true, ReadOnly: true}, 200, 200, 403},
		{"an admin without --staff", api.NewToken{Account: "root"}, 403, 403, 403},
		{"an admin's for the zone", api.NewToken{Account: "root", Staff: true, Zones: []string{"dyn.example.org"}}, 200, 200, 200},
		{"an admin's for the name", api.NewToken{Account: "root", Staff: true, Zones: []string{"www.dyn.example.org"}}, 200, 200, 200},
		{"an admin's for another zone", api.NewToken{Account: "root", Staff: true, Zones: []string{"example.net"}}, 200, 404, 404},
		{"an admin's for a host", api.NewToken{Account: "root", Staff: true, Hosts: []string{"home.dyn.example.org"}}, 200, 404, 404},
	} {
		secret := w.token(c.token)
		t.Log(c.name)
		list := w.wants(c.list, secret, "GET", at, "")
		w.wants(c.read, secret, "GET", at+"/www/A", "")
		w.wants(c.write, secret, "PUT", at+"/www/A", `{"values":["192.0.2.1"]}`)
		if sees := strings.Contains(list, "www.dyn.example.org"); sees != (c.read == 200) {
			t.Errorf("%s is told %s", c.name, list)
		}
	}
}
