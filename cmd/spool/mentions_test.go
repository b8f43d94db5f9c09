package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pathNamed matches a path from the root in a text, such as sinks/mp4/doc.go; fileNamed matches
// a file without its directory; symbolNamed matches an exported name of a package.
var (
	pathNamed   = regexp.MustCompile(`(?:^|[^\w./-])((?:cmd|configs|pipeline|stages|sinks|api|bench)(?:/[\w.-]+)+)`)
	fileNamed   = regexp.MustCompile(`(?:^|[^\w./-])([a-z][a-z0-9_]*\.go)\b`)
	symbolNamed = regexp.MustCompile(`(?:^|[^\w./"-])([a-z][a-z0-9]*)\.([A-Z]\w*)`)
)

// Comments and documents name only existing files and exported names.
func TestCommentsAndDocumentsNameExistingFilesAndSymbols(t *testing.T) {
	exported := exportedNames(t)
	named := map[string]int{}
	eachText(t, func(file string, line int, text string) {
		for _, m := range pathNamed.FindAllStringSubmatch(text, -1) {
			named["path"]++
			want := strings.TrimSuffix(strings.TrimRight(m[1], "."), "/")
			if !exists(want) && !exists(path.Join(path.Dir(file), want)) {
				t.Errorf("%s:%d: %s does not exist", file, line, want)
			}
		}
		for _, m := range fileNamed.FindAllStringSubmatch(text, -1) {
			named["file"]++
			if !exists(path.Join(path.Dir(file), m[1])) {
				t.Errorf("%s:%d: %s does not exist in the same directory", file, line, m[1])
			}
		}
		if strings.HasPrefix(text, "//\t") { // code, where it may be a variable
			return
		}
		for _, m := range symbolNamed.FindAllStringSubmatch(text, -1) {
			if names, own := exported[m[1]]; own && strings.HasSuffix(file, ".go") {
				named["symbol"]++
				if !names[m[2]] {
					t.Errorf("%s:%d: %s.%s does not exist", file, line, m[1], m[2])
				}
			}
		}
	})
	for _, kind := range []string{"path", "file", "symbol"} {
		require.Greater(t, named[kind], 10, "texts that name a %s were not found", kind)
	}
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

// eachText calls look with each line of the documents, and of the comments of the program and
// its tests.
func eachText(t *testing.T, look func(file string, line int, text string)) {
	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && name != root && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch path.Ext(rel) {
		case ".md", ".yaml":
			text, err := os.ReadFile(name)
			for i, line := range bytes.Split(text, []byte("\n")) {
				look(rel, i+1, string(line))
			}
			return err
		case ".go":
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, group := range f.Comments {
				for _, c := range group.List {
					at := fset.Position(c.Pos()).Line
					for i, line := range strings.Split(c.Text, "\n") {
						look(rel, at+i, line)
					}
				}
			}
		}
		return nil
	}))
}

// exportedNames returns the declared names of each package, by package name. It includes methods
// and fields, since a comment may omit their type.
func exportedNames(t *testing.T) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	eachFile(t, func(_ string, _ *token.FileSet, f *ast.File) {
		names := out[f.Name.Name]
		if names == nil {
			names = map[string]bool{}
			out[f.Name.Name] = names
		}
		ast.Inspect(f, func(n ast.Node) bool {
			var declared []*ast.Ident
			switch n := n.(type) {
			case *ast.FuncDecl:
				declared = []*ast.Ident{n.Name}
			case *ast.TypeSpec:
				declared = []*ast.Ident{n.Name}
			case *ast.ValueSpec:
				declared = n.Names
			case *ast.Field:
				declared = n.Names
			}
			for _, id := range declared {
				names[id.Name] = true
			}
			return true
		})
	})
	return out
}

// A longer file holds more than one idea.
func TestNoFileHasMoreThan400Lines(t *testing.T) {
	const most = 400
	eachFile(t, func(file string, fset *token.FileSet, f *ast.File) {
		if n := fset.File(f.Pos()).LineCount(); n > most {
			t.Errorf("%s has %d lines, at most %d", file, n, most)
		}
	})
}
