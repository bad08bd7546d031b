package update

import (
	"slices"
	"sync"

	"stayput.dev/internal/zone"
)

// answers remembers in which order answers to challenges came, which their
// records do not tell. What this process has not seen came earlier. It is safe for
// concurrent use.
type answers struct {
	mu     sync.Mutex // guards newest
	newest map[zone.Name][]string
}

// maxAnswers is how many names answers knows; past that it starts anew.
const maxAnswers = 1 << 12

// note remembers that value is now the newest at a name, or has gone.
func (a *answers) note(name zone.Name, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.newest) >= maxAnswers || a.newest == nil {
		a.newest = map[zone.Name][]string{}
	}
	values := slices.DeleteFunc(slices.Clone(a.newest[name]), func(v string) bool { return v == value })
	a.newest[name] = append(values, value)[max(0, len(values)+1-MaxChallenges):]
}

// rank returns how new data is at a name; 0 for what is not known.
func (a *answers) rank(name zone.Name, data zone.Rdata) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return 1 + slices.IndexFunc(a.newest[name], func(v string) bool { return zone.TextData(v) == data })
}

// apply returns the data that c makes of the data at a name.
func (a *answers) apply(name zone.Name, stands []zone.Rdata, c *Challenge) []zone.Rdata {
	value := zone.TextData(c.Value)
	if c.Value == "" || !c.Remove && slices.Contains(stands, value) {
		return stands
	}
	rest := slices.DeleteFunc(slices.Clone(stands), func(d zone.Rdata) bool { return d == value })
	if c.Remove {
		return rest
	}
	slices.SortStableFunc(rest, func(x, y zone.Rdata) int { return a.rank(name, x) - a.rank(name, y) })
	return append(rest, value)[max(0, len(rest)+1-MaxChallenges):]
}
