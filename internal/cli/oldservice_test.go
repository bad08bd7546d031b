package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"stayput.dev/internal/account"
	"stayput.dev/test/rig"
)

// oldService answers as nicokaiser/Dyndns does, by what its documentation says and by
// how it was seen to behave. It changes BIND by nsupdate.
type oldService struct {
	hosts, users, zone, key, port string
}

// startOldService runs one: oldservice HOSTS USERS ZONE KEYFILE. $OLD says where it
// answers.
func startOldService(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: oldservice HOSTS USERS ZONE KEYFILE")
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	s := &http.Server{Handler: &oldService{
		hosts: ts.MkAbs(args[0]), users: ts.MkAbs(args[1]), zone: args[2], key: ts.MkAbs(args[3]), port: ts.Getenv("BIND_PORT"),
	}, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	ts.Defer(func() { _ = s.Close() })
	ts.Setenv("OLD", l.Addr().String())
}

// ServeHTTP implements http.Handler.
func (o *oldService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, word := o.answer(r)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Dynamic DNS"`)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, word)
}

// What it takes for a host and for an address.
var (
	oldHost    = regexp.MustCompile(`^[a-zA-Z0-9.-]+$`)
	oldAddress = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3}){3}$`)
)

func (o *oldService) answer(r *http.Request) (status int, word string) {
	user, password, given := r.BasicAuth()
	switch {
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "badagent"
	case !given:
		return http.StatusUnauthorized, "badauth"
	case !o.knows(user, password):
		return http.StatusForbidden, "badauth"
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	if asked := r.URL.Query().Get("myip"); oldAddress.MatchString(asked) {
		address = asked
	}
	list := strings.ToLower(r.URL.Query().Get("hostname"))
	if list == "" {
		return http.StatusOK, "notfqdn"
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		switch {
		case !oldHost.MatchString(name):
			return http.StatusOK, "notfqdn"
		case !o.mayUpdate(user, name):
			return http.StatusOK, "nohost"
		}
	}
	if !o.update(names, address) {
		return http.StatusOK, "dnserr"
	}
	return http.StatusOK, "good"
}

// knows tells whether there is such a user, whatever the case of the name. It reads the
// file each time.
func (o *oldService) knows(user, password string) bool {
	for _, line := range linesOf(o.users) {
		if name, hash, _ := strings.Cut(line, ":"); strings.EqualFold(name, user) {
			return account.CheckPassword(hash, password)
		}
	}
	return false
}

// mayUpdate tells whether some line allows it. A label "*" stands for any one label.
func (o *oldService) mayUpdate(user, host string) bool {
	want := strings.Split(host, ".")
	for _, line := range linesOf(o.hosts) {
		pattern, users, _ := strings.Cut(line, ":")
		fits := slices.EqualFunc(strings.Split(pattern, "."), want, func(p, label string) bool { return p == "*" || p == label })
		if fits && slices.Contains(strings.Split(strings.ToLower(users), ","), strings.ToLower(user)) {
			return true
		}
	}
	return false
}

func (o *oldService) update(names []string, address string) bool {
	var script bytes.Buffer
	fmt.Fprintf(&script, "server 127.0.0.1 %s\nzone %s\n", o.port, o.zone)
	for _, name := range names {
		fmt.Fprintf(&script, "update delete %s A\nupdate add %s 300 A %s\n", name, name, address)
	}
	script.WriteString("send\n")
	cmd := exec.Command("nsupdate", "-k", o.key)
	cmd.Stdin = &script
	said, err := cmd.CombinedOutput()
	return err == nil && len(said) == 0
}

func linesOf(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// sideBySide asks the old service and ours the same, row by row: sidebyside TABLE. A row
// has these columns, with "|" between:
//
//	METHOD  USER:PASSWORD  QUERY  THERE  HERE  WHY
//
// THERE is status and body of the old service, HERE those of ours, or "=" for the same.
// Then what BIND has of each name that was asked for must be what our DNS has, too, and
// otherwise WHY says what was wrong there. Ours is asked twice, at / and below a path
// behind Apache, if that runs.
func sideBySide(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: sidebyside TABLE")
	}
	ours := []string{"http://" + ts.Getenv("HTTP") + "/"}
	if apache := ts.Getenv("APACHE"); apache != "" {
		ours = append(ours, "http://"+apache+"/dyndns/")
	}
	for i, line := range strings.Split(ts.ReadFile(args[0]), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, "|")
		if len(columns) != 6 {
			ts.Fatalf("%s:%d: %d columns, want 6", args[0], i+1, len(columns))
		}
		for j := range columns {
			columns[j] = strings.TrimSpace(columns[j])
		}
		method, login, query, there, here, why := columns[0], columns[1], columns[2], columns[3], columns[4], columns[5]
		if got := askOver(ts, method, "http://"+ts.Getenv("OLD")+"/?"+query, login); got != there {
			ts.Fatalf("%s:%d: the old service answers %q, not %q", args[0], i+1, got, there)
		}
		same := here == "="
		if same {
			here = there
		} else if why == "" {
			ts.Fatalf("%s:%d: it does not say why ours is different", args[0], i+1)
		}
		for _, url := range ours {
			if got := askOver(ts, method, url+"?"+query, login); got != here {
				ts.Fatalf("%s:%d: %s answers %q, want %q", args[0], i+1, url, got, here)
			}
		}
		if same {
			sameAddresses(ts, query)
		}
	}
}

// askOver returns the status and body of a reply. Where a line ends, it says so.
func askOver(ts *testscript.TestScript, method, url, login string) string {
	r, err := http.NewRequest(method, url, nil)
	ts.Check(err)
	if user, password, given := strings.Cut(login, ":"); given {
		r.SetBasicAuth(user, password)
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.ReplaceAll(string(body), "\n", `\n`))
}

// sameAddresses makes sure that BIND and our DNS say the same of the names in a query.
func sameAddresses(ts *testscript.TestScript, query string) {
	_, list, _ := strings.Cut(query, "hostname=")
	list, _, _ = strings.Cut(list, "&")
	for name := range strings.SplitSeq(list, ",") {
		if !strings.HasSuffix(strings.ToLower(name), ".dyn.example.org") {
			continue
		}
		there, here := addressesAt(ts, ts.Getenv("BIND"), name), addressesAt(ts, ts.Getenv("DNS"), name)
		if there != here {
			ts.Fatalf("%s: BIND has %q, ours %q", name, there, here)
		}
	}
}

func addressesAt(ts *testscript.TestScript, server, name string) string {
	answer, err := rig.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(strings.ToLower(name)), dns.TypeA), server)
	ts.Check(err)
	var texts []string
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			texts = append(texts, fmt.Sprintf("%d %v", a.Hdr.Ttl, a.A))
		}
	}
	return strings.Join(texts, ", ")
}
