package routeros_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stayput.dev/test/routeros"
)

var (
	v6 = routeros.Version{Major: 6, Minor: 49}
	v7 = routeros.Version{Major: 7, Minor: 21}
)

// newRouter returns a router as a household has it.
func newRouter(v routeros.Version) *routeros.Router {
	r := routeros.New(v)
	r.Set("/ip address",
		routeros.Item{"interface": "bridge", "address": "192.168.88.1/24"},
		routeros.Item{"interface": "ether1", "address": "203.0.113.9/24", "dynamic": "yes"},
	)
	r.Set("/ipv6 address",
		routeros.Item{"interface": "bridge", "address": "fe80::1/64", "link-local": "yes"},
		routeros.Item{"interface": "bridge", "address": "2001:db8::1/64", "global": "yes", "from-pool": "isp"},
	)
	r.Set("/ipv6 pool", routeros.Item{"name": "isp", "prefix": "2001:db8::/56"})
	return r
}

// What runs, on either version, and what it puts on the terminal.
func TestScripts(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, want string }{
		// Values and what is made of them.
		{`:put "a\22b\5C\24c \$ \\ \_."`, `a"b\$c $ \  .`},
		{`:put "\48\45\4C\4C\4F\r"`, "HELLO\r"},
		{`{ :local a "x"; :put "<$a$(1 + 2)$[:len $a]>" }`, "<x31>"},
		{`{ :local "my-var" 3; :put $"my-var" }`, "3"},
		{`:put ("one" . " " . "two")`, "one two"},
		{`:put (7 - 2)`, "5"},
		{`:put [:typeof 3]; :put [:typeof "3"]; :put [:typeof 192.0.2.1]; :put [:typeof true]`, "num str ip bool"},
		{`{ :local a; :put [:typeof $a] }`, "nil"},
		{`:put [:tonum "12"]; :put [:typeof [:tonum "1.5"]]`, "12 nil"},
		{`:put [:toip "192.0.2.7"]; :put [:typeof [:toip "nonsense"]]; :put [:toip6 "2001:DB8::7"]`, "192.0.2.7 nil 2001:db8::7"},
		{`:put [:pick "abcde" 1 3]; :put [:pick "abcde" 4]; :put [:pick "ab" 0 5]`, "bc e ab"},
		{`:put [:find "abc" "a"]; :put [:find "abc" "a" -1]; :put [:typeof [:find "abc" "x"]]; :put [:find "aba" "a" 0]`, "0 0 nil 2"},
		{`:put [:len "abc"]; :put [:len [/ip address find]]`, "3 2"},

		// Conditions.
		{`:if (1 = 1 and "a" != "b") do={ :put "yes" } else={ :put "no" }`, "yes"},
		{`:if (!(3 > 2) or 2 >= 3) do={ :put "yes" } else={ :put "no" }`, "no"},
		{`{ :local a true; :if ($a = true \` + "\n  and $a!=false) do={ :put \"joined\" } }", "joined"},
		{`{ :local a; :if ($a = "x") do={ :put "same" }; :if ($a != "x") do={ :put "other" } }`, "other"},

		// Loops and scopes.
		{`:for i from=1 to=3 do={ :put $i }`, "1 2 3"},
		{`:for i from= 2 to= 0 step=-1 do={ :put $i }`, "2 1 0"},
		{`{ :local n 0; :while ($n < 3) do={ :set n ($n + 1) }; :put $n }`, "3"},
		{`{ :local n 0; :do { :set n ($n + 1) } while=($n < 3); :put $n }`, "3"},
		{`:foreach i in=[/ip address find interface="ether1"] do={ :put [/ip address get $i address] }`, "203.0.113.9/24"},
		{":global g 4\n{ :global g; :set g 5 }; # comment\n:global h\n# comment ?\n:put $g", "5"},
		{":do { :error \"broken\"; :put \"never\" } on-error={ :put \"caught\" }\r\n:put \"on\"", "caught on"},

		// Menus.
		{`:put [:pick [/ip address get [find interface=ether1] address] 0 [:find [/ip address get [find where interface="ether1" and dynamic] address] "/"]]`, "203.0.113.9"},
		{`:put [/ipv6 address get [find interface="bridge" global] address]; :put [/ipv6 address get [find !link-local] from-pool]`, "2001:db8::1/64 isp"},
		{`:put [/ipv6 pool get [find name~"^i"] prefix]; :put [/ipv6 pool get isp prefix]`, "2001:db8::/56 2001:db8::/56"},
		{`:put [/system identity get name]; :put [/system clock get date]`, "MikroTik 2026-03-01"},
		{`:put [/ip address get [find interface=ether1] dynamic]`, "true"},
		{`/system script add name=a policy=read source={ :put "ran" }; /system script run a; /system script remove [find name=a]; :put [:len [/system script find]]`, "ran 0"},
	}
	for _, v := range []routeros.Version{v6, v7} {
		for _, tt := range tests {
			r := newRouter(v)
			if err := r.Run(tt.script); err != nil {
				t.Errorf("%v: %s: %v", v, tt.script, err)
				continue
			}
			if got := strings.Join(r.Output, " "); got != tt.want {
				t.Errorf("%v: %s = %q, want %q", v, tt.script, got, tt.want)
			}
		}
	}
}

// What does not run, and where the fault is.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, want string }{
		// Brackets, quotes, blanks.
		{`:put [:len "abc"`, `missing ']' after a command in brackets (line 1 column 17)`},
		{`:if (1 = 1 do={ :put 1 }`, `expected ')' after an expression, not 'd' (line 1 column 12)`},
		{`:if (1 = 1) do={ :put 1`, `missing '}' after the commands of a block (line 1 column 24)`},
		{`:do 1`, `expected a block, which stands in braces (line 1 column 5)`},
		{`:do`, `:do wants 1 to 1 values without a name, not 0 (line 1 column 1)`},
		{`:if (1 = 1) do=1`, `expected a block, which stands in braces (line 1 column 16)`},
		{`:put 1 }`, `syntax error: '}' closes nothing (line 1 column 8)`},
		{`:put "abc`, `missing closing quote (line 1 column 6)`},
		{":put \"abc\ndef\"", `missing closing quote (line 1 column 6)`},
		{`:if (1 = 1) do ={ :put 1 }`, `do stands without quotes: a variable wants $, a string quotes (line 1 column 15)`},
		{`:if (1 = 1) do={ :put 1 }` + "\n" + `else={ :put 2 }`, `bad command name else: a command begins with ":" or "/" (line 2 column 1)`},
		{`:put "a"."b"`, `expected a blank or the end of the command, not '.' (line 1 column 9)`},
		{`:put "a" "b"`, `:put wants 1 to 1 values without a name, not 2 (line 1 column 1)`},

		// Names.
		{`put 1`, `bad command name put: a command begins with ":" or "/" (line 1 column 1)`},
		{`:print 1`, `bad command name print (line 1 column 2)`},
		{`/ip addresses find`, `bad command name addresses (line 1 column 5)`},
		{`/ip address fetch`, `bad command name fetch (line 1 column 13)`},
		{`/tool fetch uri="http://192.0.2.1/"`, `expected end of command: /tool fetch has no parameter uri (line 1 column 13)`},
		{`/tool fetch output=none`, `missing value of url= (line 1 column 1)`},
		{`/tool dns-update address=192.0.2.7 dns-server=192.0.2.53`, `/tool dns-update: missing value of zone= (line 1 column 1)`},
		{`/tool dns-update address=192.0.2.7/24 dns-server=192.0.2.53 zone=dyn.example.org`, `invalid value "192.0.2.7/24" for argument address: an IPv4 address is wanted, without a length (line 1 column 1)`},
		{`/tool dns-update address=192.0.2.7 dns-server=ns1.example.org zone=dyn.example.org`, `invalid value "ns1.example.org" for argument dns-server: an address is wanted, not a name (line 1 column 1)`},
		{`/tool dns-update address=192.0.2.7 dns-server=192.0.2.53 zone=dyn.example.org ttl=1m`, `invalid value "1m" for argument ttl: a number of seconds is wanted (line 1 column 1)`},
		{`:put [/ip address get [find interface=ether1] addresses]`, `/ip address has no such property (line 1 column 7)`},
		{`:put [/ip address get [find iface=ether1] address]`, `/ip address has no property "iface" (line 1 column 29)`},
		{`/system script add name=a policy=reed source={ :put 1 }`, `no such policy reed (line 1 column 1)`},
		{`/system scheduler add name=a interval=often on-event=":put 1"`, `invalid time value "often" (line 1 column 1)`},

		// Variables.
		{`:put $a`, `unknown variable $a: nothing declares it here (line 1 column 6)`},
		{`:put "<$a>"`, `unknown variable $a: nothing declares it here; a $ alone is \$ (line 1 column 8)`},
		{`:set a 1`, `unknown variable name a: declare it with :local or :global (line 1 column 7)`},
		{`{ :local a 1 }; :put $a`, `unknown variable $a: nothing declares it here (line 1 column 22)`},
		{`:local a 1; /system script add name=s source={ :put $a }`, `unknown variable $a: nothing declares it here (line 1 column 53)`},
		{`:local myVar "x"; :put $myVAr`, `unknown variable $myVAr: nothing declares it here (line 1 column 24)`},
		{`:local my-var 1`, `the name of a variable has letters and digits only, or stands in quotes (line 1 column 8)`},
		{`:local address 1`, `address is a property of menus, and as a variable means that there: choose another name (line 1 column 15)`},
		{`:local a 1; :if (a = 1) do={ :put 1 }`, `a stands without quotes: a variable wants $, a string quotes (line 1 column 19)`},

		// Values.
		{`:put ("a" . "b" = "ab" = true)`, `the manual does not say whether = or = comes first: use parentheses (line 1 column 24)`},
		{`:put (1 + 2 * 3)`, `the manual does not say whether + or * comes first: use parentheses (line 1 column 13)`},
		{`:put (true and true or false)`, `the manual does not say whether and or or comes first: use parentheses (line 1 column 21)`},
		{`:put (192.0.2.1 = "192.0.2.1")`, `compares ip with str: convert one, as with :tostr (line 1 column 1)`},
		{`:if ("yes") do={ :put 1 }`, `the condition is not boolean but str (line 1 column 1)`},
		{`:put [:pick "203.0.113.9" 0 [:find "203.0.113.9" "/"]]`, `an index is nil , not a number: look at what :find returned (line 1 column 7)`},
		{`:put [/ip address get [find interface=ether9] address]`, `no such item (line 1 column 7)`},
		{`:put [/ip address get [find] address]`, `invalid internal item number: find found several (line 1 column 7)`},
		{`:put [/ip address get 0 address]`, `numbers that print shows mean nothing in a script: use find (line 1 column 7)`},
		{`:put "\q"`, `no such escape: \q (line 1 column 7)`},
		{`:put "\3f"`, `no such escape: \3 (line 1 column 7)`},
		{`:log notice "x"`, `no such topic of the log (line 1 column 1)`},
		{`:while (true) do={ :local a }`, `the script does not end (line 1 column 20)`},
		{`:local a "x"; :while (true) do={ :set a ($a . $a) }`, `the string is too long (line 1 column 34)`},
		{`:for i from=2 to=0 do={ :put $i }`, `counting downwards wants step= (line 1 column 1)`},
		{`:for i from="a" to=2 do={ :put $i }`, `from= is not a number (line 1 column 1)`},
		{`/tool fetch address=192.0.2.1 src-path="/x" output=user as-value`, `failure: conflicting remote paths provided in URI and parameter (line 1 column 1)`},
		{`:error "enough"`, `enough (line 1 column 1)`},
		{`/system script run b`, `no such item (line 1 column 1)`},
	}
	for _, tt := range tests {
		if err := newRouter(v7).Run(tt.script); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.script, err, tt.want)
		}
	}
}

// What one version runs and the other does not.
func TestVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		script string
		v      routeros.Version
		fault  string
	}{
		{`:put [/ip/address/get [find interface=ether1] address]`, v7, ""},
		{`:put [/ip/address/get [find interface=ether1] address]`, v6, `before 7.0 blanks part the words of a path`},
		{`:onerror e in={ :error "x" } do={ :put $e }`, v7, ""},
		{`:onerror e in={ :error "x" } do={ :put $e }`, v6, `it came with 7.15`},
		{`:put "\?"`, v6, ""},
		{`:put "\?"`, v7, `no such escape`},
		{`/tool fetch url="http://192.0.2.1/" http-auth-scheme=basic`, v6, `http-auth-scheme= came with 7.13`},
		{`/tool fetch url="https://192.0.2.1/" output=none`, v6, `before 7.0 the mode counts`},
		{`/tool fetch url="http://192.0.2.1/" check-certificate=yes`, v7, `check-certificate= is for https only`},
		{`/tool fetch url="http://u:p@192.0.2.1/"`, v7, `user and password in an URL`},
		{`/tool fetch url="http://192.0.2.1/" output=user`, v7, `output=user wants as-value`},
	}
	for _, tt := range tests {
		err := newRouter(tt.v).Run(tt.script)
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%v: %s: %v, want %q", tt.v, tt.script, err, tt.fault)
		}
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	const script = `:put "a?b"`
	if err := newRouter(v6).Paste(script); err == nil || err.Error() != `the terminal takes "?" for a call for help: write \3F (line 1 column 8)` {
		t.Errorf("6.x took a question mark: %v", err)
	}
	if err := newRouter(v7).Paste(script); err != nil {
		t.Error(err)
	}
	r := newRouter(v6)
	if err := r.Paste(`:put "a\3Fb"`); err != nil || !slices.Equal(r.Output, []string{"a?b"}) {
		t.Errorf("%q, %v", r.Output, err)
	}
	if err := r.Paste("{\n\t:put 1\n}"); err == nil {
		t.Error("the terminal took a tab")
	}
}

// The scheduler runs scripts that are allowed no more than itself, and fetch wants
// the policies that its version wants.
func TestPolicies(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	tests := []struct {
		v                 routeros.Version
		script, scheduler string
		ok                bool
	}{
		{v6, "read,test", "read,test", true},
		{v7, "read,test", "read,test", false}, // no ftp
		{v7, "ftp,read,test", "ftp,read,test", true},
		{v7, "ftp,read,test", "read,test", false},
	}
	for _, tt := range tests {
		r := newRouter(tt.v)
		err := r.Run(fmt.Sprintf(`/system script add name=s policy=%s source={ /tool fetch url="%s/" output=none }
/system scheduler add name=s interval=5m policy=%s on-event="/system script run s"`, tt.script, server.URL, tt.scheduler))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Tick(); (err == nil) != tt.ok {
			t.Errorf("%v: script %s, scheduler %s: %v", tt.v, tt.script, tt.scheduler, err)
		}
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	var heard []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 100)
		n, _ := r.Body.Read(body)
		heard = append(heard, fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Header["Authorization"], " ", r.UserAgent(), " ", string(body[:n])))
		switch r.URL.Path {
		case "/missing":
			http.Error(w, "gone", http.StatusNotFound)
		case "/long":
			fmt.Fprint(w, strings.Repeat("x", 70_000))
		default:
			fmt.Fprintln(w, "good 192.0.2.1")
		}
	}))
	defer server.Close()
	address, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	fill := strings.NewReplacer("BASE", server.URL, "ADDRESS", address, "PORT", port)
	login := "[Basic " + base64.StdEncoding.EncodeToString([]byte("alice:s3cret")) + "]"
	tests := []struct {
		v                    routeros.Version
		script, heard, wrote string
	}{
		{
			v7, `{ :local r [/tool fetch url="BASE/u\3Fa=b|c" user="alice" password="s3cret" output=user as-value]; :put ($r->"data"); :put ($r->"status"); :put [:typeof ($r->"nothing")] }`,
			"GET /u?a=b|c " + login + " RouterOS 7.21 ", "good 192.0.2.1\n finished nil",
		},
		{v6, `/tool fetch mode=http url="BASE" keep-result=no`, "GET / [] Mikrotik/6.x Fetch ", ""},
		{v6, `/tool fetch mode=http address=ADDRESS port=PORT src-path="/u\3Fa=b" keep-result=no`, "GET /u?a=b [] Mikrotik/6.x Fetch ", ""},
		{v7, `/tool fetch url="BASE/" http-method=post http-data="a=b" output=none`, "POST / [] RouterOS 7.21 a=b", ""},
		{v7, `:onerror e in={ /tool fetch url="BASE/missing" output=none } do={ :put $e }`, "GET /missing [] RouterOS 7.21 ", "failure: Status 404, Not Found"},
		{v7, `:put [:len ([/tool fetch url="BASE/long" output=user as-value]->"data")]`, "GET /long [] RouterOS 7.21 ", "64512"},
		{v6, `:put [:len ([/tool fetch url="BASE/long" output=user as-value]->"data")]`, "GET /long [] Mikrotik/6.x Fetch ", "4096"},
		{v6, `/tool fetch url="BASE/u" dst-path=f.txt; :put [/file get [find name=f.txt] contents]`, "GET /u [] Mikrotik/6.x Fetch ", "good 192.0.2.1\n"},
		{v6, `/tool fetch url="BASE/long"; :put [:len [/file get long contents]]`, "GET /long [] Mikrotik/6.x Fetch ", "0"},
		{v6, `:do { /tool fetch url="http://127.0.0.1:1/" output=none } on-error={ :log error "down" }; :put "on"`, "", "on"},
	}
	for _, tt := range tests {
		heard = nil
		r := newRouter(tt.v)
		if err := r.Run(fill.Replace(tt.script)); err != nil {
			t.Errorf("%s: %v", tt.script, err)
		}
		if got := strings.Join(heard, "\n"); got != tt.heard {
			t.Errorf("%s: the server heard %q, want %q", tt.script, got, tt.heard)
		}
		if got := strings.Join(r.Output, " "); got != tt.wrote {
			t.Errorf("%s: wrote %q, want %q", tt.script, got, tt.wrote)
		}
	}
}

// FuzzParse: a script is run or refused, never more.
func FuzzParse(f *testing.F) {
	f.Add(`:do { :local a [:pick "x" 0]; /ip address find where interface="x" !dynamic } on-error={ :put ($a->"b" . "c") }`)
	f.Add("# x\n:foreach i in=[/ip address find] do={ :log info \"$i \\3F $[:len $i]\" }")
	f.Add(`/system script add name=s policy=read source={ :put 1 }; /system script run s`)
	f.Fuzz(func(_ *testing.T, script string) {
		if strings.Contains(script, "fetch") || strings.Contains(script, "resolve") || strings.Contains(script, "dns-update") {
			return // these would ask the network
		}
		r := newRouter(v7)
		if r.Run(script) == nil {
			_ = r.Tick()
		}
	})
}
