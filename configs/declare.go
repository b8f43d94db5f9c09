package configs

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Declare lists everything outside the recorder that a pipeline made by API may use, and bounds the resources
// of such a pipeline. Pipelines of the configuration file may use the lists, too.
type Declare struct {
	Exec        []*config.Node `yaml:"exec,omitempty" doc:"Commands by name, each with the settings of the stage exec; a pipeline runs one by exec: {use: NAME}."`
	Webhooks    []*config.Node `yaml:"webhooks,omitempty" doc:"Servers by name, each with the settings of the stage webhook; a pipeline notifies one by webhook: {use: NAME}."`
	Directories []string       `yaml:"directories,omitempty" doc:"Directories that may contain the record_path of a pipeline made by API, beside mp4.record_path."`
	Limits      Limits         `yaml:"limits" doc:"Limits of a pipeline made by API. They do not apply to pipelines of this file."`
}

// lists returns the lists of named entries in the block declare, by their keys, such as exec. The struct tag
// declared of a stage's setting refers to a list by its key.
func (d *Declare) lists() map[string][]*config.Node {
	all, v := map[string][]*config.Node{}, reflect.ValueOf(*d)
	for i := range v.NumField() {
		if list, ok := v.Field(i).Interface().([]*config.Node); ok {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			all[key] = list
		}
	}
	return all
}

func (d *Declare) list(name string) []*config.Node { return d.lists()[name] }

// keyName is the key of the name in an entry. The other keys of an entry are settings of a stage.
const keyName = "name"

// entry returns the settings, without the name, of the entry called name in a list of the block declare. It returns
// nil if the list has no such entry.
func (d *Declare) entry(list, name string) *config.Node {
	for _, n := range d.list(list) {
		if text, ok := n.Get(keyName).Text(); ok && text == name {
			return unnamed(n)
		}
	}
	return nil
}

func unnamed(entry *config.Node) *config.Node {
	n := *entry
	n.Entries = slices.DeleteFunc(slices.Clone(entry.Entries), func(e config.Entry) bool { return e.Key == keyName })
	return &n
}

// names returns the names of the entries in a list of the block declare, such as exec.
func (d *Declare) names(list string) (names []string) {
	for _, n := range d.list(list) {
		if text, ok := n.Get(keyName).Text(); ok {
			names = append(names, text)
		}
	}
	return names
}

// EachNamed calls do for each named entry of the block declare, such as a command of declare.exec. s is the stage
// that uses the entry. settings are the settings of the entry, and those that such a stage would inherit.
func (c *Config) EachNamed(do func(s *pipeline.StageInfo, settings *config.Node)) {
	in := c.inheritance()
	for _, s := range pipeline.Stages() {
		named, ok := s.Named()
		if !ok {
			continue
		}
		for _, n := range c.Declare.list(named.List) {
			settings := unnamed(n)
			in.inherit(&s, settings)
			do(&s, settings)
		}
	}
}

// Check returns a problem for each entry without a valid and unique name, or with invalid settings of its
// stage, and for invalid directories.
func (d Declare) Check() (problems config.Problems) {
	for list, entries := range d.lists() {
		seen := map[string]bool{}
		for i, n := range entries {
			at := config.Join(list, strconv.Itoa(i))
			name, ok := n.Get(keyName).Text()
			switch {
			case !n.IsMap:
				problems = append(problems, config.At(at, "an entry needs a name and settings").WithHint("for example {name: office, ...}"))
				continue
			case !ok || !plainName(name):
				problems = append(problems, config.At(config.Join(at, keyName), "an entry needs a valid name").WithHint("up to 64 letters, digits, dots, dashes and underscores"))
			case seen[name]:
				problems = append(problems, config.At(config.Join(at, keyName), "%q occurs twice", name).WithHint("one entry a name"))
			}
			seen[name] = true
			problems = append(problems, checkEntry(list, n)...)
		}
	}
	return append(problems, d.checkDirectories()...)
}

// checkEntry returns the problems of n, an entry of a list of the block declare such as exec. It checks the settings
// of the entry as those of the stage that uses the list. An entry that uses another entry is a problem.
func checkEntry(list string, n *config.Node) (problems config.Problems) {
	for _, s := range pipeline.Stages() {
		named, ok := s.Named()
		if !ok || named.List != list {
			continue
		}
		settings := unnamed(n)
		if again := settings.Get(named.Key); again != nil {
			problems.Add(again, "write the settings themselves", "an entry cannot use another one")
		}
		problems = append(problems, s.Check(settings)...)
	}
	return problems
}

func (d *Declare) checkDirectories() (problems config.Problems) {
	for i, dir := range d.Directories {
		at := config.Join("directories", strconv.Itoa(i))
		switch {
		case dir == "":
			problems = append(problems, config.At(at, "is empty").WithHint("give a directory, such as /mnt/more"))
		case filepath.Clean(dir) == string(filepath.Separator):
			problems = append(problems, config.At(at, "is the whole machine").WithHint("give a directory of recordings, such as /mnt/more"))
		case slices.Contains(strings.Split(filepath.ToSlash(dir), "/"), ".."):
			problems = append(problems, config.At(at, "%q contains ..", dir).WithHint("write the path without .."))
		}
	}
	return problems
}

// take adds the settings of an entry of the block declare to the settings of the stage s that names the entry.
// It adds a problem to in.problems if the entry does not exist, or if the stage itself writes a setting of the
// entry.
func (in *inheritance) take(s *pipeline.StageInfo, settings *config.Node) {
	named, ok := s.Named()
	if !ok {
		return
	}
	use := settings.Get(named.Key)
	name, isText := use.Text()
	if !isText || name == "" {
		return // Decode reports an invalid value
	}
	entry := in.config.Declare.entry(named.List, name)
	if entry == nil {
		hint := fmt.Sprintf("declare: {%s: [{name: %s, ...}]} in the configuration file allows it", named.List, plainOr(name, "NAME"))
		if near := config.Nearest(name, in.config.Declare.names(named.List)); near != "" {
			hint = config.DidYouMean(near)
		}
		in.problems.Add(use, hint, "declare.%s has no %s", named.List, strconv.Quote(plainOr(name, "…")))
		return
	}
	for _, e := range entry.Entries {
		if own := settings.Get(e.Key); !own.Empty() {
			in.problems.Add(own, "leave it out here", "declare.%s sets it for %s", named.List, name)
			continue
		}
		v := e.Value.At(config.Join(settings.Path, e.Key))
		v.Borrowed = true
		settings.Set(e.Key, v)
	}
}

func plainOr(name, other string) string {
	if plainName(name) {
		return name
	}
	return other
}

// exampleDeclare returns the example of the block declare in reference.yaml, with the given limits.
func exampleDeclare(limits Limits) Declare {
	entry := func(v any) []*config.Node {
		n, _ := config.Describe(v)
		return []*config.Node{n}
	}
	return Declare{
		Exec: entry(struct {
			Name    string   `yaml:"name"`
			Command []string `yaml:"command"`
		}{"done", []string{"/usr/local/bin/done", "{path}"}}),
		Webhooks: entry(struct {
			Name       string `yaml:"name"`
			URL        string `yaml:"url"`
			SecretFile string `yaml:"secret_file"`
		}{"office", "https://10.0.0.5/recordings", "/etc/spool/office.secret"}),
		Directories: []string{"/mnt/more"},
		Limits:      limits,
	}
}
