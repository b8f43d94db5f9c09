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

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
)

// TestEveryCauseIsDescribed: whoever reads of a loss or a repair in an answer finds
// its cause in the API's document.
func TestEveryCauseIsDescribed(t *testing.T) {
	described := ""
	for _, what := range []reflect.Type{reflect.TypeFor[pipeline.Drop](), reflect.TypeFor[api.Repair]()} {
		cause, _ := what.FieldByName("Cause")
		described += cause.Tag.Get("doc") + " "
	}
	files, err := filepath.Glob("../../stages/ingest/*.go")
	require.NoError(t, err)
	name, found := regexp.MustCompile(`^(Lost|Repaired)[A-Z]`), 0
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if v, is := n.(*ast.ValueSpec); is && name.MatchString(v.Names[0].Name) && len(v.Values) == 1 {
				cause, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				require.Contains(t, words(described), cause)
				found++
			}
			return true
		})
	}
	require.Greater(t, found, 20)
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
}
