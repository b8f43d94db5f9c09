package filename

import (
	"regexp"
	"strings"
)

// Directory recognises the directories that a pattern makes at one depth below the record
// directory.
type Directory struct {
	path  *regexp.Regexp
	timed bool // the path has a date or a time, so that a match suffices
}

// Fits reports whether the pattern makes the directory with the path dir below the record
// directory. Unless the path has a date or a time, it must have the name of a stream for which
// known returns true.
func (m Directory) Fits(dir string, known func(stream string) bool) bool {
	found := m.path.FindStringSubmatch(dir)
	if found == nil || m.timed {
		return found != nil
	}
	for i, name := range m.path.SubexpNames() {
		if name == "stream" && known(found[i]) || name == "flat" && (known(found[i]) || known(strings.ReplaceAll(found[i], "_", "/"))) {
			return true
		}
	}
	return false
}

// Directories returns a Directory for each depth at which the path has a date, a time or a
// stream. It returns none for other depths: other programs may use the same literal text, or the
// name of a pipeline, for directories of their own.
func (p Pattern) Directories() []Directory {
	var d madeDirs
	for i, text := range p.text {
		d.literal(text)
		if i < len(p.values) {
			d.value(p.values[i])
		}
	}
	return d.all
}

// madeDirs collects the directories of a pattern while the parts of the pattern are added to it.
type madeDirs struct {
	all            []Directory
	expr           strings.Builder
	timed, streams bool
}

func (d *madeDirs) literal(text string) {
	for i, part := range strings.Split(text, "/") {
		if i > 0 {
			if d.timed || d.streams {
				d.all = append(d.all, Directory{regexp.MustCompile("^" + d.expr.String() + "$"), d.timed})
			}
			d.expr.WriteByte('/')
		}
		d.expr.WriteString(regexp.QuoteMeta(part))
	}
}

func (d *madeDirs) value(v patternValue) {
	switch p := placeholders[v.placeholder]; {
	case p.name == "stream_path":
		d.streams = true
		d.expr.WriteString("(?P<stream>.+)")
	case p.name == "stream":
		d.streams = true
		d.expr.WriteString("(?P<flat>[^/]+)")
	case p.name == "timestamp":
		d.timed = true
		d.expr.WriteString(timeConversions['s'])
	case p.name == "date" && v.form == p.form: // an earlier version wrote dates and times with dashes
		d.timed = true
		d.expr.WriteString(`(?:\d{8}|\d{4}-\d\d-\d\d)`)
	case p.name == "time" && v.form == p.form:
		d.timed = true
		d.expr.WriteString(`(?:\d{6}|\d\d-\d\d-\d\d)`)
	case v.form != "":
		d.timed = true
		d.form(v.form)
	default:
		d.expr.WriteString("[^/]+")
	}
}

func (d *madeDirs) form(form string) {
	for i := 0; i < len(form); i++ {
		switch {
		case form[i] != '%':
			d.literal(form[i : i+1])
		case form[i+1] == '-':
			i += 2
			d.expr.WriteString(`\d{1,3}`)
		default:
			i++
			d.expr.WriteString(timeConversions[form[i]])
		}
	}
}
