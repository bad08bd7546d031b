package web

import (
	"fmt"
	"html/template"
	"net/url"
)

// A form is what was typed into one, and what is wrong with it.
type form struct {
	values url.Values
	faults map[string]template.HTML // by field; "" is the form as a whole
}

// readForm returns the form that a request sends.
func (v *visit) readForm() (*form, error) {
	if err := v.r.ParseForm(); err != nil {
		return nil, fmt.Errorf("reading a form: %w", err)
	}
	return newForm(v.r.PostForm), nil
}

func newForm(values url.Values) *form {
	return &form{values: values, faults: map[string]template.HTML{}}
}

// Value returns what stands in a field.
func (f *form) Value(name string) string { return f.values.Get(name) }

// Fault returns what is wrong with a field; empty if nothing is.
func (f *form) Fault(name string) template.HTML { return f.faults[name] }

// refuse notes what is wrong with a field, of which the first word counts.
func (f *form) refuse(name string, why template.HTML) {
	if f.faults[name] == "" {
		f.faults[name] = why
	}
}

// isRight tells whether nothing is wrong.
func (f *form) isRight() bool { return len(f.faults) == 0 }

// An input is a field of a form with its label.
type input struct {
	Name, Type, Value, Autocomplete, Mode, Placeholder string

	Label, Hint, Fault template.HTML
	Required, Focus    bool
}

// DescribedBy returns the ids of the texts that belong to the field.
func (i *input) DescribedBy() string {
	switch {
	case i.Hint != "" && i.Fault != "":
		return i.Name + "-hint " + i.Name + "-fault"
	case i.Hint != "":
		return i.Name + "-hint"
	case i.Fault != "":
		return i.Name + "-fault"
	}
	return ""
}

// A selection is a field with what may be chosen in it.
type selection struct {
	*input
	Choices []choice
}

// choose makes a selection for a template.
func choose(i *input, choices []choice) selection { return selection{i, choices} }

// input makes a field for a template: its name, the key of its label, and pairs of
// what else there is to say of it.
func (t *tongue) input(f *form, name, label string, pairs ...string) (*input, error) {
	in := &input{Name: name, Type: "text", Label: t.text(label), Value: f.Value(name), Fault: f.Fault(name)}
	for i := 0; i+1 < len(pairs); i += 2 {
		switch value := pairs[i+1]; pairs[i] {
		case "type":
			in.Type = value
		case "autocomplete":
			in.Autocomplete = value
		case "mode":
			in.Mode = value
		case "placeholder":
			in.Placeholder = value
		case "hint":
			in.Hint = t.text(value)
		case "required":
			in.Required = value == "yes"
		case "focus":
			in.Focus = value == "yes"
		default:
			return nil, fmt.Errorf("no attribute %q of a field", pairs[i])
		}
	}
	if in.Type == "password" {
		in.Value = ""
	}
	return in, nil
}
