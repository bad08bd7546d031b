package shadow

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Answer is what the old service said to a request, as far as the log of a web
// server tells: not the words, but how long they are. The zero Answer is not known.
type Answer struct {
	Status int // of HTTP
	Length int // of the body, in octets
}

// byLength are the words of nicokaiser/Dyndns with status 200, by their length. Each
// stands alone in its reply.
var byLength = map[int][]string{3: {"911"}, 4: {"good"}, 6: {"nohost", "dnserr"}, 7: {"notfqdn"}}

// byStatus are those with another status.
var byStatus = map[int][]string{
	http.StatusUnauthorized: {"badauth"}, http.StatusForbidden: {"badauth"}, http.StatusMethodNotAllowed: {"badagent"},
	http.StatusServiceUnavailable: {"911"},
}

// words returns those that the answer may have been; none if it was something else.
func (a Answer) words() []string {
	if a.Status == http.StatusOK {
		return byLength[a.Length]
	}
	return byStatus[a.Status]
}

// String returns the words, or what else is known of the answer.
func (a Answer) String() string {
	words := a.words()
	switch {
	case a == Answer{}:
		return "not known"
	case len(words) > 0:
		return strings.Join(words, " or ")
	}
	return fmt.Sprintf("status %d, %d octets", a.Status, a.Length)
}

// agrees tells whether a word of ours says the same.
func (a Answer) agrees(ours string) bool {
	if ours == "nochg" {
		ours = "good" // which the old service said always
	}
	return slices.Contains(a.words(), ours)
}
