package routeros

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// menu is a menu of items with properties, or of properties alone (the command
// reference, manual.mikrotik.com/docs/cli-reference).
type menu struct {
	verbs      []string
	properties []string
	flags      []string
	required   []string // by add
	settings   bool     // there is one item, which get needs not name
}

var menus = map[string]menu{
	"/interface": {
		verbs: []string{"get", "find"}, properties: []string{"name", "type", "mac-address"}, flags: []string{"running", "disabled", "dynamic"},
	},
	"/ip address": {
		verbs: []string{"get", "find"}, properties: []string{"address", "network", "interface"}, flags: []string{"disabled", "dynamic", "invalid"},
	},
	"/ip dhcp-client": {
		verbs:      []string{"get", "find"},
		properties: []string{"interface", "address", "gateway", "status"}, flags: []string{"disabled", "dynamic", "invalid"},
	},
	"/ipv6 address": {
		verbs:      []string{"get", "find"},
		properties: []string{"address", "interface", "from-pool"},
		flags:      []string{"disabled", "dynamic", "invalid", "global", "link-local"},
	},
	"/ipv6 dhcp-client": {
		verbs:      []string{"get", "find"},
		properties: []string{"interface", "pool-name", "request", "status", "prefix"}, flags: []string{"disabled", "dynamic", "invalid"},
	},
	"/ipv6 pool": {
		verbs: []string{"get", "find"}, properties: []string{"name", "prefix", "prefix-length"}, flags: []string{"dynamic"},
	},
	"/ppp active": {
		verbs: []string{"get", "find"}, properties: []string{"name", "service", "caller-id", "address"},
	},
	"/ppp profile": {
		verbs: []string{"get", "find", "set"}, properties: []string{"name", "on-up", "on-down"},
	},
	"/file": {
		verbs: []string{"get", "find", "remove"}, properties: []string{"name", "type", "size", "contents"},
	},
	"/system clock":    {verbs: []string{"get"}, properties: []string{"date", "time"}, settings: true},
	"/system identity": {verbs: []string{"get"}, properties: []string{"name"}, settings: true},
	"/system script": {
		verbs:      []string{"add", "get", "find", "remove", "run"},
		properties: []string{"name", "source", "policy", "comment", "owner"}, required: []string{"name", "source"},
	},
	"/system scheduler": {
		verbs:      []string{"add", "get", "find", "remove"},
		properties: []string{"name", "interval", "on-event", "policy", "comment", "start-time"}, required: []string{"name", "on-event"},
	},
}

// reserved are the properties of all menus. As the name of a variable each of them
// would mean itself in a condition, which then holds always (Scripting, "Reserved
// variable names").
var reserved = func() map[string]bool {
	all := map[string]bool{}
	for _, m := range menus {
		for _, name := range append(slices.Clone(m.properties), m.flags...) {
			all[name] = true
		}
	}
	for _, t := range tools {
		for name := range t.named {
			all[name] = true
		}
	}
	return all
}()

// tools are commands without a menu of items.
var tools = map[string]signature{
	"/tool fetch":      {most: 1, words: true, named: fetchParameters},
	"/tool dns-update": {named: dnsUpdateParameters, required: []string{"address", "dns-server", "zone"}},
}

// leadsSomewhere reports whether a menu or command begins with the path.
func leadsSomewhere(path string) bool {
	for name := range menus {
		if name == path || strings.HasPrefix(name, path+" ") {
			return true
		}
	}
	return path == "/tool"
}

func menuSignature(c *command) signature {
	if t, ok := tools[c.name]; ok {
		return t
	}
	m := menus[c.menu]
	switch c.verb {
	case "add":
		return signature{named: m.parameters(), required: m.required}
	case "set":
		return signature{least: 1, most: 1, named: m.parameters()}
	case "get":
		if m.settings {
			return signature{least: 1, most: 1, words: true}
		}
		return signature{least: 2, most: 2, words: true}
	default:
		return signature{least: 1, most: 1, words: true}
	}
}

// parameters are the properties as add and set take them.
func (m menu) parameters() map[string]Version {
	all := map[string]Version{}
	for _, name := range m.properties {
		all[name] = always
	}
	return all
}

// menuCommand runs a command of a menu, if the script may.
func (f *frame) menuCommand(c *command) (value, error) {
	need := "read"
	if c.verb == "add" || c.verb == "set" || c.verb == "remove" {
		need = "write"
	}
	if err := f.need(need); err != nil {
		return nil, err
	}
	switch c.verb {
	case "add":
		return nil, f.addItem(c)
	case "set":
		return nil, f.setItem(c)
	case "get":
		return f.getItem(c)
	case "find":
		return f.findItems(c)
	case "remove":
		return nil, f.removeItems(c)
	default:
		return nil, f.runScript(c)
	}
}

// need fails when the script has not all of the policies.
func (f *frame) need(all ...string) error {
	for _, policy := range all {
		if !slices.Contains(f.may, policy) {
			return fmt.Errorf("not enough permissions (9): the policy lacks %s", policy)
		}
	}
	return nil
}

func (f *frame) addItem(c *command) error {
	item := Item{}
	for name, e := range c.named {
		v, err := e.eval(f)
		if err != nil {
			return err
		}
		item[name] = text(v)
	}
	for _, policy := range policies(item["policy"]) {
		if item["policy"] != "" && !slices.Contains(everything, policy) {
			return fmt.Errorf("no such policy %s", policy)
		}
	}
	for _, other := range f.router.menus[c.menu] {
		if other.item["name"] == item["name"] {
			return errors.New("failure: item with this name already exists")
		}
	}
	if c.menu == "/system scheduler" && !interval.MatchString(item["interval"]) {
		return fmt.Errorf("invalid time value %q", item["interval"])
	}
	f.router.add(c.menu, item)
	return nil
}

// setItem changes properties of the one item that is meant, as with get.
func (f *frame) setItem(c *command) error {
	v, err := c.args[0].eval(f)
	if err != nil {
		return err
	}
	e, err := f.one(c.menu, v)
	if err != nil {
		return err
	}
	for name, property := range c.named {
		v, err := property.eval(f)
		if err != nil {
			return err
		}
		e.item[name] = text(v)
	}
	return nil
}

var interval = regexp.MustCompile(`^([0-9]+[wdhms])+$`)

// getItem returns a property of the one item that is meant: by number, by the
// list of one that find returned, or by name.
func (f *frame) getItem(c *command) (value, error) {
	m := menus[c.menu]
	property, ok := c.args[len(c.args)-1].(word)
	if !ok || !slices.Contains(m.properties, string(property)) && !slices.Contains(m.flags, string(property)) {
		return nil, fmt.Errorf("%s has no such property", c.menu)
	}
	if m.settings {
		return f.router.menus[c.menu][0].item[string(property)], nil
	}
	v, err := c.args[0].eval(f)
	if err != nil {
		return nil, err
	}
	e, err := f.one(c.menu, v)
	if err != nil {
		return nil, err
	}
	return f.property(e.item, string(property))
}

// property returns a property as get does: text, or yes and no as truth values.
// The contents of long files are out of reach: 4,095 octets, and 60,000 since 7.14.
func (f *frame) property(item Item, name string) (value, error) {
	if name == "contents" {
		limit := 60_000
		if f.router.version.before(7, 14) {
			limit = 4095
		}
		if len(item[name]) > limit {
			return "", nil
		}
	}
	v, ok := item[name]
	switch {
	case !ok:
		return nil, nil
	case v == "yes" || v == "no":
		return v == "yes", nil
	}
	return v, nil
}

func (f *frame) one(menu string, v value) (*entry, error) {
	if l, ok := v.(list); ok {
		if len(l) == 0 {
			return nil, errors.New("no such item")
		}
		if len(l) > 1 {
			return nil, errors.New("invalid internal item number: find found several")
		}
		v = l[0]
	}
	if _, ok := v.(int64); ok {
		return nil, errors.New("numbers that print shows mean nothing in a script: use find")
	}
	for _, e := range f.router.menus[menu] {
		if v == value(e.id) || e.item["name"] != "" && v == value(e.item["name"]) {
			return e, nil
		}
	}
	return nil, errors.New("no such item")
}

func (f *frame) findItems(c *command) (value, error) {
	found := list{}
	for _, e := range f.router.menus[c.menu] {
		all := true
		for _, cond := range c.where {
			holds, err := f.holds(c.menu, e.item, cond)
			if err != nil {
				return nil, err
			}
			all = all && holds
		}
		if all {
			found = append(found, e.id)
		}
	}
	return found, nil
}

func (f *frame) holds(menu string, item Item, cond condition) (bool, error) {
	if cond.op == "" {
		return (item[cond.property] == "yes") != cond.negative, nil
	}
	v, err := cond.value.eval(f)
	if err != nil {
		return false, err
	}
	has := item[cond.property]
	if has == "" && slices.Contains(menus[menu].flags, cond.property) {
		has = "no"
	}
	switch cond.op {
	case "~":
		pattern, err := regexp.CompilePOSIX(text(v))
		if err != nil {
			return false, err
		}
		return pattern.MatchString(has), nil
	case "!=":
		return has != text(v), nil
	default:
		return has == text(v), nil
	}
}

func (f *frame) removeItems(c *command) error {
	v, err := c.args[0].eval(f)
	if err != nil {
		return err
	}
	gone, ok := v.(list)
	if !ok {
		e, err := f.one(c.menu, v)
		if err != nil {
			return err
		}
		gone = list{e.id}
	}
	f.router.menus[c.menu] = slices.DeleteFunc(f.router.menus[c.menu], func(e *entry) bool {
		return slices.Contains(gone, value(e.id))
	})
	return nil
}

// runScript runs a script of the repository. It must not be allowed more than who
// runs it (Scripting, "Script repository").
func (f *frame) runScript(c *command) error {
	v, err := c.args[0].eval(f)
	if err != nil {
		return err
	}
	e, err := f.one(c.menu, v)
	if err != nil {
		return err
	}
	may := policies(e.item["policy"])
	if err := f.need(may...); err != nil {
		return err
	}
	if err := f.router.run(e.item["source"], may, nil); err != nil {
		return fmt.Errorf("script %s: %w", e.item["name"], err)
	}
	return nil
}
