package configs

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// FileName is the file that is read from the working directory if it exists.
const FileName = "config.yaml"

// DemoStream is the stream of demo.yaml.
const DemoStream = "live/demo"

//go:embed default.yaml
var defaultYAML []byte

//go:embed demo.yaml
var demoYAML []byte

// Options select the sources of a configuration. The zero value reads the defaults and the working
// directory.
type Options struct {
	File    string   // must exist; empty: FileName, if it exists
	Dir     string   // directory of FileName; empty: the working directory
	Environ []string // in the form of os.Environ
	Flags   []Flag

	// Check finds problems that only a build finds. It is called even for a configuration with
	// invalid values, with defaults in their place, so that all problems are reported at once.
	Check func(*Config) config.Problems
}

// Flag is a setting of the command line.
type Flag struct {
	Name  string // as written: --record-path
	Key   []string
	Value string
}

// ParseSet parses the value of --set, such as mp4/record_path=/data.
func ParseSet(text string) (Flag, error) {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return Flag{}, errors.New("--set: write it as --set mp4/record_path=/data")
	}
	return Flag{Name: "--set " + path, Key: config.SplitPath(path), Value: value}, nil
}

// Load merges the layers and checks the result. A config.Problems error holds all invalid values.
func Load(o Options) (*Config, error) {
	file, err := o.find()
	if err != nil {
		return nil, err
	}
	l, err := newLayers()
	if err != nil {
		return nil, err
	}
	if file != "" {
		if err := l.file(file); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(l.environment(o.Environ), l.flags(o.Flags)); err != nil {
		return nil, err
	}
	demo := file == "" && !l.has("streams") && !l.has("pipelines")
	if demo {
		if err := l.embedded(demoYAML); err != nil {
			return nil, err
		}
	}
	c, problems := resolve(l.tree())
	if problems = o.further(c, problems); len(problems) > 0 {
		return nil, explain(problems).Sorted()
	}
	c.File, c.Blank = file, l.blank
	if demo && c.MP4.Enable {
		c.Demo = DemoStream
	}
	c.Warnings = c.warnings()
	return c, nil
}

// further adds the problems of Check, except for values that already have a problem.
func (o Options) further(c *Config, problems config.Problems) config.Problems {
	if o.Check == nil {
		return problems
	}
	said := slices.Clone(problems)
	for _, p := range o.Check(c) {
		if !slices.ContainsFunc(said, func(q config.Problem) bool { return q.Path == p.Path || q.Pos == p.Pos && p.Pos != (config.Pos{}) }) {
			problems = append(problems, p)
		}
	}
	return problems
}

// find returns the file to read, "" for none.
func (o Options) find() (string, error) {
	if o.File != "" {
		info, err := os.Stat(o.File)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("configuration %s does not exist (without -c, %s in the working directory is read if it exists)", o.File, FileName)
		case err != nil:
			return "", fmt.Errorf("configuration: %w", err)
		case info.IsDir():
			return "", fmt.Errorf("configuration %s is a directory, not a file", o.File)
		}
		return o.File, nil
	}
	file := filepath.Join(o.Dir, FileName)
	_, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("configuration: %w", err)
	}
	return file, nil
}

// Default returns the configuration without any user's settings.
func Default() *Config {
	l, err := newLayers()
	if err != nil {
		panic(err) // a default is part of the program
	}
	c, problems := resolve(l.tree())
	if len(problems) > 0 {
		panic(problems)
	}
	return c
}

// explainEnvironment suggests a similar variable for an unknown one. The commonest mistake is one
// underscore between two levels.
func explainEnvironment(problems config.Problems) config.Problems {
	var known []string
	for i, p := range problems {
		name, ok := strings.CutPrefix(p.Pos.File, environmentPos+envPrefix)
		if !ok || !strings.HasPrefix(p.Msg, "unknown key") {
			continue
		}
		if known == nil {
			known = variables()
		}
		hint := "levels are separated by __, as in SPOOL_MP4__RECORD_PATH"
		if near := config.Nearest(name, known); near != "" {
			hint = config.DidYouMean(envPrefix+near) + " " + hint
		}
		problems[i].Hint = hint
	}
	return problems
}

// variables returns the names of all environment variables, without the prefix.
func variables() (names []string) {
	_, docs := config.Describe(Config{})
	for path := range docs {
		names = append(names, strings.ToUpper(strings.Join(config.SplitPath(path), "__")))
	}
	slices.Sort(names)
	return names
}
