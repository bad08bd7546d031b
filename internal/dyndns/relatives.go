package dyndns

import (
	"net/http"
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// dyndns2Paths are where services listen whose devices otherwise speak dyndns2.
var dyndns2Paths = []string{
	"/v0/dyndns/update",               // Domeneshop
	"/xdyndnsserver/xdyndns.php",      // Loopia
	"/2/ddns",                         // Simply
	"/api/v1/update",                  // YDNS
	"/dyndns.php",                     // dnsHome
	"/updateddns",                     // myonlineportal
	"/nic/update.php", "/dyndns.html", // devices with a suffix of their own
}

// relatives are the dialects that differ from dyndns2 in names and words alone.
// Those on paths with others come with a test.
func (h *Handler) relatives(in func(Dialect) http.Handler) []row {
	book := func(via string, a asks, p phrases) http.Handler { return in(phrasebook{&h.opts, via, a, p}) }
	return []row{
		{in(dyndns2{&h.opts}), nil, dyndns2Paths},

		// easyDNS. ez-ipupdate and ddclient want the word on a line of its own, at the
		// beginning; DDNS-Updater knows the new spelling only.
		{book("easydns", easyDNSAsks, easyDNSPhrases("NO_ERROR", "NO_ACCESS", "NO_SERVICE", "ILLEGAL_INPUT", "TOO_SOON")), isDDNSUpdater, easyDNSPaths},
		{book("easydns", easyDNSAsks, easyDNSPhrases("NOERROR", "NOACCESS", "NOSERVICE", "ILLEGAL INPUT", "TOOSOON")), nil, easyDNSPaths},
		{book("zoneedit", asks{names: map[string]string{"zones": "hostname"}}, phrases{
			contentType: "text/html",
			done:        `<SUCCESS CODE="200" TEXT="Update succeeded." ZONE="%z" HOST="%h" IP="%a">`,
			same:        `<SUCCESS CODE="201" TEXT="No records need updating." ZONE="%z" HOST="%h" IP="%a">`,
			denied:      `<ERROR CODE="708" TEXT="Failed Login">`,
			noHost:      `<ERROR CODE="701" TEXT="Zone is not set up in this account.">`,
			badAddress:  `<ERROR CODE="703" TEXT="Not an address.">`,
			later:       `<ERROR CODE="702" TEXT="Try again later.">`,
		}), nil, []string{"/auth/dynamic.html"}},
		{book("enom", asks{names: map[string]string{"domainpassword": "password"}, hosts: hostInZone}, phrases{
			done: "ErrCount=0\nDone=true", once: true, denied: "ErrCount=1\nErr1=Passwords do not match",
			noHost: "ErrCount=1\nErr1=No such host", badAddress: "ErrCount=1\nErr1=Not an address", later: "ErrCount=1\nErr1=Try again later",
		}), nil, []string{"/interface.asp"}},
		{book("tunnelbroker", asks{names: map[string]string{"apikey": "username", "tid": "hostname"}}, phrases{
			done: "+OK: Tunnel endpoint updated to: %a", once: true,
			same:       "-ERROR: This tunnel is already associated with this IP address. Please try and limit your updates to IP changes. (%a)",
			denied:     "-ERROR: Invalid API key or password",
			noHost:     "-ERROR: Tunnel not found",
			badAddress: "-ERROR: IP is not in a valid format", later: "-ERROR: Try again later",
		}), nil, []string{"/ipv4_end.php"}},

		{book("ddnss", asks{}, phrases{
			done: "Updated %n hostname.", once: true, denied: "badauth", noHost: "notfqdn", later: "911",
		}), nil, []string{"/upd.php"}},
		{book("goip", asks{}, phrases{
			done: "%h (%a)", denied: "Zugriff verweigert", noHost: "Subdomain unbekannt", badAddress: "Adresse ungueltig", later: "Spaeter erneut versuchen",
		}), nil, []string{"/setip"}},
		{book("dnsexit", asks{}, phrases{ // clients skip the first line
			done: "HTTP/1.1 200 OK\n0=Success", same: "HTTP/1.1 200 OK\n1=IP is the same as the IP on the system", once: true,
			denied: "\n2=Invalid password", noHost: "\n10=Host not found", badAddress: "\n8=Invalid IP", later: "\n11=System error",
		}), nil, []string{"/remoteupdate.sv"}},
		{book("dnsmadeeasy", asks{}, phrases{
			done: "success", once: true, denied: "error-auth", noHost: "error-record-invalid", later: "error-system",
		}), nil, []string{"/servlet/updateip"}},
		{book("sitelutions", asks{}, phrases{
			done: "success", once: true, denied: "failure (noauth)", noHost: "failure (norecord)", badAddress: "failure (badip)", later: "failure (dberror)",
		}), nil, []string{"/dnsup"}},
		{book("duiadns", asks{}, phrases{
			contentType: "text/html", once: true,
			// ddupdate wants two words in each element.
			done:   "<html><body><p>Hostname %h</p><p>Ipv4 %4</p></body></html>",
			denied: "<html><body>Wrong password</body></html>", noHost: "<html><body>Unknown host</body></html>",
			badAddress: "<html><body>Not an address</body></html>", later: "<html><body>Try again later</body></html>",
		}), nil, []string{"/dynamic.duia"}},
		{book("mydns", asks{}, phrases{
			done: "Login and IP address notify OK.\nlogin_status = 1.", once: true,
			denied: "login_status = 0.", noHost: "login_status = 1.\nno host", badAddress: "login_status = 1.\nnot an address", later: "try again later",
		}), nil, []string{"/directip.html", "/login.html"}},
		{book("keysystems", asks{}, keySystemsPhrases), nil, []string{"/update.php"}},
		{in(deletion{dyndns2{&h.opts}}), nil, []string{"/nic/delete"}},

		{book("changeip", asks{}, phrases{
			done: "200 Successful Update", once: true,
			denied: "401 Access Denied", noHost: "No such host", badAddress: "Not an address", later: "Try again later",
		}), isChangeIP, []string{"/nic/update"}},
		{in(dynu{dyndns2{&h.opts}}), isDynu, []string{"/nic/update"}},
		{book("freemyip", asks{}, phrases{
			done: "OK", once: true, denied: "ERROR", noHost: "ERROR", later: "ERROR",
		}), with([]string{"token"}, []string{"domain"}), []string{"/update"}},
		{book("njalla", asks{}, phrases{
			contentType: "application/json", once: true,
			done:       `{"status": 200, "message": "record updated", "value": {"A": "%4", "AAAA": "%6"}}`,
			denied:     `{"status": 401, "message": "permission denied"}`,
			noHost:     `{"status": 404, "message": "no such record"}`,
			badAddress: `{"status": 400, "message": "not an address"}`,
			later:      `{"status": 503, "message": "try again later"}`,
		}), with([]string{"h"}, []string{"k"}), []string{"/update"}},
		{book("regfish", asks{}, phrases{
			done: "success|100|update succeeded!", same: "success|101|no update needed at this time..", once: true,
			denied: "failed|401|authentication failed", noHost: "failed|402|unknown host", badAddress: "failed|406|not an address", later: "failed|500|try again later",
		}), with([]string{"fqdn"}, []string{"token"}), []string{"/"}},
	}
}

var easyDNSPaths = []string{"/dyn/dyndns.php", "/dyn/generic.php", "/dyn/dynsite.php", "/dyn/ez-ipupdate.php", "/dyn/tomato.php"}

// easyDNSAsks has the two addresses that devices of easyDNS send for something else.
var easyDNSAsks = asks{meaning: map[netip.Addr]update.Action{
	netip.IPv4Unspecified():        update.Remove,
	netip.IPv6Unspecified():        update.Remove,
	netip.MustParseAddr("1.1.1.1"): update.FromSource,
}}

func easyDNSPhrases(done, denied, noHost, badAddress, later string) phrases {
	return phrases{done: done, denied: denied, noHost: noHost, badAddress: badAddress, later: later}
}

// keySystemsPhrases are what registrars on the platform of Key-Systems say.
var keySystemsPhrases = phrases{
	done: keySystems("200", "Command completed successfully"), once: true,
	denied:     keySystems("531", "Authorization failed"),
	noHost:     keySystems("545", "Entity reference not found"),
	badAddress: keySystems("505", "Invalid attribute value syntax"),
	later:      keySystems("421", "Command failed due to server error, try again later"),
}

func keySystems(code, description string) string {
	return "[RESPONSE]\ncode = " + code + "\ndescription = " + description + "\nEOF"
}

// hostInZone returns the host that eNom's parameters name in two pieces.
func hostInZone(q query) []string {
	host, zone := q.first([]string{"hostname"}), q.first([]string{"zone"})
	switch {
	case zone == "":
		return q.hosts()
	case host == "" || host == "@" || host == "%40":
		host = zone
	default:
		host += "." + zone
	}
	return []string{strings.TrimSpace(unescape(host, true))}
}

func isDDNSUpdater(r *http.Request, _ query) bool { return startsFold(r.UserAgent(), ddnsUpdater) }

// isChangeIP tells ChangeIP's requests. ddclient and ddupdate leave cmd away: the
// former says ip here for no other service, the latter's query begins like no other.
func isChangeIP(r *http.Request, q query) bool {
	if command, _ := q.get("cmd"); strings.EqualFold(command, "update") {
		return true
	}
	if !strings.HasPrefix(r.UserAgent(), "ddclient/") && !strings.HasPrefix(r.URL.RawQuery, "&hostname=") {
		return false
	}
	_, ip := q.get("ip")
	return ip
}

// deletion takes addresses away, as nsupdate.info does: those of the family in
// which the client comes or whose address it sends. A prefix takes nothing away, and
// must not renumber anything here.
type deletion struct{ dyndns2 }

// Parse implements Dialect.
func (d deletion) Parse(r *http.Request) (update.Request, error) {
	req, err := d.dyndns2.Parse(r)
	for _, f := range []struct {
		family *update.Family
		home   bool
	}{{&req.V4, req.Source.Is4()}, {&req.V6, req.Source.Is6()}} {
		if f.family.Action == update.Set || f.family.Action == update.FromSource && f.home {
			*f.family = update.Family{Action: update.Remove}
		} else {
			*f.family = update.Family{}
		}
	}
	req.Prefix, req.Each = netip.Prefix{}, nil
	return req, err
}
