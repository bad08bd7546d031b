//go:build linux

package figure

import (
	"errors"
	"fmt"
)

// A cost is a unit of the model: how many octets doc/scale.md says that each of something
// takes.
type cost struct {
	measure, each string
	from, to      float64 // what it says; the same unless it depends on how many there are
}

// The units of the model that are the same on every machine. What CPU takes is not.
var costs = []cost{
	{residentMemory, "each host", 355, 590},
	{"snapshot", "each host", 120, 145},
	{"journal", "each commit", 260, 260},
	{"journal", "each update", 150, 150},
	{"feed of a node", "each commit", 500, 630},
	{"feed of a node", "each update", 170, 190},
}

// String returns what the model says.
func (c cost) String() string {
	if c.from == c.to {
		return number(c.from)
	}
	return number(c.from) + " to " + number(c.to)
}

// A tolerance says how far a measure may be off the model, be that a unit or what the
// smaller sizes and loads predict.
type tolerance struct {
	factor float64
	hosts  int // with fewer, it says nothing
}

// What has no tolerance is not judged: of times of starts other programs decide.
var tolerances = map[string]tolerance{
	"snapshot":                   {1.25, 0},
	"journal":                    {1.25, 0},
	"feed of a node":             {1.5, 20_000},
	residentMemory:               {1.5, 400_000}, // of which a node takes much however few they are
	"CPU of a node that follows": {4, 20_000},
	"CPU of the database":        {4, 20_000},
}

// errModel says that the model of doc/scale.md does not hold here.
var errModel = errors.New("the model does not hold")

// judge compares what was measured, with so many hosts, with the model, and names
// each row that is too far off.
func (r *report) judge(hosts int) error {
	var off []error
	for _, c := range costs {
		got, t := r.find(c.each, c.measure).Median, tolerances[c.measure]
		if !t.allows(hosts, got, c.from, c.to) {
			off = append(off, fmt.Errorf("%w: %s, %s: %s octets, and the model says %s, within a factor of %g",
				errModel, c.measure, c.each, number(got), c, t.factor))
		}
	}
	for _, ratio := range r.Ratios {
		if t, judged := tolerances[ratio.Measure]; judged && !t.allows(hosts, ratio.Median, 1, 1) {
			off = append(off, fmt.Errorf("%w: %s, %s: the ratio is %s, and may be off by a factor of %g",
				errModel, ratio.Measure, ratio.Subject, number(ratio.Median), t.factor))
		}
	}
	return errors.Join(off...)
}

// allows tells whether what was measured with so many hosts may be, where it should be
// from one number to another. What is no number may not.
func (t tolerance) allows(hosts int, got, from, to float64) bool {
	return hosts < t.hosts || got >= from/t.factor && got <= to*t.factor
}
