package dyndns

import (
	"net/http"
	"strings"

	"stayput.dev/internal/update"
)

// groupKeys are the parameters that name a group of hosts. There are no groups but
// the update keys: what a key covers is the group, whatever its name.
var groupKeys = []string{"group", "groupname", "g[]", "location"}

// meansAll tells whether the request is about all hosts that its key covers: it
// names a group and no host, or in the place of a host DNS-O-Matic's name for all,
// or the user name, which is how No-IP's devices name a group.
func (q query) meansAll(username string) bool {
	host := unescape(q.first(hostKeys), true)
	switch {
	case host == "":
		return q.first(groupKeys) != ""
	case strings.EqualFold(host, "all.dnsomatic.com"):
		return true
	}
	return host == username && !strings.Contains(host, ".")
}

// summaryOfGroup returns the results with those of a group made one: clients that
// do not list their hosts expect one line.
func summaryOfGroup(r *http.Request, results []update.Result) []update.Result {
	if len(results) < 2 {
		return results
	}
	q, err := readQuery(r)
	if err != nil || q.namesOne() || strings.Contains(unescape(q.first(hostKeys), true), ",") {
		return results
	}
	return []update.Result{summary(results)}
}

// summary returns the result that says most of all: the first that failed, else the
// first that changed, else the first. Where there is none, there was no host.
func summary(results []update.Result) update.Result {
	if len(results) == 0 {
		return update.Result{Outcome: update.NoHost}
	}
	said := results[0]
	for _, r := range results {
		if !r.Outcome.IsSuccess() {
			return r
		}
		if r.Outcome == update.Good && said.Outcome != update.Good {
			said = r
		}
	}
	return said
}
