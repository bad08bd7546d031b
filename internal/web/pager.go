package web

import (
	"net/url"

	"stayput.dev/internal/zone"
)

// A pager is the links below a list of which a page shows a piece.
type pager struct {
	First, Next string // URLs; empty on the first page, and on the last
}

// newPager returns the links of a list at a path with a query, of which the parameter
// named by says where a page begins. next is where the page after this one does; empty
// if there is none.
func newPager(path string, query url.Values, by string, isFirst bool, next string) pager {
	var p pager
	query.Del(by)
	if !isFirst {
		p.First = path + "?" + query.Encode()
	}
	if next != "" {
		query.Set(by, next)
		p.Next = path + "?" + query.Encode()
	}
	return p
}

// nameIn returns a name as newPager wants it: empty if there is none.
func nameIn(n zone.Name) string {
	if n == "" {
		return ""
	}
	return n.String()
}
