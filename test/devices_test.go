package test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const devicesPage = "../doc/devices.md"

// What the devices of doc/devices.md fill into their URLs. All fill it in as it
// is, without escaping.
var devices = map[string]device{
	"Update URL":   {login: true},
	"Fritz!Box":    {login: true, fill: []string{"<domain>", home, "<ipaddr>", "203.0.113.9", "<ip6addr>", "2001:db8:9::1", "<ip6lanprefix>", "2001:db8:9::/56"}},
	"OpenWrt":      {fill: []string{"[USERNAME]", "alice", "[PASSWORD]", "SECRET", "[DOMAIN]", home, "[IP]", "203.0.113.9"}},
	"UniFi":        {login: true, fill: []string{"%h", home, "%i", "203.0.113.9"}},
	"pfSense":      {login: true, fill: []string{"%IP%", "203.0.113.9"}},
	"Synology DSM": {fill: []string{"__HOSTNAME__", home, "__MYIP__", "203.0.113.9", "__USERNAME__", "alice", "__PASSWORD__", "SECRET"}},
	"QNAP":         {fill: []string{"%HOST%", home, "%IP%", "203.0.113.9", "%USER%", "alice", "%PASS%", "SECRET"}},
	"DrayTek Vigor": {
		login: true, fill: []string{"###IP###", "203.0.113.9", "###ID###", "alice", "###PASSWORD###", "SECRET"},
	},
	"LANCOM":                                 {fill: []string{"%a", "203.0.113.9"}},
	"Cisco IOS":                              {fill: []string{"<h>", home, "<a>", "203.0.113.9"}},
	"HPE Comware, H3C":                       {login: true, fill: []string{"<h>", home, "<a>", "203.0.113.9"}},
	"Asuswrt-Merlin":                         {login: true, fill: []string{"$1", "203.0.113.9"}},
	"FreshTomato":                            {fill: []string{"@IP", "203.0.113.9"}},
	"DD-WRT, TrueNAS and others with inadyn": {login: true, fill: []string{"%h", home, "%i", "203.0.113.9"}},
	"Zyxel":                                  {login: true, add: "hostname=" + home + "&myip=203.0.113.9"},
	"Cameras, recorders and small routers":   {login: true},
	"curl, wget":                             {login: true},
	"Linux with systemd":                     {login: true},
	"Windows":                                {login: true},
	"ddns-updater":                           {add: "&myip=203.0.113.9"},
	"ddns-go":                                {fill: []string{"#{domain}", home, "#{ip}", "203.0.113.9"}},
	"Home Assistant":                         {login: true},
	"EdgeOS, VyOS":                           {login: true, asks: " /nic/update?system=dyndns&hostname=" + home + "&myip=203.0.113.9"},
	"OPNsense":                               {login: true, asks: " /nic/update?hostname=" + home + "&myip=203.0.113.9&system=dyndns&wildcard=NOCHG"},
	"ez-ipupdate":                            {login: true, asks: " /nic/update?hostname=" + home + "&myip=203.0.113.9&wildcard=OFF&"},
}

// Sections whose programs are run by other tests.
var otherwise = map[string]string{
	"MikroTik RouterOS": "TestRouterScripts",
	"ddclient":          "TestRecipes",
	"inadyn":            "TestRecipes",
}

// device is what a device does with the URL that it is told.
type device struct {
	fill  []string // placeholders and what stands for them
	add   string   // behind the URL
	asks  string   // what it asks by itself, when it is told no URL
	login bool     // user and password have fields of their own, unless the URL has them
}

// Every URL of the page, filled in as its device does, updates the host.
func TestDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed(home)
	w.run("host", "set", home, "--nonglobal", "accept")
	for section, code := range deviceSections(t) {
		if otherwise[section] != "" {
			continue
		}
		d, known := devices[section]
		if !known {
			t.Errorf("no test says what %q does with its URL", section)
			continue
		}
		if d.asks != "" {
			code = d.asks
		}
		found := updateURL.FindAllStringSubmatch(strings.NewReplacer(d.fill...).Replace(code), -1)
		if len(found) == 0 {
			t.Errorf("%s: no URL to be found", section)
		}
		for _, match := range found {
			w.reset(user, secret)
			login, target := match[1], strings.NewReplacer("alice", user, "SECRET", secret).Replace(match[2])+d.add
			if d.login && login == "" && !strings.Contains(target, secret) {
				login = "alice:SECRET"
			}
			login = strings.NewReplacer("alice", user, "SECRET", secret).Replace(login)
			if placeholder.MatchString(target) {
				t.Errorf("%s: something was not filled in: %s", section, target)
			}
			body, err := fetchAs(w.http, target, login)
			if want := expected(target); err != nil || body != want {
				t.Errorf("%s: %s gets %q, %v, want %q", section, target, body, err, want)
			}
		}
	}
	for section := range devices {
		if _, ok := deviceSections(t)[section]; !ok {
			t.Errorf("%s has no section %q", devicesPage, section)
		}
	}
}

// updateURL finds user and password, and the target of a URL for updates.
var updateURL = regexp.MustCompile(`(?:https?://(?:([^@/\s"']+)@)?update\.example\.org|Server: +update\.example\.org|[:\s])(/(?:nic/)?update[^\s"']*)`)

// placeholder finds what a device would have filled in.
var placeholder = regexp.MustCompile(`[][<>{}#]|%[A-Za-z]|__|@IP|\$`)

// expected is what an update of the host gets back.
func expected(target string) string {
	switch {
	case strings.Contains(target, "2001:db8:9::1"):
		return "good 203.0.113.9,2001:db8:9::1\n"
	case strings.Contains(target, "203.0.113.9"):
		return "good 203.0.113.9\n"
	default:
		return "good 127.0.0.1\n" // the source
	}
}

// reset gives the host other addresses than any device will.
func (w *world) reset(user, secret string) {
	w.t.Helper()
	if _, _, err := get(w.http, "/nic/update?hostname="+home+"&myip=192.0.2.200&myipv6=-", user, secret); err != nil {
		w.t.Fatal(err)
	}
}

// fetchAs sends the target as it is, as devices do, and returns the body.
func fetchAs(server, target, login string) (string, error) {
	c, err := net.DialTimeout("tcp", server, patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	authorization := ""
	if login != "" {
		authorization = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login)) + "\r\n"
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: %s\r\n%s\r\n", target, server, authorization); err != nil {
		return "", err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// deviceSections returns the code of each section of the page.
func deviceSections(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(devicesPage)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		for i, part := range strings.Split(text, "\n```") {
			if i%2 == 1 {
				sections[title] += part + "\n"
			}
		}
	}
	return sections
}

// The page shows every recipe as it is printed.
func TestDevicesPageHasTheRecipes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(devicesPage)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "")
	w.start()
	w.seed(home)
	all := w.run("host", "setup", home, "--server", "https://update.example.org", "--username", "alice")
	recipes := strings.Split("\n"+all, "\n# ")[1:]
	if len(recipes) < 27 {
		t.Fatalf("%d recipes, want 27 at least", len(recipes))
	}
	for _, recipe := range recipes {
		title, text, _ := strings.Cut(recipe, "\n")
		if !strings.Contains(string(page), "```\n"+strings.TrimSpace(text)+"\n```") {
			t.Errorf("%s lacks the recipe %q:\n%s", devicesPage, title, text)
		}
	}
	var named []string
	for _, match := range regexp.MustCompile("`--device ([a-z0-9-]+)`").FindAllStringSubmatch(string(page), -1) {
		named = append(named, match[1])
	}
	if slices.Sort(named); len(slices.Compact(named)) != len(recipes) {
		t.Errorf("%s names %q, want a name for each of %d recipes", devicesPage, named, len(recipes))
	}
}
