package mail

import "time"

// Hurry lets a queue that does not run yet try again at once.
func (q *Queue) Hurry() {
	q.look = 20 * time.Millisecond
	q.pauses = []time.Duration{20 * time.Millisecond}
}

// Letter returns subject, text and HTML of a message.
func Letter(m Message, b Brand) (subject, text, html string, err error) {
	l, err := write(&m, b, nil)
	return l.subject, l.text, l.html, err
}

// Kinds returns the kinds of which a language has a text.
func Kinds(language string) []string {
	var all []string
	for _, t := range texts[language].Templates() {
		if t.Name() != language && t.Name() != language+".txt" {
			all = append(all, t.Name())
		}
	}
	return all
}
