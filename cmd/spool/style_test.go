package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// A lock says at its field what it protects.
func TestLocksSayWhatTheyProtect(t *testing.T) {
	locks := 0
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if within(dir, "bench") || strings.HasSuffix(dir, "test") || dir == "sinks/mp4/powercut" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			fields, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range fields.Fields.List {
				kind := types.ExprString(field.Type)
				if len(field.Names) == 0 || kind != "sync.Mutex" && kind != "sync.RWMutex" {
					continue
				}
				locks++
				if field.Comment == nil && field.Doc == nil {
					t.Errorf("%s: %s: a comment tells what it guards", fset.Position(field.Pos()), field.Names[0])
				}
			}
			return true
		})
	})
	require.Greater(t, locks, 30)
}

// renaming are the files that give a file another's place, or a name of its own, and why
// package durable does not do it for them.
var renaming = map[string]string{
	"pipeline/filesystem/lock.go":       "a lock is taken by it",
	"pipeline/filesystem/probe.go":      "tries what a file system can do",
	"sinks/mp4/disk/publish.go":         "a recording, which takes no name from another file",
	"sinks/mp4/repair/copy.go":          "a repaired copy, the same",
	"sinks/mp4/repair/watch.go":         "hands the call on",
	"sinks/retention/waited.go":         "not synced: what is lost is waited for again",
	"sinks/metadata/database/rescue.go": "a database is exchanged for its copy",
	"cmd/spool/remux.go":                "the file of another run is not to be replaced",
}

// What is to survive a power cut is written by package durable.
func TestFilesAreReplacedInOnePlace(t *testing.T) {
	var found []string
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		path = filepath.ToSlash(path)
		dir := filepath.ToSlash(filepath.Dir(path))
		if within(dir, "bench") || strings.HasSuffix(dir, "test") || dir == "sinks/mp4/powercut" || dir == "pipeline/durable" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Rename" && len(call.Args) == 2 && !slices.Contains(found, path) {
					found = append(found, path)
				}
			}
			return true
		})
	})
	want := make([]string, 0, len(renaming))
	for path := range renaming {
		want = append(want, path)
	}
	require.ElementsMatch(t, want, found, "use durable.Replace, or say why not")
}

// What a stage inherits it declares by a tag: neither the configuration nor the framework
// knows one by its name.
func TestTheConfigurationKnowsNoStage(t *testing.T) {
	means := []string{"mp4", "file", "null", "source"} // a block, a scheme, a value and a kind, too
	names := map[string]bool{}
	for _, s := range pipeline.Stages() {
		names[s.Name] = !slices.Contains(means, s.Name)
	}
	require.True(t, names["gop_ring"] && names["segmenter"] && names["metadata"])
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir != "configs" && dir != "pipeline" && dir != "pipeline/config" && dir != "pipeline/recorder" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && names[text] {
					t.Errorf("%s: %q is a stage", fset.Position(n.Pos()), text)
				}
			}
			return true
		})
	})
}

// A name of the language that means something else for some lines misleads.
func TestNoVariableHasANameOfTheLanguage(t *testing.T) {
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		check := func(names ...*ast.Ident) {
			for _, name := range names {
				if types.Universe.Lookup(name.Name) != nil {
					t.Errorf("%s: %s is a name of the language", fset.Position(name.Pos()), name.Name)
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					if name, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
						check(name)
					}
				}
			case *ast.ValueSpec:
				check(n.Names...)
			case *ast.FuncType:
				for _, list := range []*ast.FieldList{n.Params, n.Results} {
					if list != nil {
						for _, field := range list.List {
							check(field.Names...)
						}
					}
				}
			case *ast.RangeStmt:
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if name, ok := e.(*ast.Ident); ok {
						check(name)
					}
				}
			}
			return true
		})
	})
}
