package configs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

const (
	// delimiter separates the levels of a key in koanf. No stream path contains it.
	delimiter      = "::"
	envPrefix      = "SPOOL_"
	environmentPos = "environment "
)

// layers merges the layers of the configuration (defaults, file, environment, flags) with koanf; a later layer wins.
// Each value in koanf is a leaf with its own position. The map at holds the positions of keys.
type layers struct {
	merged *koanf.Koanf
	at     map[string]config.Pos // position of each path in the last layer that sets it
	blank  bool                  // the configuration file has no settings
}

// leaf returns the node of one value. koanf copies its whole tree each time that it merges or returns it: it copies a
// function as it is, but a node deeply, by reflection.
type leaf func() *config.Node

func newLeaf(n *config.Node) leaf { return func() *config.Node { return n } }

func newLayers() (*layers, error) {
	l := &layers{merged: koanf.New(delimiter), at: map[string]config.Pos{}}
	elsewhere, err := defaults(defaultYAML, pipeline.Stages(), config.OwnedDefaults())
	if err != nil {
		return nil, err
	}
	return l, errors.Join(l.embedded(defaultYAML), l.embedded(elsewhere))
}

// embedded adds a YAML file that is part of the program. Its values have no position, because the user cannot
// open the file.
func (l *layers) embedded(data []byte) error {
	return l.merged.Load(rawbytes.Provider(data), &positioned{layers: l, name: "default", inside: true})
}

func (l *layers) file(name string) error {
	data, err := config.ReadFile(name)
	if err != nil {
		return err
	}
	return l.merged.Load(rawbytes.Provider(data), &positioned{layers: l, name: name})
}

// positioned is koanf's parser for one layer.
type positioned struct {
	*layers
	name   string // name of the file, for positions
	inside bool   // the file is part of the program, so that its values have no position
}

// Unmarshal parses a layer and keeps the positions, which koanf's own parser does not.
func (p *positioned) Unmarshal(data []byte) (map[string]any, error) {
	n, err := config.Parse(p.name, data)
	if err != nil {
		return nil, err
	}
	if n.Empty() {
		p.blank = !p.inside
		return map[string]any{}, nil
	}
	if !n.IsMap {
		return nil, config.Problems{{Pos: n.Pos, Msg: "a configuration is a map of settings", Hint: "for example mp4: {record_path: /data}"}}
	}
	n.Entries = slices.DeleteFunc(n.Entries, func(e config.Entry) bool { return strings.HasPrefix(e.Key, "x-") })
	if p.inside {
		n.Place(config.Pos{})
	}
	return p.level(n, p.merged.Raw()), nil
}

// Marshal completes the interface koanf.Parser. It only returns an error, because no layer is written.
func (p *positioned) Marshal(map[string]any) ([]byte, error) {
	return nil, fmt.Errorf("%s is only read", p.name)
}

// level converts a map of a layer, n, to a map for koanf, and stores the positions of its keys in l.at. below is the
// map at the same path in the earlier layers, over which koanf merges the result. level leaves out a key without a
// value that below has, so the earlier value stays.
func (l *layers) level(n *config.Node, below map[string]any) map[string]any {
	m := make(map[string]any, len(n.Entries))
	for _, e := range n.Entries {
		under, known := below[e.Key]
		if e.Value.Empty() && known {
			continue // a key without a value keeps the value below
		}
		l.at[e.Value.Path] = e.Pos
		if e.Value.IsMap {
			deeper, _ := under.(map[string]any)
			m[e.Key] = l.level(e.Value, deeper)
			continue
		}
		m[e.Key] = newLeaf(e.Value)
	}
	return m
}

// environment adds the layer of the environment: the variables that begin with envPrefix, each as the setting that
// its name gives. It leaves out the variables that spool sets for its commands (config.CommandVariables).
func (l *layers) environment(environ []string) error {
	transform := func(name, value string) (string, any) {
		keys := strings.Split(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "__")
		return strings.Join(keys, delimiter), l.text(keys, environmentPos+name, value)
	}
	return l.merged.Load(env.Provider(delimiter, env.Opt{
		Prefix: envPrefix, TransformFunc: transform, EnvironFunc: func() []string { return settingsOf(environ) },
	}), nil)
}

func settingsOf(environ []string) []string {
	given := slices.Collect(maps.Values(config.CommandVariables))
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(given, name)
	})
}

func (l *layers) flags(flags []Flag) error {
	for _, f := range flags {
		if err := l.merged.Set(strings.Join(f.Key, delimiter), l.text(f.Key, "flag "+f.Name, f.Value)); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// text returns the value of an environment variable or a flag as a leaf with a text node. keys lead from the root to the
// setting; from names the variable or the flag, and becomes the position of the node. text stores this position in
// l.at for the setting, and for each enclosing block that has no position yet.
func (l *layers) text(keys []string, from, value string) leaf {
	pos, path := config.Pos{File: from}, ""
	for _, key := range keys {
		path = config.Join(path, key)
		if _, known := l.at[path]; !known {
			l.at[path] = pos
		}
	}
	l.at[path] = pos
	return newLeaf(&config.Node{Pos: pos, Path: path, Scalar: value})
}

// has reports whether the merged configuration has a value for a top-level key, other than an empty map.
// default.yaml sets each key for which has is called.
func (l *layers) has(key string) bool {
	m, isMap := l.merged.Raw()[key].(map[string]any)
	return !isMap || len(m) > 0
}

// tree returns the merged layers. The caller calls it once, and may change the nodes.
func (l *layers) tree() *config.Node {
	return config.FromAny(nodes(l.merged.Raw()), "", func(path string) config.Pos { return l.at[path] })
}

// nodes replaces each leaf in m and below by its node, and returns m.
func nodes(m map[string]any) map[string]any {
	for key, value := range m {
		switch value := value.(type) {
		case leaf:
			m[key] = value()
		case map[string]any:
			nodes(value)
		}
	}
	return m
}
