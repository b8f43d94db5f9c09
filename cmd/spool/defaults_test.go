package main

import (
	"go/ast"
	"go/token"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A service has no default of its own for a field that the program sets from the configuration.
// Tests that need a value without the program use a named constant, and config.OwnDefault gives
// it to the configuration.
func TestNoServiceHasASecondDefaultForASetting(t *testing.T) {
	set := map[string]bool{} // fields such as hub.MaxGOPBytes
	eachFile(t, func(file string, _ *token.FileSet, f *ast.File) {
		if filepath.ToSlash(filepath.Dir(file)) != "cmd/spool/server" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			literal, is := n.(*ast.CompositeLit)
			if !is {
				return true
			}
			if typ, is := literal.Type.(*ast.SelectorExpr); is {
				for _, e := range literal.Elts {
					if field, is := e.(*ast.KeyValueExpr); is {
						set[typ.X.(*ast.Ident).Name+"."+field.Key.(*ast.Ident).Name] = true
					}
				}
			}
			return true
		})
	})
	require.Contains(t, set, "hub.MaxGOPBytes")
	require.Contains(t, set, "hub.ReadTimeout")
	eachFile(t, func(file string, fset *token.FileSet, f *ast.File) {
		pkg := path.Base(filepath.ToSlash(filepath.Dir(file)))
		ast.Inspect(f, func(n ast.Node) bool {
			for _, field := range numbered(n) {
				if set[pkg+"."+field] {
					t.Errorf("%s: %s is configured, and has a number here too", fset.Position(n.Pos()), field)
				}
			}
			return true
		})
	})
}

// numbered returns the fields that a node sets to a number if they are zero: an if with an
// assignment, or cmp.Or.
func numbered(n ast.Node) (fields []string) {
	switch n := n.(type) {
	case *ast.IfStmt:
		cond, is := n.Cond.(*ast.BinaryExpr)
		if !is || cond.Op != token.LEQ && cond.Op != token.EQL {
			return nil
		}
		for _, s := range n.Body.List {
			a, is := s.(*ast.AssignStmt)
			if is && field(cond.X) != "" && field(a.Lhs[0]) == field(cond.X) && constant(a.Rhs[0], owner(cond.X)) {
				fields = append(fields, field(cond.X))
			}
		}
	case *ast.CallExpr:
		if called, is := n.Fun.(*ast.SelectorExpr); is && called.Sel.Name == "Or" && len(n.Args) == 2 && constant(n.Args[1], owner(n.Args[0])) {
			fields = append(fields, field(n.Args[0]))
		}
	}
	return fields
}

func field(e ast.Expr) string {
	if s, is := e.(*ast.SelectorExpr); is {
		return s.Sel.Name
	}
	return ""
}

// owner returns the variable that a field belongs to.
func owner(e ast.Expr) string {
	if s, is := e.(*ast.SelectorExpr); is {
		if of, is := s.X.(*ast.Ident); is {
			return of.Name
		}
	}
	return ""
}

// constant reports whether a value contains a number and does not follow from the other fields.
func constant(e ast.Expr, of string) bool {
	number, derived := false, false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			number = number || n.Kind == token.INT && strings.Trim(n.Value, "0") != ""
		case *ast.SelectorExpr:
			derived = derived || owner(n) == of
		}
		return true
	})
	return number && !derived
}
