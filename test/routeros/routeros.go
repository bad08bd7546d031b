// Package routeros is a MikroTik router for tests: it interprets the part of
// RouterOS's scripting language that update scripts need, with its terminal, log,
// scheduler, /tool fetch, which really asks over HTTP, and /tool dns-update.
//
// It promises that what it runs is within what the manual describes, and it is
// stricter than a router: an unknown command, parameter or property, a variable
// that was not declared, operators whose order is nowhere written, and values of
// different types that are compared are faults, with line and column. So a script
// that passes here uses nothing doubtful. What a real router does beyond that, such
// as completing words, it leaves out.
//
// The facts are those of MikroTik's manual and change logs, named where they are
// used: "Scripting" stands for manual.mikrotik.com/docs/developer-guides/scripting,
// "Fetch" for manual.mikrotik.com/docs/system-information-and-utilities/fetch and
// its command reference, and a version alone for the change log of that version.
package routeros

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Version is a release of RouterOS, such as 6.43 or 7.19.
type Version struct{ Major, Minor int }

// String returns the version as MikroTik writes it.
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// before reports whether v is older than major.minor.
func (v Version) before(major, minor int) bool {
	return v.Major < major || v.Major == major && v.Minor < minor
}

// Item is an entry of a menu: its properties as text, "yes" for flags that are
// set.
type Item map[string]string

// Router is a router. It is not safe for concurrent use.
type Router struct {
	// Resolver is the DNS server that :resolve asks, as host:port.
	Resolver string
	// DNSPort is the port at which DNS servers listen that a script names; "" is 53.
	DNSPort string
	// Source is the address that its connections come from; the zero Addr leaves
	// that to the system.
	Source netip.Addr
	// Roots are the authorities that check-certificate=yes trusts.
	Roots *x509.CertPool
	// Log has what scripts logged, each line with its topic first.
	Log []string
	// Output has what scripts put on the terminal.
	Output []string
	// Requests has the method and target of each request that fetch sent, and UPDATE and
	// the name of each that dns-update sent.
	Requests []string

	version Version
	menus   map[string][]*entry
	globals map[string]*cell
	lastID  int
}

// entry is an item and its internal number.
type entry struct {
	id   id
	item Item
}

// everything is what the administrator at the terminal may do (Scripting, "Script
// repository").
var everything = []string{
	"ftp", "reboot", "read", "write", "policy", "test", "password", "sniff", "sensitive", "romon",
}

// New returns a router that runs the given version, with nothing configured.
func New(v Version) *Router {
	r := &Router{version: v, menus: map[string][]*entry{}, globals: map[string]*cell{}}
	r.Set("/system clock", Item{"date": "2026-03-01", "time": "12:00:00"})
	r.Set("/system identity", Item{"name": "MikroTik"})
	return r
}

// Set makes the items all that the menu has. The menu is named as in "/ip address".
func (r *Router) Set(menu string, items ...Item) {
	if menus[menu].verbs == nil {
		panic("routeros: no menu " + menu)
	}
	r.menus[menu] = nil
	for _, item := range items {
		r.add(menu, item)
	}
}

// Items returns what the menu has, for reading.
func (r *Router) Items(menu string) []Item {
	var items []Item
	for _, e := range r.menus[menu] {
		items = append(items, e.item)
	}
	return items
}

func (r *Router) add(menu string, item Item) {
	r.lastID++
	r.menus[menu] = append(r.menus[menu], &entry{id: id(fmt.Sprintf("*%X", r.lastID)), item: item})
}

// Paste puts the text into the terminal of the administrator. Until 7.1 a "?"
// there asks for help, wherever it stands (Scripting, "Constant Escape Sequences");
// a tab asks to complete a word.
func (r *Router) Paste(text string) error {
	for i, c := range text {
		switch {
		case c == '?' && r.version.before(7, 1):
			return faultAt(text, i, `the terminal takes "?" for a call for help: write \3F`)
		case c == '\t':
			return faultAt(text, i, "the terminal takes a tab for a wish to complete: use blanks")
		}
	}
	return r.run(text, everything, nil)
}

// Run runs a script as the administrator.
func (r *Router) Run(script string) error { return r.run(script, everything, nil) }

// Tick runs what each line of the scheduler runs, once, and returns what would be
// a script error in the log.
func (r *Router) Tick() error {
	var failed []error
	for _, e := range slices.Clone(r.menus["/system scheduler"]) {
		if err := r.run(e.item["on-event"], policies(e.item["policy"]), nil); err != nil {
			failed = append(failed, fmt.Errorf("scheduler %s: %w", e.item["name"], err))
		}
	}
	return errors.Join(failed...)
}

// Forget is a restart: global variables are gone.
func (r *Router) Forget() { clear(r.globals) }

// run runs a script that may do so much, and knows the variables, which may be nil.
func (r *Router) run(script string, may []string, known map[string]value) error {
	code, err := parse(script, r.version, slices.Collect(maps.Keys(known))...)
	if err != nil {
		return err
	}
	steps, vars := 0, map[string]*cell{}
	for name, v := range known {
		vars[name] = &cell{v}
	}
	return code.run(&frame{router: r, may: may, vars: vars, steps: &steps})
}

func policies(list string) []string { return strings.Split(list, ",") }

// Fault says what is wrong with a script, and where.
type Fault struct {
	Line, Column int // from 1
	Text         string
}

// Error returns the text and the place, as the terminal shows them.
func (f *Fault) Error() string {
	return fmt.Sprintf("%s (line %d column %d)", f.Text, f.Line, f.Column)
}

// faultAt returns the fault at an offset of the script.
func faultAt(script string, offset int, text string) *Fault {
	before := script[:offset]
	return &Fault{1 + strings.Count(before, "\n"), offset - strings.LastIndex(before, "\n"), text}
}
