package update

import (
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// check tells whether the text can be set or cleared; its error is ErrBadText.
func (t *Text) check() error {
	switch {
	case t == nil, t.Clear:
		return nil
	case t.Value == "", len(t.Value) > MaxText, t.Value == Placeholder:
		return ErrBadText
	}
	return nil
}

// apply returns what becomes of the text that devices set before.
func (t *Text) apply(before string) string {
	switch {
	case t == nil:
		return before
	case !t.Clear:
		return t.Value
	case t.Value == "", t.Value == before:
		return ""
	}
	return before
}

// textData returns the data of a TXT record with the text, in as many strings as
// it needs.
func textData(text string) zone.Rdata {
	var d zone.Rdata
	for len(text) > 255 {
		d += zone.TextData(text[:255])
		text = text[255:]
	}
	return d + zone.TextData(text)
}

// textSet returns the TXT set at the name of h, which was another before: the
// customer's texts, which keep their TTL, and beside them what is stored as the
// device's text and the placeholder, as far as they are to stand there.
func textSet(node zone.Node, was, h *account.Host, text, placeholder bool) zone.RRset {
	s := node.Lookup(zone.TypeTXT).RRset(h.Name)
	s.Type = zone.TypeTXT
	text = text && h.Text != ""
	if len(s.Data) == 0 && !text && !placeholder {
		return s
	}
	s.Data = customersTexts(s.Data, was.Text)
	if len(s.Data) == 0 {
		s.TTL = h.TTL
	}
	if text {
		s.Data = append(s.Data, textData(h.Text))
	}
	if placeholder {
		s.Data = append(s.Data, zone.TextData(Placeholder))
	}
	return s.Sorted()
}

// customersTexts returns data without the placeholder and a device's text. It
// makes use of the slice.
func customersTexts(data []zone.Rdata, device string) []zone.Rdata {
	ours := []zone.Rdata{zone.TextData(Placeholder)}
	if device != "" {
		ours = append(ours, textData(device))
	}
	return slices.DeleteFunc(data, func(d zone.Rdata) bool { return slices.Contains(ours, d) })
}
