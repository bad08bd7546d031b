package dnsserver_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// realm is the zones of a comparison as a test understands them. Names are
// absolute, in presentation form, in lower case, and no label holds a dot.
type realm struct {
	zones  map[string]content         // by origin
	exists map[string]map[string]bool // by origin: names that are there, empty non-terminals too
}

// content is what stands in a zone: by owner, then by type, the data of its
// records with their TTL in front.
type content map[string]map[string][]string

// parent returns the name without its first label, "." at the top.
func parent(name string) string {
	if _, rest, _ := strings.Cut(name, "."); rest != "" {
		return rest
	}
	return "."
}

// isBelow tells whether name is strictly below top.
func isBelow(name, top string) bool {
	return name != top && (top == "." || strings.HasSuffix(name, "."+top))
}

// pathTo returns the names from top down to name, which is top or below it.
func pathTo(name, top string) []string {
	path := []string{name}
	for ; name != top; path = append(path, name) {
		name = parent(name)
	}
	slices.Reverse(path)
	return path
}

// zoneAt returns the origin of the zone nearest above name or at it, "" for none.
func (r *realm) zoneAt(name string) string {
	for ; ; name = parent(name) {
		if _, ok := r.zones[name]; ok {
			return name
		}
		if name == "." {
			return ""
		}
	}
}

// origins returns the origins of the zones in order.
func (r *realm) origins() []string { return slices.Sorted(maps.Keys(r.zones)) }

// owners returns the names of a zone that are there in order.
func (r *realm) owners(origin string) []string { return slices.Sorted(maps.Keys(r.exists[origin])) }

// findNames finds out which names are there.
func (r *realm) findNames() {
	r.exists = map[string]map[string]bool{}
	for origin, c := range r.zones {
		there := map[string]bool{}
		for owner := range c {
			for _, name := range pathTo(owner, origin) {
				there[name] = true
			}
		}
		r.exists[origin] = there
	}
}

// master writes a zone as a master file. Letters change their case here and
// there: it means nothing (RFC 4343).
func (r *realm) master(origin string, chance *rand.Rand) string {
	var b strings.Builder
	c := r.zones[origin]
	fmt.Fprintf(&b, "%s %s\n", origin, inClass("SOA", c[origin]["SOA"][0]))
	for _, owner := range slices.Sorted(maps.Keys(c)) {
		for _, typ := range slices.Sorted(maps.Keys(c[owner])) {
			for _, data := range c[owner][typ] {
				if typ == "SOA" {
					continue
				}
				line := owner + " " + inClass(typ, data)
				if chance.IntN(8) == 0 && typ != "TXT" && typ != "HTTPS" && typ != "CAA" {
					line = strings.ToUpper(line)
				}
				b.WriteString(line + "\n")
			}
		}
	}
	return b.String()
}

// inClass puts class and type between the TTL and the data.
func inClass(typ, data string) string {
	ttl, rest, _ := strings.Cut(data, " ")
	return ttl + " IN " + typ + " " + rest
}

// masters writes all zones, as peers want them: by origin without the last dot.
func (r *realm) masters(chance *rand.Rand) map[string]string {
	files := map[string]string{}
	for _, origin := range r.origins() {
		files[strings.TrimSuffix(origin, ".")] = r.master(origin, chance)
	}
	return files
}
