package dyndns

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fieldKeys are the fields of posted objects whose values say nothing secret: what
// they ask for stands in the DNS.
var fieldKeys = []string{"subdomain", "txt", "fqdn", "value", "domain"}

// readFields returns the fields of an object that was posted; nil if it was none.
func readFields(form []byte) map[string]any {
	// What is no UTF-8 would come out as something else, which could be a secret.
	if form = bytes.TrimSpace(form); !bytes.HasPrefix(form, []byte("{")) || !utf8.Valid(form) {
		return nil
	}
	var fields map[string]any
	if json.Unmarshal(form, &fields) != nil {
		return nil
	}
	return fields
}

// appendFields appends what is to be seen of the fields of an object, such as
//
//	{"subdomain": "home.dyn.example.org", "txt": "…"}
func appendFields(dst []byte, fields map[string]any, s secrets, proven bool) []byte {
	dst = append(dst, '{')
	for i, key := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if !slices.Contains(fieldKeys, strings.ToLower(key)) || s.areIn(key) {
			dst = append(dst, hidden...)
			continue
		}
		value, isText := fields[key].(string)
		if !isText || !s.allow(value, proven) {
			value = hidden
		}
		dst = strconv.AppendQuote(append(strconv.AppendQuote(dst, key), ": "...), value)
	}
	return append(dst, '}')
}
