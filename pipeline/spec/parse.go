package spec

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a configuration file. They bound what a hostile or mistaken file
// can cost; a real one is far below them.
const (
	MaxBytes = 1 << 20 // of the text
	MaxDepth = 64      // of maps and lists within each other
	MaxNodes = 100_000 // after aliases are expanded
)

// Parse reads one YAML document, or JSON, as a tree whose nodes know their line
// and column in the named file. Anchors, aliases and merge keys are resolved;
// what an alias brings keeps the position of the anchor, where it is written.
// An empty text is an empty value.
//
// Refused, with the position: bad syntax, a key that is there twice, several
// documents, keys that are no scalar, tags other than !!str, !!map and !!seq,
// and whatever exceeds the limits. The error is a Problems.
func Parse(file string, data []byte) (n *Node, err error) {
	root := &Node{Pos: Pos{file, 1, 1}}
	if len(data) > MaxBytes {
		return nil, Problems{{Pos: Pos{File: file}, Msg: fmt.Sprintf("the file has %d bytes, %d are allowed", len(data), MaxBytes)}}
	}
	// The YAML library is given text from outside, and has panicked on odd
	// input before: that is then a bad file, not the end of the program.
	defer func() {
		if v := recover(); v != nil {
			n, err = nil, Problems{{Pos: Pos{File: file}, Msg: fmt.Sprintf("this YAML cannot be read: %v", v)}}
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if tk := tooDeep(tokens); tk != nil {
		return nil, Problems{{Pos: posOf(file, tk), Msg: fmt.Sprintf("more than %d levels within each other", MaxDepth)}}
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	r := reader{file: file, anchors: map[string]ast.Node{}}
	if body := r.onlyBody(tree); body != nil {
		root = r.value(body, "", 0)
	}
	return root, r.problems.Err()
}

// tooDeep finds where the nesting that the parser recurses into exceeds the
// limit, before it does: brackets, and the markers that may follow each other
// on one line ("- - - -"). Depth by indentation is bounded by the text's size,
// and checked on the tree.
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, run, line := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			run, line = 0, tk.Position.Line
		}
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			run++
		}
		if brackets > MaxDepth || run > 2*MaxDepth {
			return tk
		}
	}
	return nil
}

func syntaxProblem(file string, err error) Problems {
	p := Problem{Pos: Pos{File: file}, Msg: err.Error()}
	if e := yaml.Error(nil); errors.As(err, &e) {
		p.Msg = "not YAML: " + e.GetMessage()
		if tk := e.GetToken(); tk != nil {
			p.Pos = posOf(file, tk)
		}
	}
	return Problems{p}
}

func posOf(file string, tk *token.Token) Pos {
	if tk == nil || tk.Position == nil {
		return Pos{File: file}
	}
	return Pos{file, tk.Position.Line, max(tk.Position.Column, 1)}
}
