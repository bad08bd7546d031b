package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"

	"stayput.dev/internal/codec"
)

// table is one whose rows both databases keep alike. A column is its name and the
// kind of what it holds: n a number, t text, o octets.
type table struct {
	name string
	key  []string // by which rows are in order, octet by octet
	rest []string
}

// tables is what a store consists of, but for the lineage and for what a database
// needs to know of the processes that use it.
var tables = []table{
	{"snapshot_chunk", []string{"snapshot n", "seq n"}, []string{"body o", "checksum n"}},
	{"snapshot", []string{"revision n"}, []string{"at n", "chunks n", "size n"}},
	{"journal", []string{"revision n"}, []string{"id t", "at n", "body o", "checksum n"}},
	{"cursors", []string{"name t"}, []string{"revision n"}},
	{"marks", []string{"follower t", "name o"}, []string{"types o", "stage n", "at n"}},
	{"seen", []string{"host n"}, []string{"at n"}},
	{"shelf", []string{"kind t", "id t"}, []string{"account n", "due n", "version n", "passing n", "body o"}},
	{
		"address_change",
		[]string{"name o", "family n", "at n"},
		[]string{"addresses o", "account n", "key n", "via t"},
	},
	{"address_use", []string{"address o", "at n", "name o"}, nil},
	{
		"deed",
		[]string{"id t"},
		[]string{"at n", "actor n", "via t", "source t", "verb t", "subject t", "account n", "detail t"},
	},
}

// names returns the names of columns, each followed by what holds for its kind.
func names(columns []string, text string) []string {
	var out []string
	for _, c := range columns {
		name, kind, _ := strings.Cut(c, " ")
		if kind == "t" {
			name += text
		}
		out = append(out, name)
	}
	return out
}

// numbered returns $1 to $n.
func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("$%d", i+1))
	}
	return out
}

func (t table) columns() []string { return slices.Concat(t.key, t.rest) }

// listSQL asks for all rows in order of the key; collation is what makes text be in
// order of its octets.
func (t table) listSQL(collation string) string {
	return "SELECT " + strings.Join(names(t.columns(), ""), ", ") + " FROM " + t.name +
		" ORDER BY " + strings.Join(names(t.key, collation), ", ")
}

// putSQL writes a row in the place of what has its key.
func (t table) putSQL() string {
	all := names(t.columns(), "")
	query := "INSERT INTO " + t.name + " (" + strings.Join(all, ", ") + ") VALUES (" + strings.Join(numbered(len(all)), ", ") + ")" +
		" ON CONFLICT (" + strings.Join(names(t.key, ""), ", ") + ") DO "
	if t.rest == nil {
		return query + "NOTHING"
	}
	var set []string
	for _, name := range names(t.rest, "") {
		set = append(set, name+" = excluded."+name)
	}
	return query + "UPDATE SET " + strings.Join(set, ", ")
}

// dropSQL deletes the row with a key.
func (t table) dropSQL() string {
	var is []string
	for i, name := range names(t.key, "") {
		is = append(is, fmt.Sprintf("%s = $%d", name, i+1))
	}
	return "DELETE FROM " + t.name + " WHERE " + strings.Join(is, " AND ")
}

// cells is a row: an int64, string or []byte, never nil, for each column.
type cells []any

// order compares the keys of two rows, of which one may be nil: that of a table that
// has ended, behind all others.
func (t table) order(a, b cells) int {
	switch {
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	for i := range t.key {
		if c := orderCell(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func (t table) same(a, b cells) bool {
	return slices.EqualFunc(a, b, func(a, b any) bool { return orderCell(a, b) == 0 })
}

func orderCell(a, b any) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case string:
		return strings.Compare(a, b.(string))
	}
	return bytes.Compare(a.([]byte), b.([]byte))
}

// encode appends the row to b so that no two rows are encoded alike.
func (r cells) encode(b []byte) []byte {
	for _, c := range r {
		switch c := c.(type) {
		case int64:
			b = codec.AppendUint(b, uint64(c))
		case string:
			b = codec.AppendString(b, c)
		case []byte:
			b = codec.AppendString(b, c)
		}
	}
	return b
}

func (r cells) size() (n int) {
	for _, c := range r {
		switch c := c.(type) {
		case string:
			n += len(c)
		case []byte:
			n += len(c)
		}
		n += 8
	}
	return n
}

// all yields the rows of the table in order. Collation is that of listSQL.
func (t table) all(ctx context.Context, tx *sql.Tx, collation string) iter.Seq2[cells, error] {
	return func(yield func(cells, error) bool) {
		rows, err := tx.QueryContext(ctx, t.listSQL(collation))
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			row, err := t.scan(rows)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

func (t table) scan(rows *sql.Rows) (cells, error) {
	columns := t.columns()
	row := make(cells, len(columns))
	for i, c := range columns {
		switch c[len(c)-1] {
		case 'n':
			row[i] = new(int64)
		case 't':
			row[i] = new(string)
		default:
			row[i] = new([]byte)
		}
	}
	if err := rows.Scan(row...); err != nil {
		return nil, err
	}
	for i, p := range row {
		switch p := p.(type) {
		case *int64:
			row[i] = *p
		case *string:
			row[i] = *p
		case *[]byte:
			row[i] = append([]byte{}, *p...) // an empty one may have come as nil
		}
	}
	return row, nil
}

// walk goes through the rows of a table at the pace of who walks.
type walk struct {
	row  cells // nil: there is none any more
	pull func() (cells, error, bool)
	stop func() // must be called
}

// walk returns a walk that has not begun.
func (t table) walk(ctx context.Context, tx *sql.Tx, collation string) *walk {
	w := new(walk)
	w.pull, w.stop = iter.Pull2(t.all(ctx, tx, collation))
	return w
}

func (w *walk) next() (err error) {
	w.row, err, _ = w.pull()
	return err
}

// digest is how many rows a table has, and a sum of all that they hold.
type digest struct {
	rows int64
	sum  [sha256.Size]byte
}

// digest goes through the whole table, and calls passed for each row.
func (t table) digest(ctx context.Context, tx *sql.Tx, collation string, passed func()) (digest, error) {
	var d digest
	var b []byte
	h := sha256.New()
	for row, err := range t.all(ctx, tx, collation) {
		if err != nil {
			return digest{}, err
		}
		b = row.encode(b[:0])
		h.Write(b)
		d.rows++
		passed()
	}
	h.Sum(d.sum[:0])
	return d, nil
}
