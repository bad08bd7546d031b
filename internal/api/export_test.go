package api

// Rights returns the IDs of the operations that the table of rights has.
func Rights() map[string]bool {
	out := map[string]bool{}
	for id := range rights {
		out[id] = true
	}
	return out
}
