package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestEveryCauseIsDescribed checks that the API's document describes each cause of a repair.
func TestEveryCauseIsDescribed(t *testing.T) {
	cause, _ := reflect.TypeFor[media.Repair]().FieldByName("Cause")
	described := words(cause.Tag.Get("doc"))
	found := constants(t, "../../stages/ingest/*.go", "Repaired")
	require.Greater(t, len(found), 5)
	for _, c := range found {
		require.Contains(t, described, c)
	}
}

// TestEveryDropHasACauseOfTheList checks that every stage, sink and protocol counts drops under
// a listed cause only.
func TestEveryDropHasACauseOfTheList(t *testing.T) {
	listed := map[string]int{}
	for _, c := range media.DropCauses {
		listed[c.Word]++
		require.Equal(t, 1, listed[c.Word], c.Word)
		require.NotEmpty(t, c.Doc, c.Word)
		require.NotEmpty(t, c.Counts, c.Word)
		require.Regexp(t, `^[a-z_]+$`, c.Word)
	}
	for _, c := range constants(t, "../../pipeline/media/*.go", "Drop") {
		require.Contains(t, listed, c)
	}
	counted := 0
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		if strings.HasPrefix(path, "stages/example/") {
			return // an example of a stage of another author
		}
		ast.Inspect(f, func(n ast.Node) bool {
			for _, cause := range causesIn(n) {
				counted++
				if lit, is := cause.(*ast.BasicLit); is {
					t.Errorf("%s: the cause %s is written here: name it in media.DropCauses", fset.Position(cause.Pos()), lit.Value)
				}
			}
			return true
		})
	})
	require.Greater(t, counted, 10)
}

// causesIn returns the causes in a pipeline.Drop or in a call of Lost.
func causesIn(n ast.Node) (causes []ast.Expr) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if typ, is := n.Type.(*ast.SelectorExpr); !is || typ.Sel.Name != "Drop" {
			return nil
		}
		for _, el := range n.Elts {
			if kv, is := el.(*ast.KeyValueExpr); is && kv.Key.(*ast.Ident).Name == "Cause" {
				causes = append(causes, kv.Value)
			}
		}
	case *ast.CallExpr:
		if f, is := n.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "Lost" && len(n.Args) > 0 {
			causes = append(causes, n.Args[0])
		}
	}
	return causes
}

// constants returns the values of the string constants whose names begin with prefix.
func constants(t *testing.T, glob, prefix string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(glob)
	require.NoError(t, err)
	name := regexp.MustCompile(`^` + prefix + `[A-Z]`)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if v, is := n.(*ast.ValueSpec); is && name.MatchString(v.Names[0].Name) && len(v.Values) == 1 {
				if lit, is := v.Values[0].(*ast.BasicLit); is {
					value, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					values = append(values, value)
				}
			}
			return true
		})
	}
	return values
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
}
