package pipeline

import (
	"reflect"

	"github.com/gospool/spool/pipeline/config"
)

// Same reports whether two plans have the same name and the same stages with the same settings. The form in
// which the settings were written does not count: 60s equals 1m.
func (p *Plan) Same(o *Plan) bool {
	if p == nil || o == nil || p.Name != o.Name || len(p.stages) != len(o.stages) {
		return p == o
	}
	for i := range p.stages {
		if !p.stages[i].same(&o.stages[i]) {
			return false
		}
	}
	return true
}

// same compares two stages with their decoded settings. If a written setting is missing in the decoded settings,
// because the stage's config does not keep it in a form that config.Reveal returns, same compares the settings as
// they were written.
func (d *declared) same(o *declared) bool {
	if d.Name != o.Name {
		return false
	}
	if reflect.DeepEqual(d.settings.Any(), o.settings.Any()) {
		return true
	}
	mine, others := config.Reveal(d.cfg), config.Reveal(o.cfg)
	return shows(mine, d.settings) && shows(others, o.settings) && reflect.DeepEqual(mine.Any(), others.Any())
}

// shows reports whether the node shown has a node of the same kind (map, list, scalar) for each value below the
// node written.
func shows(shown, written *config.Node) bool {
	switch {
	case written.Empty():
		return true
	case shown == nil || shown.IsMap != written.IsMap || shown.IsList != written.IsList || len(shown.List) != len(written.List):
		return false
	}
	for _, e := range written.Entries {
		if !shows(shown.Get(e.Key), e.Value) {
			return false
		}
	}
	for i, item := range written.List {
		if !shows(shown.List[i], item) {
			return false
		}
	}
	return true
}
