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

// FileName is the file that is read from the working directory if it is there.
const FileName = "config.yaml"

// DemoStream is the stream of demo.yaml.
const DemoStream = "live/demo"

//go:embed default.yaml
var defaultYAML []byte

//go:embed demo.yaml
var demoYAML []byte

// Options say where a configuration comes from. The zero value is the defaults
// and what is in the working directory.
type Options struct {
	File    string   // must be there; empty: FileName, if it is there
	Dir     string   // where FileName is looked for; empty: the working directory
	Environ []string // as os.Environ
	Flags   []Flag

	// Check finds what only a build finds. It is asked even where values are
	// wrong, with the defaults in their places, so that all problems come at once.
	Check func(*Config) config.Problems
}

// Flag is a setting that was given on the command line.
type Flag struct {
	Name  string // as it was written: --record-path
	Key   []string
	Value string
}

// ParseSet makes the Flag of --set mp4/record_path=/data.
func ParseSet(text string) (Flag, error) {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return Flag{}, errors.New("--set: write it as --set mp4/record_path=/data")
	}
	return Flag{Name: "--set " + path, Key: config.SplitPath(path), Value: value}, nil
}

// Load merges the layers and checks the result. The error is a config.Problems
// where something is wrong with a value, with all that is wrong.
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

// further adds what Check finds to the problems there are, but for what it says
// again of the same value.
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

// find returns the file to read, or empty.
func (o Options) find() (string, error) {
	if o.File != "" {
		info, err := os.Stat(o.File)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("configuration %s is not there (without -c, %s in the working directory is read, if it is there)", o.File, FileName)
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

// Default returns the configuration without anything that the user wrote.
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

// explainEnvironment adds to an unknown variable which one was likely meant:
// the commonest mistake is one underscore where two separate levels.
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
			hint = "did you mean " + envPrefix + near + "? " + hint
		}
		problems[i].Hint = hint
	}
	return problems
}

// variables returns the names of the environment's settings, without the prefix.
func variables() (names []string) {
	_, docs := config.Describe(Config{})
	for path := range docs {
		names = append(names, strings.ToUpper(strings.Join(config.SplitPath(path), "__")))
	}
	slices.Sort(names)
	return names
}
