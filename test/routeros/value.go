package routeros

import (
	"fmt"
	"net/netip"
	"strings"
)

// value is what a variable may hold: nil, string, int64, bool, netip.Addr, id,
// list or table.
type value any

// id is the internal number of an item, such as "*1F".
type id string

// list is an array without keys.
type list []value

// table is an array with keys, such as what fetch returns.
type table map[string]value

// typeOf names the type of a value as :typeof does (Scripting, "Data types").
func typeOf(v value) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return "str"
	case int64:
		return "num"
	case bool:
		return "bool"
	case id:
		return "id"
	case netip.Addr:
		if v.Is4() {
			return "ip"
		}
		return "ip6"
	default:
		return "array"
	}
}

// text returns the value as it stands in a string.
func text(v value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case list:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = text(item)
		}
		return strings.Join(items, ";")
	default:
		return fmt.Sprint(v)
	}
}

// equal compares. Nothing equals nothing only; values of different types are not
// compared, because the manual does not say which are converted.
func equal(a, b value) (bool, error) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	if typeOf(a) != typeOf(b) {
		return false, fmt.Errorf("compares %s with %s: convert one, as with :tostr", typeOf(a), typeOf(b))
	}
	if typeOf(a) == "array" {
		return false, fmt.Errorf("arrays cannot be compared before 7.24")
	}
	return a == b, nil
}
