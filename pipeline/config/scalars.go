package config

import (
	"cmp"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// textual returns the text of a value, and true if the value comes from an environment variable or a flag. Such
// a value is always a text and has no line.
func (n *Node) textual() (string, bool) {
	s, ok := n.Scalar.(string)
	return s, ok && n.Pos.Line == 0
}

// flow parses a map or list, such as {a: 1} or [a, b], that is the text of an environment variable or a flag. It
// returns n itself if the value comes from elsewhere or cannot be parsed.
func (d *decoder) flow(n *Node) *Node {
	s, ok := n.textual()
	if !ok {
		return n
	}
	parsed, err := Parse(n.Pos.File, []byte(s))
	if err != nil {
		return n
	}
	parsed.move(n.Path)
	parsed.Place(n.Pos)
	return parsed
}

// Place sets the position of a node, and of all nodes below it.
func (n *Node) Place(pos Pos) {
	n.Pos = pos
	for i := range n.Entries {
		n.Entries[i].Pos = pos
		n.Entries[i].Value.Place(pos)
	}
	for _, item := range n.List {
		item.Place(pos)
	}
}

// wrong adds the problem that the value n has a wrong type, and quotes the value. want describes the right type.
// example is a valid value for the hint, or "" if the problem needs no hint.
func (d *decoder) wrong(n *Node, want, example string) {
	p := Problem{Msg: fmt.Sprintf("%s is wanted here, this is %s", want, n.describe())}
	if example != "" {
		p.Hint = "for example " + example
	}
	d.add(n, p)
}

// wrongFor adds the problem that n does not have the type wanted, as wrong does. But if wanted may contain a hidden
// value, such as a map with a password, the problem does not quote n's text: it may be that value, written in place
// of the map.
func (d *decoder) wrongFor(n *Node, wanted reflect.Type, want, example string) {
	if _, text := n.Scalar.(string); text && mayHide(wanted, nil) {
		p := Problem{Msg: want + " is wanted here, this is a text"}
		if example != "" {
			p.Hint = "for example " + example
		}
		d.add(n, p)
		return
	}
	d.wrong(n, want, example)
}

// hidden decodes n into v, a Hidden or a HiddenList, and adds the problems.
func (d *decoder) hidden(n *Node, v reflect.Value) {
	taker := v.Addr().Interface().(hideTaker)
	if text, _ := n.Scalar.(string); listHider(v.Type()) || v.Type() == urlsType && listed(text) {
		n = d.flow(n)
	}
	for _, p := range taker.take(n) {
		p.Pos, p.Path = locate(n, p)
		d.problems.add(p)
	}
}

// describe names the type and the value of a node for an error message.
func (n *Node) describe() string {
	switch v := n.Scalar.(type) {
	case string:
		return "the text " + quote(v)
	case bool:
		return fmt.Sprintf("the truth value %v", v)
	case int64, uint64, float64:
		return "the number " + n.text()
	}
	switch {
	case n.IsMap:
		return "a map"
	case n.IsList:
		return "a list"
	}
	return "empty"
}

// text returns a scalar in the form in which a user would write it.
func (n *Node) text() string {
	if f, ok := n.Scalar.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(n.Scalar)
}

// quote returns a text for a message: on one line, shortened, and without texts that look like secrets.
func quote(s string) string {
	s = Redact(s)
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}

func (d *decoder) boolean(n *Node, v reflect.Value) {
	b, ok := n.Scalar.(bool)
	if s, text := n.textual(); text {
		var err error
		b, err = strconv.ParseBool(strings.ToLower(s))
		ok = err == nil
	}
	if !ok {
		d.wrong(n, "true or false", map[string]string{"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}[strings.ToLower(n.text())])
		return
	}
	v.SetBool(b)
}

func (d *decoder) str(n *Node, v reflect.Value, tag reflect.StructTag) {
	s, ok := n.Scalar.(string)
	choice := strings.Fields(tag.Get("oneof"))
	if !ok && len(choice) > 0 {
		d.wrong(n, "one of "+strings.Join(choice, ", "), "")
		return
	}
	if !ok {
		example := ""
		if !n.IsMap && !n.IsList {
			text := cmp.Or(n.Written, n.text())
			if octal, is := strings.CutPrefix(text, "0o"); is {
				text = "0" + octal // as users write file modes
			}
			example = strconv.Quote(text) + ", with the quotes"
		}
		if n.IsMap && len(n.Entries) == 1 && n.Entries[0].Value.Empty() { // {stream} written without quotes
			example = strconv.Quote("{"+n.Entries[0].Key+"}") + ", with the quotes"
		}
		d.wrong(n, "text", example)
		return
	}
	if len(choice) > 0 && !slices.Contains(choice, s) {
		d.add(n, Problem{Msg: Unknown("value", s, choice), Hint: "one of " + strings.Join(choice, ", ")})
		return
	}
	v.SetString(s)
}

// whole returns an integer as int64 or uint64; a text from an environment variable or a flag may spell it (see
// textual). It returns false for other values.
func (n *Node) whole() (any, bool) {
	switch v := n.Scalar.(type) {
	case int64, uint64:
		return v, true
	}
	s, ok := n.textual()
	if !ok {
		return nil, false
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, true
	}
	u, err := strconv.ParseUint(s, 10, 64)
	return u, err == nil
}

func (d *decoder) integer(n *Node, v reflect.Value) {
	w, ok := n.whole()
	if !ok {
		d.wrong(n, "a whole number", cmp.Or(n.leadingNumber(), "10"))
		return
	}
	i, ok := w.(int64)
	if !ok || v.OverflowInt(i) {
		limit := int64(math.MaxInt64) >> (64 - v.Type().Bits())
		d.add(n, Problem{Msg: fmt.Sprintf("%v is out of range: %d to %d", w, -limit-1, limit)})
		return
	}
	v.SetInt(i)
}

var numberBefore = regexp.MustCompile(`^[1-9][0-9]{0,17}\b`)

// leadingNumber returns the number at the begin of a text such as 90% or 7 days, or "".
func (n *Node) leadingNumber() string {
	s, _ := n.Scalar.(string)
	return numberBefore.FindString(s)
}

func (d *decoder) unsigned(n *Node, v reflect.Value) {
	w, ok := n.whole()
	if !ok {
		d.wrong(n, "a whole number", "10")
		return
	}
	u, ok := w.(uint64)
	if i, signed := w.(int64); signed && i >= 0 {
		u, ok = uint64(i), true
	}
	if !ok || v.OverflowUint(u) {
		limit := uint64(math.MaxUint64) >> (64 - v.Type().Bits())
		d.add(n, Problem{Msg: fmt.Sprintf("%v is out of range: 0 to %d", w, limit)})
		return
	}
	v.SetUint(u)
}

// number returns a number of any type as a float64, and false for other values.
func (n *Node) number() (float64, bool) {
	switch v := n.Scalar.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	if s, ok := n.textual(); ok {
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	return 0, false
}

func (d *decoder) float(n *Node, v reflect.Value) {
	f, ok := n.number()
	switch {
	case !ok:
		d.wrong(n, "a number", "2.5")
	case math.IsNaN(f) || math.IsInf(f, 0) || v.OverflowFloat(f):
		d.add(n, Problem{Msg: fmt.Sprintf("%v is out of range", f)})
	default:
		v.SetFloat(f)
	}
}

func (d *decoder) duration(n *Node, v reflect.Value, tag reflect.StructTag) {
	var span Duration
	var err error
	if s, ok := n.Scalar.(string); ok {
		span, err = ParseDuration(s)
	} else if f, ok := n.number(); ok {
		span, err = seconds(f)
	} else {
		d.wrong(n, "a duration", "10s, or 10 for seconds")
		return
	}
	switch {
	case err != nil:
		d.add(n, Problem{Msg: err.Error(), Hint: didYouMean(meantDuration(n.text()), "for example 10s, 1h30m, or 10 for seconds")})
	case span < 0 && tag.Get("config") != "signed":
		d.add(n, Problem{Msg: fmt.Sprintf("%s is negative", span), Hint: "a duration is 0 or more"})
	default:
		v.SetInt(int64(span))
	}
}

func (d *decoder) size(n *Node, v reflect.Value) {
	if n.IsMap || n.IsList || n.isBool() {
		d.wrong(n, "a size", "64MiB, or 1000000 for bytes")
		return
	}
	size, err := ParseSize(n.text())
	switch {
	case err != nil:
		d.add(n, Problem{Msg: err.Error(), Hint: didYouMean(meantSize(n.text()), "for example 64MiB, 1.5GB, or 1000000 for bytes")})
	case size < 0:
		d.add(n, Problem{Msg: fmt.Sprintf("%s is negative", size), Hint: "a size is 0 or more"})
	default:
		v.SetInt(int64(size))
	}
}

func (n *Node) isBool() bool { _, ok := n.Scalar.(bool); return ok }

func (d *decoder) text(n *Node, v reflect.Value) {
	if n.IsMap || n.IsList {
		d.wrong(n, "text", "")
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text())); err != nil {
		d.add(n, Problem{Msg: err.Error()})
	}
}

// listHider reports whether a type is a HiddenList, such as Command. Decode accepts ${...} in a HiddenList, because
// a Command may run a shell that replaces it. URLs are none: a program reads them as they are.
func listHider(t reflect.Type) bool {
	if t == urlsType {
		return false
	}
	taker, hides := reflect.New(t).Interface().(hideTaker)
	if !hides {
		return false
	}
	_, list := taker.(interface{ Shown() []string })
	return list
}
