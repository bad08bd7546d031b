package internal_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// long lists the files that may pass 500 lines, with the reason.
var long = map[string]string{}

// TestFilesAreShort: past 500 lines a file holds more than one subject.
func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, path := range p.source() {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := p.path() + "/" + filepath.Base(path)
			lines := bytes.Count(text, []byte("\n"))
			if lines > 500 && long[name] == "" {
				t.Errorf("%s has %d lines: split it, or say in internal/house_test.go why not", name, lines)
			}
		}
	}
}

// TestEverythingSaysWhatItIs: packages, and whatever they export, are documented.
func TestEverythingSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		files := token.NewFileSet()
		about := false
		for _, path := range p.source() {
			file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			about = about || file.Doc != nil
			for _, name := range undocumented(file) {
				at := files.Position(name.Pos())
				t.Errorf("%s/%s:%d: %s has no doc comment", p.path(), filepath.Base(path), at.Line, name.Name)
			}
		}
		if !about {
			t.Errorf("%s has no package comment", p.path())
		}
	}
}

// TestUndocumented keeps the test of the doc comments able to fail.
func TestUndocumented(t *testing.T) {
	t.Parallel()
	const text = `package p

type Bare struct{}

// Said is documented.
type Said interface {
	BareMethod()
	// SaidMethod is documented.
	SaidMethod()
	bare()
}

func (Said) Run() {}
func (*Bare) Stop() {}
func (g *Generic[K]) Grow() {}
func (b bare) Close() {}
func BareFunc() {}

const BareConst = 1

// A block is documented as a whole.
const (
	One = iota
	Two
)

var (
	BareVar int
	AtEnd int // AtEnd is documented.
	Also, bare int
)

type Generic[K any] struct{}
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range undocumented(file) {
		got = append(got, name.Name)
	}
	want := []string{"Bare", "BareMethod", "Run", "Stop", "Grow", "BareFunc", "BareConst", "BareVar", "Also", "Generic"}
	if !slices.Equal(got, want) {
		t.Errorf("undocumented() = %v, want %v", got, want)
	}
}

// undocumented returns the exported names of a file that no comment explains:
// functions, types, methods of exported types and of interfaces, constants and
// variables. A block of constants or variables may be explained as a whole.
func undocumented(file *ast.File) []*ast.Ident {
	var bare []*ast.Ident
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && reachable(d.Recv) {
				bare = append(bare, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				bare = append(bare, undocumentedSpec(spec, d.Doc != nil)...)
			}
		}
	}
	return bare
}

// undocumentedSpec returns what a type, constant or variable leaves unexplained;
// group tells whether a comment stands above the whole declaration.
func undocumentedSpec(spec ast.Spec, group bool) []*ast.Ident {
	var bare []*ast.Ident
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		if s.Doc == nil && !group {
			bare = append(bare, s.Name)
		}
		if i, ok := s.Type.(*ast.InterfaceType); ok {
			for _, method := range i.Methods.List {
				bare = append(bare, exported(method.Names, method.Doc, method.Comment)...)
			}
		}
	case *ast.ValueSpec:
		if !group {
			bare = exported(s.Names, s.Doc, s.Comment)
		}
	}
	return bare
}

// exported returns the names that others may use, unless a comment explains them.
func exported(names []*ast.Ident, comments ...*ast.CommentGroup) []*ast.Ident {
	for _, c := range comments {
		if c != nil {
			return nil
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n *ast.Ident) bool { return !n.IsExported() })
}

// reachable reports whether a function with this receiver, which may be none,
// can be called by name from another package.
func reachable(receiver *ast.FieldList) bool {
	if receiver == nil {
		return true
	}
	for expr := receiver.List[0].Type; ; {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

// TestNothingForeign: no file carries a path of the machine that it was written
// on, or a note that something is unfinished. The words are cut in two here, so
// that this file may stand beside the others.
func TestNothingForeign(t *testing.T) {
	t.Parallel()
	words := []string{"/wo" + "rk/", "/tm" + "p/w/", "TO" + "DO", "FIX" + "ME"}
	made := []string{".git", "bin", "dist"}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // what others made for a moment
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(made, entry.Name()):
			return filepath.SkipDir
		case !entry.Type().IsRegular() || slices.Contains([]string{"go.sum", ".git"}, filepath.Base(path)):
			return nil // in a work tree, .git is a file
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for _, word := range words {
			if at := bytes.Index(text, []byte(word)); at >= 0 {
				line := 1 + bytes.Count(text[:at], []byte("\n"))
				t.Errorf("%s:%d contains %s", strings.TrimPrefix(path, "../"), line, word)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
