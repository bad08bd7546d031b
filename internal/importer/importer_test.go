package importer_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"stayput.dev/internal/api"
	"stayput.dev/internal/importer"
	"stayput.dev/internal/zone"
)

const dyn = `$TTL 300
@ SOA ns.example.net. hostmaster.example.net. 7 300 60 1209600 60
@ NS ns.example.net.
@ A 192.0.2.80
a.u1 77 A 192.0.2.1
A.U1 77 A 192.0.2.2
b.u1 AAAA 2001:db8::1
c.u1 TXT "no address"
d.e.u1 A 192.0.2.3
a.u2 A 192.0.2.4
a.u2 RRSIG A 13 3 300 20270101000000 20260101000000 1 dyn.example.org. AAAA
`

func readZone(t testing.TB) *importer.Zone {
	t.Helper()
	z, err := importer.ReadZone("dyn.example.org.", "db.dyn", strings.NewReader(dyn))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// planText writes a plan, one line for each part, without the content of zones.
func planText(p *importer.Plan) string {
	var b strings.Builder
	for _, a := range p.Accounts {
		fmt.Fprintf(&b, "account %s %s\n", a.Name, a.Email)
	}
	for _, h := range p.Hosts {
		fmt.Fprintf(&b, "host %s of %s %v %d\n", h.Name, h.Account, h.Addresses, h.TTL)
	}
	for _, k := range p.Keys {
		fmt.Fprintf(&b, "key %s of %s for %v %s%s", k.Username, k.Account, k.Hosts, k.Hash, k.Secret)
		if len(k.Patterns) > 0 {
			fmt.Fprintf(&b, " %v up to %d", k.Patterns, k.NewHosts)
		}
		b.WriteByte('\n')
	}
	for _, q := range p.Problems {
		fmt.Fprintf(&b, "%s: %s\n", q.Where, q.What)
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func wantPlan(t *testing.T, why string, p *importer.Plan, want string) {
	t.Helper()
	if got := planText(p); got != strings.TrimLeft(want, "\n") {
		t.Errorf("%s:\n%s\nwant:%s", why, got, want)
	}
}

// TestZoneIsWhole: what goes to the daemon of a master file is what the daemon would read in it.
func TestZoneIsWhole(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("dyn.example.org")
	const text = dyn + `
$GENERATE 1-3 h$ A 192.0.2.$
ipsec IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
after A 192.0.2.9
null NULL \# 2 abcd
`
	want, _, err := zone.ReadMaster(strings.NewReader(strings.ReplaceAll(text, "a.u2 RRSIG", "; a.u2 RRSIG")), origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	z, err := importer.ReadZone("dyn.example.org", "db.dyn", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	content := importer.PlanZone(z, importer.Hosts{}).Zones[0].Content
	got, _, err := zone.ReadMaster(strings.NewReader(content), origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range zone.Diff(want, got).Changes {
		t.Errorf("%v became %v", c.Old, c.New)
	}
}

func TestNicokaiser(t *testing.T) {
	t.Parallel()
	tests := []struct {
		why, hosts, users string
		known             map[string]string
		want              string
	}{
		{"a user and a host", "Home.dyn.example.org.:User1\n", "USER1:hash\n", nil, `
account user1
host home.dyn.example.org of user1 [] 0
key user1 of user1 for [home.dyn.example.org] hash
`},
		{"who is tied by others has one account", "a.example.org:u1,u2\nb.example.org:u3\nc.example.org: u3 , u2\nd.example.org:u4", "u4:4\nu3:3\nu2:2\nu1:1\n", nil, `
account u4
account u3
host a.example.org of u3 [] 0
host b.example.org of u3 [] 0
host c.example.org of u3 [] 0
host d.example.org of u4 [] 0
key u4 of u4 for [d.example.org] 4
key u3 of u3 for [b.example.org c.example.org] 3
key u2 of u3 for [a.example.org c.example.org] 2
key u1 of u3 for [a.example.org] 1
`},
		{"a group keeps the account that it has", "a.example.org:u1,u2", "u1:1\nu2:2", map[string]string{"u2": "alice"}, `
account alice
host a.example.org of alice [] 0
key u1 of alice for [a.example.org] 1
key u2 of alice for [a.example.org] 2
`},
		{"all lines that fit count", "a.example.org:u1\na.example.org:u2,u1\n", "u1:1\nu2:2", nil, `
account u1
host a.example.org of u1 [] 0
key u1 of u1 for [a.example.org] 1
key u2 of u1 for [a.example.org] 2
`},
		{"a user without a host", "", "u1:1", nil, `
account u1
u1: the user has no host: no key is made, and one that is here stays as it is
`},
		{"the first line of a user counts", "a.example.org:u1,u4", "u1:1\r\nU1:2\nu2\nu3:\nu4:4:since 2019", nil, `
account u1
host a.example.org of u1 [] 0
key u1 of u1 for [a.example.org] 1
key u4 of u1 for [a.example.org] 4
dyndns.user line 2: user u1 is there before, which counts
dyndns.user line 3: it has no colon, or nothing before it
dyndns.user line 4: user u3 has no password: no key is made
`},
		{"patterns", "*.u1.dyn.example.org:u1\na.*.dyn.example.org:u2\nx.u1.dyn.example.org:u3\n*.example.com:u3", "u1:1\nu2:2\nu3:3", nil, `
account u1
account u3
host a.u1.dyn.example.org of u1 [192.0.2.1 192.0.2.2] 77
host b.u1.dyn.example.org of u1 [2001:db8::1] 300
host a.u2.dyn.example.org of u1 [192.0.2.4] 300
host x.u1.dyn.example.org of u3 [] 0
key u1 of u1 for [a.u1.dyn.example.org b.u1.dyn.example.org] 1 [*.u1.dyn.example.org] up to 50
key u2 of u1 for [a.u1.dyn.example.org a.u2.dyn.example.org] 2 [a.*.dyn.example.org] up to 50
key u3 of u3 for [x.u1.dyn.example.org] 3 [*.example.com] up to 50
dyn.example.org: 1 records of DNSSEC are left out: the signatures would soon be out of date
dyndns.hosts line 1: pattern *.u1.dyn.example.org takes the 2 names that the zones have now; devices may make further ones, up to 50
dyndns.hosts line 2: pattern a.*.dyn.example.org takes the 2 names that the zones have now; devices may make further ones, up to 50
dyndns.hosts line 4: pattern *.example.com takes the 0 names that the zones have now; devices may make further ones, up to 50
`},
		{"who shares a pattern has one account, also where it takes no name yet", "*.u9.dyn.example.org:u1,u2\n*.u8.dyn.example.org:ghost", "u1:1\nu2:2", nil, `
account u1
account ghost
key u1 of u1 for [] 1 [*.u9.dyn.example.org] up to 50
key u2 of u1 for [] 2 [*.u9.dyn.example.org] up to 50
dyn.example.org: 1 records of DNSSEC are left out: the signatures would soon be out of date
dyndns.hosts line 1: pattern *.u9.dyn.example.org takes the 0 names that the zones have now; devices may make further ones, up to 50
dyndns.hosts line 2: pattern *.u8.dyn.example.org takes the 0 names that the zones have now; devices may make further ones, up to 50
ghost: the user has hosts, but no password in dyndns.user: no key is made
`},
		{"what makes no sense", "# hosts\n\na.example.org:,\nnobody\n:u1\nb.example.org:ghost", "", nil, `
account ghost
host b.example.org of ghost [] 0
dyndns.hosts line 3: host a.example.org has no user
dyndns.hosts line 4: it has no colon, or nothing before it
dyndns.hosts line 5: it has no colon, or nothing before it
ghost: the user has hosts, but no password in dyndns.user: no key is made
`},
	}
	for _, tt := range tests {
		n := importer.Nicokaiser{
			HostsFile: "dyndns.hosts", Hosts: strings.NewReader(tt.hosts),
			UsersFile: "dyndns.user", Users: strings.NewReader(tt.users), Known: tt.known, NewHosts: 50,
		}
		if strings.Contains(tt.hosts, "*") {
			n.Zones = []*importer.Zone{readZone(t)}
		}
		p, err := n.Plan()
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		wantPlan(t, tt.why, p, tt.want)
		for _, k := range p.Keys {
			if !k.AnyCase || k.Unchanged != "good" || !k.BareGood {
				t.Errorf("%s: key %+v", tt.why, k)
			}
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	bad := func() io.Reader { return io.MultiReader(strings.NewReader("a:b\n"), iotest.ErrReader(broken)) }
	n := importer.Nicokaiser{Hosts: strings.NewReader(""), Users: bad()}
	if _, err := n.Plan(); !errors.Is(err, broken) {
		t.Errorf("users: %v", err)
	}
	n = importer.Nicokaiser{Hosts: bad(), Users: strings.NewReader("")}
	if _, err := n.Plan(); !errors.Is(err, broken) {
		t.Errorf("hosts: %v", err)
	}
	if _, err := importer.ReadCSV("list", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("CSV: %v", err)
	}
	if _, err := importer.ReadZone("dyn.example.org", "db", iotest.ErrReader(broken)); err == nil {
		t.Error("zone: no error")
	}
	if _, err := importer.ReadZone("dyn.example.org", "db", strings.NewReader("$INCLUDE /etc/passwd\n")); err == nil {
		t.Error("a zone may include files")
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	tests := []struct{ why, list, want string }{
		{"an account", "account\nalice\n", "\naccount alice\n"},
		{"with a mark and blanks", "\ufeffAccount, Host\r\nalice, \"Home.example.org.\"\r\n", "\naccount alice\nhost home.example.org of alice [] 0\n"},
		{"keys", "account;host;username;secret;hash\nalice;a.example.org;all;s1;\nalice;b.example.org;all;;\nAlice;b.example.org;b;;h\nbob;;bob;;\n", `
account alice
account bob
host a.example.org of alice [] 0
host b.example.org of alice [] 0
key all of alice for [a.example.org b.example.org] s1
key b of alice for [b.example.org] h
key bob of bob for []
`},
		{"contradictions", "account,host,username,secret,ttl\nalice,a.example.org,k,1,\nbob,a.example.org,,,\nalice,b.example.org,k,2,\nbob,,k,,\n,c.example.org,,,\nbob,,,x,\nbob,d.example.org,,,-1\n", `
account alice
account bob
host a.example.org of alice [] 0
host b.example.org of alice [] 0
key k of alice for [a.example.org b.example.org] 1
list line 3: host a.example.org is of account alice in a line before
list line 4: key k has another secret in a line before, which counts
list line 5: key k is of account alice in a line before
list line 6: it names no account
list line 7: it has a secret without a username: no key is made
list line 8: "-1" is no TTL in seconds
`},
	}
	for _, tt := range tests {
		p, err := importer.ReadCSV("list", strings.NewReader(tt.list))
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		wantPlan(t, tt.why, p, tt.want)
	}
	for list, want := range map[string]string{
		"":                       "reading list: it is empty: the first line names the columns",
		"host\na\n":              "reading list: there is no column account",
		"account,account\n":      "reading list: column account is there twice",
		"account,host\nalice\n":  "reading list: record on line 2: wrong number of fields",
		"account\n\"alice\n":     `reading list: parse error on line 2, column 8: extraneous or missing " in quoted-field`,
		"account,phone\nalice,1": `reading list: there is no column "phone": one of account, email, host, address, ttl, username, secret, hash`,
	} {
		if _, err := importer.ReadCSV("list", strings.NewReader(list)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", list, err, want)
		}
	}
}

func TestReadKey(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"key \"dyndns\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n": true,
		"# a comment\nkey dyndns. { algorithm HMAC-MD5; secret c2VjcmV0; };":       true,
		"key dyndns { algorithm hmac-md5.sig-alg.reg.int; secret \"c2VjcmV0\"; };": true,
		"key dyndns { secret \"c2VjcmV0\"; };":                                     false,
		"key dyndns { algorithm hmac-sha3; secret \"c2VjcmV0\"; };":                false,
		"key dyndns { algorithm hmac-sha256; secret \"c2VjcmV\"; };":               false,
		"dyndns.example.org. IN KEY 512 3 157 c2VjcmV0":                            false,
		"": false,
		"key \"dyndns\" { algorithm \"hmac-sha512\"; secret \"c2VjcmV0\"; }; zone x": true,
	} {
		_, err := importer.ReadKey(text)
		if ok != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	h := importer.House{
		Accounts: []api.Account{{Name: "alice", Email: "alice@example.org"}},
		Hosts:    []api.Host{{Name: "a.example.org", Account: "Alice", TTL: 60}, {Name: "b.example.org", Account: "alice"}, {Name: "c.example.org", Account: "bob"}},
		Keys: []api.Key{
			{Username: "All", Account: "alice"},
			{Username: "all", Account: "alice"},
			{Username: "b", Account: "alice", Hosts: []string{"b.example.org"}},
			{Username: "odd,name", Account: "alice"},
			{Username: "some", Account: "alice", Patterns: []string{"a.*.org", "*.u1.example.org"}},
		},
		Hashes: map[string]string{"All": "hash", "b": ""},
	}
	var hosts, users strings.Builder
	problems, err := h.WriteNicokaiser(&hosts, &users)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hosts.String(), "a.example.org:all,some\nb.example.org:all,b\na.*.org:some\n*.u1.example.org:some\n"; got != want {
		t.Errorf("hosts:\n%s\nwant:\n%s", got, want)
	}
	if got, want := users.String(), "all:hash\n"; got != want {
		t.Errorf("users:\n%s\nwant:\n%s", got, want)
	}
	var where []string
	for _, p := range problems {
		where = append(where, p.Where)
	}
	if want := []string{"all", "odd,name", "b", "some", "c.example.org"}; !slices.Equal(where, want) {
		t.Errorf("problems = %+v, want of %q", problems, want)
	}

	var list strings.Builder
	if err := h.WriteCSV(&list); err != nil {
		t.Fatal(err)
	}
	p, err := importer.ReadCSV("list", strings.NewReader(list.String()))
	if err != nil {
		t.Fatal(err)
	}
	wantPlan(t, "what was written is read again", p, `
account alice alice@example.org
account bob
host a.example.org of alice [] 60
host b.example.org of alice [] 0
host c.example.org of bob [] 0
key All of alice for [] hash
key all of alice for []
key b of alice for [b.example.org]
key odd,name of alice for []
key some of alice for [a.example.org]
`)
}

// TestAListIsNoFormula: what customers have chosen is text for a spreadsheet that opens the
// list, and is read as they wrote it.
func TestAListIsNoFormula(t *testing.T) {
	t.Parallel()
	h := &importer.House{Accounts: []api.Account{{Name: "alice", Email: "=1+1@example.org"}, {Name: "bob", Email: "'a@example.org"}}}
	for _, username := range []string{`=HYPERLINK("//www.example.org/"&A1)`, "+1", "-1", "@SUM(A1)", "'quoted", "''twice"} {
		h.Keys = append(h.Keys, api.Key{Account: "alice", Username: username})
	}
	var list strings.Builder
	if err := h.WriteCSV(&list); err != nil {
		t.Fatal(err)
	}
	fields, err := csv.NewReader(strings.NewReader(list.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range slices.Concat(fields...) {
		if field != "" && strings.ContainsAny(field[:1], "=+-@") {
			t.Errorf("%s is a formula", field)
		}
	}
	p, err := importer.ReadCSV("list", strings.NewReader(list.String()))
	if err != nil {
		t.Fatal(err)
	}
	wantPlan(t, "what was written is read again", p, `
account alice =1+1@example.org
account bob 'a@example.org
key =HYPERLINK("//www.example.org/"&A1) of alice for []
key +1 of alice for []
key -1 of alice for []
key @SUM(A1) of alice for []
key 'quoted of alice for []
key ''twice of alice for []
`)
}

func FuzzReadCSV(f *testing.F) {
	f.Add("account,host,username\nalice,home.example.org,router\n")
	f.Add("account;email;ttl\nalice;;60\n")
	f.Fuzz(func(t *testing.T, list string) {
		p, err := importer.ReadCSV("list", strings.NewReader(list))
		if err != nil {
			return
		}
		owners := map[string]bool{}
		for _, a := range p.Accounts {
			owners[strings.ToLower(a.Name)] = true
		}
		for _, h := range p.Hosts {
			if !owners[strings.ToLower(h.Account)] || h.Name == "" {
				t.Errorf("host %+v", h)
			}
		}
		for _, k := range p.Keys {
			if !owners[strings.ToLower(k.Account)] || k.Username == "" {
				t.Errorf("key %+v", k)
			}
		}
	})
}

func FuzzNicokaiser(f *testing.F) {
	f.Add("a.example.org:u1,u2\n*.u1.dyn.example.org:u1\n", "u1:hash\nu2:hash\n")
	f.Fuzz(func(t *testing.T, hosts, users string) {
		n := importer.Nicokaiser{Hosts: strings.NewReader(hosts), Users: strings.NewReader(users), Zones: []*importer.Zone{readZone(t)}}
		p, err := n.Plan()
		if err != nil {
			return
		}
		owner := map[string]string{}
		for _, h := range p.Hosts {
			owner[h.Name] = h.Account
		}
		for _, k := range p.Keys {
			for _, h := range k.Hosts {
				if owner[h] != k.Account {
					t.Errorf("key %s of %s may update %s of %s", k.Username, k.Account, h, owner[h])
				}
			}
		}
	})
}

func FuzzReadKey(f *testing.F) {
	f.Add("key \"dyndns\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := importer.ReadKey(text)
		if (k == nil) != (err != nil) {
			t.Errorf("key %v, %v", k, err)
		}
	})
}
