package web

import (
	"cmp"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/watch"
)

// A chart shows how many of something there were over time, those apart that did not
// go well. The same stands in its table.
type chart struct {
	ID           string
	Title, Label template.HTML
	Total, Bad   int
	Peak         int // the highest column
	Width        int
	Columns      []column
	Start        template.HTML
	Rows         []chartRow
	Kinds        []kindView // the most frequent first
}

// A column is a time of a chart. What did not go well stands at its foot.
type column struct{ X, Y, Height, BadY, BadHeight int }

// A chartRow is a time in the table of a chart.
type chartRow struct {
	From      template.HTML
	Good, Bad int
}

// A kindView is one kind of answer.
type kindView struct {
	Name  string
	Text  template.HTML // empty where the name says it all
	Count int
	Bad   bool
}

// The sizes of a chart, in its own units.
const (
	columnWidth = 10
	chartHeight = 120
	leastColumn = 1 // so that a single one is seen
	chartRows   = 12
)

// well are the kinds of answers that are as they should be: clients ask for names that
// do not exist, and devices first ask without a password.
var well = []string{"NOERROR", "NXDOMAIN", "good", "nochange", "ignored", "challenge"}

// drawCharts draws what came in the last hour or the last day.
func (v *visit) drawCharts(day bool) []*chart {
	w, each := v.p.House.Trend.Hour(), 4 // a minute
	if day {
		w, each = v.p.House.Trend.Day(), 3 // a quarter of an hour
	}
	return []*chart{
		v.drawChart("updates", Updates, w, each),
		v.drawChart("replies", Replies, w, each),
	}
}

// drawChart draws the series whose names begin with prefix, so many slots in a column.
func (v *visit) drawChart(id, prefix string, w watch.Window, each int) *chart {
	c := &chart{ID: id, Title: v.text("chart." + id), Start: v.at(w.Start, v.clock(w.Start))}
	var good, bad []int // by slot
	for _, name := range slices.Sorted(maps.Keys(w.Series)) {
		kind, isOurs := strings.CutPrefix(name, prefix)
		if !isOurs {
			continue
		}
		counts := w.Series[name]
		k := kindView{Name: kind, Bad: !slices.Contains(well, kind)}
		if key := "kind." + strings.ToLower(kind); v.has(key) {
			k.Text = v.text(key)
		}
		if good == nil {
			good, bad = make([]int, len(counts)), make([]int, len(counts))
		}
		to := good
		if k.Bad {
			to = bad
		}
		for i, n := range counts {
			to[i] += int(n)
			k.Count += int(n)
		}
		c.Kinds = append(c.Kinds, k)
	}
	slices.SortStableFunc(c.Kinds, func(a, b kindView) int { return cmp.Compare(b.Count, a.Count) })
	c.Total, c.Bad = sum(good)+sum(bad), sum(bad)
	c.Label = v.text("chart.label", "Total", c.Total, "Bad", c.Bad)
	c.raise(join(good, each), join(bad, each))
	inRow := max(len(good)/chartRows, 1)
	for i := range join(good, inRow) {
		from := w.Start.Add(time.Duration(i*inRow) * w.Step)
		c.Rows = append(c.Rows, chartRow{v.at(from, v.clock(from)), join(good, inRow)[i], join(bad, inRow)[i]})
	}
	return c
}

// clock writes the time of day.
func (v *visit) clock(t time.Time) template.HTML {
	return template.HTML(t.In(v.zone).Format("15:04")) //nolint:gosec // digits
}

func sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
}

// join adds up so many neighbours each.
func join(counts []int, each int) []int {
	var out []int
	for part := range slices.Chunk(counts, each) {
		out = append(out, sum(part))
	}
	return out
}

// raise makes the columns.
func (c *chart) raise(good, bad []int) {
	for i := range good {
		c.Peak = max(c.Peak, good[i]+bad[i])
	}
	c.Width = len(good) * columnWidth
	height := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(n*chartHeight/c.Peak, leastColumn)
	}
	for i := range good {
		foot, all := height(bad[i]), height(good[i]+bad[i])
		if good[i] > 0 && all-foot < leastColumn {
			all = min(foot+leastColumn, chartHeight)
			foot = all - leastColumn
		}
		if all == 0 {
			continue
		}
		c.Columns = append(c.Columns, column{
			X: i*columnWidth + 1, Y: chartHeight - all, Height: all - foot, BadY: chartHeight - foot, BadHeight: foot,
		})
	}
}
