package pipeline

import "github.com/gospool/spool/pipeline/config"

// StageEntry takes apart an entry of a list of stages: `name: {settings}`, `name:`
// or a bare `name`. The settings of the latter two are an empty map. Settings that
// were written are not copied; they may be of a wrong type.
func StageEntry(n *config.Node) (name string, settings *config.Node, ok bool) {
	if bare, is := n.Scalar.(string); is && !n.IsMap && !n.IsList {
		return bare, &config.Node{Pos: n.Pos, Path: config.Join(n.Path, bare), IsMap: true}, true
	}
	if !n.IsMap || len(n.Entries) != 1 {
		return "", nil, false
	}
	e := n.Entries[0]
	if e.Value.Empty() {
		return e.Key, &config.Node{Pos: e.Pos, Path: e.Value.Path, IsMap: true}, true
	}
	return e.Key, e.Value, true
}
