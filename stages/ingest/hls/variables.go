package hls

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// scope is where a playlist gets its variables from (RFC 8216bis, 4.3 and 4.4.2.3).
type scope struct {
	from     *url.URL          // of the playlist, after redirects; nil: a file, which has no query
	imported map[string]string // variables of the multivariant playlist; nil: the pull URL is that of the media playlist
}

// The bounds of variables.
const (
	maxVariables     = 256
	maxVariableBytes = 4 << 10
)

// define defines a variable.
func (p *parser) define(v string) error {
	name, value, found := "", "", false
	for attribute, of := range attributes(v) {
		switch attribute {
		case "NAME":
			name = of
		case "VALUE":
			value, found = of, true
		case "IMPORT":
			if name = of; p.scope.imported == nil {
				return fmt.Errorf("the variable %.40q is one of the multivariant playlist: pull that", name)
			}
			if value, found = p.scope.imported[name]; !found {
				return fmt.Errorf("the multivariant playlist has no variable %.40q", name)
			}
		case "QUERYPARAM":
			name = of
			if p.scope.from != nil && p.scope.from.Query().Has(name) {
				value, found = p.scope.from.Query().Get(name), true
			}
			if !found {
				return fmt.Errorf("the URL of the playlist has no %.40q in its query", name)
			}
		}
	}
	_, twice := p.variables[name]
	switch {
	case name == "" || !found:
		return errors.New("it has no NAME with a VALUE, no QUERYPARAM and no IMPORT")
	case twice:
		return fmt.Errorf("the variable %.40q is defined twice", name)
	case len(p.variables) == maxVariables:
		return fmt.Errorf("more than %d variables", maxVariables)
	case len(value) > maxVariableBytes:
		return fmt.Errorf("the variable %.40q has more than %d bytes", name, maxVariableBytes)
	case p.variables == nil:
		p.variables = map[string]string{}
	}
	p.variables[name] = value
	return nil
}

// substitute replaces references to variables: {$NAME}. A playlist without variables has no references. p.wrong is set if a
// variable is not defined, or if the values make the playlist too long.
func (p *parser) substitute(text string) string {
	if len(p.variables) == 0 || !strings.Contains(text, "{$") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{$")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			if found {
				b.WriteString("{$" + rest)
			}
			return b.String()
		}
		value, known := p.variables[name]
		p.substituted += len(value)
		switch {
		case !known:
			p.wrong = fmt.Errorf("the variable %.40q is not defined before", name)
		case p.substituted > MaxPlaylistBytes:
			p.wrong = fmt.Errorf("the values of variables have more than %d MiB", MaxPlaylistBytes>>20)
		}
		if p.wrong != nil {
			return ""
		}
		b.WriteString(value)
		text = after
	}
}

// attributes yields the names and values of an attribute list, with the values of variables.
func (p *parser) attributes(list string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for name, value := range attributes(list) {
			if !yield(name, p.substitute(value)) {
				return
			}
		}
	}
}
