// Package recipe knows what to type into devices and programs so that they keep a
// host up to date: one text for each kind, filled in for the host, its update key
// and the service.
//
// It promises that what it says can be pasted as it stands, whatever the user name
// holds. It serves all who show such texts, knows no state, and never a secret.
package recipe

import (
	"embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Recipe is what one kind of device or program needs to be told.
type Recipe struct {
	Device string // what is meant, in a word such as routeros7
	Title  string // what it is called, and where to type it
	Text   string // ends with a line end
}

// What stands in a text where nobody knows better.
const (
	NoUsername = "USERNAME"
	Secret     = "SECRET"
)

// devices are the files in texts, in the order in which they are shown.
// doc/devices.md tells of each what comes back, and of more devices.
var devices = []string{
	"url", "token-url", "curl", "systemd", "powershell", "ddclient", "inadyn",
	"routeros", "routeros-nat", "routeros-ipv6", "routeros7", "routeros-pppoe",
	"fritzbox", "openwrt", "unifi", "edgeos", "vyos", "opnsense", "pfsense", "synology", "qnap",
	"draytek", "lancom", "cisco", "comware", "asuswrt", "freshtomato",
}

// Each file has its title in the first line, and that in other languages in the next
// ones: "# de: …". Where the device's own pages are known in a language, the names of
// their menus and fields are theirs, and a file such as fritzbox.de.txt has the text with
// these; all others are quoted as they are in English. RouterOS scripts write "?" as \3F,
// because its terminal takes the character for a call for help.
//
//go:embed texts/*.txt
var texts embed.FS

// English is the language that every recipe has.
const English = "en"

// Devices returns the words for all kinds of devices, in the order in which they are
// to be shown. The slice is the caller's.
func Devices() []string { return slices.Clone(devices) }

// Book returns all recipes in English, in the order of Devices, for a host with its full
// name and a service at base; an empty username is NoUsername.
func Book(base *url.URL, host, username string) []Recipe {
	return BookIn(English, base, host, username)
}

// BookIn is Book in another language, such as de. A recipe that has none in it is
// English. What is to be pasted is the same in all.
func BookIn(language string, base *url.URL, host, username string) []Recipe {
	if username == "" {
		username = NoUsername
	}
	fill := filler(base, host, username)
	all := make([]Recipe, len(devices))
	for i, device := range devices {
		title, text := read(device, language)
		all[i] = Recipe{device, title, fill.Replace(text)}
	}
	return all
}

// read returns the title of a device's recipe in a language, and its text.
func read(device, language string) (title, text string) {
	file, err := texts.ReadFile("texts/" + device + ".txt")
	if err != nil {
		panic(err) // it was there when this was compiled
	}
	title, text, _ = strings.Cut(strings.TrimPrefix(string(file), "# "), "\n")
	for {
		line, rest, _ := strings.Cut(text, "\n")
		tag, said, isTitle := cutTitle(line)
		if !isTitle {
			break
		}
		if text = rest; tag == language {
			title = said
		}
	}
	if own, err := texts.ReadFile("texts/" + device + "." + language + ".txt"); err == nil {
		text = string(own)
	}
	return title, text
}

// cutTitle takes a line such as "# de: Titel" apart.
func cutTitle(line string) (tag, title string, ok bool) {
	line, isComment := strings.CutPrefix(line, "# ")
	tag, title, ok = strings.Cut(line, ": ")
	return tag, title, ok && isComment && len(tag) == len(English)
}

// Faults of what is asked for.
var (
	ErrNoServer = errors.New("not the URL of a web server, such as https://update.example.org")
	ErrTooMuch  = errors.New("more than scheme, host and port, as in https://update.example.org")
)

// ParseServer reads the URL by which devices reach a service, of which only scheme,
// host and port may be given. It fails with ErrNoServer or ErrTooMuch.
func ParseServer(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q: %w", text, ErrNoServer)
	}
	if u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q: %w", text, ErrTooMuch)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}
