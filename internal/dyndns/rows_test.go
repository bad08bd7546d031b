package dyndns_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/dyndns"
)

// protocols are the ways in which devices are known to say "my address is now this",
// each with its scripts and with what some request in them must begin with, or name.
const protocols = `
dyndns2       conversation.txt  GET /nic/update? | GET /v2/update? | GET /v3/update? | GET /update? | POST /nic/update
dyndns2       options.txt       &wildcard=ON | &mx= | &backmx=YES | &offline=YES
dyndns2       clients.txt       User-Agent: ddclient/3.10.0 | User-Agent: inadyn/ | User-Agent: ez-update- | User-Agent: Mikrotik/
Fritz!Box     fritzbox.txt      &ip6lanprefix= | User-Agent: Fritz!Box
dyndns1       dyndns1.txt       GET /nic/dyndns?action=edit | GET /nic/statdns?
No-IP         noip.txt          GET /dns? | Host: dynupdate.no-ip.com:8245 | &myipv6= | &offline=YES
No-IP DUC     noip.txt          GET http://dynupdate.no-ip.com/ducupdate.php?requestL=
DuckDNS       duckdns.txt       GET /update?domains= | POST /update | GET /update/home/tok- | &verbose=true | &clear=true | &txt=
FreeDNS v1    freedns.txt       GET /dynamic/update.php?tok-
FreeDNS list  groups.txt        GET /api/?action=getdyndns&v=2&sha=
FreeDNS v2    freedns.txt       GET /u/tok- | GET /u/?u=
dynv6         dynv6.txt         GET /api/update?zone= | GET /api/update?hostname= | &ipv6prefix=
deSEC         desec.txt         GET /desec? | Authorization: Token | =preserve | &myipv6:
Hurricane     he.txt            GET /nic/update?hostname= | POST /nic/update | &txt=
Hurricane     relatives.txt     GET /ipv4_end.php?
Namecheap     namecheap.txt     GET /update?host= | host=@ | host=*
easyDNS       easydns.txt       GET /dyn/generic.php? | GET /dyn/ez-ipupdate.php?
ZoneEdit      zoneedit.txt      GET /auth/dynamic.html?host= | GET /auth/dynamic.html?zones=
DNS-O-Matic   groups.txt        hostname=all.dnsomatic.com
Dynu          dynu.txt          &location= | &alias= | myip=10.0.0.0 | myipv6=no
3322, Oray    aliases.txt       GET /dyndns/update? | GET /ph/update?
relatives     relatives.txt     GET /upd.php? | GET /XDynDNSServer/XDynDNS.php? | GET /api/v1/update/? | &praefix= | &keepipv4=1
GnuDIP        gnudip_test.go    sums:SUM:home.dyn.example.org:0:203.0.113.9 | /gnudip/cgi-bin/gdipupdt.cgi
acme-dns      acmedns.txt       POST /update | POST /register | X-Api-Key: alices
httpreq       httpreq.txt       POST /present | POST /cleanup | "keyAuth":
Check-IP      checkip.txt       GET /checkip HTTP/1.0 | GET /myip
a URL alone   token.txt         GET /t/tok-
`

// TestEveryProtocolHasAScript: TestScripts plays all scripts, so it is enough that
// they are there.
func TestEveryProtocolHasAScript(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(strings.TrimSpace(protocols)) {
		file, requests, _ := strings.Cut(strings.TrimSpace(line[14:]), " ")
		if strings.HasSuffix(file, ".txt") {
			file = filepath.Join("testdata", file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for want := range strings.SplitSeq(requests, " | ") {
			if !strings.Contains(string(text), strings.TrimSpace(want)) {
				t.Errorf("%s: %s has no request with %q", strings.TrimSpace(line[:14]), file, strings.TrimSpace(want))
			}
		}
	}
}

// TestEveryPathHasAScript: what no script asks for could be gone, or another's, and
// nobody would know.
func TestEveryPathHasAScript(t *testing.T) {
	t.Parallel()
	asked := pathsOfScripts(t)
	for _, path := range append(slices.Sorted(maps.Keys(dyndns.New(&ear{}, dyndns.Options{}).Paths())), "/") {
		if strings.HasSuffix(path, "/gdipupdt.cgi") {
			continue // its salts are made at random
		}
		isBelow := func(p string) bool { return path != "/" && strings.HasSuffix(path, "/") && strings.HasPrefix(p, path) }
		if !asked[path] && !slices.ContainsFunc(slices.Collect(maps.Keys(asked)), isBelow) {
			t.Errorf("no script asks for %s", path)
		}
	}
}

// pathsOfScripts returns the paths that scripts ask for, in canonical form.
func pathsOfScripts(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 3 || fields[0] != ">" || !strings.Contains(fields[2], "/") {
				continue
			}
			target, _, _ := strings.Cut(fields[2], "?")
			_, path, _ := strings.Cut(target, "/")
			path = "/" + strings.ToLower(strings.Trim(path, "/"))
			paths[path], paths[path+"/"] = true, true
		}
	}
	return paths
}
