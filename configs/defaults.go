package configs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Each default is defined in one place: the default of a setting that stages inherit, in the registered
// defaults of one of those stages; the default of a setting that a package owns, by config.OwnDefault; all
// others in default.yaml.

// defaults returns, as YAML, the defaults that are not in default.yaml: those of the tags inherit of stages, and
// owned, the defaults that config.OwnDefault set. The error names a setting that has two defaults, or does not
// exist.
func defaults(yaml []byte, stages []pipeline.StageInfo, owned map[string]any) (elsewhere []byte, err error) {
	given, err := config.Parse("default.yaml", yaml)
	if err != nil {
		return nil, err
	}
	_, known := config.Describe(Config{})
	d := elsewhereDefaults{given: given, known: known, from: map[string]string{}, tree: map[string]any{}}
	for _, s := range stages {
		for _, i := range s.Inherits {
			if err := d.inherited(s.Name, i); err != nil {
				return nil, err
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(owned)) {
		n, _ := config.Describe(owned[path])
		if err := d.set(path, "config.OwnDefault", n); err != nil {
			return nil, err
		}
	}
	return config.FromAny(d.tree, "", nil).YAML(config.Style{}), nil
}

// elsewhereDefaults collects the defaults that are not in default.yaml.
type elsewhereDefaults struct {
	given *config.Node      // the content of default.yaml
	known map[string]string // descriptions of all settings, by path
	from  map[string]string // where the default of each path is defined, for errors
	tree  map[string]any    // the collected defaults, as nested maps
}

func (d *elsewhereDefaults) inherited(stage string, i config.Inherited) error {
	if _, is := d.known[i.From]; !is {
		return fmt.Errorf("stage %s inherits %s, which is not a setting", stage, i.From)
	}
	if i.Default == nil {
		return nil
	}
	return d.set(i.From, "stage "+stage, i.Default)
}

func (d *elsewhereDefaults) set(path, who string, value *config.Node) error {
	if _, is := d.known[path]; !is {
		return fmt.Errorf("%s has a default for %s, which is not a setting", who, path)
	}
	other := d.from[path]
	if at(d.given, path) != nil {
		other = "default.yaml"
	}
	if other != "" {
		return fmt.Errorf("%s has two defaults: %s gives one, %s another", path, other, who)
	}
	d.from[path] = who
	keys, level := config.SplitPath(path), d.tree
	for _, key := range keys[:len(keys)-1] {
		next, is := level[key].(map[string]any)
		if !is {
			next = map[string]any{}
			level[key] = next
		}
		level = next
	}
	level[keys[len(keys)-1]] = value.At(path) // a copy: the stage's own node is read by all loads
	return nil
}

// Stages returns the registered stages. The Defaults of each contain the defaults of inherited settings, too.
func Stages() []pipeline.StageInfo {
	stages := pipeline.Stages()
	settings, _ := config.Describe(Default())
	for i, s := range stages {
		stages[i].Defaults = withInherited(s, settings)
	}
	return stages
}

// withInherited returns the default config of a stage. The settings that the stage inherits have the values that the
// configuration's settings, the tree settings, give them.
func withInherited(s pipeline.StageInfo, settings *config.Node) any {
	filled := &config.Node{IsMap: true}
	for _, i := range s.Inherits {
		if value := at(settings, i.From); value != nil {
			filled.Entries = append(filled.Entries, config.Entry{Key: i.Key, Value: value})
		}
	}
	cfg := reflect.New(reflect.TypeOf(s.Defaults))
	cfg.Elem().Set(reflect.ValueOf(s.Defaults))
	filled.Decode(cfg.Interface()) // problems do not count: defaults may be incomplete, as exec has no default command
	return cfg.Elem().Interface()
}
